"""A table of pictures or texts with their labels, written out in the plain layouts that the app reads for each kind.

Which columns are meant is found by what they hold and are called, or chosen; where several could be, the message lists them.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from engine.data.pictures.files import DAMAGE, PICTURE_SUFFIXES
from engine.data.pictures.mask_layouts import CODES
from engine.data.pictures.masks import MOST_CLASSES
from engine.data.pictures.point_table import COLUMNS as POINT_COLUMNS
from engine.data.pictures.tag_layouts import TAG_COLUMNS
from engine.data.reading.values import quoted
from engine.data.sources.columns import Column, Holds, SplitTable
from engine.data.splits import GROUP_COLUMNS
from engine.data.texts.labelled_table import LABEL_COLUMNS, TEXT_COLUMNS
from engine.errors import DataError

MASK_COLUMNS = ("mask", "label", "labels", "annotation", "segmentation", "semantic_segmentation", "annotated", "target")
LABELS: tuple[Holds, ...] = ("class", "classes", "text", "texts", "number")
SPLIT_FOLDERS = {"train": "train", "valid": "val", "test": "test"}
_STEM = re.compile(r"[^\w-]+")
_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "BMP": ".bmp", "GIF": ".gif", "TIFF": ".tif"}


class Chosen(NamedTuple):
    """Which columns somebody means; "" for what is found. Two numbers are parted by a comma, as in "x,y"."""

    input: str = ""
    target: str = ""


AS_FOUND = Chosen()


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """Which columns are the inputs and their labels, and which say what belongs together."""

    input: Column
    target: tuple[Column, ...]
    groups: tuple[str, ...]


def write_plain(tables: Sequence[SplitTable], folder: Path, chosen: Chosen, codes: Sequence[str] = ()) -> None:
    """Fill `folder` with what is in the tables, one a split; `DataError` where it is not clear which columns are meant.

    `codes` names the classes of masks in the order of their codes; without it they are called by their numbers.
    """
    meant = find_columns(tables[0].columns, chosen)
    names = {column.name for column in (meant.input, *meant.target)}
    if meant.input.holds == "picture":
        tables = [
            table for table in tables if table.split in SPLIT_FOLDERS
        ]  # nothing is learnt from unlabelled pictures
    for table in tables:
        lost = names - {column.name for column in table.columns}
        if lost:
            raise DataError(f"The split {table.split} has no column {min(lost)}, which {tables[0].split} has.")
    _writer(meant)(tables, folder, meant, codes)


def find_columns(columns: Sequence[Column], chosen: Chosen) -> Meant:
    """The columns of inputs and labels, by what they hold and are called."""
    groups = tuple(column.name for column in columns if column.name.strip().lower() in GROUP_COLUMNS)
    target = tuple(_named(columns, name.strip()) for name in chosen.target.split(",") if name.strip())
    pictures = [column for column in columns if column.holds == "picture" and column not in target]
    if chosen.input:
        given = _named(columns, chosen.input)
    elif pictures:
        masks = [column for column in pictures if column.name.lower() in MASK_COLUMNS]
        left = [column for column in pictures if column not in masks] or pictures
        given = _only(columns, left, (), "input")
    else:
        texts = [column for column in columns if column.holds == "text" and column not in target]
        named_as_label = [column for column in texts if column.name.lower() in LABEL_COLUMNS]
        left = [column for column in texts if column not in named_as_label and column.name not in groups]
        given = _only(columns, left or texts, TEXT_COLUMNS, "input")
    if not target:
        target = _target(columns, given, groups)
    if given in target:
        raise DataError(f"{given.name} cannot be the input and the label. Choose another column for one of them.")
    return Meant(input=given, target=target, groups=groups)


def _target(columns: Sequence[Column], given: Column, groups: Sequence[str]) -> tuple[Column, ...]:
    others = [column for column in columns if column != given and column.name not in groups]
    by_name = {column.name.lower(): column for column in others}
    if given.holds == "picture":
        masks = [column for column in others if column.holds == "picture"]
        if masks:
            return (_only(columns, masks, MASK_COLUMNS, "target"),)
        pairs = [pair for pair in POINT_COLUMNS if set(pair) <= by_name.keys()]
        if pairs:
            return tuple(by_name[name] for name in pairs[0])
    classes = [column for column in others if column.holds in ("class", "classes")]
    known = TAG_COLUMNS if given.holds == "picture" else LABEL_COLUMNS
    named = [column for column in others if column.holds in LABELS and column.name.lower() in known]
    return (_only(columns, classes or named or [one for one in others if one.holds in LABELS], known, "target"),)


def _only(columns: Sequence[Column], left: Sequence[Column], known: Sequence[str], what: str) -> Column:
    """The one column that is left, or the first that is called so."""
    named = sorted(
        (column for column in left if column.name.lower() in known), key=lambda one: known.index(one.name.lower())
    )
    if len(left) == 1 or named:
        return (named or left)[0]
    said = ", ".join(f"{column.name} ({column.holds})" for column in columns)
    raise DataError(f"Which column is the {what} is not clear. There are: {said[:400]}. Say it with --{what} COLUMN.")


def _named(columns: Sequence[Column], name: str) -> Column:
    found = next((column for column in columns if column.name == name), None)
    if found is None:
        raise DataError(
            f"There is no column {name!r}. There are: {', '.join(column.name for column in columns)[:400]}."
        )
    return found


Writer = Callable[[Sequence[SplitTable], Path, Meant, Sequence[str]], None]


def _writer(meant: Meant) -> Writer:
    held = {column.holds for column in meant.target}
    if meant.input.holds != "picture":
        return _write_texts
    if held == {"picture"}:
        return _write_masks
    if held == {"numbers"} or len(meant.target) == 2:
        return _write_points
    return _write_tags


def _write_texts(tables: Sequence[SplitTable], folder: Path, meant: Meant, codes: Sequence[str]) -> None:
    """A table of JSON lines for each split."""
    (label,) = meant.target
    for table in tables:
        with (folder / f"{table.split}.jsonl").open("w", encoding="utf-8") as file:
            for row in table.rows():
                said = {"text": row[meant.input.name], "label": _one(row[label.name], label), **_groups(row, meant)}
                file.write(json.dumps(said, ensure_ascii=False) + "\n")


def _write_tags(tables: Sequence[SplitTable], folder: Path, meant: Meant, codes: Sequence[str]) -> None:
    """Pictures in images/, and a table of JSON lines."""
    (label,) = meant.target
    with (folder / "labels.jsonl").open("w", encoding="utf-8") as file:
        for table, row, name in _pictures(tables, folder / "images", meant):
            said = row[label.name]
            tags = said if isinstance(said, list) else _one(said, label)
            line = {"image_name": name, "tags": tags, **_groups(row, meant), **_side(tables, table)}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _write_points(tables: Sequence[SplitTable], folder: Path, meant: Meant, codes: Sequence[str]) -> None:
    """Pictures in images/, and centres.csv."""
    with (folder / "centres.csv").open("w", encoding="utf-8", newline="") as file:
        written = csv.writer(file)
        written.writerow(["image", "column", "row", *meant.groups, *(["split"] if len(tables) > 1 else [])])
        for table, row, name in _pictures(tables, folder / "images", meant):
            cells = [row[column.name] for column in meant.target]
            point = list(cells[0] or ()) if len(cells) == 1 else cells
            if len(point) not in (0, 2):
                raise DataError(f"{meant.target[0].name} has {len(point)} numbers. A point is two: a column and a row.")
            known = (*_groups(row, meant).values(), *_side(tables, table).values())
            written.writerow([name, *(point or ("", "")), *known])


def _write_masks(tables: Sequence[SplitTable], folder: Path, meant: Meant, codes: Sequence[str]) -> None:
    """Pictures and masks in folders for the splits, or in images/ and labels/; and codes.txt."""
    (label,) = meant.target
    highest = 0
    for table in tables:
        many = len(tables) > 1
        side = SPLIT_FOLDERS[table.split]
        pictures, masks = (folder / side, folder / f"{side}annot") if many else (folder / "images", folder / "labels")
        masks.mkdir(parents=True)
        for _, row, name in _pictures([table], pictures, meant):
            cell = row[label.name]
            if cell is None or not cell[1]:
                continue  # the account names pictures without a mask
            mask = masks / f"{Path(name).stem}{_suffix(*cell)}"
            mask.write_bytes(cell[1])
            if not codes:
                highest = max(highest, _highest_code(mask))
    classes = codes or [f"class {code}" for code in range(min(highest, MOST_CLASSES - 1) + 1)]
    (folder / CODES).write_text("\n".join(classes) + "\n", "utf-8")


def _highest_code(mask: Path) -> int:
    """The highest code in a mask that is not 255, which stands for no class."""
    try:
        with Image.open(mask) as opened:
            codes = np.asarray(opened)
    except DAMAGE:
        return 0  # the account says so
    found = codes[codes < 255] if codes.dtype == np.uint8 else codes
    return int(found.max()) if found.size else 0


def _pictures(
    tables: Sequence[SplitTable], folder: Path, meant: Meant
) -> Iterator[tuple[SplitTable, Mapping[str, Any], str]]:
    """Each row with the name of its picture, which is written; where a row has none, that name is of no file, and counted so."""
    folder.mkdir(parents=True, exist_ok=True)
    used: set[str] = set()
    for table in tables:
        for number, row in enumerate(table.rows()):
            cell = row[meant.input.name]
            if cell and cell[0] and not cell[1]:
                raise DataError(f"The table names the picture {cell[0][:100]!r} and does not hold it.")
            if cell is None or not cell[1]:
                yield table, row, f"{table.split}-{number:06}-without-picture.png"
                continue
            stem = _STEM.sub("-", Path(cell[0].replace("\\", "/")).stem)[:80].strip("-") or f"{table.split}-{number:06}"
            if stem.casefold() in used:
                stem = f"{stem}-{table.split}-{number:06}"
            used.add(stem.casefold())
            name = f"{stem}{_suffix(*cell)}"
            (folder / name).write_bytes(cell[1])
            yield table, row, name


def _suffix(name: str, content: bytes) -> str:
    """The suffix that a picture's file should have, by its content, or else by its name."""
    try:
        with Image.open(io.BytesIO(content)) as opened:
            return _SUFFIXES.get(opened.format or "", ".png")
    except DAMAGE:
        suffix = Path(name).suffix.lower()
        return suffix if suffix in PICTURE_SUFFIXES else ".png"  # the account says that it cannot be read


def _one(said: Any, label: Column) -> str | None:
    """A label in letters."""
    if isinstance(said, list):
        if len(said) > 1:
            raise DataError(f"{label.name} has several labels in one row, {quoted(map(str, said))}. A text has one.")
        said = said[0] if said else None
    return None if said is None else str(said)


def _groups(row: Mapping[str, Any], meant: Meant) -> dict[str, str]:
    return {name.strip().lower(): "" if row.get(name) is None else str(row[name]) for name in meant.groups}


def _side(tables: Sequence[SplitTable], table: SplitTable) -> dict[str, str]:
    return {"split": table.split} if len(tables) > 1 else {}
