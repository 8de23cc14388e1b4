"""What every table comes to, whatever it is written in: names of columns, and rows of text."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from engine.data.reading.values import as_number, quoted

MOST_COLUMNS = 2_000
LOOKED_AT = 200  # rows from which it is seen whether the first line is data
# Names that columns have: where one stands in the first line, that line is no data.
NAMES = frozenset(
    [
        "text",
        "review",
        "sentence",
        "content",
        "message",
        "comment",
        "body",
        "label",
        "labels",
        "sentiment",
        "class",
        "category",
        "target",
        "tags",
        "tag",
        "image",
        "images",
        "image_name",
        "picture",
        "file",
        "filename",
        "file_name",
        "path",
        "name",
        "id",
        "column",
        "row",
        "x",
        "y",
        "is_valid",
        "split",
        "person",
        "subject",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: where it stands, as in "line 3", and its cells, one for each column."""

    where: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A file's columns and rows. `columns` are as they are written, `names` in small letters without blanks at their ends.

    `rows()` reads them from the disk, each time anew. `written` says in a few words how the file is written, and `notes` what had
    to be understood.
    """

    file: Path
    columns: tuple[str, ...]
    rows: Callable[[], Iterator[Row]]
    written: str
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.strip().lower() for column in self.columns)

    def column(self, known: Sequence[str]) -> int | None:
        """The place of the first of these names that there is."""
        names = self.names
        return next((names.index(name) for name in known if name in names), None)

    def unused(self, used: Collection[int | None]) -> tuple[str, ...]:
        """A note of the columns that are not used, if there are any."""
        left = [column for at, column in enumerate(self.columns) if at not in used]
        named = f"the column {quoted(left)} is" if len(left) == 1 else f"the columns {quoted(left)} are"
        return (f"Of {self.file.name}, {named} not used.",) if left else ()

    def head(self, count: int = LOOKED_AT) -> list[Row]:
        """The first rows."""
        return list(islice(self.rows(), count))


def looks_like_data(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a table's first line is a row like the others: a name of a column is no number, and no value that comes again."""
    is_numbered = list(first) == [
        str(number) for number in range(len(first))
    ]  # as pandas numbers columns without names
    if is_numbered or any(cell.strip().lower() in NAMES for cell in first):
        return False
    if any(as_number(cell) is not None for cell in first if cell.strip()):
        return True
    for at, cell in enumerate(first):
        values = [row[at] for row in rows]
        if cell.strip() and cell in values and len(set(values)) <= max(2, len(values) // 2):
            return True
    return False


def headless(table: Table) -> Table:
    """A table whose first line is a row like the others, so that its columns have no names."""

    def rows() -> Iterator[Row]:
        yield Row(where="line 1", cells=table.columns)
        yield from table.rows()

    note = f"{table.file.name} begins with a row of data, so that its columns have no names."
    columns = tuple(f"column {number}" for number in range(1, len(table.columns) + 1))
    return replace(table, columns=columns, rows=rows, notes=(*table.notes, note))
