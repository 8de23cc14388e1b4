"""A run's curves as a picture, for RESULTS.md: `python -m benchmarks.plot_run RUN … OUT.png`, runs in their order."""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

from engine.runs.store import find_run
from engine.runs.watch import load_snapshot


def main(*arguments: str) -> None:
    """Training and validation loss above, validation figures below, over the minutes of training."""
    *runs, out = arguments
    figure, (losses, figures) = pyplot.subplots(2, 1, figsize=(8, 6), sharex=True, layout="constrained")
    minutes, rows = [], []
    for run in runs:
        for row in load_snapshot(find_run(run)).epoch_rows:
            minutes.append((minutes[-1] if minutes else 0.0) + row.seconds / 60)
            rows.append(row)
    losses.plot(minutes, [row.train_loss for row in rows], label="training loss")
    losses.plot(minutes, [row.valid_loss for row in rows], "o-", label="validation loss", markersize=3)
    for name in rows[0].metrics:
        figures.plot(minutes, [row.metrics[name] for row in rows], "o-", label=name.replace("_", " "), markersize=3)
    for axes in (losses, figures):
        axes.grid(alpha=0.3)
        axes.legend()
    figures.set_xlabel("minutes of training and validation")
    figure.savefig(Path(out), dpi=90)


if __name__ == "__main__":
    main(*sys.argv[1:])
