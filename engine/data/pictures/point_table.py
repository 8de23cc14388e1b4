"""A plain table of points, `centres.csv`, as data of one's own has it: a line for each picture with a column and a row.

Nobody can see from a number what it is counted in, so the whole column is looked at: shares of the picture are told from pixels,
and what lies in no picture is left out and named.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.data.account import Findings, part
from engine.data.pictures.files import list_all_pictures, list_pictures
from engine.data.pictures.masks import TURNS
from engine.data.pictures.named_rows import open_named
from engine.data.pictures.scan import PictureLook, look_at_pictures, shown_size
from engine.data.reading.rows import Row, Table
from engine.data.reading.values import as_number, is_missing, quoted
from engine.data.splits import Split, by_chance, by_recordings, column_split, recordings
from engine.errors import DataError, LayoutError

Point = tuple[float, float]  # column, row in pixels; (0, 0) is the top left corner of the top left pixel
TABLE = "centres.csv"
# What the two numbers are called, the column of pixels first.
COLUMNS = (
    ("column", "row"),
    ("col", "row"),
    ("x", "y"),
    ("cx", "cy"),
    ("center_x", "center_y"),
    ("centre_x", "centre_y"),
)
FACTS = ("person", "tilt", "pan")
UNLABELLED = -1.0  # what many programs write for a point that nobody has set
PERCENT = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PointLayout:
    """A folder understood: its pictures, where each one's point is, how they are split, what else is known of each."""

    pictures: Sequence[Path]
    point: Callable[[Path], Point]
    split: Callable[[Sequence[Path]], Split]
    facts: Callable[[Path], Mapping[str, str]]
    findings: Findings


def find_table_layout(root: Path) -> PointLayout:
    """The layout of a folder with `centres.csv`, or of such a table with pictures beside it; `DataError` where it is not
    clear.
    """
    file, place = (root, root.parent) if root.is_file() else (root / TABLE, root)
    folder = place / "images" if list_pictures(place / "images") else place
    pictures = list_pictures(folder) or list_all_pictures(place)
    if not pictures:
        raise LayoutError(f"{place} has no pictures beside {file.name}. Put them into images/.")
    inputs = part("pictures_in", *("images",) * (folder != place)) if list_pictures(folder) else part("all_pictures")
    layout = read_point_table(file, folder, pictures)
    parts = {"inputs": inputs, "label": part("points_in", file.name)}
    return replace(layout, findings=replace(layout.findings, parts=parts))


def read_point_table(file: Path, folder: Path, pictures: Sequence[Path]) -> PointLayout:
    """The points that a table says of the pictures in `folder`."""
    table, named = open_named(file, folder, pictures)
    at = _point_columns(table, named.column)
    rows = {picture: _only(picture, table, some, at) for picture, some in named.rows.items()}
    looks = look_at_pictures(tuple(rows))
    points, left_out = _points(table, rows, at, looks)
    points, notes, warnings = _in_pixels(points, looks)
    points, outside = _inside(points, looks)
    if outside:
        warnings.append(f"{len(outside)} points lie outside of their pictures and are left out: {quoted(outside)}.")
    left_out |= {"the point lies outside of the picture": outside} if outside else {}
    known = [
        name
        for name in FACTS
        if name in table.names and all(rows[one].cells[table.names.index(name)] for one in points)
    ]

    by_column = column_split(table, {picture: rows[picture] for picture in points})
    used = {named.column, *at, by_column.column if by_column else None, *map(table.names.index, known)}

    def facts(picture: Path) -> dict[str, str]:
        return {name: rows[picture].cells[table.names.index(name)] for name in known}

    return PointLayout(
        pictures=tuple(points),
        point=points.__getitem__,
        split=by_column.split if by_column else _by_names,
        facts=facts,
        findings=Findings(
            layout=f"pictures in {folder.name}/, points in {file.name}",
            found=len(pictures),
            left_out={**named.lost, **{why: tuple(names) for why, names in left_out.items()}},
            notes=(*table.notes, *notes, *table.unused(used)),
            warnings=tuple(warnings),
        ),
    )


def _point_columns(table: Table, picture_at: int) -> tuple[int, int]:
    """The places of the columns with a point's column and row."""
    box = {"width", "height"} & set(table.names) or {"w", "h"} <= set(table.names)
    if box and {"x", "y"} <= set(table.names):
        raise DataError(
            f"{table.file.name} has x, y, width and height: a box, whose x and y may be its corner or its middle. Give the "
            "point alone, in columns called column and row."
        )
    for column, row in COLUMNS:
        if column in table.names and row in table.names:
            return table.names.index(column), table.names.index(row)
    others = [at for at in range(len(table.columns)) if at != picture_at]
    if table.names[0] == "column 1" and len(others) == 2:
        return others[0], others[1]
    raise DataError(
        f"{table.file.name} has the columns {', '.join(table.columns)[:200]}. It needs a line image,column,row and one for each "
        "picture."
    )


def _only(picture: Path, table: Table, rows: Sequence[Row], at: tuple[int, int]) -> Row:
    """A picture's line; several have to say the same."""
    said = {tuple(row.cells[place].strip() for place in at) for row in rows}
    if len(said) > 1:
        places = ", ".join(row.where for row in rows)
        raise DataError(
            f"{picture.name} has several points in {table.file.name} ({places}). One point for each picture is learnt: "
            "keep one line."
        )
    return rows[0]


def _points(
    table: Table, rows: Mapping[Path, Row], at: tuple[int, int], looks: Mapping[Path, PictureLook]
) -> tuple[dict[Path, Point], dict[str, list[str]]]:
    """The points as they are written, and the pictures without one, by the reason."""
    points: dict[Path, Point] = {}
    left_out: dict[str, list[str]] = {}
    for picture, row in rows.items():
        said = [row.cells[place].strip() for place in at]
        if any(map(is_missing, said)):
            left_out.setdefault("no point is said", []).append(picture.name)
            continue
        numbers = [as_number(cell) for cell in said]
        if None in numbers:
            raise DataError(
                f"{table.file.name}, {row.where}: {said} are no two numbers. Write a column and a row, in pixels."
            )
        column, line = (number or 0.0 for number in numbers)
        if column == line == UNLABELLED:
            left_out.setdefault("the point is (-1, -1), which stands for none", []).append(picture.name)
        else:
            points[picture] = (column, line)
    if not points:
        raise DataError(f"{table.file.name} has no point for any of the {len(rows)} pictures.")
    return points, left_out


def _in_pixels(
    points: dict[Path, Point], looks: Mapping[Path, PictureLook]
) -> tuple[dict[Path, Point], list[str], list[str]]:
    """The points in pixels of the pictures as shown, with notes and warnings."""
    highest = max(max(point) for point in points.values())
    lowest = min(min(point) for point in points.values())
    sides = [side for picture in points for side in looks[picture].size if side]
    notes, warnings = list[str](), list[str]()
    if lowest >= 0 and highest <= 1 and any(value % 1 for point in points.values() for value in point):
        notes.append("All numbers lie between 0 and 1: they are read as shares of a picture's width and height.")
        sizes = {picture: shown_size(looks[picture]) for picture in points}
        points = {one: (column * sizes[one][1], row * sizes[one][0]) for one, (column, row) in points.items()}
    elif highest <= PERCENT and sides and min(sides) > 2 * PERCENT:
        warnings.append(
            f"No number is above {highest:g}, in pictures of {min(sides)} pixels and more: are the points in percent? "
            "They are read as pixels."
        )
    zero = [picture.name for picture, point in points.items() if point == (0.0, 0.0)]
    if len(zero) > 1:
        warnings.append(f"{len(zero)} points are (0, 0), the corner ({quoted(zero)}): do these stand for none?")
    turned = [picture for picture in points if looks[picture].turn in TURNS]
    if turned:
        warnings.append(
            f"{len(turned)} pictures are turned by their EXIF tag ({quoted(one.name for one in turned)}): their points are "
            "taken to lie on the pictures as shown. Look at some samples."
        )
    return points, notes, warnings


def _inside(points: dict[Path, Point], looks: Mapping[Path, PictureLook]) -> tuple[dict[Path, Point], list[str]]:
    """The points that lie in their pictures, and what the others are."""
    outside: list[str] = []
    inside: dict[Path, Point] = {}
    for picture, (column, row) in points.items():
        height, width = shown_size(looks[picture])
        if looks[picture].fault or (0 <= column <= width and 0 <= row <= height):
            inside[picture] = (column, row)
        else:
            outside.append(f"{picture.name}: ({column:g}, {row:g}) in {width}×{height}")
    return inside, outside


def _by_names(inputs: Sequence[Path]) -> Split:
    of = recordings(inputs)
    return by_recordings(inputs, of) if of else by_chance(inputs)
