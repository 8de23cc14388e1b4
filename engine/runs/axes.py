"""A run's curves by step, by epoch or by minutes, and smoothed: what lays runs of different batches and paces over each other."""

import bisect
import math
from typing import Literal

from engine.runs.snapshot import Points, RunSnapshot

Axis = Literal["step", "epoch", "time"]


def train_curve(snapshot: RunSnapshot, axis: Axis, smoothing: float = 0.0) -> Points:
    """The loss of each step, smoothed; see `smoothed`."""
    places = _placed([step for step, _ in snapshot.train_points], snapshot, axis)
    losses = smoothed([loss for _, loss in snapshot.train_points], smoothing)
    return tuple(zip(places, losses, strict=True))


def valid_curve(snapshot: RunSnapshot, axis: Axis, metric: str = "") -> Points:
    """A metric at the end of each epoch, or the validation loss; by time, where its validation had ended."""
    rows = [row for row in snapshot.epoch_rows if not metric or metric in row.metrics]
    if axis == "time":
        ends = dict(zip((row.global_step for row in snapshot.epoch_rows), _ends(snapshot), strict=True))
        places = [ends[row.global_step] for row in rows]
    else:
        places = _placed([row.global_step for row in rows], snapshot, axis)
    values = [row.metrics[metric] if metric else row.valid_loss for row in rows]
    return tuple(zip(places, values, strict=True))


def smoothed(values: list[float], weight: float) -> list[float]:
    """Each value averaged with those before it, whose weight falls by `weight` (0 to below 1) a step; 0 changes nothing.

    The first ones are not pulled towards 0: the weights are divided by their sum. What is not finite is left as it is.
    """
    mean = total = 0.0
    found: list[float] = []
    for value in values:
        if not math.isfinite(value):
            found.append(value)
            continue
        mean, total = weight * mean + (1 - weight) * value, weight * total + (1 - weight)
        found.append(mean / total)
    return found


def _ends(snapshot: RunSnapshot) -> list[float]:
    """The minutes at which each epoch's validation had ended."""
    seconds, ends = 0.0, list[float]()
    for row in snapshot.epoch_rows:
        seconds += row.seconds
        ends.append(seconds / 60)
    return ends


def _placed(steps: list[float] | list[int], snapshot: RunSnapshot, axis: Axis) -> list[float]:
    """Where steps are on an axis: between the epochs' ends evenly, and beyond the last at the pace of the epoch under way."""
    if axis == "step":
        return [float(step) for step in steps]
    rows = snapshot.epoch_rows
    befores = [0.0, *_ends(snapshot)] if axis == "time" else [float(number) for number in range(len(rows) + 1)]
    starts = [0, *(row.global_step for row in rows)]
    lengths = [row.train_seconds / 60 for row in rows] if axis == "time" else [1.0] * len(rows)
    paces = [
        length / max(1, after - before) for length, before, after in zip(lengths, starts, starts[1:], strict=False)
    ]
    paces.append(_pace_now(snapshot, axis, paces))
    found: list[float] = []
    for step in steps:
        at = max(0, bisect.bisect_left(starts, step) - 1)
        found.append(befores[at] + (step - starts[at]) * paces[at])
    return found


def _pace_now(snapshot: RunSnapshot, axis: Axis, paces: list[float]) -> float:
    """How much of the axis a step of the epoch under way takes."""
    if axis == "epoch":
        return 1 / snapshot.steps if snapshot.steps else (paces[-1] if paces else 1.0)
    seconds = snapshot.seconds_per_step
    return seconds / 60 if seconds is not None else (paces[-1] if paces else 0.0)
