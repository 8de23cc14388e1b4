"""Pictures or texts that somebody labels in the browser: what is labelled so far, kept beside them, and written as a data set.

A draft lies with what was brought (`engine.data.sources.bringing`) and goes when that goes; every label is kept at once.
"""

import json
import math
import shutil
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from engine.data.own.unlabelled import copy_pictures, copy_texts
from engine.data.reading.values import is_missing
from engine.errors import DataError

FILE, MASKS, ITEMS = "draft.json", "masks", "upright"
KINDS = ("label", "tags", "point", "mask", "text")
MOST_CLASSES, LONGEST = 40, 60
BACKGROUND = "background"
MOST_PAINTED = 12  # classes of masks, the background among them: as many as the editor has colours for
GONE = 255
_LOCK = threading.RLock()  # two tabs may write one draft


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is labelled so far.

    classes: the names to choose from; of masks the first is what nobody has painted over.
    items: the names of the pictures or texts, in their order. labels: of those that are labelled, by name: a class, a list of
        tags, a point as [share of the width, share of the height], or true where there is a mask.
    """

    kind: str
    classes: tuple[str, ...]
    items: tuple[str, ...]
    labels: Mapping[str, Any] = field(default_factory=dict)

    @property
    def left(self) -> int:
        """How many are not labelled."""
        return sum(item not in self.labels for item in self.items)


def begin_draft(folder: Path, source: Path, kind: str, *, encoding: str = "", column: str = "") -> Draft:
    """A draft in `folder` of all that lies in `source`: copies of its pictures, or of its texts, in that column of a table."""
    if kind not in KINDS:
        raise DataError(f"{kind[:40]!r} cannot be labelled here. There are: {', '.join(KINDS)}.")
    before = read_draft(folder)
    if before and before.kind == kind:
        return before
    if before and before.labels:
        raise DataError(
            f"{len(before.labels)} of these are labelled already, each with a {before.kind}. Keep them as a data set first, or "
            "bring them again."
        )
    target = folder / ITEMS
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    items = copy_texts(source, target, encoding, column) if kind == "text" else copy_pictures(source, target)
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
    """Other names to choose from: one that is called otherwise keeps what it labels, and labels that are gone go.

    `DataError` where a class that is painted somewhere would be gone.
    """
    with _LOCK:
        draft = _draft(folder)
        names = tuple(dict.fromkeys(name for one in classes if (name := " ".join(str(one).split())[:LONGEST])))
        _check_names(names, draft.kind)
        other = _renamed(draft.classes, names)
        if draft.kind == "mask":
            _recode(folder, draft, names, other)
        labels = (
            {item: _under(other, said) for item, said in draft.labels.items()}
            if draft.kind in ("label", "tags", "text")
            else draft.labels
        )
        changed = replace(
            draft, classes=names, labels={item: said for item, said in labels.items() if said is not None}
        )
        _write(folder, changed)
        return changed


def _check_names(names: Sequence[str], kind: str) -> None:
    most = MOST_PAINTED if kind == "mask" else MOST_CLASSES
    if len(names) > most:
        raise DataError(f"{len(names)} names are too many to choose from: {most} at most.")
    bad = next((name for name in names if is_missing(name)), None)
    if bad is not None:
        raise DataError(
            f"The name {bad!r} stands for nothing in a table. Call it something else, such as “nothing” or “other”."
        )


def _renamed(before: Sequence[str], after: Sequence[str]) -> dict[str, str | None]:
    """What each name is called now, None for one that is gone. Where one alone differs in its place, it was renamed."""
    same = {name: name if name in after else None for name in before}
    differs = [(old, new) for old, new in zip(before, after, strict=False) if old != new]
    if len(before) == len(after) and len(differs) == 1 and differs[0][1] not in before:
        same[differs[0][0]] = differs[0][1]
    return same


def _under(other: Mapping[str, str | None], said: Any) -> Any:
    """A label, or tags, under other names; None where nothing is left of them."""
    if isinstance(said, str):
        return other.get(said)
    left = [name for tag in said if (name := other.get(tag))]
    return left if left or not said else None


def _recode(folder: Path, draft: Draft, names: Sequence[str], other: Mapping[str, str | None]) -> None:
    """Give the masks' pixels the numbers that their classes have now."""
    now = [other[name] for name in draft.classes]
    if [name for name in now if name] == list(names[: len(now)]) and None not in now:
        return
    table = np.array([names.index(name) if name in names else GONE for name in now], np.uint8)
    masks = {item: mask for item in draft.items if (mask := mask_of(folder, item)) and item in draft.labels}
    changed = {mask: table[codes_of(folder, item)] for item, mask in masks.items()}
    lost = sum(bool((codes == GONE).any()) for codes in changed.values())
    if lost:
        gone = [name for name in draft.classes if other[name] is None]
        raise DataError(
            f"{', '.join(gone)[:80]} may be painted in {lost} pictures. Keep the name, or paint over it first."
        )
    for mask, codes in changed.items():
        Image.fromarray(codes).save(mask)


def label_item(folder: Path, item: str, said: Any) -> Draft:
    """Label one picture, or, with None, take its label away. `DataError` for what is no label of this kind."""
    with _LOCK:
        draft = _draft(folder)
        if item not in draft.items:
            raise DataError(f"There is no {item[:60]!r} here.")
        labels = dict(draft.labels)
        if said is None:
            labels.pop(item, None)
        else:
            labels[item] = checked_label(draft.kind, draft.classes, said)
        changed = replace(draft, labels=labels)
        _write(folder, changed)
        return changed


def paint_item(folder: Path, item: str, codes: np.ndarray) -> Draft:
    """Label one picture by a mask (H, W) uint8 of the classes' numbers, in the size that the picture is shown in."""
    draft = _draft(folder)
    if draft.kind != "mask" or item not in draft.items:
        raise DataError(f"There is no picture {item[:60]!r} to be painted here.")
    size = size_of(folder / ITEMS / item)
    if codes.max(initial=0) >= len(draft.classes):
        raise DataError("The mask holds a class that there is not. Reload the page.")
    (folder / MASKS).mkdir(exist_ok=True)
    mask = Image.fromarray(codes)
    mask = mask if mask.size == size else mask.resize(size, Image.Resampling.NEAREST)
    mask.save(folder / MASKS / f"{Path(item).stem}.png")
    with _LOCK:
        changed = replace(_draft(folder), labels={**_draft(folder).labels, item: True})
        _write(folder, changed)
        return changed


def mask_of(folder: Path, item: str) -> Path | None:
    """The mask that a picture was painted with; None before that."""
    mask = folder / MASKS / f"{Path(item).stem}.png"
    return mask if mask.is_file() else None


def checked_label(kind: str, classes: Sequence[str], said: Any) -> Any:
    """What came as a label, as a label of that kind has to be: a class, a list of tags, a point as [share of the width, share of
    the height], or {class: number}. `DataError` for anything else.
    """
    if kind in ("label", "text") and isinstance(said, str) and said in classes:
        return said
    if (
        kind == "tags"
        and isinstance(said, list)
        and all(isinstance(name, str) for name in said)
        and set(said) <= set(classes)
    ):
        return [name for name in classes if name in said]
    if kind == "point" and isinstance(said, list) and len(said) == 2 and all(map(_is_number, said)):
        column, row = (float(at) for at in said)
        if 0 <= column <= 1 and 0 <= row <= 1:
            return [column, row]
    if (
        kind == "number"
        and isinstance(said, Mapping)
        and set(said) == set(classes)
        and all(map(_is_number, said.values()))
    ):
        return {name: float(said[name]) for name in classes}
    raise DataError("That is no label here. Choose one of those that are offered.")


def _is_number(said: Any) -> bool:
    return isinstance(said, int | float) and not isinstance(said, bool) and math.isfinite(said)


def size_of(picture: Path) -> tuple[int, int]:
    """A picture's (width, height) in pixels."""
    with Image.open(picture) as opened:
        return opened.size


def codes_of(folder: Path, item: str) -> np.ndarray:
    """The mask that a picture was painted with (H, W) uint8, of the classes' numbers."""
    mask = mask_of(folder, item)
    if mask is None:
        raise DataError(f"The mask of {item} is gone. Paint it again.")
    with Image.open(mask) as opened:
        return np.asarray(opened)


def _draft(folder: Path) -> Draft:
    draft = read_draft(folder)
    if draft is None:
        raise DataError("What was labelled is not here any more: it is kept for a day. Bring it again.")
    return draft


def _write(folder: Path, draft: Draft) -> None:
    partial = folder / f".{uuid.uuid4().hex}"
    partial.write_text(json.dumps(asdict(draft), ensure_ascii=False), "utf-8")
    partial.replace(folder / FILE)
