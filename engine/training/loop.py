"""The training loop: one stage, from top to bottom, as a generator of events."""

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import PartialState
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from engine.data.seeding import derive_seed
from engine.errors import RecipeError, TrainingError
from engine.events import (
    CacheProgressed,
    CheckpointSaved,
    EpochFinished,
    Event,
    LossDiverged,
    PrecisionChosen,
    StageFinished,
    StageStarted,
    StepFinished,
)
from engine.recipe import Stage, rate_text
from engine.task import Objective
from engine.training.carried import forget
from engine.training.checkpoint import Progress, load_checkpoint_optimizer, save_checkpoint
from engine.training.distributed import synchronise_batch_norm
from engine.training.dropout import scale_dropout
from engine.training.evaluate import Evaluation, evaluate_batches
from engine.training.layer_groups import (
    ADAM_BETA2,
    ADAM_EPS,
    freeze,
    layer_groups,
    parameter_groups,
    set_train_mode,
    spread_rates,
)
from engine.training.memory import give_back_when_short
from engine.training.precision import (
    build_accelerator,
    check_precision,
    fastest_precision,
    in_precision,
    summed,
    this_device,
)
from engine.training.schedule import lr_at, momentum_at

CHECKPOINT_SECONDS = 120.0
STEPS_BETWEEN_LOOKS = 20  # at how much memory is held


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Where a run's checkpoints go, and what stands in each one's config."""

    folder: Path
    config: dict[str, Any]


def never() -> bool:
    """Nobody asks to stop."""
    return False


def check_batch_size(stage: Stage, model: nn.Module, data: Any) -> None:
    """`RecipeError` for a batch that leaves a process without a sample, or a BatchNorm over whole samples with one alone."""
    processes = PartialState().num_processes
    if stage.batch_size < processes:
        raise RecipeError(f"Batch size is {stage.batch_size}: {processes} processes need one sample each.")
    is_alone = min(stage.batch_size, len(data.train)) == 1
    if is_alone and any(isinstance(module, nn.BatchNorm1d) for module in model.modules()):
        raise RecipeError(
            "The batches have one sample each, and this model's head has a BatchNorm, which needs two to learn from. Take a "
            "batch size of 2 or more, and as many samples."
        )


def fit(
    objective: Objective,
    stage: Stage,
    *,
    model: nn.Module,
    data: Any,
    seed: int = 42,
    stage_index: int = 0,
    stages: int = 1,
    keeping: Keeping | None = None,
    start: Progress | None = None,
    checkpoint: Path | None = None,
    should_stop: Callable[[], bool] = never,
    workers: int | None = None,
) -> Iterator[Event]:
    """Train `model` for one stage. The generator returns True when the stage is done, False when it was asked to stop.

    `start` and `checkpoint` go on from where a checkpoint of this stage stood (its weights must be loaded already).
    Raises `TrainingError` after `LossDiverged` when the loss is not finite, `RecipeError` for a stage that cannot be.
    """
    started = time.perf_counter()
    data = some_of(data, stage.train_items)
    groups = layer_groups(model)
    freeze(groups, stage.train_from)
    scale_dropout(model, stage.drop_mult)
    check_precision(stage.precision)
    check_batch_size(stage, model, data)
    shares = PartialState()
    for event in prepare_caches(objective, stage, model, data):
        yield event
        # Several processes are only asked together, and only one of them writes the cache.
        if shares.num_processes == 1 and should_stop():
            return False

    stage_seed = derive_seed(seed, stage_index)
    loaders = objective.feed.build_loaders(
        data,
        stage,
        model,
        seed=stage_seed,
        process=shares.process_index,
        processes=shares.num_processes,
        workers=workers,
        pin_memory=this_device().type == "cuda",
    )
    precision, timed = start.precision if start else stage.precision, {}
    if precision == "auto":
        set_train_mode(model, groups, stage.train_from)
        images, target = next(iter(loaders.valid))
        precision, timed = fastest_precision(objective.loss, model, images, target)
    yield PrecisionChosen(stage=stage_index, precision=precision, seconds_per_step=timed)

    accelerator = build_accelerator(precision)
    groups = layer_groups(synchronise_batch_norm(model))
    optimizer = build_optimizer(model.to(accelerator.device), stage)
    if start and checkpoint:
        load_checkpoint_optimizer(checkpoint, model, optimizer)
    prepared, optimizer = accelerator.prepare(model, optimizer)
    if start and accelerator.scaler and start.scaler:
        accelerator.scaler.load_state_dict(start.scaler)

    steps_per_epoch = len(loaders.train_batches)
    steps = steps_per_epoch * stage.epochs
    rates = spread_rates(stage.lr_slice, len(groups))
    progress = start or Progress(stage=stage_index, step=0, batch_size=stage.batch_size, precision=precision)
    saved_step = start.step if start else -1
    yield StageStarted(
        stage=stage_index,
        stages=stages,
        name=stage.name,
        epochs=stage.epochs,
        steps_per_epoch=steps_per_epoch,
        input_size=objective.feed.size(data, stage),
        batch_size=stage.batch_size,
        train_items=len(data.train),
        valid_items=len(data.valid),
        trainable_parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
    )

    def save(evaluation: Evaluation | None = None, *, best: bool = False) -> Iterator[CheckpointSaved]:
        if keeping is None:
            return
        name = ""
        if accelerator.is_main_process:
            scaler = accelerator.scaler.state_dict() if accelerator.scaler else {}
            config = keeping.config | {"stage": dataclasses.asdict(stage)}
            if evaluation:
                config["metrics"] = evaluation.metrics | {"valid_loss": evaluation.loss}
                config["decision"] = evaluation.details.get("decision", {})
            name = save_checkpoint(
                keeping.folder,
                model=model,
                optimizer=optimizer.optimizer,
                progress=dataclasses.replace(progress, scaler=scaler),
                config=config,
                evaluation=evaluation.as_dict() if evaluation else None,
                best=best,
            )
        yield CheckpointSaved(stage=stage_index, step=progress.step, folder=name, best=best)

    try:
        saved_at = time.perf_counter()
        for epoch in range(progress.step // steps_per_epoch + 1, stage.epochs + 1):
            loaders.train_batches.epoch = epoch
            loaders.train_batches.first_step = progress.step % steps_per_epoch
            if not loaders.train_batches.first_step:
                forget(model)
            set_train_mode(model, groups, stage.train_from)
            epoch_started = step_started = time.perf_counter()
            for images, target in loaders.train:
                if should_stop():
                    if progress.step != saved_step:  # else it would replace one that has its epoch's figures
                        yield from save()
                    return False
                rate, momentum = set_rates(optimizer, stage, rates, progress.step, steps)
                torch.manual_seed(derive_seed(stage_seed, "step", progress.step, shares.process_index))
                loss_sum, count = train_step(
                    objective, prepared, images, target, optimizer=optimizer, accelerator=accelerator, stage=stage
                )
                step = progress.step + 1
                if step % STEPS_BETWEEN_LOOKS == 0:
                    give_back_when_short()
                if not math.isfinite(loss_sum):
                    yield from diverge(stage, stage_index, step, rate[-1])
                progress = dataclasses.replace(
                    progress, step=step, loss_sum=progress.loss_sum + loss_sum, loss_count=progress.loss_count + count
                )
                now = time.perf_counter()
                yield StepFinished(
                    stage=stage_index,
                    epoch=epoch,
                    step=step,
                    loss=loss_sum / max(count, 1),
                    lr=rate,
                    momentum=momentum,
                    seconds=now - step_started,
                )
                step_started = time.perf_counter()
                if step % steps_per_epoch and step_started - saved_at > CHECKPOINT_SECONDS:
                    yield from save()
                    saved_step = step
                    saved_at = step_started = time.perf_counter()

            trained = time.perf_counter()
            evaluation = evaluate_batches(objective, model, loaders.valid, data, accelerator)
            train_loss = progress.loss_sum / max(progress.loss_count, 1)
            if not math.isfinite(evaluation.loss):
                yield from diverge(stage, stage_index, progress.step, rates[-1])
            value = evaluation.metrics[objective.main_metric]
            best = progress.best is None or objective.is_better(value, progress.best)
            progress = dataclasses.replace(
                progress, loss_sum=0.0, loss_count=0.0, best=value if best else progress.best
            )
            yield EpochFinished(
                stage=stage_index,
                epoch=epoch,
                step=progress.step,
                train_loss=train_loss,
                valid_loss=evaluation.loss,
                metrics=evaluation.metrics,
                train_seconds=trained - epoch_started,
                valid_seconds=time.perf_counter() - trained,
            )
            yield from save(evaluation, best=best)
            saved_step, saved_at = progress.step, time.perf_counter()
    finally:
        accelerator.unwrap_model(prepared, keep_fp32_wrapper=False)  # the caller's model gets its plain forward back
    peak = torch.cuda.max_memory_allocated() if accelerator.device.type == "cuda" else 0
    yield StageFinished(stage=stage_index, seconds=time.perf_counter() - started, peak_memory=peak)
    return True


def some_of(data: Any, count: int) -> Any:
    """A data set with `count` of its training samples, spread over all of them; with all where that is 0 or more than it has."""
    total = len(data.train)
    if not 0 < count < total:
        return data
    return dataclasses.replace(data, train=tuple(data.train[index * total // count] for index in range(count)))


def prepare_caches(objective: Objective, stage: Stage, model: nn.Module, data: Any) -> Iterator[CacheProgressed]:
    """What a stage reads of both splits; made by one process while the others wait."""
    if PartialState().is_local_main_process:
        for items in (data.train, data.valid):
            for done, total in objective.feed.prepare(data, items, stage, model):
                yield CacheProgressed(done=done, total=total)
    PartialState().wait_for_everyone()


def build_optimizer(model: nn.Module, stage: Stage) -> AdamW:
    """AdamW (Loshchilov and Hutter 2019) over the layer groups that learn."""
    parameters = parameter_groups(layer_groups(model), stage.train_from, stage.weight_decay)
    return AdamW(parameters, lr=stage.lr_slice[1], betas=(stage.momentum[0], ADAM_BETA2), eps=ADAM_EPS, fused=True)


def set_rates(
    optimizer: Optimizer, stage: Stage, rates: tuple[float, ...], step: int, steps: int
) -> tuple[tuple[float, ...], float]:
    """Put the step's learning rates and momentum into the optimiser; returns them, one rate a layer group."""
    now = tuple(lr_at(step, steps, max_lr=rate, pct_start=stage.pct_start) for rate in rates)
    momentum = momentum_at(step, steps, momentum=stage.momentum, pct_start=stage.pct_start)
    for group in optimizer.param_groups:
        group["lr"] = now[group["layer_group"]]
        group["betas"] = (momentum, ADAM_BETA2)
    return now, momentum


def train_step(
    objective: Objective,
    model: nn.Module,
    images: Tensor,
    target: Tensor,
    *,
    optimizer: Optimizer,
    accelerator: Accelerator,
    stage: Stage,
) -> tuple[float, float]:
    """Forward, backward, step; the loss summed over the batch of all processes, and the number of elements it counts.

    When the loss is not finite, no step is taken.
    """
    images = images.to(accelerator.device, non_blocking=True)
    target = target.to(accelerator.device, non_blocking=True)
    with in_precision(accelerator.device, accelerator.mixed_precision):
        logits = model(images)
    loss_sum, count = objective.loss(logits, target)
    # Each process divides by everybody's count, so that the mean over processes is the mean over elements.
    total_loss, total_count = summed(accelerator, torch.stack([loss_sum.detach().float(), count.float()]))
    if math.isfinite(total_loss):
        optimizer.zero_grad()
        accelerator.backward(loss_sum * accelerator.num_processes / max(total_count, 1))
        if stage.clip_norm:
            accelerator.clip_grad_norm_(model.parameters(), stage.clip_norm)
        optimizer.step()
    return total_loss, total_count


def diverge(stage: Stage, stage_index: int, step: int, lr: float) -> Iterator[LossDiverged]:
    """End a stage whose loss is not finite: say so once, with what to try, and raise `TrainingError`."""
    message = (
        f"The loss stopped being a number at step {step} of {stage.name!r}, at a learning rate of {rate_text(lr)}. "
        f"Try a maximum of {rate_text(stage.lr_slice[1] / 10)}, or look at the LR finder's curve again. "
        "The last checkpoint before it is kept."
    )
    yield LossDiverged(stage=stage_index, step=step, lr=lr, message=message)
    raise TrainingError(message)
