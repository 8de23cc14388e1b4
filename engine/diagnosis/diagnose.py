"""All rules together: what was found, the most important first, and what cannot be told yet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.diagnosis.case import Case
from engine.diagnosis.figures import never_predicted, no_better_than_always, threshold_far_off
from engine.diagnosis.finding import (
    ALWAYS,
    NEVER_PREDICTED,
    OVERFITTING,
    PLATEAU,
    RATE_TOO_HIGH,
    RATE_TOO_LOW,
    THRESHOLD_OFF,
    UNDERFITTING,
    Finding,
    Unclear,
    Verdict,
)
from engine.diagnosis.fit import overfitting, plateau, underfitting
from engine.diagnosis.rates import rate_too_high, rate_too_low
from engine.diagnosis.stages import stage_made_it_worse
from engine.recipe import Recipe
from engine.runs.snapshot import RunSnapshot
from engine.task import Aim

# The most important first: what has to be put right before anything else says much.
RULES: tuple[Callable[[Case], Verdict], ...] = (
    rate_too_high,
    no_better_than_always,
    rate_too_low,
    stage_made_it_worse,
    overfitting,
    underfitting,
    plateau,
    never_predicted,
    threshold_far_off,
)
# What follows from what: it goes away with its cause, and is not said beside it.
_OF_A_RATE = (UNDERFITTING, PLATEAU, NEVER_PREDICTED, THRESHOLD_OFF)
FOLLOWS = {
    RATE_TOO_HIGH: _OF_A_RATE,
    RATE_TOO_LOW: (*_OF_A_RATE, ALWAYS),
    ALWAYS: (UNDERFITTING, PLATEAU, THRESHOLD_OFF),
    OVERFITTING: (PLATEAU,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What was found in a run, the most important first, and what cannot be told yet."""

    findings: tuple[Finding, ...] = ()
    unclear: tuple[Unclear, ...] = ()


def diagnose(snapshot: RunSnapshot, recipe: Recipe, aim: Aim, evaluation: Mapping[str, Any] | None = None) -> Diagnosis:
    """What the rules say of a run as it stands; `evaluation` is its best model's, checked by `engine.bundle.figures`."""
    known = len(recipe.stages)
    if len(snapshot.stage_steps) > known or any(row.stage >= known for row in snapshot.epoch_rows):
        return Diagnosis()  # the events are another recipe's, or damaged
    case = Case(snapshot=snapshot, recipe=recipe, aim=aim, evaluation=evaluation)
    verdicts = [rule(case) for rule in RULES]
    found = [verdict for verdict in verdicts if isinstance(verdict, Finding)]
    explained = {name for finding in found for name in FOLLOWS.get(finding.name, ())}
    unclear = tuple(verdict for verdict in verdicts if isinstance(verdict, Unclear))
    return Diagnosis(findings=tuple(finding for finding in found if finding.name not in explained), unclear=unclear)
