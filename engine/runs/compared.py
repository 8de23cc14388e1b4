"""Several runs side by side: the settings that differ, stage by stage, and their figures with differences and spread.

All of it follows from what the runs were made to do and from their snapshots.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.knobs import Knob
from engine.recipe import knob_fields, rate_text
from engine.runs.snapshot import RunSnapshot
from engine.runs.store import RunSpec
from engine.task import Metric
from engine.tasks.registry import get_task

MOST_RUNS = 8  # beside each other
WHOLE_RUN = "The run"
ABSENT = "–"  # of a stage that a run has not
FRESH = "the backbone's own weights"
RANDOM = "random weights"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of all runs: where it belongs, its name, each run's value in words, and whether they differ."""

    where: str
    name: str
    values: tuple[str, ...]
    differs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a run has come to. `best` is the main metric at its best epoch, the losses are the last epoch's; None is "not yet".

    `minutes` are of training and validation: not of waiting, of preparing data, or of what was lost when it was resumed.
    """

    epochs: int
    best: float | None
    best_epoch: int | None
    train_loss: float | None
    valid_loss: float | None
    minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """A figure of several runs that differ in their seed alone: mean and standard deviation (of a sample, by n - 1) of `n`."""

    mean: float
    deviation: float
    n: int


def compare_settings(
    specs: Sequence[RunSpec], shown: Callable[[str, str], str] = lambda name, value: value
) -> list[Setting]:
    """All settings of the runs, those of each stage by its number.

    `shown(name, value)` is what stands for a name of a folder or a data set (settings "Data set", "Backbone" and "Starts from").
    What differs is told by what is underneath: values that would look alike are numbered.
    """
    rows = [
        _row(WHOLE_RUN, name, [value(spec) for spec in specs], lambda value, name=name: shown(name, value))
        for name, value in _of_the_run().items()
    ]
    stages = max((len(spec.recipe.stages) for spec in specs), default=0)
    knobs = {name: None for spec in specs for name in get_task(spec.task).aim(spec.recipe.objective).knobs}
    for number in range(stages):
        where = f"Stage {number + 1}"
        rows.append(_row(where, "Name", [_of_stage(spec, number, lambda stage: stage.name) for spec in specs]))
        for name, declared in knob_fields():
            if name in knobs:
                values = [_of_stage(spec, number, lambda stage, name=name: getattr(stage, name)) for spec in specs]
                rows.append(_row(where, titled(declared), values, lambda value, name=name: knob_text(name, value)))
    return rows


def differing(settings: Sequence[Setting]) -> list[Setting]:
    """Only what differs."""
    return [setting for setting in settings if setting.differs]


def titled(declared: Knob) -> str:
    """A knob's label, with its unit."""
    return f"{declared.label} ({declared.unit})" if declared.unit else declared.label


def knob_text(name: str, value: Any) -> str:
    """A knob's value as people write it: 1e-3, or 1e-5 to 1e-3 for a slice."""
    if value == ABSENT:
        return ABSENT
    if name == "train_from":
        return {0: "0: all layers", -1: "-1: the head alone"}.get(value, str(value))
    if name in ("max_lr", "weight_decay"):
        return " to ".join(
            rate_text(part) if part else "0" for part in (value if isinstance(value, tuple) else (value,))
        )
    if isinstance(value, tuple):
        return ", ".join(f"{part:g}" for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def figures_of(snapshot: RunSnapshot, metric: Metric) -> Figures:
    """What a run has come to by now."""
    rows, best = snapshot.epoch_rows, snapshot.best_row
    found = best.metrics.get(metric.name) if best else None
    return Figures(
        epochs=len(rows),
        best=found if found is not None and math.isfinite(found) else None,
        best_epoch=rows.index(best) + 1 if best else None,
        train_loss=rows[-1].train_loss if rows else None,
        valid_loss=rows[-1].valid_loss if rows else None,
        minutes=sum(row.seconds for row in rows) / 60,
    )


def same_but_for_seed(specs: Sequence[RunSpec]) -> list[tuple[int, ...]]:
    """The groups of two runs or more that do the same from different seeds, as places among `specs`."""
    groups: dict[Any, list[int]] = {}
    for place, spec in enumerate(specs):
        bare = replace(spec.recipe, name="", title="", note="", least_steps=0)
        key = (spec.task, spec.dataset, spec.init_from, spec.job, bare)
        groups.setdefault(key, []).append(place)
    return [tuple(group) for group in groups.values() if len({specs[place].seed for place in group}) > 1]


def spread_of(values: Sequence[float | None]) -> Spread | None:
    """Mean and deviation of those that are there; None for fewer than two."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if len(known) < 2:
        return None
    return Spread(mean=statistics.fmean(known), deviation=statistics.stdev(known), n=len(known))


def _of_the_run() -> dict[str, Callable[[RunSpec], str]]:
    return {
        "Task": lambda spec: get_task(spec.task).title,
        "Objective": lambda spec: _objective(spec),
        "Data set": lambda spec: spec.dataset,
        "Backbone": lambda spec: spec.recipe.backbone,
        "Starts from": lambda spec: spec.init_from or (FRESH if spec.recipe.pretrained else RANDOM),
        "New channels": lambda spec: spec.recipe.new_channels,
        "Seed": lambda spec: str(spec.seed),
        "Stages": lambda spec: str(len(spec.recipe.stages)),
    }


def _objective(spec: RunSpec) -> str:
    aim = get_task(spec.task).aim(spec.recipe.objective)
    return aim.title or aim.name


def _of_stage(spec: RunSpec, number: int, value: Callable[[Any], Any]) -> Any:
    return value(spec.recipe.stages[number]) if number < len(spec.recipe.stages) else ABSENT


def _row(where: str, name: str, values: Sequence[Any], shown: Callable[[Any], str] = str) -> Setting:
    kinds = list(dict.fromkeys(values))
    words = [shown(kind) for kind in kinds]
    if len(set(words)) < len(words):
        words = [f"{word} ({number})" for number, word in enumerate(words, 1)]
    told = dict(zip(kinds, words, strict=True))
    return Setting(where=where, name=name, values=tuple(told[value] for value in values), differs=len(kinds) > 1)
