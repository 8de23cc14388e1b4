"""What is suspected of a data set's labels, as values, and the small file that keeps it for a second look."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from engine.data.dataset import ALL, DataSet, Item
from engine.data.texts.dataset import TextData
from engine.host.home import cache_folder, disk_told

FORMAT = 1
FOLDER = "suspects"  # in the folder of caches
KINDS = ("tags", "label", "text", "point", "number")  # whose labels can be suspected
ORDERS = {"suspicion": "Suspicion", "loss": "Highest loss"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A sample whose label may be wrong.

    place: where it is in `data.items("all")`; name: as `engine.data.own.edits.name_of` has it.
    given, proposed: labels as an `Edit` has them.
    score: how likely the label is wrong, by the measure of its kind; the higher, the likelier.
    loss: of the given label under the model that had not seen the sample.
    is_confident: whether the model says so with the confidence that it has for labels of that sort; the others are in the list
        for their loss, or as the next in line.
    why: in a sentence, for people.
    """

    place: int
    name: str
    given: Any
    proposed: Any
    score: float
    loss: float
    is_confident: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """What was found in a data set: the suspects, the likeliest first.

    judged: how many samples have a prediction of a model that had not seen them; total: how many have a label.
    folds: into how many parts they were split for that, and `groups` what was kept together, such as "person"; "" for nothing.
    notes: what has to be said beside it.
    """

    kind: str
    suspects: tuple[Suspect, ...]
    judged: int
    total: int
    folds: int
    groups: str
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def confident(self) -> int:
        """How many labels are likely to be wrong, by the model's own measure."""
        return sum(one.is_confident for one in self.suspects)

    def ordered(self, order: str) -> tuple[Suspect, ...]:
        """The suspects in one of `ORDERS`."""
        return tuple(sorted(self.suspects, key=lambda one: -one.loss)) if order == "loss" else self.suspects

    def said(self) -> str:
        """What was done, in a sentence or two."""
        kept = f" that keep each {self.groups}'s samples together" if self.groups else ""
        return (
            f"{self.judged:,} of {self.total:,} labelled samples were judged by models that had not seen them ({self.folds} "
            f"parts{kept}). {self.confident:,} labels look wrong. A suspicion is no proof: look at each."
        )


def fingerprint(data: DataSet) -> str:
    """Changes whenever a sample, a label or the split does."""
    digest = hashlib.blake2b(repr((FORMAT, data.classes)).encode(), digest_size=12)
    items = data.items(ALL)
    if isinstance(data, TextData):
        digest.update(repr((data.fingerprint, items)).encode())
    else:
        for item in items:
            state = item.stat()
            digest.update(repr((str(item), state.st_size, state.st_mtime_ns, data.label(item))).encode())
    return digest.hexdigest()


def item_of(data: DataSet, suspect: Suspect) -> Item:
    """The sample that is suspected."""
    return data.items(ALL)[suspect.place]


def read_suspicion(mark: str) -> Suspicion | None:
    """What was found in the data set of a fingerprint; None where nobody has looked, or where the file is damaged."""
    try:
        found: Mapping[str, Any] = json.loads(_file(mark).read_text("utf-8"))
        suspects = tuple(Suspect(**_plain(one)) for one in found["suspects"])
        return Suspicion(**{**found, "suspects": suspects, "notes": tuple(found["notes"])})
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return None


def keep_suspicion(mark: str, found: Suspicion) -> None:
    """Write it for a second look; whole or not at all."""
    file = _file(mark)
    partial = file.with_suffix(f".{time.time_ns()}")
    with disk_told("keep what was found"):
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(asdict(found), ensure_ascii=False), "utf-8")
        partial.replace(file)


def forget_suspicion(mark: str) -> None:
    """Look anew the next time."""
    with suppress(FileNotFoundError):
        _file(mark).unlink()


def most_suspect(suspects: Sequence[Suspect], *, most: int) -> tuple[Suspect, ...]:
    """Those who head the queue by suspicion, and those with the highest loss, `most` of each; by suspicion.

    Confident ones come first; so each is at the same place however many are asked for.
    """
    ordered = sorted(suspects, key=lambda one: (not one.is_confident, -one.score))
    kept = {one.place for one in (*ordered[:most], *sorted(suspects, key=lambda one: -one.loss)[:most])}
    return tuple(
        replace(one, score=round(one.score, 5), loss=round(one.loss, 5)) for one in ordered if one.place in kept
    )


def _plain(one: Mapping[str, Any]) -> dict[str, Any]:
    """A point is a pair again."""
    pairs = {key: tuple(one[key]) for key in ("given", "proposed") if _is_pair(one[key])}
    return {**one, **pairs}


def _is_pair(label: Any) -> bool:
    return isinstance(label, list) and len(label) == 2 and all(isinstance(number, float) for number in label)


def _file(mark: str) -> Path:
    return cache_folder() / FOLDER / f"{mark}.json"
