"""A run as HTML, drawn from its snapshot alone: status, progress, curves and the table of epochs."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np

from engine.recipe import rate_text
from engine.runs.snapshot import EpochRow, Points, RunSnapshot
from engine.training.lr_reading import smoothed
from tabs.door.paths import shown_name, without_paths
from tabs.drawing.charts import Mark, Series, is_drawable, line_chart
from tabs.drawing.markup import duration, facts, metric_text, note, pill, progress_bar, table, text

STATUS_WORDS = {
    "new": "not started",
    "queued": "waiting",
    "running": "running",
    "finished": "finished",
    "stopped": "stopped",
    "failed": "failed",
    "died": "died",
}
ENDED = ("finished", "stopped", "failed", "died")
UNDER_WAY = ("queued", "running")
RESUMABLE = ("stopped", "failed", "died")
METRIC_COLORS = ("train", "valid", "third")


def signature(run: str, snapshot: RunSnapshot, position: int | None) -> str:
    """Changes whenever anything in a run's snapshot does, so that no field can be forgotten.

    Of a curve's points, which may be many thousand, the number and the last count.
    """
    values = {
        field.name: (len(value), value[-1:]) if field.type == Points else value
        for field in fields(snapshot)
        for value in [getattr(snapshot, field.name)]
    }
    return hashlib.sha256(repr((run, position, values)).encode()).hexdigest()


def status_pill(snapshot: RunSnapshot, position: int | None = None) -> str:
    """The status as a coloured word."""
    if snapshot.status == "queued" and position:
        return pill("next in line" if position == 1 else f"number {position} in line", "queued")
    if snapshot.status == "running" and snapshot.stopping:
        return pill("stopping", "stopped")
    return pill(STATUS_WORDS[snapshot.status], snapshot.status)


def progress_text(snapshot: RunSnapshot) -> tuple[float, str]:
    """How much of the stage is done (0 to 1; negative when not known), and a line that says so."""
    if snapshot.status == "new":
        return 0.0, "It was made, and not put in the queue: a worker of its own may yet start it, or it can be deleted."
    if snapshot.status == "queued":
        return 0.0, "Waiting for the device. It goes on by itself; this page need not stay open."
    if snapshot.status == "running" and snapshot.cache_done < snapshot.cache_total:
        done = f"{snapshot.cache_done} of {snapshot.cache_total}"
        return snapshot.cache_done / snapshot.cache_total, f"Preparing the data: {done}"
    if not snapshot.steps_total:
        starting = (
            "Loading the model and the data …" if snapshot.status == "running" else "It ended before its first step."
        )
        return (-1.0 if snapshot.status == "running" else 0.0), starting
    share = snapshot.steps_done / snapshot.steps_total
    where = (
        f"Stage {snapshot.stage + 1} of {snapshot.stages} ({snapshot.stage_name}), "
        f"epoch {max(snapshot.epoch, 1)} of {snapshot.epochs}, step {snapshot.steps_done} of {snapshot.steps_total}"
    )
    if snapshot.status == "running" and snapshot.steps_done == snapshot.steps_total:
        return share, f"{where}; validating"
    left = snapshot.seconds_left
    return share, where if left is None else f"{where}; {duration(left)} left in this stage"


def show_run(
    title: str,
    snapshot: RunSnapshot,
    position: int | None,
    metrics: Mapping[str, str],
    remarks: Sequence[str] = (),
    *,
    main_metric: str,
    origin: Sequence[str] = (),
    marks: Sequence[Mark] = (),
) -> str:
    """A training run down to its curves; `metrics` are titles, `remarks` what has to be said beside the figures, `origin` what
    its weights come from, `main_metric` is the one that its best checkpoint has, and `marks` are what was found on its loss."""
    share, line = progress_text(snapshot)
    said = "".join(note(remark, "warn") for remark in remarks)
    came = "".join(f'<p class="lab-small">{text(sentence)}</p>' for sentence in origin)
    return (
        f'<div class="lab-live"><header>{status_pill(snapshot, position)}<strong>{text(title)}</strong></header>'
        f"{progress_bar(share, line)}{said}{came}{_notices(snapshot)}{_facts(snapshot, main_metric)}"
        f"{_charts(snapshot, metrics, marks)}</div>"
    )


def epoch_table(rows: tuple[EpochRow, ...], metrics: Mapping[str, str]) -> str:
    """One line an epoch, the latest first; a star marks the checkpoint that counts."""
    if not rows:
        return ""
    best = next((row for row in reversed(rows) if row.best), None)
    names = list(rows[-1].metrics)
    headings = ["Stage", "Epoch", "Train loss", "Valid. loss", *(metrics.get(name, name) for name in names), "Time"]
    lines = [
        (
            text(row.stage_name),
            f"{'★ ' if row is best else ''}{row.epoch}",
            f"{row.train_loss:.4f}",
            f"{row.valid_loss:.4f}",
            *(metric_text(name, row.metrics.get(name, float("nan"))) for name in names),
            duration(row.seconds),
        )
        for row in reversed(rows)
    ]
    return table(headings, lines)


def show_rates(title: str, snapshot: RunSnapshot, position: int | None) -> str:
    """The LR finder's panel: the curve on a logarithmic axis with the suggestions on it."""
    if snapshot.status in ("new", "queued"):
        share, line = progress_text(snapshot)
    elif snapshot.reading:
        share, line = 1.0, "Click the curve to take the rate under the pointer, or take a suggestion below."
    elif snapshot.rates_done:
        share, line = (
            snapshot.rates_done / max(1, snapshot.rates_total),
            f"Rate {snapshot.rates_done} of {snapshot.rates_total}",
        )
    else:
        share, line = progress_text(snapshot)
    # A run's events may be damaged: one loss that is no number must not make the whole curve none.
    points = tuple(point for point in snapshot.rate_points if is_drawable(point, True, False))
    curve = averaged(points)
    marks = [Mark(name=name, x=rate, y=_loss_at(curve, rate)) for name, rate in snapshot.suggestions.items()]
    chart = line_chart(
        "Loss by learning rate",
        [
            Series(name="of each batch", points=points, color="faint"),
            Series(name="averaged", points=curve),
        ],
        x_label="learning rate",
        x_log=True,
        marks=marks,
        x_range=_planned_rates(snapshot),
        y_range=_readable_range([loss for _, loss in points]) if snapshot.reading else None,
        kind="tall clickable",
    )
    reading = f'<p class="lab-reading">{text(snapshot.reading)}</p>' if snapshot.reading else ""
    return (
        f'<div class="lab-live"><header>{status_pill(snapshot, position)}<strong>{text(title)}</strong></header>'
        f"{progress_bar(share, line)}{_notices(snapshot)}{chart}{reading}</div>"
    )


def _notices(snapshot: RunSnapshot) -> str:
    said = [note(without_paths(message), "warn") for message in snapshot.warnings]
    said += [
        note(f"Not enough memory: batch {halved.old} became {halved.new}.", "warn") for halved in snapshot.halvings
    ]
    if snapshot.divergence:
        said.append(note(snapshot.divergence, "bad"))
    if snapshot.status == "stopped" and snapshot.message:
        said.append(note(without_paths(snapshot.message), "warn"))
    if snapshot.status == "failed" and snapshot.message != snapshot.divergence:
        said.append(note(without_paths(snapshot.message), "bad"))
    if snapshot.status == "died":
        kept = "Resume goes on from the last checkpoint." if snapshot.checkpoint else "Resume starts it again."
        said.append(note(f"The worker was gone without a word: killed, or the machine went down. {kept}", "bad"))
    return "".join(said)


def _facts(snapshot: RunSnapshot, main_metric: str) -> str:
    if not snapshot.device:
        return ""
    best = snapshot.best_row
    pairs = [("Device", snapshot.device_name or snapshot.device), ("Backbone", shown_name(snapshot.backbone))]
    if snapshot.input_size:
        pairs.append(("Input", snapshot.input_size))
        pairs.append(("Batch", str(snapshot.batch_size)))
    if snapshot.views:
        kept = (
            "once for each sample" if snapshot.views == 1 else f"on {snapshot.views} changed views of each, and no more"
        )
        pairs.append(("The frozen body is run", kept))
    if snapshot.trainable_parameters:
        millions = f"{snapshot.trainable_parameters / 1e6:.1f} of {snapshot.parameters / 1e6:.1f} million"
        pairs.append(("Weights that learn", millions))
    if snapshot.precision:
        why = f": {snapshot.precision_reason}" if snapshot.precision_reason else ""
        pairs.append(("Precision", f"{snapshot.precision}{why}"))
    if snapshot.lr_points:
        pairs.append(("Rate now", rate_text(snapshot.lr_points[-1][1])))
    if best and main_metric in best.metrics:
        pairs.append((f"Best {main_metric.replace('_', ' ')}", metric_text(main_metric, best.metrics[main_metric])))
    return facts(pairs)


def _charts(snapshot: RunSnapshot, metrics: Mapping[str, str], marks: Sequence[Mark]) -> str:
    if not snapshot.train_points:
        return ""
    stages = [Mark(name="", x=start) for start in snapshot.stage_starts[1:]]
    last = snapshot.train_points[-1][0]
    span = (min(1.0, last - 1), max(last, sum(snapshot.stage_steps), 2))
    losses = [
        Series(name="training", points=snapshot.train_points),
        Series(name="validation", points=snapshot.valid_points, color="valid", dots=True),
    ]
    names = list(snapshot.epoch_rows[-1].metrics) if snapshot.epoch_rows else []
    figures = [
        Series(
            name=metrics.get(name, name),
            points=snapshot.validated(lambda row, name=name: row.metrics.get(name, float("nan"))),
            color=color,
            dots=True,
        )
        for name, color in zip(names, METRIC_COLORS, strict=False)
    ]
    rate = [Series(name="", points=snapshot.lr_points, color="third")]
    momentum = [Series(name="", points=snapshot.momentum_points, color="valid")]
    charts = (
        line_chart("Loss", losses, x_label="step", x_range=span, marks=[*stages, *marks]),
        line_chart("Validation", figures, x_label="step", x_range=span, marks=stages),
        line_chart("Learning rate (head)", rate, x_label="step", x_range=span, marks=stages, kind="short"),
        line_chart("Momentum", momentum, x_label="step", x_range=span, marks=stages, kind="short"),
    )
    return f'<div class="lab-charts">{"".join(charts)}</div>'


def averaged(points: Points) -> Points:
    """The LR finder's curve as its reading takes it: every loss averaged over its neighbours on both sides."""
    if not points:
        return ()
    rates, losses = np.array(points).T
    return tuple(zip(rates.tolist(), smoothed(rates, losses).tolist(), strict=True))


def _loss_at(curve: Points, rate: float) -> float:
    return min(curve, key=lambda point: abs(point[0] / rate - 1), default=(rate, 0.0))[1]


def _planned_rates(snapshot: RunSnapshot) -> tuple[float, float] | None:
    """The whole axis while the curve grows, so that it does not jump: rates grow by one factor, step by step."""
    if snapshot.status != "running" or len(snapshot.rate_points) < 2:
        return None
    (first, _), (second, _) = snapshot.rate_points[:2]
    return first, first * (second / first) ** (snapshot.rates_total - 1)


def _readable_range(losses: list[float]) -> tuple[float, float] | None:
    """The blow-up at the end would flatten everything before it: cut it a little above where the batches began to lie."""
    if len(losses) < 5:
        return None
    low, start = min(losses), max(losses[: len(losses) // 2])
    top = max(start + 0.35 * (start - low), low * 1.2)
    return low - 0.08 * (top - low), min(top, max(losses) + 0.05 * (top - low))
