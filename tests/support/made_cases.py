"""Runs with curves that were made up, for the rules of `engine.diagnosis`: real events, folded as a real run's are."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.diagnosis.case import Case
from engine.events import (
    CheckpointSaved,
    EpochFinished,
    Event,
    LossDiverged,
    RunFinished,
    RunStarted,
    StageStarted,
    StepFinished,
)
from engine.recipe import Recipe, Stage
from engine.runs.fold import fold
from engine.runs.snapshot import EMPTY
from engine.task import Metric
from engine.tasks.registry import get_task

STEPS = 20  # an epoch


@dataclass(frozen=True, kw_only=True)
class Made:
    """A stage: its training loss by the share of it that is done, and at each epoch's end the validation loss and main figure."""

    stage: Stage
    loss: Callable[[float], float]
    valid: Sequence[float]
    figure: Sequence[float] = ()


def made_case(
    *stages: Made,
    task: str = "weather",
    valid_items: int = 200,
    evaluation: Mapping[str, Any] | None = None,
    is_over: bool = True,
    diverged: bool = False,
) -> Case:
    """A run of these stages; one that goes on has had all the epochs that there are figures of."""
    aim = get_task(task).aim()
    recipe = Recipe(name="made", stages=tuple(made.stage for made in stages), backbone="none")
    events = made_events(*stages, metric=aim.metric, valid_items=valid_items)
    if diverged:
        events.append(LossDiverged(stage=len(stages) - 1, step=7, lr=1.0, message="The loss is not finite."))
    if is_over:
        events.append(RunFinished(seconds=1.0))
    return Case(snapshot=fold(EMPTY, events), recipe=recipe, aim=aim, evaluation=evaluation)


def made_events(*stages: Made, metric: Metric, valid_items: int = 200) -> list[Event]:
    """What such a run says before it ends."""
    events: list[Event] = [RunStarted(device="cpu", device_name="", processes=1, backbone="none", parameters=1)]
    best: float | None = None
    for number, made in enumerate(stages):
        total = made.stage.epochs * STEPS
        events.append(
            StageStarted(
                stage=number,
                stages=len(stages),
                name=made.stage.name,
                epochs=made.stage.epochs,
                steps_per_epoch=STEPS,
                batch_size=made.stage.batch_size,
                train_items=640,
                valid_items=valid_items,
                trainable_parameters=1,
            )
        )
        for epoch, valid in enumerate(made.valid, start=1):
            losses: list[float] = []
            for step in range((epoch - 1) * STEPS + 1, epoch * STEPS + 1):
                losses.append(made.loss(step / total) * (1 + 0.02 * math.sin(7.0 * step)))
                rate = one_cycle(step / total) * made.stage.lr_slice[1]
                events.append(
                    StepFinished(
                        stage=number, epoch=epoch, step=step, loss=losses[-1], lr=(rate,), momentum=0.9, seconds=0.1
                    )
                )
            figure = made.figure[epoch - 1] if made.figure else 0.8
            events.append(
                EpochFinished(
                    stage=number,
                    epoch=epoch,
                    step=epoch * STEPS,
                    train_loss=sum(losses) / STEPS,
                    valid_loss=valid,
                    metrics={metric.name: figure},
                    train_seconds=1.0,
                    valid_seconds=0.1,
                )
            )
            is_best = best is None or metric.is_better(figure, best)
            best = figure if is_best or best is None else best
            events.append(CheckpointSaved(stage=number, step=epoch * STEPS, folder="c", best=is_best))
    return events


def one_cycle(share: float) -> float:
    """The rate as a share of its top: up for three tenths, then down."""
    return share / 0.3 if share < 0.3 else (1 + math.cos(math.pi * (share - 0.3) / 0.7)) / 2


def falling(start: float, end: float) -> Callable[[float], float]:
    """A loss that falls fast at first and levels off."""
    return lambda share: end + (start - end) * math.exp(-6 * share)


def straight(start: float, end: float) -> Callable[[float], float]:
    """A loss that falls in a straight line."""
    return lambda share: start + (end - start) * share
