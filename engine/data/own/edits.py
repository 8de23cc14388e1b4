"""A data set with some of its labels put right, or some of its samples thrown out, written as one of one's own."""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from engine.data.dataset import DataSet, Item
from engine.data.own.plain import TEXTS, Row, write_labels, write_masks, write_numbers, write_points, write_tags
from engine.data.pictures.bands import band_picture_size
from engine.data.pictures.block import Data
from engine.data.pictures.transforms import CHANGES, TRANSFORMS
from engine.data.texts.dataset import TextData, copy_texts
from engine.data.texts.files import find_layout
from engine.errors import DataError

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What is right for one sample.

    label: as its kind has it: a class's name; a list of tags; a point as (column, row) in pixels of the picture as it is shown;
        {name: number}; a mask (H, W) uint8 of places in the classes, 255 for none.
    is_dropped: whether the sample is thrown out; then there is no label.
    """

    label: Any = None
    is_dropped: bool = False


class TextLine(NamedTuple):
    """A text with its label, None where nobody has said, and its split."""

    text: str
    label: str | None
    split: str


def name_of(data: DataSet, item: Item) -> str:
    """What a sample is called in its data set, and no other: a picture's path in it, or a text's place."""
    if isinstance(data, TextData):
        return data.name(item)
    return item.relative_to(data.root).as_posix() if item.is_relative_to(data.root) else item.name


def item_of(data: DataSet, given: str) -> Item | None:
    """The sample of a data set that a model was given, as a picture's path or as a text; None for one from elsewhere."""
    if isinstance(data, TextData):
        for split in SPLITS:
            items = getattr(data, split)
            for item, words in zip(items, data.texts(items), strict=True):
                if words == given:
                    return item
        return None
    return Path(given) if Path(given).is_relative_to(data.root) else None


def given_of(data: DataSet, item: Item) -> str:
    """What a model is given of a sample: a picture's path, or a text; `item_of` finds the sample again."""
    return data.texts([item])[0] if isinstance(data, TextData) else str(item)


def label_of(data: DataSet, item: Item) -> Any:
    """A sample's label as an `Edit` would have it."""
    if isinstance(data, TextData):
        return data.label(item)
    assert isinstance(data, Data)
    return _LABELS[data.kind](data, item)


def write_edited(kind: str, data: DataSet, edits: Mapping[str, Edit], target: Path) -> None:
    """Fill the new folder `target` with a data set, as it is split, in its kind's plain layout; `edits` go by `name_of`.

    Raises `DataError` for edits of samples that are not in it.
    """
    names = {name_of(data, item) for split in SPLITS for item in getattr(data, split)}
    strange = sorted(edits.keys() - names)
    if strange:
        raise DataError(f"{data.root.name} has no sample {strange[0][:80]!r}: its files are others than they were.")
    if isinstance(data, TextData):
        write_texts(text_rows(data, edits), target)
        return
    assert isinstance(data, Data)
    write_pictures(kind, picture_rows(data, edits), data, target)


def write_pictures(kind: str, rows: Iterable[Row], like: Data, target: Path) -> None:
    """Pictures with labels, each as an `Edit` has it, in their kind's plain layout; classes and transforms are as in `like`."""
    write_rows(kind, rows, like.classes, target)
    said = next((name for name, transforms in TRANSFORMS.items() if transforms is like.block.transforms), "")
    if said:
        (target / CHANGES).write_text(said + "\n", "utf-8")


def write_rows(kind: str, rows: Iterable[Row], classes: tuple[str, ...], target: Path) -> None:
    """Pictures with labels, each as an `Edit` has it, in their kind's plain layout."""
    _WRITERS[kind](target, rows, classes)


def write_texts(rows: Iterable[TextLine], target: Path) -> None:
    """Texts with labels as a data set in `target`."""
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        table = Path(scratch) / TEXTS
        with table.open("w", encoding="utf-8") as file:
            for row in rows:
                file.write(json.dumps(row._asdict(), ensure_ascii=False) + "\n")
        copy_texts(find_layout(table), target)


def _kept(data: DataSet, edits: Mapping[str, Edit]) -> Iterator[tuple[str, Item, Any]]:
    """Split, item and label of each sample that stays."""
    for split in SPLITS:
        for item in getattr(data, split):
            edit = edits.get(name_of(data, item))
            if edit is None or not edit.is_dropped:
                yield split, item, label_of(data, item) if edit is None else edit.label


def picture_rows(data: Data, edits: Mapping[str, Edit]) -> Iterator[Row]:
    """The pictures that stay, with their labels; one at a time, as a mask is made when it is asked for."""
    return (
        Row(picture=item, label=label, split=split, known=dict(data.block.facts(item)))
        for split, item, label in _kept(data, edits)
    )


def text_rows(data: TextData, edits: Mapping[str, Edit]) -> Iterator[TextLine]:
    """The texts that stay, with their labels, and those that have none."""
    for split, item, label in _kept(data, edits):
        yield TextLine(data.texts([item])[0], label, split)
    for item in data.unlabelled:
        yield TextLine(data.texts([item])[0], None, "train")


def _codes(data: Data, item: Path) -> np.ndarray:
    """A mask (H, W) uint8 in its picture's own size."""
    _, mask = data.sample(item, band_picture_size(item))
    return mask.as_subclass(torch.Tensor).numpy().astype(np.uint8)


_LABELS: Mapping[str, Callable[[Data, Path], Any]] = {
    "label": lambda data, item: data.label(item),
    "tags": lambda data, item: list(data.label(item)),
    "point": lambda data, item: tuple(map(float, data.label(item))),
    "number": lambda data, item: dict(zip(data.classes, data.label(item), strict=True)),
    "mask": _codes,
}
_WRITERS: Mapping[str, Callable[[Path, Iterable[Row], tuple[str, ...]], None]] = {
    "label": lambda target, rows, classes: write_labels(target, rows),
    "tags": lambda target, rows, classes: write_tags(target, rows),
    "point": lambda target, rows, classes: write_points(target, rows),
    "number": lambda target, rows, classes: write_numbers(target, rows),
    "mask": lambda target, rows, classes: write_masks(target, rows, classes=classes),
}
