"""The rows of a table that names pictures, each with the picture that it means."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.data.pictures.names import PictureNames, without_suffix
from engine.data.reading.rows import Row, Table, headless
from engine.data.reading.tables import open_table
from engine.data.reading.values import quoted
from engine.errors import DataError

COLUMNS = (
    "image_name", "image", "file_name", "filename", "file", "picture", "img", "image_id", "image_path", "path", "name", "id",
)  # fmt: skip
NO_LINE = "no line in the table"
LOOKED_AT = 200  # rows by which the column is found


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRows:
    """A table's rows by picture, in the pictures' order; `column` is the place of the column that names them.

    `lost` has the names of rows that fit no picture, or several, and of pictures without a row, by the reason.
    """

    column: int
    rows: Mapping[Path, tuple[Row, ...]]
    lost: Mapping[str, tuple[str, ...]]


def open_named(file: Path, folder: Path, pictures: Sequence[Path]) -> tuple[Table, NamedRows]:
    """A table that names pictures, and its rows by picture. A first line that names one is a row."""
    table, known = open_table(file), PictureNames(pictures, folder)
    if any(known.find(column) for column in table.columns if column.strip()):
        table = headless(table)
    return table, find_rows(table, folder, pictures)


def find_rows(table: Table, folder: Path, pictures: Sequence[Path]) -> NamedRows:
    """Which row means which picture in `folder`; `DataError` where none means any."""
    rows, known = list(table.rows()), PictureNames(pictures, folder)
    if not rows or not table.columns:
        raise DataError(f"{table.file.name} has no lines but its first. It needs one for each picture.")
    column = _picture_column(table, rows[:LOOKED_AT], known)
    found: defaultdict[Path, list[Row]] = defaultdict(list)
    strangers, doubtful = list[str](), list[str]()
    for row in rows:
        name = row.cells[column].strip()
        fitting = known.find(name) if name else ()
        if len(fitting) == 1:
            found[fitting[0]].append(row)
        else:
            (doubtful if fitting else strangers).append(name or row.where)
    if not found:
        raise DataError(
            f"None of the pictures in {folder} is named in {table.file.name}: its column {table.columns[column]} begins with "
            f"{quoted(row.cells[column] for row in rows[:2]) or 'nothing'}, and the pictures with {quoted([pictures[0].name])}."
        )
    lost = {
        "named in the table, and no such picture": tuple(strangers),
        "a name that fits two pictures": tuple(doubtful),
        NO_LINE: tuple(picture.name for picture in pictures if picture not in found),
    }
    return NamedRows(
        column=column,
        rows={picture: tuple(found[picture]) for picture in pictures if picture in found},
        lost={why: names for why, names in lost.items() if names},
    )


def _picture_column(table: Table, rows: Sequence[Row], known: PictureNames) -> int:
    """The column that names pictures: of those that are called so, or else of all, the one that finds most of them."""
    named = [table.names.index(name) for name in COLUMNS if name in table.names]

    def fits(at: int) -> int:
        return sum(bool(known.find(row.cells[at])) for row in rows if row.cells[at].strip())

    def has_paths(at: int) -> int:
        return sum(without_suffix(row.cells[at].strip()) != row.cells[at].strip() for row in rows)

    best = max([*named, *range(len(table.columns))], key=lambda at: (fits(at), has_paths(at)))
    if fits(best):
        return best
    if named:
        return named[0]
    raise DataError(
        f"{table.file.name} has the columns {', '.join(table.columns)[:200]}, and none of them names the pictures. It "
        "needs a first line such as image_name,tags, and a line for each picture."
    )
