"""What a data set was found to be, before anything is trained: counted, said in words, and kept.

Every way in makes one: what was found and used, what was left out and why, classes with their numbers in each split, where the
split comes from, and what is doubtful. What cannot be read right is refused with a `DataError` instead.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from engine.data.reading.values import quoted

SPLITS = ("train", "valid", "test")
NAMED_CLASSES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was noticed while a data set's layout was read.

    layout: what lies where, in words.
    found: how many samples there are, with those that are left out.
    left_out: names of samples, by the reason why they are not used.
    warnings: what is doubtful, a sentence each.
    notes: what had to be understood, and was.
    parts: the same layout as parts of a data block, in code, by the block's questions; empty where nobody wrote that down.
    """

    layout: str
    found: int
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)


def part(name: str, *given: Any, **named: Any) -> str:
    """A part of a data block in code: the call of a function of `engine.kinds.block_parts`."""
    written = (
        *(source(value) for value in given),
        *(f"{key}={source(value)}" for key, value in named.items() if value != ""),
    )
    return f"{name}({', '.join(written)})"


def source(value: Any) -> str:
    """A value in code, texts in double quotes."""
    is_plain = isinstance(value, str) and value.isprintable()
    return json.dumps(value, ensure_ascii=False) if is_plain else repr(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A data set in numbers and sentences.

    kind: "mask", "tags", "point" or "text"; `plural` is what its samples are called.
    layout: what lies where, in words.
    found, used: numbers of samples.
    left_out: names of those that are not used, by the reason.
    classes: how many samples of each split a class has; of masks, how many pixels.
    shares: of masks, each class's share of a split's pixels.
    split: how many samples each split has, and `source`, where that comes from.
    warnings: what is doubtful. notes: what had to be understood.
    refused: why it cannot be used; None where it can.
    """

    kind: str = ""
    plural: str = "samples"
    layout: str = ""
    found: int = 0
    used: int = 0
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    classes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    split: Mapping[str, int] = field(default_factory=dict)
    source: str = ""
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    refused: str | None = None

    def sentences(self) -> tuple[str, ...]:
        """All but the warnings, in plain sentences."""
        if self.refused:
            return (self.refused,)
        numbers = [f"{self.split[name]:,} to {verb}" for name, verb in _VERBS.items() if self.split.get(name)]
        test = () if self.split.get("test") else ("No test split: all figures are validation figures.",)
        rest = (f"{self.split['unlabelled']:,} {self.plural} have no label.",) if self.split.get("unlabelled") else ()
        left = tuple(f"{len(names):,} left out: {reason} ({quoted(names)})." for reason, names in self.left_out.items())
        return (
            f"{self.layout[:1].upper()}{self.layout[1:]}: {self.found:,} {self.plural} found, {self.used:,} used.",
            f"{', '.join(numbers)} ({self.source}).",
            *test,
            *rest,
            *left,
            *((f"The model learns: {self.classes_in_words()}.",) if self.classes else ()),
            *self.notes,
        )

    def in_short(self) -> tuple[str, ...]:
        """The same and the warnings, without the names of samples: for whoever else reads it."""
        bare = replace(self, left_out=dict.fromkeys(self.left_out, ()))
        lost = [f"{len(names):,} {self.plural} left out: {reason}." for reason, names in self.left_out.items()]
        said = [sentence for sentence in bare.sentences() if not sentence.startswith("0 left out")]
        return (*said, *lost, *(_NAMED.sub("", warning) for warning in self.warnings))

    def classes_in_words(self) -> str:
        """The classes with their numbers, or shares, in training."""
        named = list(self.classes)[:NAMED_CLASSES]
        more = f", … ({len(self.classes)} in all)" if len(self.classes) > len(named) else ""
        return ", ".join(f"{name} ({self._amount(name)})" for name in named) + more

    def _amount(self, name: str) -> str:
        share = self.shares.get(name, {}).get("train")
        return f"{self.classes[name].get('train', 0):,}" if share is None else f"{share:.1%}"

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        found = asdict(self)
        found["split"] = {**found["split"], "source": found.pop("source")}
        return found

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> "Account":
        """What `as_dict` made."""
        split = dict(found["split"])
        left_out = {why: tuple(names) for why, names in found["left_out"].items()}
        kept: dict[str, Any] = {**found, "source": split.pop("source", ""), "split": split, "left_out": left_out}
        return cls(**{**kept, "warnings": tuple(found["warnings"]), "notes": tuple(found["notes"])})


_NAMED = re.compile(r" \(“[^()]*\)")  # examples in a warning
_VERBS = {"train": "train", "valid": "validate", "test": "test"}


def split_warnings(split: Mapping[str, int]) -> list[str]:
    """What cannot be done with a data set that lacks a side of the split."""
    if not split.get("train"):
        return ["There is nothing to train on: a model can be judged on this, and learns nothing from it."]
    if not split.get("valid"):
        return [
            "There is nothing to validate on, so that no model can be trained on this; one can be judged on all of it."
        ]
    return []


def class_warnings(classes: Mapping[str, Mapping[str, int]], split: Mapping[str, int], unit: str) -> list[str]:
    """Classes that training never sees, and those that it alone sees; `unit` is what is counted, such as "picture"."""
    never = [name for name, numbers in classes.items() if not numbers.get("train")]
    unjudged = [name for name, numbers in classes.items() if numbers.get("train") and not numbers.get("valid")]
    warnings = []
    if never and split.get("train"):
        warnings.append(f"No training {unit} has {quoted(never)}: the model cannot learn what it never sees.")
    if unjudged and split.get("valid"):
        warnings.append(f"No validation {unit} has {quoted(unjudged)}: whether the model knows it is not measured.")
    return warnings
