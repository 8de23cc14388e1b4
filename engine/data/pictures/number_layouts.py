"""The folders in which pictures with numbers come: a table with a line for each picture, and a column for each number."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.data.account import Findings, part
from engine.data.pictures.files import list_all_pictures, list_pictures
from engine.data.pictures.named_rows import COLUMNS as NAME_COLUMNS
from engine.data.pictures.named_rows import NamedRows, open_named
from engine.data.pictures.point_table import COLUMNS as POINT_COLUMNS
from engine.data.pictures.tag_columns import TAG_COLUMNS
from engine.data.reading.litter import is_litter
from engine.data.reading.rows import Row, Table
from engine.data.reading.tables import SUFFIXES
from engine.data.reading.values import as_number, is_missing, quoted
from engine.data.splits import (
    GROUP_COLUMNS,
    SPLIT_COLUMNS,
    SPLIT_WORDS,
    VALID_COLUMN,
    Split,
    by_chance,
    by_recordings,
    column_split,
    recordings,
)
from engine.errors import DataError, LayoutError

KNOWN = {VALID_COLUMN, *SPLIT_COLUMNS, *GROUP_COLUMNS, *NAME_COLUMNS}  # columns that are nothing to be learnt
PLAIN_TABLE = "labels.jsonl"  # in it the app writes labels as lists: a number there is a number
FEW = 10  # different whole numbers up to which a column may be the codes of classes, each of which has several pictures
_NO_NAME = re.compile(r"column \d+|unnamed: ?\d+|index")  # as tables call columns that nobody has given a name
_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+")
_MARKS = frozenset({0.0, 1.0})


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberLayout:
    """A folder understood: what the numbers are called, each picture's, who validates, and what else is known of a picture."""

    names: tuple[str, ...]
    numbers: Mapping[Path, tuple[float, ...]]
    split: Callable[[Sequence[Path]], Split]
    facts: Callable[[Path], Mapping[str, str]]
    findings: Findings


def find_number_layout(root: Path, *, is_chosen: bool = False) -> NumberLayout:
    """The layout of a table with pictures beside it; `LayoutError` where there is none whose columns are numbers to be learnt.

    A table of points, of labels or of tags is none: see `engine.data.pictures.point_table` and `label_layouts`. Where somebody
    says that it is one of numbers (`is_chosen`), numbers that might be codes of classes are numbers.
    """
    place = root.parent if root.is_file() else root
    folder = place / "images" if list_pictures(place / "images") else place
    pictures = (list_pictures(folder) or list_all_pictures(place)) if place.is_dir() else []
    tables = [root] if root.is_file() else _tables_in(place) if pictures else []
    found: dict[Path, NumberLayout] = {}
    refusal = LayoutError(f"{root} has no table of numbers with pictures beside it, such as labels.csv (image,age).")
    for file in tables:
        try:
            table, named = open_named(file, folder, pictures)
        except DataError:
            continue  # of something else: that it cannot be read is said where it is looked for
        try:
            found[file] = read_number_table(table, named, folder, len(pictures), is_chosen=is_chosen)
        except LayoutError as problem:
            refusal = problem
    if not found:
        raise refusal
    parts = [file.name for file in found if file.stem.lower() in SPLIT_WORDS]
    if len(parts) > 1:
        raise DataError(
            f"{quoted(parts)} are tables of numbers for a split each. Put them into one, with a column split that says train, "
            "valid or test."
        )
    file, layout = next(iter(found.items()))
    inputs = part("pictures_in", *("images",) * (folder != place)) if list_pictures(folder) else part("all_pictures")
    parts = {"inputs": inputs, "label": part("numbers_in", file.name, *layout.names)}
    return replace(layout, findings=replace(layout.findings, parts=parts))


def _tables_in(place: Path) -> list[Path]:
    files = [path for path in sorted(place.iterdir()) if path.suffix.lower() in SUFFIXES and path.is_file()]
    return [path for path in files if not is_litter(path.name)]


def read_number_table(
    table: Table,
    named: NamedRows,
    folder: Path,
    pictures: int,
    *,
    is_chosen: bool = False,
    columns: Sequence[str] = (),
) -> NumberLayout:
    """The numbers that a table says of the pictures in `folder`, of which there are so many: in these columns, if some are named.

    Raises `LayoutError` where the table is of another kind, `DataError` where there is no such column.
    """
    file = table.file.name
    rows = {picture: some[0] for picture, some in named.rows.items()}
    by_column = column_split(table, rows)
    other = {named.column, by_column.column if by_column else None}
    every = [row for some in named.rows.values() for row in some]
    places = _places(table, every, columns) if columns else _number_columns(table, every, other, is_chosen=is_chosen)
    several = [
        picture.name
        for picture, some in named.rows.items()
        if len({tuple(row.cells[at].strip() for at in places) for row in some}) > 1
    ]
    if several:
        raise DataError(
            f"{len(several)} pictures have several lines with other numbers in {file} ({quoted(several)}). Keep one for each."
        )
    said = {picture: [as_number(row.cells[at]) for at in places] for picture, row in rows.items()}
    numbers = {picture: tuple(n for n in some if n is not None) for picture, some in said.items()}
    numbers = {picture: some for picture, some in numbers.items() if len(some) == len(places)}
    if not numbers:
        raise DataError(f"No picture has a number in each of the columns of {file}: there is nothing to learn.")
    lost = tuple(picture.name for picture in rows if picture not in numbers)
    groups = [at for at, name in enumerate(table.names) if name in GROUP_COLUMNS and at not in places]
    return NumberLayout(
        names=tuple(table.columns[at].strip() for at in places),
        numbers=numbers,
        split=by_column.split if by_column else _by_names,
        facts=lambda picture: {table.names[at]: rows[picture].cells[at] for at in groups},
        findings=Findings(
            layout=f"pictures in {folder.name}/, numbers in {file}",
            found=pictures,
            left_out={**named.lost, **({"a number is missing": lost} if lost else {})},
            warnings=_warnings([table.columns[at] for at in places], list(numbers.values())),
            notes=(*table.notes, f"{file} is {table.written}.", *table.unused({*other, *places, *groups})),
        ),
    )


def _places(table: Table, rows: Sequence[Row], columns: Sequence[str]) -> list[int]:
    """Where the named columns are; `DataError` for one that is not there, or that holds something other than numbers."""
    low = [name.strip().lower() for name in columns]
    lost = next((name for name, known in zip(columns, low, strict=True) if known not in table.names), None)
    if lost is not None:
        raise DataError(f"{table.file.name} has no column {lost}. It has: {', '.join(table.columns)[:200]}.")
    return _with_numbers(table, rows, [table.names.index(name) for name in low])


def _number_columns(table: Table, rows: Sequence[Row], other: set[int | None], *, is_chosen: bool) -> list[int]:
    """The places of the columns that are to be learnt: all that are not of another use, and each of them numbers alone."""
    file, names = table.file.name, table.names
    pair = next((pair for pair in POINT_COLUMNS if set(pair) <= set(names)), None)
    if pair:
        raise LayoutError(f"{file} has the columns {pair[0]} and {pair[1]}: a point in a picture. Train it as one.")
    label = next((name for name in TAG_COLUMNS if name in names), "")
    if label and not is_chosen:
        raise LayoutError(f"{file} has the column {label}, as labels are called. Name the column by what was measured.")
    left = [at for at, name in enumerate(names) if at not in other and not (name in KNOWN or _NO_NAME.fullmatch(name))]
    left = _with_numbers(table, rows, left)
    numbers = {at: [as_number(row.cells[at]) for row in rows if not is_missing(row.cells[at])] for at in left}
    marks = [at for at in left if set(numbers[at]) <= _MARKS]
    if not left or len(marks) == len(left) or len(marks) > 1:
        why = "columns of 0 and 1, as tags are" if marks else "no column with a name and numbers to be learnt"
        raise LayoutError(f"{file} has {why}: {', '.join(table.columns)[:200]}.")
    same = [table.columns[at] for at in left if len(set(numbers[at])) < 2]
    if same:
        raise DataError(
            f"All numbers in the column {same[0]} of {file} are the same: there is nothing to learn. Leave it out."
        )
    is_sure = is_chosen or file == PLAIN_TABLE or len(left) > 1
    if not is_sure and may_be_codes(numbers[left[0]]):
        raise LayoutError(
            f"The column {table.columns[left[0]]} of {file} has only a few different whole numbers, as the codes of classes are."
        )
    return left


def _with_numbers(table: Table, rows: Sequence[Row], left: Sequence[int]) -> list[int]:
    """Those of the columns that say anything; `LayoutError` where one of them says something other than numbers."""
    file = table.file.name
    cells = {at: {row.cells[at].strip() for row in rows if not is_missing(row.cells[at])} for at in left}
    left = [at for at in left if cells[at]]  # one that says nothing at all is as good as none
    odd = {at: next((cell for cell in sorted(cells[at]) if as_number(cell) is None), "") for at in left}
    strange = [at for at in left if odd[at]]
    if strange and all(as_number(cell) is not None or _THOUSANDS.fullmatch(cell) for at in left for cell in cells[at]):
        raise DataError(
            f"The column {table.columns[strange[0]]} of {file} has {odd[strange[0]]}: with a comma for thousands, or before "
            "decimals? Write the numbers without such commas."
        )
    if strange:
        raise LayoutError(
            f"The column {table.columns[strange[0]]} of {file} has “{odd[strange[0]][:40]}”, which is no number. Leave only "
            "columns that are to be learnt."
        )
    return left


def _warnings(names: Sequence[str], numbers: Sequence[tuple[float, ...]]) -> tuple[str, ...]:
    """Columns whose numbers may be codes of classes."""
    few = [name for name, some in zip(names, zip(*numbers, strict=True), strict=True) if may_be_codes(some)]
    said = "{} only a few different whole numbers. If these are the codes of classes, call the column label."
    return (said.format(f"{quoted(few)} {'has' if len(few) == 1 else 'have'}"),) if few else ()


def may_be_codes(numbers: Sequence[float | None]) -> bool:
    """Whether few whole numbers come again and again."""
    different = set(numbers)
    return len(different) <= min(FEW, len(numbers) // 4) and all(number == int(number or 0) for number in different)


def _by_names(inputs: Sequence[Path]) -> Split:
    of = recordings(inputs)
    return by_recordings(inputs, of) if of else by_chance(inputs)
