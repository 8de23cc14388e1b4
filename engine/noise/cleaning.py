"""The cleaned data set: what was decided about suspected labels, as a data set of its own, with a list of what was changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.data.dataset import ALL, DataSet
from engine.data.own.edits import Edit, label_of, name_of, write_edited
from engine.errors import DataError
from engine.noise.decisions import CORRECT, DROP, KEEP, Decision

CHANGED = ".changed.json"  # in the data set's folder; with a dot: no reader takes it for data


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A sample whose label was another, or that is not there any more."""

    sample: str
    was: Any
    now: Any
    is_dropped: bool


def changes_of(data: DataSet, decisions: Mapping[str, Decision]) -> tuple[list[Change], int]:
    """What the decisions change, in the order of the samples, and how many say nothing of the data set as it is: of a sample that
    is gone, or that has another label than it had."""
    wanted = {name: one for name, one in decisions.items() if one.what != KEEP}
    found: list[Change] = []
    items = {name: item for item in data.items(ALL) if (name := name_of(data, item)) in wanted} if wanted else {}
    for name, item in items.items():
        decision, given = wanted[name], label_of(data, item)
        if same(given, decision.given) and not (decision.what == CORRECT and same(given, decision.label)):
            found.append(Change(sample=name, was=given, now=decision.label, is_dropped=decision.what == DROP))
    stale = sum(name not in items or not same(label_of(data, items[name]), one.given) for name, one in wanted.items())
    return found, stale


def write_cleaned(kind: str, data: DataSet, decisions: Mapping[str, Decision], target: Path) -> list[Change]:
    """Fill the new folder `target` with the cleaned data set; what was changed. `DataError` where nothing would be."""
    changes, _ = changes_of(data, decisions)
    if not changes:
        raise DataError("Nothing is to be changed yet: correct or drop a sample first.")
    edits = {one.sample: Edit(label=None if one.is_dropped else one.now, is_dropped=one.is_dropped) for one in changes}
    write_edited(kind, data, edits, target)
    lines = [{"sample": one.sample, "was": one.was, "now": one.now, "dropped": one.is_dropped} for one in changes]
    (target / CHANGED).write_text(json.dumps(lines, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return changes


def same(one: Any, other: Any) -> bool:
    """Whether two labels are the same, one of which may have been through JSON."""
    return json.dumps(one) == json.dumps(other)
