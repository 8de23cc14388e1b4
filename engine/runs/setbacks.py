"""Stages after which a run's model was no better, in words: among many figures it is easily overlooked."""

import itertools
from collections.abc import Iterable
from functools import reduce
from typing import Any, NamedTuple

from engine.recipe import Recipe
from engine.runs.snapshot import RunSnapshot
from engine.task import Aim


class Reached(NamedTuple):
    """An epoch's main figure."""

    stage: int
    stage_name: str
    epoch: int
    value: float


class Setback(NamedTuple):
    """A stage's best epoch, and the better one of an earlier stage."""

    own: Reached
    best: Reached

    def in_words(self, aim: Aim) -> str:
        """As a sentence."""
        own, best = self
        return (
            f"Stage {own.stage + 1} ({own.stage_name}) made the model worse: its best {aim.metric.name.replace('_', ' ')} is "
            f"{own.value:.4g}, and stage {best.stage + 1} ({best.stage_name}) had reached {best.value:.4g}. Of the stages "
            f"with inputs of this size, the model of stage {best.stage + 1}, epoch {best.epoch}, is the one that counts."
        )


def setbacks(epochs: Iterable[Reached], recipe: Recipe, aim: Aim) -> list[str]:
    """A sentence for each stage whose best epoch is worse than one of an earlier stage with inputs of the same size."""
    return [setback.in_words(aim) for setback in found_setbacks(epochs, recipe, aim)]


def found_setbacks(epochs: Iterable[Reached], recipe: Recipe, aim: Aim) -> list[Setback]:
    """The same as figures."""
    found: list[Setback] = []
    best: Reached | None = None
    size, metric = None, aim.metric
    for stage, group in itertools.groupby(epochs, key=lambda epoch: epoch.stage):
        own = reduce(lambda one, other: other if metric.is_better(other.value, one.value) else one, group)
        here = getattr(recipe.stages[stage], aim.size_knob) if stage < len(recipe.stages) else None
        if best is None or here != size or metric.is_better(own.value, best.value):
            best, size = own, here
        elif metric.is_better(best.value, own.value):
            found.append(Setback(own, best))
    return found


def setbacks_of(snapshot: RunSnapshot, recipe: Recipe, aim: Aim) -> list[str]:
    """The sentences for a run as it stands."""
    return [setback.in_words(aim) for setback in setbacks_in(snapshot, recipe, aim)]


def setbacks_in(snapshot: RunSnapshot, recipe: Recipe, aim: Aim) -> list[Setback]:
    """Those of a run as it stands: a stage that goes on may yet become better."""
    goes_on = snapshot.status in ("running", "queued", "new")
    rows = [row for row in snapshot.epoch_rows if not goes_on or row.stage < snapshot.stage]
    epochs = (reached(row.stage, row.stage_name, row.epoch, row.metrics, aim) for row in rows)
    return found_setbacks(epochs, recipe, aim)


def reached(stage: int, stage_name: str, epoch: int, metrics: dict[str, Any], aim: Aim) -> Reached:
    """An epoch's main figure, of all that were measured."""
    return Reached(stage, stage_name, epoch, metrics.get(aim.metric.name, float("nan")))
