"""When and where a run's checkpoints are written, and which of its epochs is the best so far."""

import dataclasses
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.events import CheckpointSaved
from engine.training.checkpoint import Progress, save_checkpoint
from engine.training.evaluate import Evaluation
from engine.training.ready import Ready

CHECKPOINT_SECONDS = 120.0
MOMENTS_SECONDS = 30.0  # of short epochs that a killed run may have to repeat


class Keeper:
    """Writes checkpoints into `folder`: after every epoch, every two minutes inside one, and when a run is asked to stop.

    Those of short epochs have the optimiser twice a minute: it takes longer to write than the rest together.
    `config` stands in each one's `config.json`. Without a folder nothing is written. `start` is where a resumed run stood: the
    best figure is the run's, over all stages with one size of input; figures at two sizes are not compared.
    """

    def __init__(
        self, folder: Path | None = None, config: Mapping[str, Any] | None = None, *, start: Progress | None = None
    ) -> None:
        self.folder, self.config = folder, dict(config or {})
        self.best, self.best_size = (start.best, start.best_size) if start else (None, "")
        self.saved_step, self.saved_at, self.moments_at = -1, 0.0, -MOMENTS_SECONDS
        self.without_moments: tuple[Evaluation, bool] | None = None  # the last one's figures, where it has none

    def begin(self, ready: Ready) -> None:
        """A stage is about to take its first step, or goes on from a checkpoint."""
        start = ready.place.start
        self.saved_step, self.saved_at = start.step if start else -1, time.perf_counter()
        if start and start.best is not None and not start.best_size:  # an older version's
            self.best_size = ready.input_size

    def is_best(self, evaluation: Evaluation, ready: Ready) -> bool:
        """Whether an epoch is the best of the run so far by the main metric; it is remembered then."""
        value, before = evaluation.metrics[ready.objective.main_metric], self.best
        is_same_size = self.best_size == ready.input_size
        if before is not None and is_same_size and not ready.objective.is_better(value, before):
            return False
        self.best, self.best_size = value, ready.input_size
        return True

    def keep_if_due(self, ready: Ready) -> Iterator[CheckpointSaved]:
        """One inside an epoch, where the last was written long enough ago."""
        if ready.progress.step % ready.steps_per_epoch and time.perf_counter() - self.saved_at > CHECKPOINT_SECONDS:
            yield from self.keep(ready, has_moments=True)

    def keep_before_stopping(self, ready: Ready) -> Iterator[CheckpointSaved]:
        """One more from which the run can go on, unless the same step's is one; an epoch's end keeps its figures."""
        if ready.progress.step != self.saved_step:
            yield from self.keep(ready, has_moments=True)
        elif self.without_moments:
            evaluation, best = self.without_moments
            yield from self.keep(ready, evaluation, best=best, has_moments=True)

    def keep_epoch(self, ready: Ready, evaluation: Evaluation, *, best: bool) -> Iterator[CheckpointSaved]:
        """One at an epoch's end, with its figures; the optimiser with it at the stage's end, and where it is due."""
        is_due = time.perf_counter() - self.moments_at > MOMENTS_SECONDS
        yield from self.keep(ready, evaluation, best=best, has_moments=is_due or ready.progress.step == ready.steps)

    def keep(
        self, ready: Ready, evaluation: Evaluation | None = None, *, best: bool = False, has_moments: bool
    ) -> Iterator[CheckpointSaved]:
        """Write one, with the figures of an epoch's end if it is one; of several processes the first writes it."""
        self.saved_step = ready.progress.step
        self.without_moments = (evaluation, best) if evaluation and not has_moments else None
        if self.folder is None:
            return
        accelerator, name = ready.accelerator, ""
        if accelerator.is_main_process:
            config = self.config | {"stage": dataclasses.asdict(ready.stage)}
            if evaluation:
                config["metrics"] = evaluation.metrics | {"valid_loss": evaluation.loss}
                config["decision"] = evaluation.details.get("decision", {})
            progress = dataclasses.replace(
                ready.progress,
                best=self.best,
                best_size=self.best_size,
                has_moments=has_moments,
                scaler=accelerator.scaler.state_dict() if accelerator.scaler else {},
            )
            with ready.judging() as own:
                name = save_checkpoint(
                    self.folder,
                    model=ready.model,
                    optimizer=ready.optimizer.optimizer,  # pyright: ignore[reportAttributeAccessIssue] - accelerate's has it
                    progress=progress,
                    config=config,
                    evaluation=evaluation.as_dict() if evaluation else None,
                    best=best,
                    own=own,
                )
        self.saved_at = time.perf_counter()
        self.moments_at = self.saved_at if has_moments else self.moments_at
        yield CheckpointSaved(stage=ready.place.stage, step=ready.progress.step, folder=name, best=best)
