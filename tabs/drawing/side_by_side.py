"""Several runs side by side as HTML: what they have come to, their curves over each other, and their settings."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.runs.axes import Axis, train_curve, valid_curve
from engine.runs.compared import Figures, Setting, Spread
from engine.runs.snapshot import RunSnapshot
from engine.task import Metric
from tabs.drawing.charts import Series, line_chart
from tabs.drawing.live_run import status_pill
from tabs.drawing.markup import duration, metric_text, table, text

LETTERS = "ABCDEFGH"
AXES: dict[Axis, str] = {"step": "step", "epoch": "epoch", "time": "minutes of training and validation"}
IN_SECONDS = "seconds of training and validation"
SHORT_MINUTES = 3.0  # runs of no more are shown by the second
NOTHING = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A run as it is shown: its name in words, where it is looked at, how it stands and what it has come to."""

    label: str
    link: str
    snapshot: RunSnapshot
    figures: Figures


def key_of(place: int) -> str:
    """A run's letter in its colour."""
    return f'<span class="lab-run-key run{place}">{LETTERS[place]}</span>'


def figures_table(runs: Sequence[Shown], metric: Metric, title: str, *, is_alike: bool) -> str:
    """A line for each run, with the differences to the first where the runs are `is_alike`: of one task, on the same data."""
    first = runs[0].figures if is_alike else None
    heads = ("Run", "Status", f"Best {title}", "at epoch", "Valid. loss", "Train loss", "Time", "Epochs")
    rows = []
    for place, run in enumerate(runs):
        own = run.figures
        other = first if place else None
        best = _compared(
            own.best, other and other.best, lambda value: metric_text(metric.name, value), metric.lower_is_better
        )
        rows.append(
            (
                f'{key_of(place)} <a href="{text(run.link)}">{text(run.label)}</a>',
                status_pill(run.snapshot),
                best,
                str(own.best_epoch or NOTHING),
                _compared(own.valid_loss, other and other.valid_loss, _loss, True),
                _compared(own.train_loss, other and other.train_loss, _loss, None),
                _compared(own.minutes or None, (other and other.minutes) or None, _stretch, None),
                str(own.epochs),
            )
        )
    return table(heads, rows, numbers_from=2)


def spread_line(places: Sequence[int], title: str, name: str, spread: Spread) -> str:
    """What runs that differ in their seed alone come to together."""
    letters = ", ".join(LETTERS[place] for place in places)
    rough = " Two runs give no more than a rough idea of it." if spread.n == 2 else ""
    return (
        f'<p class="lab-small">{letters} differ in their seed alone: {text(title)} {metric_text(name, spread.mean)} ± '
        f"{metric_text(name, spread.deviation)} (mean and standard deviation, n = {spread.n}). A difference that is not "
        f"larger than that may be chance.{rough}</p>"
    )


def overlaid(
    snapshots: Sequence[RunSnapshot], axis: Axis, smoothing: float, metrics: Sequence[str], titled: Callable[[str], str]
) -> str:
    """A chart for each curve, with a line for each run."""

    def lines(curve: Callable[[RunSnapshot], Sequence[tuple[float, float]]], *, dots: bool) -> list[Series]:
        return [
            Series(name=LETTERS[place], points=[(unit * x, y) for x, y in curve(one)], color=f"run{place}", dots=dots)
            for place, one in enumerate(snapshots)
        ]

    def drawn(title: str, series: list[Series]) -> str:
        return line_chart(title, series, x_label=IN_SECONDS if unit > 1 else AXES[axis], x_range=span)

    end = max(
        (x for one in snapshots for x, _ in (*train_curve(one, axis)[-1:], *valid_curve(one, axis)[-1:])), default=0.0
    )
    unit = 60.0 if axis == "time" and end < SHORT_MINUTES else 1.0
    span = (0.0, unit * end) if end > 0 else None
    of_training = "Training loss, smoothed" if smoothing else "Training loss"
    charts = [
        drawn(of_training, lines(lambda one: train_curve(one, axis, smoothing), dots=False)),
        drawn("Validation loss", lines(lambda one: valid_curve(one, axis), dots=True)),
        *(
            drawn(titled(name), lines(lambda one, name=name: valid_curve(one, axis, name), dots=True))
            for name in metrics
        ),
    ]
    return f'<div class="lab-charts wide">{"".join(charts)}</div>'


def settings_table(settings: Sequence[Setting], runs: int) -> str:
    """A line for each setting, a column for each run; stages under headings of their own."""
    head = "".join(f'<th scope="col">{key_of(place)}</th>' for place in range(runs))
    rows, where, is_mixed = [], "", len({setting.differs for setting in settings}) > 1
    for setting in settings:
        if setting.where != where:
            where = setting.where
            rows.append(f'<tr class="part"><th colspan="{runs + 1}" scope="rowgroup">{text(where)}</th></tr>')
        cells = "".join(f"<td>{text(value)}</td>" for value in setting.values)
        differs = ' class="differs"' if is_mixed and setting.differs else ""
        rows.append(f'<tr{differs}><th scope="row">{text(setting.name)}</th>{cells}</tr>')
    return (
        '<div class="lab-scroll" tabindex="0"><table class="lab-table lab-settings"><thead><tr><th scope="col">Setting</th>'
        f"{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def samples_of(shown: Sequence[tuple[int, str, str]]) -> str:
    """What each run's model makes of the same samples: its place among the runs, its name in words, and the HTML."""
    parts = "".join(f"<section><h4>{key_of(place)} {text(label)}</h4>{html}</section>" for place, label, html in shown)
    return f'<div class="lab-side-by-side">{parts}</div>'


def _compared(
    own: float | None, other: float | None, words: Callable[[float], str], lower_is_better: bool | None
) -> str:
    """A figure, and by how much it is more or less than the first run's; None for a figure that is not good or bad by itself."""
    if own is None:
        return NOTHING
    said = text(words(own))
    if other is None or not (math.isfinite(own) and math.isfinite(other)):
        return said
    apart = own - other
    size = words(abs(apart))
    if size == words(0.0):
        return f'{said} <small class="lab-apart">±0</small>'
    kind = "" if lower_is_better is None else " good" if (apart < 0) == lower_is_better else " bad"
    return f'{said} <small class="lab-apart{kind}">{"+" if apart > 0 else "−"}{text(size)}</small>'


def _loss(value: float) -> str:
    return f"{value:.4f}"


def _stretch(minutes: float) -> str:
    return duration(60 * minutes)


def metrics_of(snapshots: Sequence[RunSnapshot], main: str) -> list[str]:
    """The metrics that any of the runs has, the main one first."""
    found: dict[str, None] = {main: None}
    for snapshot in snapshots:
        for row in snapshot.epoch_rows[-1:]:
            metrics: Mapping[str, float] = row.metrics
            found |= dict.fromkeys(metrics)
    return list(found)
