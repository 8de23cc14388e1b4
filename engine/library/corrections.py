"""What people say a model got wrong: an input with its right label, kept until it is taken back or learnt from.

Each is a folder of its own in the home: a record, the input, and of a mask the picture of its codes. It is its owner's alone; the
host sees a visitor's only where they offered it, and it counts for everybody once the host has accepted it.
"""

import json
import shutil
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from engine.data.own.drafts import checked_label
from engine.errors import AccessError, DataError
from engine.host.access import asker, require_host
from engine.host.home import disk_told, home

FOLDER, RECORD, MASK, TEXT = "corrections", "correction.json", "mask.png", "input.txt"
MOST = 500  # of one visitor
JPEG_QUALITY = 95


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """One input, what a model made of it, and what is right.

    kind, classes: of the model's targets. given, right: labels as `engine.data.own.drafts.checked_label` has them, a point in
        shares of width and height; of a mask None, as it is a picture beside the record. is_dropped: the sample is thrown out.
    dataset, sample: the data set that the input is of, and its name there; "" for one from elsewhere.
    input: the file of the input in the folder. at: a Unix time.
    """

    name: str
    task: str
    kind: str
    model: str
    classes: tuple[str, ...]
    given: Any
    right: Any
    is_dropped: bool
    dataset: str
    sample: str
    input: str
    owner: str
    at: float
    is_offered: bool = False
    is_accepted: bool = False

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return _folder() / self.name

    @property
    def path(self) -> Path:
        """The input's file."""
        return self.folder / self.input

    def mask(self) -> np.ndarray:
        """The right mask (H, W) uint8 of places in the classes, 255 for none."""
        with Image.open(self.folder / MASK) as opened:
            return np.asarray(opened)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """What was wrong, before it is kept: where, by which model, and what that said; see `Correction`."""

    task: str
    kind: str
    model: str
    classes: tuple[str, ...]
    given: Any = None
    dataset: str = ""
    sample: str = ""


def keep_correction(
    wrong: Wrong,
    right: Any,
    *,
    picture: np.ndarray | None = None,
    file: Path | None = None,
    text: str = "",
    is_dropped: bool = False,
    is_offered: bool = False,
) -> Correction:
    """Keep what is right for one input: a picture in colours (H, W, 3) uint8, a file of pictures of other channels, or a text.

    `right` is a label as `checked_label` takes it, or a mask (H, W) uint8. Raises `DataError` for what is no label of these
    classes, `AccessError` for more than a visitor may keep.
    """
    person = asker()
    if not person.is_host and len(_own(person.owner)) >= MOST:
        raise AccessError(f"You have {MOST} corrections, and that is how many you may have. Delete some.")
    mask = _checked_mask(wrong, right) if wrong.kind == "mask" and not is_dropped else None
    label = None if is_dropped or mask is not None else checked_label(wrong.kind, wrong.classes, right)
    kept = Correction(
        name=uuid.uuid4().hex,
        **{name: getattr(wrong, name) for name in ("task", "kind", "model", "classes", "given", "dataset", "sample")},
        right=label,
        is_dropped=is_dropped,
        input=TEXT if picture is None and file is None else "input.jpg" if file is None else f"input{file.suffix}",
        owner=person.owner,
        at=time.time(),
        is_offered=is_offered and not person.is_host,
    )
    with disk_told("keep the correction"):
        staged = _folder() / f".{kept.name}"
        staged.mkdir(parents=True)
        if picture is not None:
            Image.fromarray(picture).save(staged / kept.input, quality=JPEG_QUALITY)
        elif file is not None:
            shutil.copyfile(file, staged / kept.input)
        else:
            (staged / kept.input).write_text(text, "utf-8")
        if mask is not None:
            Image.fromarray(mask).save(staged / MASK)
        _write(staged, kept)
        staged.rename(kept.folder)
    return kept


def corrections_of(task: str = "") -> list[Correction]:
    """Those that whoever asks may see, the newest first: their own, and for the host those that visitors have offered."""
    person = asker()
    found = [one for one in _all() if task in ("", one.task)]
    seen = [one for one in found if one.owner == person.owner or (person.is_host and one.is_offered)]
    return sorted(seen, key=lambda one: -one.at)


def counted(task: str) -> list[Correction]:
    """Those that a training of whoever asks learns from: their own, and for the host what was accepted of visitors'."""
    owner = asker().owner
    return [one for one in corrections_of(task) if one.owner == owner or one.is_accepted]


def correction(name: str) -> Correction:
    """One of those that whoever asks may see; `AccessError` for any other, of which nobody is told."""
    found = next((one for one in corrections_of() if one.name == name), None)
    if found is None:
        raise AccessError("There is no such correction, or no longer.")
    return found


def take_back(name: str) -> Correction:
    """Undo a correction: it is gone for good, with its copy of the input."""
    found = correction(name)
    shutil.rmtree(found.folder, ignore_errors=True)
    return found


def accept(name: str) -> Correction:
    """A visitor's correction counts from now on for the host, too."""
    require_host("accept a correction")
    found = replace(correction(name), is_accepted=True)
    _write(found.folder, found)
    return found


def _checked_mask(wrong: Wrong, right: Any) -> np.ndarray:
    if not isinstance(right, np.ndarray) or right.ndim != 2 or right.dtype != np.uint8:
        raise DataError("The mask is none. Paint it again.")
    strange = set(np.unique(right).tolist()) - {*range(len(wrong.classes)), 255}
    if strange:
        raise DataError(f"The mask holds the code {min(strange)}, and there are {len(wrong.classes)} classes.")
    return right


def _all() -> list[Correction]:
    found = (_read(record) for record in _folder().glob(f"[!.]*/{RECORD}"))
    return [one for one in found if one is not None]


def _own(owner: str) -> Sequence[Correction]:
    return [one for one in _all() if one.owner == owner]


def _read(record: Path) -> Correction | None:
    try:
        values: Mapping[str, Any] = json.loads(record.read_text("utf-8"))
        return Correction(**{**values, "name": record.parent.name, "classes": tuple(values["classes"])})
    except (OSError, ValueError, TypeError, KeyError, RecursionError):  # taken back just now, or damaged
        return None


def _write(folder: Path, kept: Correction) -> None:
    partial = folder / f".{uuid.uuid4().hex}"
    partial.write_text(json.dumps(asdict(kept), ensure_ascii=False, indent=1) + "\n", "utf-8")
    partial.replace(folder / RECORD)


def _folder() -> Path:
    return home() / FOLDER
