"""A whole recipe: stage after stage on one model, from the start or from the latest checkpoint."""

import dataclasses
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

from torch import nn

from engine.bundle_files import latest_checkpoint
from engine.events import CacheProgressed, Event, RunResumed
from engine.recipe import Recipe, Stage
from engine.task import ModelPlan, Objective, plan_model
from engine.training.checkpoint import (
    Progress,
    load_checkpoint_model,
    read_progress,
)
from engine.training.loop import Keeping, fit, never
from engine.training.memory import halve_until_it_fits


def planned(
    objective: Objective, recipe: Recipe, data: Any, start: Path | None = None
) -> Generator[Event, None, ModelPlan]:
    """The plan of the model that `recipe` trains on `data`, with the files it is built from: those of the bundle that it
    starts from, else made from the data."""
    if start is None:
        making = objective.make_files(recipe.backbone, data)
        while True:
            try:
                done, total = next(making)
            except StopIteration as end:
                return plan_model(recipe, data, end.value)
            yield CacheProgressed(done=done, total=total)
    return plan_model(recipe, data, start)


def plan_now(objective: Objective, recipe: Recipe, data: Any, start: Path | None = None) -> ModelPlan:
    """The same for who need not hear how far it is."""
    planning = planned(objective, recipe, data, start)
    while True:
        try:
            next(planning)
        except StopIteration as end:
            return end.value


def train_recipe(
    objective: Objective,
    recipe: Recipe,
    *,
    model: nn.Module,
    data: Any,
    folder: Path | None = None,
    config: dict[str, Any] | None = None,
    seed: int = 42,
    should_stop: Callable[[], bool] = never,
    workers: int | None = None,
) -> Iterator[Event]:
    """Train every stage of `recipe`. The generator returns True when all is done, False when it was asked to stop.

    With a `folder` (a run's `checkpoints/`), checkpoints are written there, each with `config` for whoever loads the model;
    when it holds some already, training goes on from the latest.
    """
    keeping = Keeping(folder=folder, config=config or {}) if folder else None
    checkpoint = latest_checkpoint(folder) if folder else None
    start = read_progress(checkpoint) if checkpoint else None
    if checkpoint and start:
        load_checkpoint_model(checkpoint, model)
        yield RunResumed(stage=start.stage, step=start.step)

    for index, stage in enumerate(recipe.stages):
        if start and index < start.stage:
            continue
        at = start if start and index == start.stage else None
        if at:
            stage = dataclasses.replace(stage, batch_size=at.batch_size)

        def train(stage: Stage, index: int = index, at: Progress | None = at) -> Iterator[Event]:
            return fit(
                objective,
                stage,
                model=model,
                data=data,
                seed=seed,
                stage_index=index,
                stages=len(recipe.stages),
                keeping=keeping,
                start=at if at and at.batch_size == stage.batch_size else None,
                checkpoint=checkpoint,
                should_stop=should_stop,
                workers=workers,
            )

        if not (yield from halve_until_it_fits(train, stage, model=model, stage_index=index)):
            return False
    return True
