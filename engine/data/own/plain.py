"""The plain layouts in which one's own data is kept, written from what some other layout was understood to be.

Pictures lie in images/, under names that every system takes; they are linked where the disk allows it, and else copied. Beside
them is labels.jsonl (tags, a label, numbers), centres.csv (points), or labels/ with codes.txt (masks); texts are texts.jsonl.
"""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from engine.data.pictures.mask_layouts import CODES
from engine.data.pictures.masks import MOST_CLASSES
from engine.data.pictures.names import free_stem
from engine.data.pictures.point_table import TABLE as POINTS
from engine.data.pictures.tag_columns import IS_LABELLED
from engine.data.reading.values import is_missing
from engine.data.whole_folder import link_file
from engine.errors import DataError

PICTURES, MASKS = "images", "labels"
LABELS, TEXTS = "labels.jsonl", "texts.jsonl"
MASK_SPLITS = {"train": "train", "valid": "val", "test": "test"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One sample: its picture, what it is labelled with, its split where one is given ("train", "valid", "test", or ""), and what
    else is known, such as {"group": "session 3"}."""

    picture: Path
    label: Any
    split: str = ""
    known: Mapping[str, str] = field(default_factory=dict)


def write_tags(target: Path, rows: Iterable[Row]) -> None:
    """Tagged pictures; a row's label is a list of its tags, which may be empty: then it is said that nobody has forgotten it."""
    rows = list(rows)
    check_names(name for row in rows for name in row.label)
    _write_table(target, rows, lambda row: {"tags": list(row.label), **({} if row.label else {IS_LABELLED: True})})


def write_labels(target: Path, rows: Iterable[Row]) -> None:
    """Pictures with one label each, a name; as a list of one, in which commas and blanks part nothing."""
    rows = list(rows)
    check_names(row.label for row in rows)
    _write_table(target, rows, lambda row: {"label": [row.label]})


def check_names(names: Iterable[str]) -> None:
    """`DataError` for a name that stands for nothing in every table."""
    bad = next((name for name in names if is_missing(name)), None)
    if bad is not None:
        raise DataError(
            f"The name {bad!r} stands for nothing in a table. Call it something else, such as “nothing” or “other”."
        )


def write_numbers(target: Path, rows: Iterable[Row]) -> None:
    """Pictures with numbers; a row's label is {name: number or None}."""
    _write_table(target, list(rows), lambda row: dict(row.label))


def write_points(target: Path, rows: Iterable[Row]) -> None:
    """Pictures with a point each: (column, row) in pixels of the picture as it is shown, from its top left corner, or None."""
    rows = list(rows)
    named = _placed(target, rows)
    known = _known(rows)
    with (target / POINTS).open("w", encoding="utf-8", newline="") as file:
        written = csv.writer(file)
        written.writerow(["image", "column", "row", *known])
        for row in rows:
            written.writerow(
                [named[row.picture], *(row.label or ("", "")), *(_also(row).get(name, "") for name in known)]
            )


def write_masks(target: Path, rows: Iterable[Row], *, classes: Sequence[str]) -> None:
    """Pictures with masks; a row's label is an array (H, W) uint8 of the picture's size as it is stored, of places in `classes`,
    255 where a pixel belongs to none.

    Rows are taken one at a time, so that an iterator may make each mask when it is asked for. All have a split, or none.
    """
    if not 2 <= len(classes) <= MOST_CLASSES:
        raise DataError(f"There are {len(classes)} classes. Masks need 2 to {MOST_CLASSES}, the background among them.")
    used: set[str] = set()
    for row in rows:
        side = MASK_SPLITS[row.split] if row.split else ""
        pictures, masks = (target / side, target / f"{side}annot") if side else (target / PICTURES, target / MASKS)
        for folder in (pictures, masks):
            folder.mkdir(parents=True, exist_ok=True)
        name = _place(row.picture, pictures, used)
        Image.fromarray(np.ascontiguousarray(row.label, dtype=np.uint8)).save(masks / f"{Path(name).stem}.png")
    if not used:
        raise DataError("None of the pictures has a mask.")
    # With its number before each, a name may be anything that fits on a line.
    lines = [f"{code} {' '.join(name.split()) or f'class {code}'}" for code, name in enumerate(classes)]
    (target / CODES).write_text("\n".join(lines) + "\n", "utf-8")


def _write_table(target: Path, rows: Sequence[Row], said: Any) -> None:
    named = _placed(target, rows)
    with (target / LABELS).open("w", encoding="utf-8") as file:
        for row in rows:
            line = {"image_name": named[row.picture], **said(row), **_also(row)}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _placed(target: Path, rows: Sequence[Row]) -> dict[Path, str]:
    """The pictures' names in the new data set, where each lies now."""
    (target / PICTURES).mkdir(parents=True, exist_ok=True)
    used: set[str] = set()
    return {picture: _place(picture, target / PICTURES, used) for picture in dict.fromkeys(row.picture for row in rows)}


def _place(picture: Path, folder: Path, used: set[str]) -> str:
    """Put a picture into a folder, under a name that nothing else there has; that name."""
    name = f"{free_stem(picture.name, f'{len(used):06}', used)}{picture.suffix.lower()}"
    link_file(picture, folder / name)
    return name


def _known(rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for row in rows for name in _also(row)))


def _also(row: Row) -> dict[str, str]:
    return {**row.known, **({"split": row.split} if row.split else {})}
