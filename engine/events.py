"""What training says while it runs: frozen dataclasses that go to JSON and come back unchanged.

A run's `events.jsonl` holds one event a line, `{"event": "StepFinished", "at": 1700000000.0, ...}`. Losses are means
over the elements they count; times are in seconds; steps and epochs count from 1 inside their stage, stages from 0.
"""

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from engine.fields import from_values, number


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A worker has the run: on which device, with how many processes, and the model's size."""

    device: str
    device_name: str
    processes: int
    backbone: str
    parameters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResumed:
    """A worker goes on from a checkpoint; whatever was said of later steps is void."""

    stage: int
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheProgressed:
    """Inputs made ready once: pictures resized for a stage's resolution, texts turned into numbers."""

    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionChosen:
    """The precision a stage trains in; `seconds_per_step` has what was timed, empty if there was no choice, and `reason` why."""

    stage: int
    precision: str
    seconds_per_step: dict[str, float]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStarted:
    """A stage is about to take its first step. `input_size` says in words how large an input is.

    `views` is how many views of each sample the frozen body was run on once, so that epochs read what it gave; 0 where it is run
    anew in each.
    """

    stage: int
    stages: int
    name: str
    epochs: int
    steps_per_epoch: int
    batch_size: int
    train_items: int
    valid_items: int
    trainable_parameters: int
    input_size: str = ""
    views: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StartJudged:
    """Validation before a stage's first step: what its model can do already, with inputs as large as the stage's."""

    stage: int
    valid_loss: float
    metrics: dict[str, float]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished:
    """One optimiser step. `lr` has one rate a layer group, the earliest layers first."""

    stage: int
    epoch: int
    step: int
    loss: float
    lr: tuple[float, ...]
    momentum: float
    seconds: float

    def __post_init__(self) -> None:
        if not self.lr:
            raise ValueError("A step has no learning rate; it takes one a layer group.")


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochFinished:
    """One pass over the training split and its validation."""

    stage: int
    epoch: int
    step: int
    train_loss: float
    valid_loss: float
    metrics: dict[str, float]
    train_seconds: float
    valid_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSaved:
    """The run can be resumed from `folder` (inside the run's `checkpoints/`); `best` by the objective's main metric."""

    stage: int
    step: int
    folder: str
    best: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchHalved:
    """The stage ran out of memory and starts again with half the batch."""

    stage: int
    old: int
    new: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LossDiverged:
    """The loss was no longer a finite number; the last good checkpoint stands."""

    stage: int
    step: int
    lr: float
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFinished:
    """A stage took its last step. `peak_memory` is in bytes, 0 where the device does not count it."""

    stage: int
    seconds: float
    peak_memory: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RateTried:
    """One step of the LR finder: the rate, the loss seen, and its running average, by which the search ends."""

    step: int
    steps: int
    lr: float
    loss: float
    smoothed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RatesSuggested:
    """The LR finder's verdict: automatic suggestions by name, and the lesson's own reading in words and as a rate."""

    suggestions: dict[str, float]
    reading: str
    reading_lr: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """Something the user should know that stops nothing."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """All stages are done."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStopped:
    """The run ended early and can be resumed: somebody asked for that, or there was a `reason`, in words."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFailed:
    """The worker gave up: why, and the last lines of its log."""

    message: str
    log_tail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDied:
    """The worker was gone without a word (killed, power cut); found by the runner, can be resumed."""


Event = (
    RunStarted
    | RunResumed
    | CacheProgressed
    | PrecisionChosen
    | StageStarted
    | StartJudged
    | StepFinished
    | EpochFinished
    | CheckpointSaved
    | BatchHalved
    | LossDiverged
    | StageFinished
    | RateTried
    | RatesSuggested
    | Warned
    | RunFinished
    | RunStopped
    | RunFailed
    | RunDied
)

EVENT_TYPES: dict[str, type[Event]] = {kind.__name__: kind for kind in Event.__args__}


def to_json(event: Event, *, at: float) -> str:
    """One line of `events.jsonl`, without the newline. `at` is a Unix time in seconds."""
    fields = {"event": type(event).__name__, "at": at, **dataclasses.asdict(event)}
    return json.dumps(_finite(fields), allow_nan=False)


def from_json(line: str) -> tuple[float, Event | None]:
    """The time and the event of one line; None for an event that this version does not know. Raises a `DAMAGE`."""
    fields: dict[str, Any] = json.loads(line)
    kind = EVENT_TYPES.get(fields["event"])
    at = number(fields["at"])
    return at, None if kind is None else kind(**from_values(kind, fields))


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: they travel as `{"float": "nan"}`, which no name or message can be taken for."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in cast(Mapping[Any, Any], value).items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in cast(Iterable[Any], value)]
    return value
