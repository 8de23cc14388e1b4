"""Pictures that somebody labels in the browser: what is labelled so far, kept beside the pictures, and written as a data set.

A draft lies with what was brought (`engine.data.sources.bringing`) and goes when that goes; every label is kept at once.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from engine.data.own.way import Answers, Way
from engine.data.pictures.files import list_all_pictures, open_picture
from engine.errors import DataError

FILE, MASKS, PICTURES = "draft.json", "masks", "upright"
KINDS = ("label", "tags", "point", "mask")
MOST_CLASSES, LONGEST = 40, 60
LONGER_SIDE = 1024  # pixels of a picture that is labelled: what a brush can tell apart
BACKGROUND = "background"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is labelled so far.

    classes: the names to choose from; of masks the first is what nobody has painted over.
    items: the pictures' names, in their order. labels: of those that are labelled, by name: a class, a list of tags, a point as
        [share of the width, share of the height], or true where there is a mask.
    """

    kind: str
    classes: tuple[str, ...]
    items: tuple[str, ...]
    labels: Mapping[str, Any] = field(default_factory=dict)

    @property
    def left(self) -> int:
        """How many are not labelled."""
        return sum(item not in self.labels for item in self.items)


def begin_draft(folder: Path, pictures: Path, kind: str) -> Draft:
    """A draft in `folder` of all that lies in `pictures`: each is copied, upright and without what its camera noted."""
    if kind not in KINDS:
        raise DataError(f"{kind[:40]!r} cannot be labelled here. There are: {', '.join(KINDS)}.")
    found = list_all_pictures(pictures)
    if not found:
        raise DataError("There are no pictures to label. Bring some.")
    (folder / PICTURES).mkdir(exist_ok=True)
    items = []
    for number, picture in enumerate(found):
        upright = open_picture(picture)
        upright.thumbnail((LONGER_SIDE, LONGER_SIDE), Image.Resampling.BICUBIC)
        items.append(f"{number:05}.jpg")
        upright.convert("RGB").save(folder / PICTURES / items[-1], quality=93)
    draft = Draft(kind=kind, classes=(BACKGROUND, "thing") if kind == "mask" else (), items=tuple(items))
    _write(folder, draft)
    return draft


def read_draft(folder: Path) -> Draft | None:
    """The draft in a folder; None where there is none."""
    try:
        found = json.loads((folder / FILE).read_text("utf-8"))
        return Draft(
            kind=found["kind"], classes=tuple(found["classes"]), items=tuple(found["items"]), labels=found["labels"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def name_classes(folder: Path, classes: Sequence[str]) -> Draft:
    """Other names to choose from; labels that are none of them any more go."""
    draft = _draft(folder)
    names = tuple(dict.fromkeys(name for one in classes if (name := " ".join(str(one).split())[:LONGEST])))
    if len(names) > MOST_CLASSES:
        raise DataError(f"{len(names)} names are too many to choose from: {MOST_CLASSES} at most.")
    labels: dict[str, Any] = {}
    for item, said in draft.labels.items():
        if draft.kind == "label" and said in names:
            labels[item] = said
        elif draft.kind == "tags":
            labels[item] = [tag for tag in said if tag in names]
        elif draft.kind in ("point", "mask"):
            labels[item] = said
    changed = replace(draft, classes=names, labels=labels)
    _write(folder, changed)
    return changed


def label_item(folder: Path, item: str, said: Any) -> Draft:
    """Label one picture, or, with None, take its label away. `DataError` for what is no label of this kind."""
    draft = _draft(folder)
    if item not in draft.items:
        raise DataError(f"There is no picture {item[:60]!r} here.")
    labels = dict(draft.labels)
    if said is None:
        labels.pop(item, None)
    else:
        labels[item] = _checked(draft, said)
    changed = replace(draft, labels=labels)
    _write(folder, changed)
    return changed


def paint_item(folder: Path, item: str, codes: np.ndarray) -> Draft:
    """Label one picture by a mask (H, W) uint8 of the classes' numbers, in the size that the picture is shown in."""
    draft = _draft(folder)
    if draft.kind != "mask" or item not in draft.items:
        raise DataError(f"There is no picture {item[:60]!r} to be painted here.")
    size = _size(folder / PICTURES / item)
    if codes.max(initial=0) >= len(draft.classes):
        raise DataError("The mask holds a class that there is not. Reload the page.")
    (folder / MASKS).mkdir(exist_ok=True)
    mask = Image.fromarray(codes)
    mask = mask if mask.size == size else mask.resize(size, Image.Resampling.NEAREST)
    mask.save(folder / MASKS / f"{Path(item).stem}.png")
    changed = replace(draft, labels={**draft.labels, item: True})
    _write(folder, changed)
    return changed


def mask_of(folder: Path, item: str) -> Path | None:
    """The mask that a picture was painted with; None before that."""
    mask = folder / MASKS / f"{Path(item).stem}.png"
    return mask if mask.is_file() else None


def draft_way(folder: Path) -> Way:
    """A draft as a way to read what was brought: the labelled pictures, in the kind's plain layout."""
    # Here, since it brings torch, and a draft itself does without.
    from engine.data.own.plain import Row, write_labels, write_masks, write_points, write_tags

    draft = _draft(folder)

    def write(target: Path, answers: Answers) -> tuple[str, ...]:
        rows = [(folder / PICTURES / item, item, draft.labels[item]) for item in draft.items if item in draft.labels]
        if not rows:
            raise DataError("None of the pictures is labelled yet. Label some, then look at them.")
        if draft.kind == "label":
            write_labels(target, [Row(picture=picture, label=said) for picture, _, said in rows])
        elif draft.kind == "tags":
            write_tags(target, [Row(picture=picture, label=said) for picture, _, said in rows])
        elif draft.kind == "point":
            write_points(target, [Row(picture=picture, label=_pixels(picture, said)) for picture, _, said in rows])
        else:
            masks = (Row(picture=picture, label=_codes(folder, item)) for picture, item, _ in rows)
            write_masks(target, masks, classes=draft.classes)
        return (f"{draft.left} pictures are not labelled, and are left out.",) if draft.left else ()

    return Way(kind=draft.kind, said=f"{len(draft.labels)} of {len(draft.items)} pictures, labelled here", write=write)


def _checked(draft: Draft, said: Any) -> Any:
    if draft.kind == "label" and said in draft.classes:
        return said
    if draft.kind == "tags" and isinstance(said, list) and set(said) <= set(draft.classes):
        return [name for name in draft.classes if name in said]
    if (
        draft.kind == "point"
        and isinstance(said, list)
        and len(said) == 2
        and all(isinstance(at, int | float) for at in said)
    ):
        column, row = (float(at) for at in said)
        if 0 <= column <= 1 and 0 <= row <= 1:
            return [column, row]
    raise DataError("That is no label here. Choose one of those that are offered.")


def _pixels(picture: Path, said: Sequence[float]) -> tuple[float, float]:
    width, height = _size(picture)
    return said[0] * width, said[1] * height


def _size(picture: Path) -> tuple[int, int]:
    with Image.open(picture) as opened:
        return opened.size


def _codes(folder: Path, item: str) -> np.ndarray:
    mask = mask_of(folder, item)
    if mask is None:
        raise DataError(f"The mask of {item} is gone. Paint it again.")
    with Image.open(mask) as opened:
        return np.asarray(opened)


def _draft(folder: Path) -> Draft:
    draft = read_draft(folder)
    if draft is None:
        raise DataError("What was labelled is not here any more: it is kept for a day. Bring the pictures again.")
    return draft


def _write(folder: Path, draft: Draft) -> None:
    partial = folder / f".{uuid.uuid4().hex}"
    partial.write_text(json.dumps(asdict(draft), ensure_ascii=False), "utf-8")
    partial.replace(folder / FILE)
