"""A whole recipe: stage after stage on one model, from the start or from the latest checkpoint."""

import dataclasses
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from engine.bundle.files import BEST_FILE, pointed_checkpoint
from engine.data.dataset import DataSet
from engine.events import Event, PrecisionChosen, RunResumed, Warned
from engine.recipe import Recipe, Stage
from engine.task import Objective
from engine.training.checkpoint import (
    Progress,
    check_same_training,
    damage_of,
    load_checkpoint_model,
    read_progress,
    sound_checkpoint,
)
from engine.training.events_kept import Kept
from engine.training.keeper import Keeper
from engine.training.loop import fit
from engine.training.memory import halve_until_it_fits
from engine.training.ready import Place
from engine.training.setup import never


def train_recipe(
    objective: Objective,
    recipe: Recipe,
    *,
    model: nn.Module,
    data: DataSet,
    folder: Path | None = None,
    config: Mapping[str, Any] | None = None,
    seed: int = 42,
    should_stop: Callable[[], bool] = never,
    workers: int | None = None,
    is_trained: bool = False,
) -> Generator[Event, None, bool]:
    """Train every stage of `recipe`. The generator returns True when all is done, False when it was asked to stop.

    A model that `is_trained` already is judged before the first step, and so is any at a stage with inputs of another size.
    With a `folder` (a run's `checkpoints/`), checkpoints are written there, each with `config` for whoever loads the model;
    when it holds some already, training goes on from the latest that is whole. Raises `RunError` where those are of another
    training.
    """
    checkpoint, start = (yield from resume(folder, model, config or {})) if folder else (None, None)
    keeper = Keeper(folder, config, start=start)
    is_chosen = start is not None and recipe.stages[start.stage].precision == "auto"
    chosen = start.precision if start and is_chosen else ""  # one a run: what `auto` settled on
    for index, stage in enumerate(recipe.stages):
        if start and index < start.stage:
            continue
        at = start if start and index == start.stage else None
        if at:
            stage = dataclasses.replace(stage, batch_size=at.batch_size)

        def train(
            stage: Stage, index: int = index, at: Progress | None = at, chosen: str = chosen
        ) -> Generator[Event, None, bool]:
            if at and at.batch_size != stage.batch_size:
                at = None  # halved: from the stage's first step
            return fit(
                objective,
                stage,
                model=model,
                data=data,
                seed=seed,
                place=dataclasses.replace(
                    place_in(recipe, index, is_trained=is_trained),
                    precision=chosen,
                    start=at,
                    checkpoint=checkpoint if at else None,
                ),
                keeper=keeper,
                should_stop=should_stop,
                workers=workers,
            )

        for event in (trained := Kept(halve_until_it_fits(train, stage, model=model, stage_index=index))):
            if isinstance(event, PrecisionChosen) and stage.precision == "auto":
                chosen = event.precision
            yield event
        if not trained.result:
            return False
    return True


def place_in(recipe: Recipe, index: int, *, is_trained: bool) -> Place:
    """A stage's place in a recipe that is trained from its first step on."""
    return Place(
        stage=index,
        stages=len(recipe.stages),
        shares=trained_shares(recipe.stages[index:]),
        judges_start=is_trained if index == 0 else is_resized(recipe, index),
    )


def is_resized(recipe: Recipe, index: int) -> bool:
    """Whether a stage's inputs are of another size than those of the stage before it."""
    before, stage = recipe.stages[index - 1], recipe.stages[index]
    return (before.image_size, before.text_length) != (stage.image_size, stage.text_length)


def trained_shares(stages: Sequence[Stage]) -> dict[int, float]:
    """How much of the stages whose precision is left open is trained from which layer group on; the parts add up to 1.

    An epoch takes about as long as its pictures have pixels.
    """
    shares: dict[int, float] = {}
    for stage in stages:
        if stage.precision == "auto":
            shares[stage.train_from] = shares.get(stage.train_from, 0.0) + stage.epochs * stage.image_size**2
    total = sum(shares.values())
    return {train_from: share / total for train_from, share in shares.items()}


def resume(
    folder: Path, model: nn.Module, config: Mapping[str, Any]
) -> Generator[Event, None, tuple[Path | None, Progress | None]]:
    """Puts the newest whole checkpoint's weights into `model`; returns it and where it stood, or None twice."""
    checkpoint, damages = sound_checkpoint(folder)
    if damages:
        then = f"Training goes on from {checkpoint.name}." if checkpoint else "No other is left: training begins anew."
        yield Warned(message=" ".join((*damages, then)))
    if checkpoint is None:
        return None, None
    check_same_training(checkpoint, config)
    load_checkpoint_model(checkpoint, model)
    progress, best = read_progress(checkpoint), pointed_checkpoint(folder, BEST_FILE)
    if best and damage_of(best):  # the next epoch is the best, as far as anybody can tell
        (folder / BEST_FILE).unlink()
        progress = dataclasses.replace(progress, best=None)
    elif best:  # it may have come after the checkpoint that there is an optimiser with
        known = read_progress(best)
        progress = dataclasses.replace(progress, best=known.best, best_size=known.best_size)
    yield RunResumed(stage=progress.stage, step=progress.step)
    return checkpoint, progress
