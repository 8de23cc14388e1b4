"""The training loop: one stage, from top to bottom, as a generator of events."""

import dataclasses
import math
import time
from collections.abc import Callable, Generator, Iterator

import torch
from torch import nn
from torch.optim import Optimizer

from engine.data.dataset import DataSet
from engine.data.seeding import derive_seed
from engine.errors import TrainingError
from engine.events import EpochFinished, Event, LossDiverged, StartJudged, StepFinished, Warned
from engine.recipe import Stage, rate_text
from engine.task import Objective
from engine.training.carried import forget
from engine.training.evaluate import evaluate_batches
from engine.training.keeper import Keeper
from engine.training.layer_groups import ADAM_BETA2, spread_rates
from engine.training.memory import give_back_when_short
from engine.training.ready import Place, Ready
from engine.training.schedule import lr_at, momentum_at
from engine.training.setup import never, prepare_stage

STEPS_BETWEEN_LOOKS = 20  # at how much memory is held
FEW_SKIPPED, MANY_SKIPPED = 5, 0.05  # steps of an epoch, and their share, that fp16 may leave out without a word


def fit(
    objective: Objective,
    stage: Stage,
    *,
    model: nn.Module,
    data: DataSet,
    seed: int = 42,
    place: Place | None = None,
    keeper: Keeper | None = None,
    should_stop: Callable[[], bool] = never,
    workers: int | None = None,
) -> Generator[Event, None, bool]:
    """Train `model` for one stage. The generator returns True when the stage is done, False when it was asked to stop.

    `place` says which of a recipe's stages it is, and the checkpoint to go on from; `keeper` where checkpoints go: nowhere
    without one. Raises `TrainingError` after `LossDiverged` when the loss is not finite, `RecipeError` for a stage that is
    not possible.
    """
    place, keeper = place or Place(), keeper or Keeper()
    ready = yield from prepare_stage(
        objective,
        stage,
        model=model,
        data=data,
        seed=derive_seed(seed, place.stage),
        place=place,
        should_stop=should_stop,
        workers=workers,
    )
    if ready is None:
        return False
    keeper.begin(ready)
    yield ready.started()
    try:
        if ready.place.judges_start and not ready.progress.step:
            yield judge_start(ready)
        for epoch in ready.epochs_left:
            if not (yield from train_epoch(ready, epoch, keeper, should_stop)):
                return False
            yield from judge_epoch(ready, epoch, keeper)
    finally:
        ready.release()
    yield ready.finished()
    return True


def judge_start(ready: Ready) -> StartJudged:
    """Validate before the first step: what a model from elsewhere, or one at another input size, can do already."""
    began = time.perf_counter()
    evaluation = evaluate_batches(ready.objective, ready.judged, ready.loaders.valid, ready.data, ready.accelerator)
    return StartJudged(
        stage=ready.place.stage,
        valid_loss=evaluation.loss,
        metrics=evaluation.metrics,
        seconds=time.perf_counter() - began,
    )


def train_epoch(
    ready: Ready, epoch: int, keeper: Keeper, should_stop: Callable[[], bool]
) -> Generator[Event, None, bool]:
    """One pass over the training samples, or the rest of one that was broken off; False when it was asked to stop."""
    batches = ready.loaders.train_batches
    batches.epoch, batches.first_step = epoch, ready.progress.step % ready.steps_per_epoch
    if not batches.first_step:
        forget(ready.model)
    ready.train_mode()
    ready.skipped = 0
    ready.epoch_began = step_began = time.perf_counter()
    for inputs, target in ready.loaders.train:
        if should_stop():
            yield from keeper.keep_before_stopping(ready)
            return False

        # 1 The step's rates, and a seed of its own: a resumed run then needs no random state.
        rates, momentum = rates_at(ready)
        set_rates(ready.optimizer, rates, momentum)
        torch.manual_seed(derive_seed(ready.seed, "step", ready.progress.step, ready.accelerator.process_index))

        # 2 Forward, backward, step.
        loss_sum, count = ready.step(inputs, target)
        step = ready.progress.step + 1
        if not math.isfinite(loss_sum):
            yield from diverge(ready, step, rates[-1])

        if ready.mean:
            ready.mean.update(step)

        # 3 Count it, say it, and keep it where the last checkpoint is old.
        ready.progress = dataclasses.replace(
            ready.progress,
            step=step,
            loss_sum=ready.progress.loss_sum + loss_sum,
            loss_count=ready.progress.loss_count + count,
        )
        yield StepFinished(
            stage=ready.place.stage,
            epoch=epoch,
            step=step,
            loss=loss_sum / max(count, 1),
            lr=rates,
            momentum=momentum,
            seconds=time.perf_counter() - step_began,
        )
        step_began = time.perf_counter()
        for event in keeper.keep_if_due(ready):
            yield event
            step_began = time.perf_counter()  # the next step is not blamed for it
        if step % STEPS_BETWEEN_LOOKS == 0:
            give_back_when_short()
    yield from say_skipped(ready, epoch)
    return True


def say_skipped(ready: Ready, epoch: int) -> Iterator[Warned]:
    """fp16's gradients are scaled up as far as they go, and a step that went too far is left out: a few are usual, many not."""
    if ready.skipped > max(FEW_SKIPPED, MANY_SKIPPED * ready.steps_per_epoch):
        yield Warned(
            message=f"In epoch {epoch} of {ready.stage.name!r}, {ready.skipped} of {ready.steps_per_epoch} steps were left "
            "out: their gradients were too large for fp16. Try a lower learning rate, or fp32."
        )


def judge_epoch(ready: Ready, epoch: int, keeper: Keeper) -> Iterator[Event]:
    """Validate after an epoch, and keep a checkpoint with its figures."""
    progress, trained = ready.progress, time.perf_counter()
    with ready.judging():
        evaluation = evaluate_batches(ready.objective, ready.judged, ready.loaders.valid, ready.data, ready.accelerator)
    train_loss = progress.loss_sum / max(progress.loss_count, 1)
    if not math.isfinite(evaluation.loss):
        yield from diverge(ready, progress.step, ready.stage.lr_slice[1])
    best = keeper.is_best(evaluation, ready)
    ready.progress = dataclasses.replace(progress, loss_sum=0.0, loss_count=0.0)
    yield EpochFinished(
        stage=ready.place.stage,
        epoch=epoch,
        step=progress.step,
        train_loss=train_loss,
        valid_loss=evaluation.loss,
        metrics=evaluation.metrics,
        train_seconds=trained - ready.epoch_began,
        valid_seconds=time.perf_counter() - trained,
    )
    yield from keeper.keep_epoch(ready, evaluation, best=best)


def rates_at(ready: Ready) -> tuple[tuple[float, ...], float]:
    """The one-cycle's learning rates, one a layer group, and momentum for the step that comes."""
    stage, step, steps = ready.stage, ready.progress.step, ready.steps
    highest = spread_rates(stage.lr_slice, len(ready.groups))
    rates = tuple(lr_at(step, steps, max_lr=rate, pct_start=stage.pct_start) for rate in highest)
    return rates, momentum_at(step, steps, momentum=stage.momentum, pct_start=stage.pct_start)


def set_rates(optimizer: Optimizer, rates: tuple[float, ...], momentum: float) -> None:
    """Put learning rates, one a layer group, and momentum into the optimiser."""
    for group in optimizer.param_groups:
        group["lr"] = rates[group["layer_group"]]
        group["betas"] = (momentum, ADAM_BETA2)


def diverge(ready: Ready, step: int, lr: float) -> Iterator[LossDiverged]:
    """End a stage whose loss is not finite: say so once, with what to try, and raise `TrainingError`."""
    message = (
        f"The loss stopped being a number at step {step} of {ready.stage.name!r}, at a learning rate of {rate_text(lr)}. "
        f"Try a maximum of {rate_text(ready.stage.lr_slice[1] / 10)}, or look at the LR finder's curve again. "
        "The last checkpoint before it is kept."
    )
    yield LossDiverged(stage=ready.place.stage, step=step, lr=lr, message=message)
    raise TrainingError(message)
