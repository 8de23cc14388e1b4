"""A stage that is set up: what it trains on and with, and the one step that training and the LR finder take."""

import math
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import Optimizer

from engine.data.dataset import DataSet
from engine.data.loaders import Loaders
from engine.events import StageFinished, StageStarted
from engine.recipe import Stage
from engine.task import Objective
from engine.training.checkpoint import Progress
from engine.training.frozen import Activations
from engine.training.layer_groups import Groups, set_train_mode
from engine.training.mean_weights import MeanOfWeights
from engine.training.memory import TogetherOutOfMemory, is_out_of_memory
from engine.training.precision import in_precision, summed


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which of a recipe's stages is set up, and the checkpoint of it to go on from, whose weights the model must have already.

    `precision` is what an earlier stage of the run settled on, "" before that; `shares` how much of the run is trained from which
    layer group on, for the stage that settles it. `judges_start` is whether validation comes before the first step, too.
    """

    stage: int = 0
    stages: int = 1
    precision: str = ""
    shares: Mapping[int, float] | None = None
    start: Progress | None = None
    checkpoint: Path | None = None
    judges_start: bool = False


@dataclass(slots=True, kw_only=True)
class Ready:
    """A stage that can take its next step; only `progress` changes while it trains.

    model: the caller's own; `prepared` is what accelerate makes of it, for several processes and number formats.
    learner, judged: what batches go through in training and in validation: these two, or, where the frozen body's `activations`
        are kept, the rest of the model.
    seed: everything random in the stage follows from it.
    mean: that of the weights, which is judged and kept, where the stage asks for it.
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
    mean: MeanOfWeights | None
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

    def judging(self) -> AbstractContextManager[Mapping[str, Tensor]]:
        """The model as it is judged and kept: with the mean of its weights, where there is one; its own are what is given."""
        return self.mean.in_place() if self.mean else nullcontext({})

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
        """The caller's model gets its plain forward back, with the weights that count, and the disk what was kept on it."""
        if self.mean:
            self.mean.swap()
        if self.activations:
            self.activations.release()
        self.accelerator.unwrap_model(self.prepared, keep_fp32_wrapper=False)
