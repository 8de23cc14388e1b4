"""Which of a table's columns hold the tags of pictures, and how these are written there."""

import re
from collections.abc import Callable, Sequence

from engine.data.pictures.named_rows import COLUMNS
from engine.data.reading.rows import Row, Table
from engine.data.reading.tags import find_tag_cells
from engine.data.reading.values import MARKS, as_number, quoted
from engine.data.splits import GROUP_COLUMNS, SPLIT_COLUMNS, VALID_COLUMN
from engine.errors import DataError

# What gives a row's tags, None where nothing is said; and how they are written, in words.
CellReader = Callable[[Table, Sequence[Row], Sequence[int]], tuple[Callable[[Row], tuple[str, ...] | None], str]]
IS_LABELLED = (
    "is_labelled"  # a column that says of a row without tags that there are none, and that nobody has forgotten it
)
TAG_COLUMNS = ("tags", "labels", "tag", "label", "classes", "class", "categories", "category", "target")


def joined_tags(said: Sequence[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """The tags of all of a picture's lines; None where none of them says anything."""
    found = [tags for tags in said if tags is not None]
    return tuple(sorted({tag for tags in found for tag in tags})) if found else None


def tag_columns(table: Table, rows: Sequence[Row], picture_at: int, chosen: str) -> list[int]:
    """The one column that holds tags, or the columns of 0 and 1, each of which is one; or the one that somebody has chosen."""
    if chosen:
        if chosen.strip().lower() not in table.names:
            raise DataError(f"{table.file.name} has no column {chosen}. It has: {', '.join(table.columns)[:200]}.")
        return [table.names.index(chosen.strip().lower())]
    named = [at for name in TAG_COLUMNS for at, column in enumerate(table.names) if column == name and at != picture_at]
    if named:
        first = table.names[named[0]]
        return [
            named[0],
            *(at for at, name in enumerate(table.names) if re.fullmatch(rf"{re.escape(first)}[ _-]?\d+", name)),
        ]
    other = {VALID_COLUMN, IS_LABELLED, *SPLIT_COLUMNS, *GROUP_COLUMNS, *COLUMNS}
    left = [at for at, name in enumerate(table.names) if at != picture_at and name not in other]
    marks = [at for at in left if all(row.cells[at].strip().lower() in _ONE_HOT for row in rows)]
    if len(marks) > 1:
        odd = [at for at in left if at not in marks and _is_numeric(rows, at)]
        if odd:
            other = next(row.cells[odd[0]] for row in rows if row.cells[odd[0]].strip().lower() not in _ONE_HOT)
            raise DataError(
                f"{table.file.name} has columns of 0 and 1, and {quoted(table.columns[at] for at in odd)} with other "
                f"numbers, such as {other}. Write 0 or 1 in each column of a tag, and leave other columns out."
            )
        return marks
    if len(left) == 1:
        return left
    raise DataError(
        f"{table.file.name} has the columns {', '.join(table.columns)[:200]}, and none is called tags or labels. Call the "
        "column of tags so, or give each tag a column of 0 and 1."
    )


def _is_numeric(rows: Sequence[Row], at: int) -> bool:
    return all(as_number(row.cells[at]) is not None for row in rows if row.cells[at].strip())


_ONE_HOT = frozenset(word for word in MARKS if word in ("1", "0", "1.0", "0.0", "true", "false", "yes", "no", ""))


def tag_reader(
    table: Table, rows: Sequence[Row], columns: Sequence[int]
) -> tuple[Callable[[Row], tuple[str, ...] | None], str]:
    """What gives a row's tags, None where nothing is said; and how they are written, in words."""
    if len(columns) > 1 and any(row.cells[at].strip().lower() not in _ONE_HOT for row in rows for at in columns):
        cells = find_tag_cells(
            {f"{row.where}, {at}": row.cells[at] for row in rows for at in columns}, table.columns[columns[0]]
        )
        read = lambda row: tuple(sorted({tag for at in columns for tag in cells.tags(row.cells[at])})) or None  # noqa: E731
        return read, f"tags are in {len(columns)} columns, parted by {cells.in_words}"
    if len(columns) > 1:
        names = {at: table.columns[at].strip() for at in columns}
        return (
            lambda row: tuple(name for at, name in names.items() if MARKS[row.cells[at].strip().lower()]),
            "tags are columns of 0 and 1",
        )
    at = columns[0]
    cells = find_tag_cells({row.where: row.cells[at] for row in rows}, table.columns[at])
    return lambda row: cells.tags(row.cells[at]) or None, f"tags are parted by {cells.in_words}"
