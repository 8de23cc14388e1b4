"""A snapshot is a fold over events: `apply` and `fold` change nothing and return a new snapshot."""

import dataclasses
import itertools
import math
from collections.abc import Iterable, Sequence

from engine.events import (
    BatchHalved,
    CacheProgressed,
    CheckpointSaved,
    EpochFinished,
    Event,
    LossDiverged,
    PrecisionChosen,
    RatesSuggested,
    RateTried,
    RunDied,
    RunFailed,
    RunFinished,
    RunResumed,
    RunStarted,
    RunStopped,
    StageFinished,
    StageStarted,
    StartJudged,
    StepFinished,
    Warned,
)
from engine.runs.snapshot import EpochRow, Points, RunSnapshot, StartRow, Status


def apply(snapshot: RunSnapshot, event: Event) -> RunSnapshot:
    """The snapshot after one more event."""
    match event:
        case StepFinished():
            return _with_steps(snapshot, [event])
        case RateTried():
            return _with_rates(snapshot, [event])
        case RunStarted():
            return dataclasses.replace(
                _going_on(snapshot),
                device=event.device,
                device_name=event.device_name,
                processes=event.processes,
                backbone=event.backbone,
                parameters=event.parameters,
            )
        case RunResumed():
            return _back_to(_going_on(snapshot), event.stage, event.step)
        case CacheProgressed():
            return dataclasses.replace(snapshot, cache_done=event.done, cache_total=event.total)
        case PrecisionChosen():
            return dataclasses.replace(
                snapshot,
                precision=event.precision,
                precision_seconds=dict(event.seconds_per_step),
                precision_reason=event.reason if event.seconds_per_step else snapshot.precision_reason,
            )
        case StageStarted():
            return _with_stage(snapshot, event)
        case StartJudged():
            return _with_start(snapshot, event)
        case EpochFinished():
            return _with_epoch(snapshot, event)
        case CheckpointSaved():
            return _with_checkpoint(snapshot, event)
        case BatchHalved():
            again = _back_to(snapshot, event.stage, 0)
            return dataclasses.replace(again, batch_size=event.new, halvings=(*again.halvings, event))
        case LossDiverged():
            return dataclasses.replace(snapshot, divergence=event.message)
        case StageFinished():
            return dataclasses.replace(snapshot, peak_memory=event.peak_memory)
        case RatesSuggested():
            return dataclasses.replace(
                snapshot, suggestions=dict(event.suggestions), reading=event.reading, reading_lr=event.reading_lr
            )
        case Warned():
            return dataclasses.replace(snapshot, warnings=(*snapshot.warnings, event.message))
        case RunFinished():
            return dataclasses.replace(_ended(snapshot, "finished"), seconds=event.seconds)
        case RunStopped():
            return dataclasses.replace(_ended(snapshot, "stopped"), message=event.reason)
        case RunFailed():
            return dataclasses.replace(_ended(snapshot, "failed"), message=event.message, log_tail=event.log_tail)
        case RunDied():
            return _ended(snapshot, "died")


def fold(snapshot: RunSnapshot, events: Iterable[Event]) -> RunSnapshot:
    """The snapshot after all events. Steps that follow each other go in together: one copy of a curve, not one each."""
    for kind, group in itertools.groupby(events, key=type):
        if kind is StepFinished:
            snapshot = _with_steps(snapshot, [event for event in group if isinstance(event, StepFinished)])
        elif kind is RateTried:
            snapshot = _with_rates(snapshot, [event for event in group if isinstance(event, RateTried)])
        else:
            for event in group:
                snapshot = apply(snapshot, event)
    return snapshot


def _going_on(snapshot: RunSnapshot) -> RunSnapshot:
    return dataclasses.replace(snapshot, status="running", message="", log_tail="", divergence="")


def _ended(snapshot: RunSnapshot, status: Status) -> RunSnapshot:
    # The pace is forgotten: the next worker may be slower, and takes its time to load before its first step.
    return dataclasses.replace(snapshot, status=status, step_seconds=())


def _with_steps(snapshot: RunSnapshot, events: Sequence[StepFinished]) -> RunSnapshot:
    last = events[-1]
    at = [sum(snapshot.stage_steps[: event.stage]) + event.step for event in events]
    return dataclasses.replace(
        snapshot,
        epoch=last.epoch,
        steps_done=last.step,
        step_seconds=snapshot.step_seconds + tuple(event.seconds for event in events),
        train_points=snapshot.train_points + tuple(zip(at, (event.loss for event in events), strict=True)),
        lr_points=snapshot.lr_points + tuple(zip(at, (event.lr[-1] for event in events), strict=True)),
        momentum_points=snapshot.momentum_points + tuple(zip(at, (event.momentum for event in events), strict=True)),
    )


def _with_rates(snapshot: RunSnapshot, events: Sequence[RateTried]) -> RunSnapshot:
    points = tuple((event.lr, event.loss) for event in events)
    is_new_curve = events[0].step == 1
    return dataclasses.replace(
        snapshot,
        rates_done=events[-1].step,
        rates_total=events[-1].steps,
        rate_points=points if is_new_curve else snapshot.rate_points + points,
    )


def _with_stage(snapshot: RunSnapshot, event: StageStarted) -> RunSnapshot:
    # A stage that is resumed or restarted keeps the place that was set when it was taken up again.
    done = snapshot.steps_done if event.stage == snapshot.stage else 0
    return dataclasses.replace(
        snapshot,
        stage=event.stage,
        stages=event.stages,
        stage_name=event.name,
        stage_steps=(*snapshot.stage_steps[: event.stage], event.epochs * event.steps_per_epoch),
        input_size=event.input_size,
        views=event.views,
        batch_size=event.batch_size,
        train_items=event.train_items,
        valid_items=event.valid_items,
        trainable_parameters=event.trainable_parameters,
        epoch=_epoch_of(done, event.steps_per_epoch),
        epochs=event.epochs,
        steps=event.steps_per_epoch,
        steps_done=done,
        cache_done=0,
        cache_total=0,
        step_seconds=(),
    )


def _with_epoch(snapshot: RunSnapshot, event: EpochFinished) -> RunSnapshot:
    # A run that was killed after the last step of an epoch and before its checkpoint says the epoch again.
    earlier = tuple(row for row in snapshot.epoch_rows if (row.stage, row.epoch) < (event.stage, event.epoch))
    row = EpochRow(
        stage=event.stage,
        stage_name=snapshot.stage_name,
        epoch=event.epoch,
        step=event.step,
        global_step=sum(snapshot.stage_steps[: event.stage]) + event.step,
        train_loss=event.train_loss,
        valid_loss=event.valid_loss,
        metrics=dict(event.metrics),
        train_seconds=event.train_seconds,
        valid_seconds=event.valid_seconds,
    )
    return dataclasses.replace(snapshot, epoch=event.epoch, epoch_rows=(*earlier, row))


def _with_checkpoint(snapshot: RunSnapshot, event: CheckpointSaved) -> RunSnapshot:
    place = (event.stage, event.step) if event.best else None
    rows = tuple(
        dataclasses.replace(row, best=True) if (row.stage, row.step) == place else row for row in snapshot.epoch_rows
    )
    return dataclasses.replace(snapshot, checkpoint=event.folder, epoch_rows=rows)


def _with_start(snapshot: RunSnapshot, event: StartJudged) -> RunSnapshot:
    # A stage that starts again, as with half the batch, is judged again.
    earlier = tuple(row for row in snapshot.start_rows if row.stage < event.stage)
    row = StartRow(
        stage=event.stage,
        global_step=sum(snapshot.stage_steps[: event.stage]),
        valid_loss=event.valid_loss,
        metrics=dict(event.metrics),
    )
    return dataclasses.replace(snapshot, start_rows=(*earlier, row))


def _epoch_of(step: int, steps: int) -> int:
    return math.ceil(step / max(steps, 1))


def _back_to(snapshot: RunSnapshot, stage: int, step: int) -> RunSnapshot:
    """Whatever came after `step` of `stage` is void."""
    last = sum(snapshot.stage_steps[:stage]) + step

    def kept(points: Points) -> Points:
        return tuple(point for point in points if point[0] <= last)

    return dataclasses.replace(
        snapshot,
        stage=stage,
        stage_steps=snapshot.stage_steps[: stage + 1],
        epoch=_epoch_of(step, snapshot.steps),
        steps_done=step,
        step_seconds=(),
        train_points=kept(snapshot.train_points),
        lr_points=kept(snapshot.lr_points),
        momentum_points=kept(snapshot.momentum_points),
        epoch_rows=tuple(row for row in snapshot.epoch_rows if (row.stage, row.step) <= (stage, step)),
        start_rows=tuple(row for row in snapshot.start_rows if row.stage <= stage),
    )
