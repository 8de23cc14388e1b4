"""Line charts, bars and heat maps as HTML and SVG, coloured by the page's own CSS, so that they follow light and dark.

The SVG is stretched to its box while labels are HTML set beside it, so lines and letters keep their size on every screen.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.recipe import rate_text
from tabs.drawing import chart_data
from tabs.drawing.markup import text

MAX_POINTS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line of a chart. `color` is a class of the style sheet: train, valid, third or faint."""

    name: str
    points: Sequence[tuple[float, float]]
    color: str = "train"
    dots: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A named place on the x axis, drawn as an upright line, with a dot where `y` is given; a stretch up to `until`, if given."""

    name: str
    x: float
    y: float | None = None
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to 0…100 of the drawing, straight or by logarithm."""

    low: float
    high: float
    log: bool = False

    def at(self, value: float) -> float:
        low, high, value = (math.log10(v) if self.log else v for v in (self.low, self.high, value))
        return 100 * (value - low) / (high - low)


def line_chart(
    title: str,
    series: Sequence[Series],
    *,
    x_label: str = "",
    x_log: bool = False,
    y_log: bool = False,
    marks: Sequence[Mark] = (),
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    kind: str = "",
) -> str:
    """A chart of finite points; an empty one says so. The x axis' bounds are in `data-low`, `data-high`, `data-log`.

    It is drawn here, for what is seen at once, and carries its points for `assets/page/charts.js`, which makes it interactive.
    """
    lines = [(line, [point for point in line.points if is_drawable(point, x_log, y_log)]) for line in series]
    points = [point for _, some in lines for point in some]
    if not points:
        return f'<figure class="lab-chart {kind}">{_caption(title, series)}<div class="area none">no points yet</div></figure>'
    x_axis = _scale((x for x, _ in points), x_range, x_log)
    y_axis = _scale((y for _, y in points), y_range, y_log, roomy=True)
    drawn = "".join(_line(line, some, x_axis, y_axis) for line, some in lines)
    marked = "".join(_mark(mark, x_axis, y_axis, level) for level, mark in enumerate(sorted(marks, key=_place)))
    carried = chart_data.points_tag(
        [(line.name, line.color, line.dots, some) for line, some in lines],
        limit=MAX_POINTS,
        x_span=(x_axis.low, x_axis.high),
        y_span=(y_axis.low, y_axis.high),
        x_log=x_log,
        y_log=y_log,
        is_clickable="clickable" in kind,
    )
    return (
        f'<figure class="lab-chart {kind}" data-title="{text(title)}" data-along="{text(x_label)}">{_caption(title, series)}'
        f'<div class="area" data-low="{x_axis.low:.6g}" data-high="{x_axis.high:.6g}" data-log="{int(x_log)}">'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{_grid(x_axis, y_axis)}{drawn}</svg>'
        f"{marked}{_labels(x_axis, y_axis)}</div>"
        f'<div class="x-label">{text(x_label)}</div>{carried}</figure>'
    )


def bar_list(rows: Iterable[tuple[str, float, str]], *, colors: Sequence[str] = ()) -> str:
    """Bars with a name, a share (0 to 1) and the figure as text, one a line, in the order given."""
    cells = []
    for index, (name, share, figure) in enumerate(rows):
        color = f";background:{colors[index]}" if index < len(colors) else ""
        filled = max(0.0, min(1.0, share)) * 100 if math.isfinite(share) else 0.0
        cells.append(
            f'<div class="name">{text(name)}</div><div class="track"><div style="width:{filled:.2f}%{color}"></div></div>'
            f'<div class="figure">{text(figure)}</div>'
        )
    return f'<div class="lab-bars">{"".join(cells)}</div>'


def heat_map(
    counts: Sequence[Sequence[float]],
    names: Sequence[str],
    *,
    corner: str = "truth ↓ · guess →",
    joined: str = "seen as",
    in_percent: bool = False,
) -> str:
    """A confusion matrix: rows are the truth, columns the prediction, colour the share of the row; what is in neither is named.

    `corner` names rows and columns, and `joined` says in a cell's hint how they belong together. `in_percent` is for pixels:
    of a handful of samples a share would say more than is known.
    """
    there = [place for place in range(len(names)) if sum(counts[place]) or sum(row[place] for row in counts)]
    head = "".join(f'<th scope="col"><span>{text(names[place])}</span></th>' for place in there)
    rows = []
    for place in there:
        row, name = counts[place], names[place]
        cells = "".join(
            _cell(f"{name} {joined} {names[other]}", row[other], sum(row), in_percent=in_percent) for other in there
        )
        rows.append(f'<tr><th scope="row">{text(name)}</th>{cells}</tr>')
    absent = ", ".join(name for place, name in enumerate(names) if place not in there)
    return (
        '<div class="lab-scroll" tabindex="0"><table class="lab-heat"><thead><tr><th class="corner">'
        f"{text(corner)}</th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        + (f'<p class="lab-small">Not among them: {text(absent)}.</p>' if absent else "")
    )


def _cell(meaning: str, count: float, total: float, *, in_percent: bool) -> str:
    share = count / total if total else 0.0
    shown = (f"{share:.0%}".removesuffix("%") if share >= 0.005 else "") if in_percent else f"{count:.0f}" * bool(count)
    hint = text(f"{meaning}: {share:.1%}" if in_percent else f"{meaning}: {count:.0f} of {total:.0f}")
    strong = " strong" if share > 0.55 else ""
    return f'<td class="cell{strong}" style="--share:{100 * share:.1f}%" title="{hint}">{shown}</td>'


def is_drawable(point: tuple[float, float], x_log: bool, y_log: bool) -> bool:
    """Whether a point has a place on axes that are, or are not, logarithmic."""
    x, y = point
    return math.isfinite(x) and math.isfinite(y) and not (x_log and x <= 0) and not (y_log and y <= 0)


def _scale(values: Iterable[float], fixed: tuple[float, float] | None, log: bool, roomy: bool = False) -> Scale:
    if fixed is not None:
        return Scale(*fixed, log)
    found = list(values)
    low, high = min(found), max(found)
    if log:
        return Scale(low, high, True) if high > low else Scale(low / 2, high * 2, True)
    room = (high - low) * 0.06 if high > low else max(abs(high) * 0.1, 1e-3)
    return Scale(low - room, high + room) if roomy else Scale(low, high if high > low else low + 1)


def _line(line: Series, points: Sequence[tuple[float, float]], x_axis: Scale, y_axis: Scale) -> str:
    places = [(x_axis.at(x), min(max(100 - y_axis.at(y), -20), 120)) for x, y in chart_data.thinned(points, MAX_POINTS)]
    path = "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in places) if places else ""
    # A stroke of no length with a round end is a dot that keeps its shape while the drawing is stretched.
    alone = len(places) == 1
    dots = "".join(f"M{x:.2f} {y:.2f}h0" for x, y in places) if line.dots or alone else ""
    drawn = f'<path class="line {line.color}" d="{path}"/>' if path and not alone else ""
    return drawn + (f'<path class="dots {line.color}" d="{dots}"/>' if dots else "")


def _place(mark: Mark) -> float:
    return mark.x


def _mark(mark: Mark, x_axis: Scale, y_axis: Scale, level: int) -> str:
    """`level` keeps the names of neighbours at different heights."""
    x = x_axis.at(mark.x)
    if not 0 <= x <= 100:
        return ""
    if mark.until is not None:
        width = min(x_axis.at(mark.until), 100) - x
        place = f"left:{x:.2f}%;width:{width:.2f}%;--level:{level}"
        return f'<div class="stretch" style="{place}"><b>{text(mark.name)}</b></div>'
    dot = height = ""
    if mark.y is not None:
        height = f' data-y="{mark.y:.6g}"'
        dot = f'<i style="top:{min(max(100 - y_axis.at(mark.y), 0), 100):.2f}%"></i>'
    name = f'<span style="--level:{level}">{text(mark.name)}</span>' if mark.name else ""
    return f'<div class="mark" style="left:{x:.2f}%" data-x="{mark.x:.6g}"{height}>{dot}{name}</div>'


def _grid(x_axis: Scale, y_axis: Scale) -> str:
    across = "".join(f"M0 {100 - y_axis.at(tick):.2f}H100" for tick in ticks(y_axis))
    upright = "".join(f"M{x_axis.at(tick):.2f} 0V100" for tick in ticks(x_axis))
    return f'<path class="grid" d="{across}{upright}"/>'


def _labels(x_axis: Scale, y_axis: Scale) -> str:
    beside = "".join(
        f'<span class="y" style="top:{100 - y_axis.at(tick):.2f}%">{_tick_text(tick, y_axis)}</span>'
        for tick in ticks(y_axis)
    )
    under = "".join(
        f'<span class="x" style="left:{x_axis.at(tick):.2f}%">{_tick_text(tick, x_axis)}</span>'
        for tick in ticks(x_axis)
    )
    return beside + under


def ticks(axis: Scale, wanted: int = 5) -> list[float]:
    """Round values inside the axis: powers of ten where it is logarithmic, else steps of 1, 2 or 5."""
    if axis.log:
        powers = range(math.ceil(math.log10(axis.low) - 1e-9), math.floor(math.log10(axis.high) + 1e-9) + 1)
        every = max(1, math.ceil(len(powers) / 7))
        return [10.0**power for power in powers[::every]]
    raw = (axis.high - axis.low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    first = math.ceil(axis.low / step - 1e-9)
    return [step * n for n in range(first, math.floor(axis.high / step + 1e-9) + 1)]


def _tick_text(tick: float, axis: Scale) -> str:
    if axis.log or (tick and not 1e-3 <= abs(tick) < 1e5):
        return rate_text(tick)
    return f"{tick:.6g}"


def _caption(title: str, series: Sequence[Series]) -> str:
    keys = "".join(f'<span class="key {line.color}">{text(line.name)}</span>' for line in series if line.name)
    return f"<figcaption>{text(title)}<span>{keys}</span></figcaption>"
