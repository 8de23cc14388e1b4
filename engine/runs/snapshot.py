"""What a run looks like at one moment: everything that the screen draws is read from a `RunSnapshot`.

`engine.runs.fold` makes one from a run's events, `engine.runs.watch` from a run's folder.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from engine.events import BatchHalved

Status = Literal["new", "queued", "running", "finished", "stopped", "failed", "died"]
Points = tuple[tuple[float, float], ...]
WARM_UP = 3  # steps at the start of a stage that say nothing of its pace: they compile, and fill caches


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRow:
    """A row of the table. `step` counts inside the stage, `global_step` over all.

    `best` says that it was the best so far by the objective's main metric.
    """

    stage: int
    stage_name: str
    epoch: int
    step: int
    global_step: int
    train_loss: float
    valid_loss: float
    metrics: dict[str, float]
    train_seconds: float
    valid_seconds: float
    best: bool = False

    @property
    def seconds(self) -> float:
        """Training and validation together."""
        return self.train_seconds + self.valid_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRow:
    """Validation before a stage's first step. `global_step` is how many steps there were before it."""

    stage: int
    global_step: int
    valid_loss: float
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSnapshot:
    """A run at one moment. Stages count from 0, epochs and steps from 1; 0 is "not yet". Times are in seconds.

    Steps on a curve's x axis count over all stages. `lr_points` has the head's rate, `rate_points` the
    LR finder's (rate, loss of the batch). `stage_steps` has the steps of every stage that has started, `step_seconds` how long
    each step took since the stage was started or resumed, `message` why the run failed or stopped, where nobody asked for
    that, and `log_tail` what its worker printed when it failed.
    """

    status: Status = "new"
    stopping: bool = False
    message: str = ""
    log_tail: str = ""
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0

    device: str = ""
    device_name: str = ""
    processes: int = 0
    backbone: str = ""
    parameters: int = 0

    stage: int = 0
    stages: int = 0
    stage_name: str = ""
    stage_steps: tuple[int, ...] = ()
    input_size: str = ""
    views: int = 0
    batch_size: int = 0
    train_items: int = 0
    valid_items: int = 0
    trainable_parameters: int = 0
    epoch: int = 0
    epochs: int = 0
    steps: int = 0
    steps_done: int = 0
    step_seconds: tuple[float, ...] = ()

    cache_done: int = 0
    cache_total: int = 0
    precision: str = ""
    precision_seconds: dict[str, float] = field(default_factory=dict[str, float])
    precision_reason: str = ""
    halvings: tuple[BatchHalved, ...] = ()
    divergence: str = ""
    checkpoint: str = ""
    peak_memory: int = 0

    train_points: Points = ()
    lr_points: Points = ()
    momentum_points: Points = ()
    epoch_rows: tuple[EpochRow, ...] = ()
    start_rows: tuple[StartRow, ...] = ()

    rates_done: int = 0
    rates_total: int = 0
    rate_points: Points = ()
    suggestions: dict[str, float] = field(default_factory=dict[str, float])
    reading: str = ""
    reading_lr: tuple[float, ...] = ()

    @property
    def steps_total(self) -> int:
        """Steps of the stage under way."""
        return self.epochs * self.steps

    @property
    def step(self) -> int:
        """The last step taken, counted inside its epoch (which has `steps`)."""
        return self.steps_done - max(self.epoch - 1, 0) * self.steps

    @property
    def stage_starts(self) -> tuple[int, ...]:
        """The global step at which each stage begins, for the stages that have started."""
        return tuple(itertools.accumulate(self.stage_steps, initial=0))[:-1]

    @property
    def valid_points(self) -> Points:
        """The validation loss at the end of every epoch, and before a stage's first step where that was measured."""
        return self.validated(lambda row: row.valid_loss)

    def validated(self, figure: Callable[[EpochRow | StartRow], float]) -> Points:
        """A figure of every validation, in their order, by the step that it came after."""
        rows: list[EpochRow | StartRow] = [*self.epoch_rows, *self.start_rows]
        return tuple((row.global_step, figure(row)) for row in sorted(rows, key=_place))

    @property
    def best_row(self) -> EpochRow | None:
        """The epoch with the best main metric so far."""
        return next((row for row in reversed(self.epoch_rows) if row.best), None)

    @property
    def seconds_per_step(self) -> float | None:
        """The stage's pace without its first steps; while there are no others, the fastest of them. None before the first."""
        paced = self.step_seconds[WARM_UP:]
        return sum(paced) / len(paced) if paced else min(self.step_seconds, default=None)

    @property
    def seconds_left(self) -> float | None:
        """To the end of the stage, at its pace; None until a step was timed, and when nothing runs."""
        pace = self.seconds_per_step
        if self.status != "running" or pace is None:
            return None
        rows = [row for row in self.epoch_rows if row.stage == self.stage]
        validation = sum(row.valid_seconds for row in rows) / len(rows) if rows else 0.0
        return (self.steps_total - self.steps_done) * pace + (self.epochs - len(rows)) * validation


def _place(row: EpochRow | StartRow) -> tuple[int, int]:
    """Where a validation comes: before a stage's first step it is after all that the stage before it measured."""
    return row.global_step, row.stage


EMPTY = RunSnapshot()
