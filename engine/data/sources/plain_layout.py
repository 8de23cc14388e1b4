"""A table of pictures or texts with their labels, written out in the plain layouts that the app reads for each kind.

Which columns are meant is found by what they hold and are called, or chosen; where several could be, the message lists them.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from engine.data.pictures.files import DAMAGE, FORMATS, PICTURE_SUFFIXES
from engine.data.pictures.label_layouts import ONE_LABEL
from engine.data.pictures.mask_layouts import CODES, LISTED
from engine.data.pictures.masks import MOST_CLASSES, look_at_masks
from engine.data.pictures.named_rows import COLUMNS
from engine.data.pictures.names import free_stem
from engine.data.pictures.number_layouts import PLAIN_TABLE
from engine.data.pictures.tag_columns import TAG_COLUMNS
from engine.data.reading.values import as_mark, is_missing, quoted
from engine.data.sources.columns import Column, SplitTable
from engine.data.sources.meant_columns import Chosen, Meant, find_columns
from engine.data.splits import GROUP_COLUMNS, VALID_COLUMN, held_groups
from engine.errors import DataError

SPLIT_FOLDERS = {"train": "train", "valid": "val", "test": "test"}
VOID = 255
ROWS = (*TAG_COLUMNS, *COLUMNS, "split")  # what columns of the table are called
MOST_BYTES = 20_000_000_000
_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "BMP": ".bmp", "GIF": ".gif", "TIFF": ".tif"}


def write_plain(
    tables: Sequence[SplitTable], folder: Path, chosen: Chosen, codes: Callable[[], Sequence[str]] = tuple
) -> None:
    """Fill `folder` with what is in the tables, one a split; `DataError` where it is not clear which columns are meant.

    `codes` gives the names of masks' classes in the order of their codes; where it gives none they are called by their numbers.
    """
    meant = find_columns(tables[0].columns, chosen)
    for table in tables[1:]:
        theirs = {column.name: column for column in table.columns}
        other = next((one for one in (meant.input, *meant.target) if not _is_same(one, theirs.get(one.name))), None)
        if other:
            raise DataError(
                f"The column {other.name} of the split {table.split} is not the same as that of {tables[0].split}: it is "
                "missing there, holds something else, or has other classes."
            )
    if meant.has_pictures:
        tables = [
            table for table in tables if table.split in SPLIT_FOLDERS
        ]  # nothing is learnt from unlabelled pictures
        if not tables:
            raise DataError("All pictures are of a split without labels. There is nothing to learn from.")
    _writer(meant)(tables, folder, meant, codes)


def _is_same(one: Column, other: Column | None) -> bool:
    """Whether a column holds the same in two splits; in tables of letters, numbers are texts too, as where none is known."""
    return one == other or (other is not None and {one.holds, other.holds} == {"number", "text"})


Writer = Callable[[Sequence[SplitTable], Path, Meant, Callable[[], Sequence[str]]], None]


def _writer(meant: Meant) -> Writer:
    held = {column.holds for column in meant.target}
    if not meant.has_pictures:
        return _write_texts
    if held == {"picture"}:
        return _write_masks
    if meant.are_numbers:
        return _write_numbers
    if held == {"numbers"} or len(meant.target) == 2:
        return _write_points
    return _write_tags


def _write_texts(tables: Sequence[SplitTable], folder: Path, meant: Meant, codes: Callable[[], Sequence[str]]) -> None:
    """A table of JSON lines for each split."""
    (label,) = meant.target
    is_parted = len(tables) > 1  # then what belongs together changes nothing any more
    for table in tables:
        with (folder / f"{table.split}.jsonl").open("w", encoding="utf-8") as file:
            for row in table.rows():
                said = {"text": row[meant.input.name], "label": _one(row[label.name], label)}
                file.write(json.dumps(said | ({} if is_parted else _known(row, meant)), ensure_ascii=False) + "\n")


def _write_tags(tables: Sequence[SplitTable], folder: Path, meant: Meant, codes: Callable[[], Sequence[str]]) -> None:
    """Pictures in images/, and a table of JSON lines with a list of tags in each.

    Where each has one class, the column is called label. Where a picture has none of several, each class has a column of 0 and 1:
    an empty list would mean that nobody has said.
    """
    (label,) = meant.target
    is_one = label.holds in ("text", "number") and label.name.strip().lower() in ONE_LABEL
    called = "label" if label.holds == "class" or is_one else "tags"
    is_wide = label.holds == "classes" and any(row[label.name] == [] for table in tables for row in table.rows())
    clash = {*ROWS, *(name.lower() for name in meant.known)} & {name.lower() for name in label.classes}
    if is_wide and clash:
        raise DataError(
            f"Some pictures have no tag, and a tag is called {min(clash)!r}, as a column of the table is. Rename it."
        )
    with (folder / PLAIN_TABLE).open("w", encoding="utf-8") as file:
        for table, row, name in _pictures(tables, folder / "images", meant):
            said = row[label.name]
            if not isinstance(said, list):  # a name may have blanks or commas in it
                one = _one(said, label)
                said = None if one is None else [one]
            if is_wide and said is None:
                name = (
                    f"{Path(name).stem}-without-tags{Path(name).suffix}"  # no such picture: it is counted, and left out
                )
            tags = {one: int(one in (said or [])) for one in label.classes} if is_wide else {called: said}
            line = {"image_name": name, **tags, **_known(row, meant), **_side(tables, table)}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _write_numbers(
    tables: Sequence[SplitTable], folder: Path, meant: Meant, codes: Callable[[], Sequence[str]]
) -> None:
    """Pictures in images/, and a table of JSON lines with a number for each column."""
    with (folder / PLAIN_TABLE).open("w", encoding="utf-8") as file:
        for table, row, name in _pictures(tables, folder / "images", meant):
            numbers = {column.name: row[column.name] for column in meant.target}
            line = {"image_name": name, **numbers, **_known(row, meant), **_side(tables, table)}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _write_points(tables: Sequence[SplitTable], folder: Path, meant: Meant, codes: Callable[[], Sequence[str]]) -> None:
    """Pictures in images/, and centres.csv."""
    with (folder / "centres.csv").open("w", encoding="utf-8", newline="") as file:
        written: Any = None
        for table, row, name in _pictures(tables, folder / "images", meant):
            cells = [row[column.name] for column in meant.target]
            point = list(cells[0] or ()) if len(cells) == 1 else cells
            if len(point) not in (0, 2):
                raise DataError(f"{meant.target[0].name} has {len(point)} numbers. A point is two: a column and a row.")
            known = {**_known(row, meant), **_side(tables, table)}
            if written is None:
                written = csv.writer(file)
                written.writerow(["image", "column", "row", *known])
            written.writerow([name, *(point or ("", "")), *known.values()])


def _write_masks(tables: Sequence[SplitTable], folder: Path, meant: Meant, codes: Callable[[], Sequence[str]]) -> None:
    """Pictures and masks in folders for the splits, or in images/ and labels/; and codes.txt."""
    (label,) = meant.target
    written: list[Path] = []
    known: dict[str, Mapping[str, str]] = {}
    for table in tables:
        side = SPLIT_FOLDERS[table.split]
        is_parted = bool(_side(tables, table)) or len(tables) > 1
        pictures, masks = (side, f"{side}annot") if is_parted else ("images", "labels")
        (folder / masks).mkdir(parents=True)
        for _, row, name in _pictures([table], folder / pictures, meant):
            cell = row[label.name]
            if cell is None or not cell[1]:
                continue  # the account names pictures without a mask
            known[name] = _known(row, meant)
            written.append(folder / masks / f"{Path(name).stem}{_suffix(*cell)}")
            written[-1].write_bytes(cell[1])
    names = list(codes()) or _numbered(written)
    # With its number before each, a name may be anything that fits on a line.
    lines = [f"{code} {' '.join(name.split()) or f'class {code}'}" for code, name in enumerate(names)]
    (folder / CODES).write_text("\n".join(lines) + "\n", "utf-8")
    validating = _validating(known) if len(tables) == 1 else []
    if validating:
        (folder / LISTED).write_text("\n".join(validating) + "\n", "utf-8")


def _validating(known: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The pictures that validate by what else a table says of each: a mark, or whole groups; [] where it says nothing."""
    columns = next(iter(known.values()), {})
    if VALID_COLUMN in columns:
        return [name for name, said in known.items() if as_mark(said[VALID_COLUMN], name)]
    group = next((column for column in GROUP_COLUMNS if column in columns), "")
    groups = {said[group] for said in known.values()} if group else set()
    held = held_groups(groups, group)[0] if len(groups) > 1 else set()
    return [name for name, said in known.items() if held and said[group] in held]


def _numbered(masks: Sequence[Path]) -> list[str]:
    """Names for the codes that occur in masks; 255 stands for no class."""
    found = {code for look in look_at_masks(masks).values() for code in look.pixels if code != VOID}
    return [f"class {code}" for code in range(min(max(found, default=0), MOST_CLASSES - 1) + 1)] + (
        ["class 1"] if max(found, default=0) == 0 else []
    )


def _pictures(
    tables: Sequence[SplitTable], folder: Path, meant: Meant
) -> Iterator[tuple[SplitTable, Mapping[str, Any], str]]:
    """Each row with the name of its picture, which is written; where a row has none, that name is of no file, and counted so."""
    folder.mkdir(parents=True, exist_ok=True)
    used: set[str] = set()
    by_path: dict[str, str] = {}
    total = 0
    for table in tables:
        for number, row in enumerate(table.rows()):
            cell = row[meant.input.name]
            if cell and cell[0] and not cell[1]:
                raise DataError(f"The table names the picture {cell[0][:100]!r} and does not hold it.")
            if cell is None or not cell[1]:
                yield table, row, f"{table.split}-{number:06}-without-picture.png"
                continue
            if table.is_by_path and cell[0] in by_path:
                yield table, row, by_path[cell[0]]
                continue
            total += len(cell[1])
            if total > MOST_BYTES:
                raise DataError(f"The pictures take more than {MOST_BYTES / 1e9:.0f} GB. Take a part of the data set.")
            name = f"{free_stem(cell[0], f'{table.split}-{number:06}', used)}{_suffix(*cell)}"
            (folder / name).write_bytes(cell[1])
            if table.is_by_path:
                by_path[cell[0]] = name
            yield table, row, name


def _suffix(name: str, content: bytes) -> str:
    """The suffix that a picture's file should have, by its content, or else by its name."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
            return _SUFFIXES.get(opened.format or "", ".png")
    except DAMAGE:
        suffix = Path(name).suffix.lower()
        return suffix if suffix in PICTURE_SUFFIXES else ".png"  # the account says that it cannot be read


def _one(said: Any, label: Column) -> str | None:
    """A label in letters; None where nobody has said."""
    if isinstance(said, list):
        if len(said) > 1:
            raise DataError(f"{label.name} has several labels in one row, {quoted(map(str, said))}. A text has one.")
        said = said[0] if said else None
    return None if said is None or is_missing(str(said)) else str(said)


def _known(row: Mapping[str, Any], meant: Meant) -> dict[str, str]:
    """What belongs together, who validates, and the like, as the table has it."""
    return {name.strip().lower(): "" if row.get(name) is None else str(row[name]) for name in meant.known}


def _side(tables: Sequence[SplitTable], table: SplitTable) -> dict[str, str]:
    """The split that a row's own table is of, where that says anything."""
    return {"split": table.split} if len(tables) > 1 or table.split != "train" else {}
