"""A run's curves as pictures, for its model card."""

import math
from pathlib import Path
from typing import Any

from engine.events import StepFinished
from engine.runs.snapshot import EpochRow
from engine.runs.store import read_events
from engine.runs.watch import load_snapshot

CURVE_FILES = ("losses.png", "metrics.png")
SMOOTHING = 0.95
INCHES, DOTS = (6.4, 3.2), 110


def draw_curves(run_dir: Path, folder: Path) -> None:
    """The losses by step, and the validation metrics by epoch, into `folder`."""
    rows = load_snapshot(run_dir).epoch_rows
    _save(folder / CURVE_FILES[0], lambda axes: _draw_losses(axes, run_dir, rows))
    _save(folder / CURVE_FILES[1], lambda axes: _draw_metrics(axes, rows))


def _draw_losses(axes: Any, run_dir: Path, rows: tuple[EpochRow, ...]) -> None:
    losses = _step_losses(run_dir)
    axes.plot(range(1, len(losses) + 1), losses, color="#7c8cf8", label=f"training, smoothed by {SMOOTHING}")
    axes.plot(
        [row.global_step for row in rows], [row.valid_loss for row in rows], "o-", color="#d9480f", label="validation"
    )
    axes.set_ylabel("loss")


def _draw_metrics(axes: Any, rows: tuple[EpochRow, ...]) -> None:
    for name in rows[0].metrics:
        axes.plot(
            [row.global_step for row in rows], [row.metrics.get(name, math.nan) for row in rows], "o-", label=name
        )
    axes.set_ylabel("validation")


def _step_losses(run_dir: Path) -> list[float]:
    """The smoothed training loss of each step that counted: those taken again after a resume have their last value."""
    by_step: dict[tuple[int, int], float] = {}
    for event in read_events(run_dir)[0]:
        if isinstance(event, StepFinished):
            by_step[event.stage, event.step] = event.loss
    smoothed, mean = [], 0.0
    for count, (_, loss) in enumerate(sorted(by_step.items()), start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smoothed.append(mean / (1 - SMOOTHING**count))
    return smoothed


def _save(path: Path, draw: Any) -> None:
    from matplotlib.figure import Figure  # pyplot would keep every figure, and is not for threads

    figure = Figure(figsize=INCHES, dpi=DOTS, layout="constrained")
    axes = figure.add_subplot()
    draw(axes)
    axes.set_xlabel("step")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Software": None})
