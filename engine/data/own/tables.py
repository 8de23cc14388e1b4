"""Ways to read a table that names pictures: one label, tags, a point or numbers, by columns that a person can choose."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.data.own.named_table import Named, lost_notes, rows_of, split_question
from engine.data.own.plain import write_labels, write_numbers, write_points, write_tags
from engine.data.own.way import Answers, Question, Way
from engine.data.pictures.files import list_all_pictures
from engine.data.pictures.label_layouts import ONE_LABEL
from engine.data.pictures.named_rows import open_named
from engine.data.pictures.point_table import COLUMNS as POINT_COLUMNS
from engine.data.pictures.scan import look_at_pictures, shown_size
from engine.data.pictures.tag_columns import TAG_COLUMNS
from engine.data.reading.litter import is_in_litter
from engine.data.reading.tables import SUFFIXES
from engine.data.reading.tags import MARKS, as_list
from engine.data.reading.values import as_number, is_missing, quoted
from engine.data.splits import GROUP_COLUMNS, SPLIT_COLUMNS, VALID_COLUMN
from engine.errors import DataError

ONE_HOT = frozenset({"0", "1", "0.0", "1.0", "true", "false", ""})
PARTS = {" ": "blanks", ",": "commas", ";": "semicolons", "|": "bars", "[]": "lists", "": "nothing: a cell is one tag"}
UNITS = {"pixels": "pixels", "shares": "shares of width and height, 0 to 1", "percent": "percent of width and height"}
FEW = 50  # different values up to which a column may be labels


def table_ways(folder: Path) -> list[Way]:
    """The ways in which the first table in `folder` that names its pictures may be read, the likeliest first."""
    pictures = list_all_pictures(folder)
    tables = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in SUFFIXES and path.is_file() and not is_in_litter(path.relative_to(folder).parts)
    ]
    if not pictures:
        return []
    refusal: DataError | None = None
    for file in tables:
        try:
            read = Named(*open_named(file, folder, pictures))
        except DataError as problem:
            refusal = refusal or problem
            continue
        return _ways(read)
    if refusal:
        raise refusal
    return []


def _ways(read: Named) -> list[Way]:
    said = {name: read.said(name) for name in read.columns}
    other = {VALID_COLUMN, *SPLIT_COLUMNS, *GROUP_COLUMNS}
    meant = {name: cells for name, cells in said.items() if cells and name.strip().lower() not in other}
    numeric = [name for name, cells in meant.items() if all(as_number(cell) is not None for cell in cells)]
    marks = [name for name, cells in meant.items() if {cell.lower() for cell in cells} <= ONE_HOT]
    lowered = {name.strip().lower(): name for name in read.columns}
    split = split_question(read, said)
    words = list(meant)
    found = {
        "point": _points(read, numeric, lowered, split),
        "label": _label(read, words, said, split),
        "tags": _tags(read, [name for name in words if name not in numeric], marks, said, split),
        "number": _numbers(read, [name for name in numeric if name not in marks], split),
    }
    order = sorted(found, key=lambda kind: kind != _likeliest(lowered, numeric, marks, meant))
    return [way for kind in order if (way := found[kind])]


def _likeliest(
    lowered: Mapping[str, str], numeric: Sequence[str], marks: Sequence[str], said: Mapping[str, Sequence[str]]
) -> str:
    is_box = {"width", "height"} & set(lowered) or {"w", "h"} <= set(lowered)
    if not is_box and any(column in lowered and row in lowered for column, row in POINT_COLUMNS):
        return "point"
    named = next((lowered[name] for name in TAG_COLUMNS if name in lowered), "")
    if named and named not in numeric:
        is_one = named.strip().lower() in ONE_LABEL or not any(" " in cell or _mark_of(cell) for cell in said[named])
        return "label" if is_one and not any(_mark_of(cell) for cell in said[named]) else "tags"
    if len(marks) > 1:
        return "tags"
    words = [name for name, cells in said.items() if cells and name not in numeric]
    if any(name not in marks for name in numeric) and not named and not words:
        return "number"
    return "tags" if any(_mark_of(cell) for name in words for cell in said[name]) else "label"


def _mark_of(cell: str) -> str:
    return "[]" if as_list(cell) is not None else next((mark for mark in MARKS if mark in cell), "")


def _label(read: Named, words: Sequence[str], said: Mapping[str, Sequence[str]], split: Question) -> Way | None:
    fitting = [name for name in words if 2 <= len(set(said[name])) <= max(FEW, len(said[name]) // 2)]
    if not fitting:
        return None
    best = next((name for name in fitting if name.strip().lower() in TAG_COLUMNS), fitting[0])
    column = Question(name="column", asked="Column with the label", choices=_same(fitting), value=best)

    def write(target: Path, answers: Answers) -> tuple[str, ...]:
        chosen = way.answered(answers)
        cells = read.cells(chosen["column"])
        labels = {picture: {cell for cell in some if not is_missing(cell)} for picture, some in cells.items()}
        several = [picture.name for picture, some in labels.items() if len(some) > 1]
        if several:
            raise DataError(
                f"{len(several)} pictures have several labels in {chosen['column']} ({quoted(several)}). Read them as tags, "
                "or keep one line for each picture."
            )
        of = {picture: next(iter(some)) for picture, some in labels.items() if some}
        write_labels(target, rows_of(read, of, chosen["split"]))
        return lost_notes(read, of, "label")

    where = f"a label in {read.table.file.name}"
    way = Way(kind="label", said=f"pictures with {where}", questions=(column, split), write=write)
    return way


def _tags(
    read: Named, words: Sequence[str], marks: Sequence[str], said: Mapping[str, Sequence[str]], split: Question
) -> Way | None:
    wide = "(columns of 0 and 1)" if len(marks) > 1 else ""
    columns = [*([wide] if wide else []), *(name for name in words if name not in marks)]
    if not columns:
        return None
    named = next((name for name in columns if name.strip().lower() in TAG_COLUMNS), columns[0])
    best = wide or named
    mark = next((_mark_of(cell) for cell in said.get(best, ()) if _mark_of(cell)), " ")
    column = Question(name="column", asked="Column with the tags", choices=_same(columns), value=best)
    parted = Question(name="parted", asked="What parts the tags of a cell", choices=PARTS, value=mark)

    def write(target: Path, answers: Answers) -> tuple[str, ...]:
        chosen = way.answered(answers)
        if chosen["column"] == wide and wide:
            by_column = {name: read.cells(name) for name in marks}
            of = {
                picture: [
                    name
                    for name in marks
                    if any(cell.lower() in ("1", "1.0", "true") for cell in by_column[name][picture])
                ]
                for picture in read.named.rows
            }
        else:
            cells = read.cells(chosen["column"])
            of = {picture: _parts(some, chosen["parted"]) for picture, some in cells.items()}
            of = {picture: tags for picture, tags in of.items() if tags}
        write_tags(target, rows_of(read, of, chosen["split"]))
        return lost_notes(read, of, "tag")

    way = Way(
        kind="tags",
        said=f"pictures with tags in {read.table.file.name}",
        questions=(column, parted, split),
        write=write,
    )
    return way


def _parts(cells: Sequence[str], mark: str) -> list[str]:
    found: dict[str, None] = {}
    for cell in cells:
        if is_missing(cell):
            continue
        some = (
            (as_list(cell) or [cell])
            if mark == "[]"
            else cell.split()
            if mark == " "
            else cell.split(mark)
            if mark
            else [cell]
        )
        found |= dict.fromkeys(part.strip() for part in some if not is_missing(part))
    return sorted(found)


def _points(read: Named, numeric: Sequence[str], lowered: Mapping[str, str], split: Question) -> Way | None:
    is_box = "x" in lowered and ({"width", "height"} & set(lowered) or {"w", "h"} <= set(lowered))
    if len(numeric) < 2 or is_box:  # whose x may be its corner or its middle
        return None
    known = next(
        ((lowered[a], lowered[b]) for a, b in POINT_COLUMNS if a in lowered and b in lowered), tuple(numeric[:2])
    )
    highest = max(as_number(cell) or 0.0 for name in known for cell in read.said(name))
    column = Question(name="x", asked="Column with the place from the left", choices=_same(numeric), value=known[0])
    row = Question(name="y", asked="Column with the place from the top", choices=_same(numeric), value=known[1])
    unit = Question(name="unit", asked="Counted in", choices=UNITS, value="shares" if highest <= 1 else "pixels")

    def write(target: Path, answers: Answers) -> tuple[str, ...]:
        chosen = way.answered(answers)
        if chosen["x"] == chosen["y"]:
            raise DataError("The place from the left and the one from the top are the same column. Choose two.")
        across, down = read.cells(chosen["x"]), read.cells(chosen["y"])
        several = [picture.name for picture in across if len(set(zip(across[picture], down[picture], strict=True))) > 1]
        if several:
            raise DataError(
                f"{len(several)} pictures have several points ({quoted(several)}). One point a picture is learnt: keep one line."
            )
        looks = look_at_pictures(tuple(across)) if chosen["unit"] != "pixels" else {}
        of = {}
        for picture in across:
            place = [as_number(cells[picture][0]) for cells in (across, down)]
            if None in place or place == [-1.0, -1.0]:
                continue
            scale = 1.0 if chosen["unit"] == "shares" else 100.0
            height, width = shown_size(looks[picture]) if looks else (scale, scale)
            of[picture] = ((place[0] or 0.0) * width / scale, (place[1] or 0.0) * height / scale)
        write_points(target, rows_of(read, of, chosen["split"]))
        return lost_notes(read, of, "point")

    way = Way(
        kind="point",
        said=f"pictures with a point in {read.table.file.name}",
        questions=(column, row, unit, split),
        write=write,
    )
    return way


def _numbers(read: Named, numeric: Sequence[str], split: Question) -> Way | None:
    if not numeric:
        return None
    together = ", ".join(numeric)
    choices = {**({together: f"all of them: {together}"} if len(numeric) > 1 else {}), **_same(numeric)}
    column = Question(name="column", asked="What is to be told", choices=choices, value=numeric[0])

    def write(target: Path, answers: Answers) -> tuple[str, ...]:
        chosen = way.answered(answers)
        names = numeric if chosen["column"] == together else [chosen["column"]]
        cells = {name: read.cells(name) for name in names}
        several = [
            picture.name for picture in read.named.rows if any(len(set(cells[name][picture])) > 1 for name in names)
        ]
        if several:
            raise DataError(
                f"{len(several)} pictures have several numbers ({quoted(several)}). Keep one line for each."
            )
        of = {picture: {name: as_number(cells[name][picture][0]) for name in names} for picture in read.named.rows}
        of = {picture: some for picture, some in of.items() if None not in some.values()}
        of = {picture: {_as_number_column(name): value for name, value in some.items()} for picture, some in of.items()}
        write_numbers(target, rows_of(read, of, chosen["split"]))
        return lost_notes(read, of, "number")

    said = f"pictures with numbers in {read.table.file.name}"
    way = Way(kind="number", said=said, questions=(column, split), write=write)
    return way


def _as_number_column(name: str) -> str:
    """A column's name as one that nobody takes for a label or for one side of a point."""
    meant = {*TAG_COLUMNS, *(part for pair in POINT_COLUMNS for part in pair)}
    return f"{name} value" if name.strip().lower() in meant else name


def _same(names: Sequence[str]) -> dict[str, str]:
    return {name: name for name in names}
