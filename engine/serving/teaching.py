"""Teaching a model one's own classes, a picture at a time: pictures and their recordings are kept, what a body makes of each is
computed once, and a head learns from all of it whenever it is asked to.

What is brought lies in a folder of its own for a day, under a key that nobody can guess, so that a reload loses nothing.
"""

import json
import shutil
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engine.data.own.plain import Row, write_labels
from engine.data.pictures.inputs import open_resized
from engine.data.sources.bringing import owned_folder
from engine.errors import DataError
from engine.host.home import cache_folder, disk_told
from engine.models.classifier import PictureModel, build_picture_model
from engine.recipe import OFFLINE_BACKBONE
from engine.serving.predictor import DEVICE_LOCK
from engine.task import ModelPlan
from engine.training.arriving import SIZE, LinearHead, activations_of, learn

FOLDER = "taught"  # in the folder of caches
INDEX, NAMES = "index.json", "names.json"
KEPT_SECONDS = 24 * 3600.0
MOST_CLASSES, MOST_PICTURES = 12, 600
KEPT_SIDE = 320  # pixels of a kept picture's longer side
REMEMBERED = 40  # people's activations that are held
FEWEST_ASIDE = 5  # pictures of a class from which on some are set aside
SHARE_ASIDE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A picture of a class: its file, the recording that it is of, "" for one that was dropped."""

    file: str
    label: str
    recording: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """A head and what is known of it.

    accuracy: on what was set aside, by a head that had not seen it; None where nothing could be. `judged` says what that was.
    """

    classes: tuple[str, ...]
    head: LinearHead = field(repr=False)
    accuracy: float | None
    judged: str
    seconds: float


@dataclass(slots=True)
class _Memory:
    """What is held of one lesson: its activations by file, and the last head."""

    activations: dict[str, Tensor] = field(default_factory=dict)
    taught: Taught | None = None


_MEMORIES: OrderedDict[str, _Memory] = OrderedDict()
_LOCK = threading.Lock()


def new_lesson() -> str:
    """The key of a new lesson, without pictures."""
    base = cache_folder() / FOLDER
    for old in base.glob("*"):
        with suppress(OSError):  # gone meanwhile
            if time.time() - old.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
    return owned_folder(base)


def lesson_folder(key: str) -> Path:
    """Where a lesson's pictures lie; `DataError` where there is none under that key."""
    folder = cache_folder() / FOLDER / key
    if len(key) != 32 or not key.isalnum() or not folder.is_dir():
        raise DataError("These pictures are not here any more: they are kept for a day. Begin again.")
    return folder


def shots_of(key: str) -> list[Shot]:
    """The pictures of a lesson, in the order in which they came."""
    try:
        return [Shot(**one) for one in json.loads((lesson_folder(key) / INDEX).read_text("utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def add_shots(key: str, label: str, recording: str, pictures: Sequence[np.ndarray]) -> None:
    """Keep pictures (H, W, 3) uint8 of a class, and compute what the body makes of them."""
    folder, new = lesson_folder(key), list[Shot]()
    shots = shots_of(key)
    if len({one.label for one in shots} | {label}) > MOST_CLASSES:
        raise DataError(f"{MOST_CLASSES} classes are as many as can be taught here. Go further with what you have.")
    if len(shots) + len(pictures) > MOST_PICTURES:
        raise DataError(f"{MOST_PICTURES} pictures are as many as can be taught here. Go further with what you have.")
    for picture in pictures:
        image = Image.fromarray(picture)
        image.thumbnail((KEPT_SIDE, KEPT_SIDE), Image.Resampling.BILINEAR)
        file = f"{uuid.uuid4().hex}.jpg"
        with disk_told("keep the pictures"):
            image.save(folder / file, quality=90)
        new.append(Shot(file=file, label=label, recording=recording))
    with _LOCK:  # another tab may have added some meanwhile
        shots = [*shots_of(key), *new]
        _write(folder, shots)
    _compute(key, shots)


def keep_names(key: str, names: Mapping[str, str]) -> None:
    """Note what the classes are called, for a reload."""
    (lesson_folder(key) / NAMES).write_text(json.dumps(dict(names)), "utf-8")


def names_of(key: str) -> dict[str, str]:
    """What the classes were called last."""
    try:
        return {
            str(label): str(name) for label, name in json.loads((lesson_folder(key) / NAMES).read_text("utf-8")).items()
        }
    except (OSError, ValueError, AttributeError):
        return {}


def is_taught(key: str) -> bool:
    """Whether it can be asked."""
    return _memory(key).taught is not None


def drop_class(key: str, label: str) -> None:
    """Forget the pictures of a class."""
    folder = lesson_folder(key)
    with _LOCK:
        shots = shots_of(key)
        for one in shots:
            if one.label == label:
                (folder / one.file).unlink(missing_ok=True)
        _write(folder, [one for one in shots if one.label != label])


def forget_lesson(key: str) -> None:
    """Delete all pictures of a lesson, and what was learnt."""
    with suppress(DataError):
        shutil.rmtree(lesson_folder(key), ignore_errors=True)
    with _LOCK:
        _MEMORIES.pop(key, None)


def teach(key: str, names: Mapping[str, str]) -> Taught:
    """Learn to tell the classes of a lesson apart; `names` is what each is called. `DataError` for fewer than two of them."""
    began, shots = time.perf_counter(), shots_of(key)
    labels = tuple(dict.fromkeys(one.label for one in shots))
    if len(labels) < 2:
        raise DataError("Two classes with pictures are needed to tell anything apart. Add pictures to another one.")
    given, targets = _compute(key, shots), [labels.index(one.label) for one in shots]
    kept, aside, judged = set_aside(shots)
    accuracy = None
    if aside:
        head = learn(given[kept], [targets[at] for at in kept], len(labels))
        right = head(given[aside]).argmax(1) == torch.tensor([targets[at] for at in aside])
        accuracy = right.float().mean().item()
    taught = Taught(
        classes=tuple(names.get(label) or label for label in labels),
        head=learn(given, targets, len(labels)),
        accuracy=accuracy,
        judged=judged,
        seconds=time.perf_counter() - began,
    )
    _memory(key).taught = taught
    return taught


def set_aside(shots: Sequence[Shot]) -> tuple[list[int], list[int], str]:
    """Which pictures to learn from, which to judge by, and that in words: of each class the last recording, or, of dropped
    pictures, every fifth. Nothing is judged where a class has one recording alone: its frames are near-copies.
    """
    aside: list[int] = []
    recorded = False
    for label in dict.fromkeys(one.label for one in shots):
        own = [at for at, one in enumerate(shots) if one.label == label]
        recordings = list(dict.fromkeys(shots[at].recording for at in own))
        if recordings == [""]:
            if len(own) < FEWEST_ASIDE:
                return (
                    list(range(len(shots))),
                    [],
                    f"{FEWEST_ASIDE} pictures of each class are needed to judge by some.",
                )
            aside += own[:: round(1 / SHARE_ASIDE)]
        elif len(recordings) < 2:
            said = "Frames of one recording are near-copies: record each class a second time, and there is an accuracy."
            return list(range(len(shots))), [], said
        else:
            recorded = True
            aside += [at for at in own if shots[at].recording == recordings[-1]]
    what = "the last recording of each class" if recorded else "every fifth picture"
    return (
        [at for at in range(len(shots)) if at not in set(aside)],
        aside,
        f"{what} ({len(aside)} pictures), not learnt from",
    )


def answer(key: str, picture: np.ndarray) -> dict[str, float]:
    """The probability of each class for a picture (H, W, 3) uint8; `DataError` before anything was taught."""
    lesson_folder(key)
    taught = _memory(key).taught
    if taught is None:
        raise DataError("Nothing has been taught yet. Give two classes pictures, and press “Teach”.")
    shares = taught.head(_activations([picture])).softmax(1)[0].tolist()
    return dict(zip(taught.classes, shares, strict=True))


def write_lesson(key: str, names: Mapping[str, str], target: Path) -> None:
    """The pictures of a lesson as a data set in the plain layout; frames of one recording stay on one side of its split."""
    folder, shots = lesson_folder(key), shots_of(key)
    has_recordings = any(one.recording for one in shots)
    rows = [
        Row(
            picture=folder / one.file,
            label=names.get(one.label) or one.label,
            known={"recording": one.recording or one.file} if has_recordings else {},
        )
        for one in shots
    ]
    write_labels(target, rows)


def _compute(key: str, shots: Sequence[Shot]) -> Tensor:
    """The activations (N, D) of a lesson's pictures; those that are not held are computed."""
    folder, memory = lesson_folder(key), _memory(key)
    missing = [one.file for one in shots if one.file not in memory.activations]
    for file in missing:
        memory.activations[file] = _activations([picture_of(folder / file)])
    return torch.cat([memory.activations[one.file] for one in shots])


def picture_of(file: Path) -> np.ndarray:
    """A kept picture (H, W, 3) uint8."""
    with Image.open(file) as opened:
        return np.asarray(opened)


def _activations(pictures: Sequence[np.ndarray]) -> Tensor:
    batch = torch.stack([open_resized(picture, (SIZE, SIZE)) for picture in pictures])
    with DEVICE_LOCK:
        return activations_of(_body(), batch)


@lru_cache(maxsize=1)
def _body() -> PictureModel:
    """The body that all lessons share."""
    plan = ModelPlan(backbone=OFFLINE_BACKBONE, classes=("one", "other"))
    return build_picture_model(plan).eval()


def _memory(key: str) -> _Memory:
    with _LOCK:
        memory = _MEMORIES.setdefault(key, _Memory())
        _MEMORIES.move_to_end(key)
        while len(_MEMORIES) > REMEMBERED:
            _MEMORIES.popitem(last=False)
        return memory


def _write(folder: Path, shots: Sequence[Shot]) -> None:
    partial = folder / f".{uuid.uuid4().hex}"
    with disk_told("keep the pictures"):
        partial.write_text(
            json.dumps([{"file": s.file, "label": s.label, "recording": s.recording} for s in shots]), "utf-8"
        )
        partial.replace(folder / INDEX)
