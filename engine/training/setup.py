"""Setting a stage up: all that lies between "train this" and its first step, for training and for the LR finder alike."""

import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import PartialState
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from engine.data.dataset import D, DataSet
from engine.data.loaders import Loaders, Share
from engine.errors import RecipeError
from engine.events import CacheProgressed, Event, PrecisionChosen, StageFinished, StageStarted
from engine.recipe import Stage
from engine.task import Objective
from engine.training.checkpoint import Progress, load_checkpoint_optimizer
from engine.training.distributed import synchronise_batch_norm
from engine.training.dropout import scale_dropout
from engine.training.events_kept import Kept
from engine.training.frozen import Activations, keep_activations, kept_views
from engine.training.layer_groups import (
    ADAM_BETA2,
    ADAM_EPS,
    Groups,
    freeze,
    layer_groups,
    parameter_groups,
    set_train_mode,
)
from engine.training.memory import TogetherOutOfMemory, is_out_of_memory
from engine.training.precision import (
    Choice,
    build_accelerator,
    check_precision,
    fastest_precision,
    in_precision,
    summed,
    this_device,
)


def never() -> bool:
    """Nobody asks to stop."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which of a recipe's stages is set up, and the checkpoint of it to go on from, whose weights the model must have already.

    `precision` is what an earlier stage of the run settled on, "" before that; `shares` how much of the run is trained from which
    layer group on, for the stage that settles it.
    """

    stage: int = 0
    stages: int = 1
    precision: str = ""
    shares: Mapping[int, float] | None = None
    start: Progress | None = None
    checkpoint: Path | None = None


@dataclass(slots=True, kw_only=True)
class Ready:
    """A stage that can take its next step; only `progress` changes while it trains.

    model: the caller's own; `prepared` is what accelerate makes of it, for several processes and number formats.
    learner, judged: what batches go through in training and in validation: these two, or, where the frozen body's `activations`
        are kept, the rest of the model.
    seed: everything random in the stage follows from it.
    """

    objective: Objective
    stage: Stage
    place: Place
    data: DataSet
    loaders: Loaders
    model: nn.Module
    prepared: nn.Module
    learner: nn.Module
    judged: nn.Module
    activations: Activations | None
    groups: Groups
    optimizer: Optimizer
    accelerator: Accelerator
    seed: int
    progress: Progress
    began: float
    epoch_began: float = 0.0
    skipped: int = 0  # steps of this epoch that the gradient scaler left out, as far as is known
    last_scale: float = 0.0

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch."""
        return len(self.loaders.train_batches)

    @property
    def steps(self) -> int:
        """Batches in the whole stage."""
        return self.steps_per_epoch * self.stage.epochs

    @property
    def epochs_left(self) -> range:
        """The epochs that are not over yet, counted from 1."""
        return range(self.progress.step // self.steps_per_epoch + 1, self.stage.epochs + 1)

    @property
    def input_size(self) -> str:
        """How large an input is, in words."""
        return self.objective.feed.size(self.data, self.stage)

    def train_mode(self) -> None:
        """The layers that learn in training mode, the others in evaluation mode."""
        set_train_mode(self.model, self.groups, self.stage.train_from)

    def step(self, inputs: Tensor, target: Tensor) -> tuple[float, float]:
        """Forward, backward, step; the loss summed over the batch of all processes, and the number of elements it counts.

        When the loss is not finite, no step is taken. Where one of several processes has no memory for the forward pass, all of
        them raise `MemoryError` together.
        """
        accelerator, lacked = self.accelerator, False
        try:
            loss_sum, count = self.loss(inputs, target)
        except RuntimeError as problem:
            if accelerator.num_processes == 1 or not is_out_of_memory(problem):
                raise
            loss_sum, count, lacked = (
                torch.zeros((), device=accelerator.device),
                torch.zeros((), device=accelerator.device),
                True,
            )
        # Each process divides by everybody's count, so that the mean over processes is the mean over elements. It is the one
        # place in a step where the host waits for the device.
        told = torch.stack(
            [loss_sum.detach().float(), count.float(), torch.full_like(count, lacked, dtype=torch.float32)]
        )
        total_loss, total_count, lacking, scale = summed(accelerator, torch.cat([told, self.scale()]))
        # The scaler halves its scale when it leaves a step out; a fused optimiser tells nobody else.
        self.skipped, self.last_scale = self.skipped + (scale < self.last_scale), scale
        if lacking:
            raise TogetherOutOfMemory(f"Out of memory in {lacking:.0f} of {accelerator.num_processes} processes.")
        if math.isfinite(total_loss):
            self.optimizer.zero_grad()
            accelerator.backward(loss_sum * accelerator.num_processes / max(total_count, 1))
            if self.stage.clip_norm:
                accelerator.clip_grad_norm_(self.prepared.parameters(), self.stage.clip_norm)
            self.optimizer.step()
        return total_loss, total_count

    def scale(self) -> Tensor:
        """The gradient scaler's scale (1,), as it lies on the device; 0 where there is none."""
        scaler = self.accelerator.scaler
        scale = getattr(scaler, "_scale", None)
        if scale is None:  # it is made when the first loss is scaled
            scale = torch.full((1,), float(getattr(scaler, "_init_scale", 0.0)), device=self.accelerator.device)
        return scale.detach().float().reshape(1)

    def loss(self, inputs: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The forward pass of this process's part of a batch: the loss summed over its elements, and their number."""
        device = self.accelerator.device
        inputs, target = inputs.to(device, non_blocking=True), target.to(device, non_blocking=True)
        with in_precision(device, self.accelerator.mixed_precision):
            logits = self.learner(inputs)
        return self.objective.loss(logits, target)

    def started(self) -> StageStarted:
        """What is said before the first step."""
        return StageStarted(
            stage=self.place.stage,
            stages=self.place.stages,
            name=self.stage.name,
            epochs=self.stage.epochs,
            steps_per_epoch=self.steps_per_epoch,
            input_size=self.input_size,
            batch_size=self.stage.batch_size,
            train_items=len(self.data.train),
            valid_items=len(self.data.valid),
            views=self.activations.views if self.activations else 0,
            trainable_parameters=sum(p.numel() for p in self.model.parameters() if p.requires_grad),
        )

    def finished(self) -> StageFinished:
        """What is said after the last step."""
        peak = torch.cuda.max_memory_allocated() if self.accelerator.device.type == "cuda" else 0
        seconds = time.perf_counter() - self.began
        return StageFinished(stage=self.place.stage, seconds=seconds, peak_memory=peak)

    def release(self) -> None:
        """The caller's model gets its plain forward back, and the disk what was kept on it."""
        if self.activations:
            self.activations.release()
        self.accelerator.unwrap_model(self.prepared, keep_fp32_wrapper=False)


def prepare_stage(
    objective: Objective,
    stage: Stage,
    *,
    model: nn.Module,
    data: DataSet,
    seed: int,
    place: Place | None = None,
    should_stop: Callable[[], bool] = never,
    workers: int | None = None,
    keeps_activations: bool = True,
) -> Generator[Event, None, Ready | None]:
    """Checks, caches, batches, precision, optimiser: in this order, so that what is refused has taken no time.

    Returns None when it was asked to stop. Raises `RecipeError` for a stage that cannot be. `keeps_activations` is False for whom
    a few steps are enough.
    """
    began, place = time.perf_counter(), place or Place()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    data = some_of(data, stage.train_items)
    check_precision(stage.precision)
    check_batch_size(stage, model, data)
    freeze(layer_groups(model), stage.train_from)
    scale_dropout(model, stage.drop_mult)
    for event in prepare_caches(objective, stage, model, data):
        yield event
        # Several processes are only asked together, and only one of them writes the cache.
        if PartialState().num_processes == 1 and should_stop():
            return None

    loaders = objective.feed.build_loaders(data, stage, model, seed=seed, share=this_share(workers))
    chosen = choose_precision(objective, stage, place, model, loaders)
    precision = chosen.precision
    yield PrecisionChosen(stage=place.stage, precision=precision, seconds_per_step=chosen.seconds, reason=chosen.reason)

    accelerator = build_accelerator(precision)
    groups = layer_groups(synchronise_batch_norm(model))
    prepared, optimizer = prepare_optimizer(model.to(accelerator.device), stage, place, accelerator)
    fresh = Progress(stage=place.stage, step=0, batch_size=stage.batch_size, precision=precision)
    activations, views = None, kept_views(model, groups, stage, is_changed=objective.feed.changes(stage))
    if keeps_activations and views and PartialState().num_processes == 1:
        set_train_mode(model, groups, stage.train_from)
        for event in (
            making := Kept(
                keep_activations(
                    model, stage, loaders, views=views, device=accelerator.device, precision=accelerator.mixed_precision
                )
            )
        ):
            yield event
            if should_stop():
                return None
        activations = making.result
    return Ready(
        objective=objective,
        stage=stage,
        place=place,
        data=data,
        loaders=activations.loaders if activations else loaders,
        model=model,
        prepared=prepared,
        learner=activations.model if activations else prepared,
        judged=activations.model if activations else model,
        activations=activations,
        groups=groups,
        optimizer=optimizer,
        accelerator=accelerator,
        seed=seed,
        progress=place.start or fresh,
        began=began,
    )


def choose_precision(objective: Objective, stage: Stage, place: Place, model: nn.Module, loaders: Loaders) -> Choice:
    """One for a run: the recipe's, that of the checkpoint or of an earlier stage, or, the first time, the fastest."""
    if place.start:
        return Choice(precision=place.start.precision, seconds={}, reason="As before the run was resumed.")
    if stage.precision != "auto":
        return Choice(precision=stage.precision, seconds={}, reason="As the recipe says.")
    if place.precision:
        return Choice(precision=place.precision, seconds={}, reason="As in the run's earlier stages.")
    set_train_mode(model, layer_groups(model), stage.train_from)
    inputs, target = next(iter(loaders.valid))
    return fastest_precision(objective.loss, model, inputs, target, shares=place.shares)


def this_share(workers: int | None) -> Share:
    """What this process takes of every batch, and how it loads it."""
    state = PartialState()
    return Share(
        process=state.process_index,
        processes=state.num_processes,
        workers=workers,
        pin_memory=this_device().type == "cuda",
    )


def prepare_optimizer(
    model: nn.Module, stage: Stage, place: Place, accelerator: Accelerator
) -> tuple[nn.Module, Optimizer]:
    """The model and its optimiser as accelerate wraps them, with the moments of the checkpoint to go on from."""
    optimizer = build_optimizer(model, stage)
    if place.start and place.checkpoint:
        load_checkpoint_optimizer(place.checkpoint, model, optimizer)
    prepared, optimizer = accelerator.prepare(model, optimizer)
    if place.start and accelerator.scaler and place.start.scaler:
        accelerator.scaler.load_state_dict(place.start.scaler)
    return prepared, optimizer


def check_batch_size(stage: Stage, model: nn.Module, data: DataSet) -> None:
    """`RecipeError` for a batch that leaves a process without a sample, or a BatchNorm over whole samples with one alone."""
    processes = PartialState().num_processes
    if stage.batch_size < processes:
        raise RecipeError(
            f"The batch size is {stage.batch_size}, but {processes} processes need at least one sample each. Choose "
            f"{processes} or more."
        )
    is_alone = min(stage.batch_size, len(data.train)) == 1
    if is_alone and any(isinstance(module, nn.BatchNorm1d) for module in model.modules()):
        raise RecipeError(
            "The batches have one sample each, and this model's head has a BatchNorm, which needs at least two to learn from. "
            "Choose a batch size of 2 or more, and at least two training samples."
        )


def some_of(data: D, count: int) -> D:
    """A data set with `count` of its training samples, spread over all of them; with all where that is 0 or more than it has."""
    total = len(data.train)
    if not 0 < count < total:
        return data
    return replace(data, train=tuple(data.train[index * total // count] for index in range(count)))


def prepare_caches(objective: Objective, stage: Stage, model: nn.Module, data: DataSet) -> Iterator[CacheProgressed]:
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
