"""A chart's points as JSON inside its figure, from which `assets/page/charts.js` makes it interactive.

What is seen at once, and without JavaScript, is the drawing; these are the same points, thinned as it thins them.
"""

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

DIGITS = 6  # of a value, which is more than a screen shows
Points = Sequence[tuple[float, float]]


def points_tag(
    lines: Sequence[tuple[str, str, bool, Points]],
    *,
    limit: int,
    x_span: tuple[float, float],
    y_span: tuple[float, float],
    x_log: bool,
    y_log: bool,
    is_clickable: bool,
) -> str:
    """The element that holds them: of each line its name, colour, whether its points are dots, and the points.

    `x_span` and `y_span` are the axes as they are drawn. Where a point stands for several, `mean` says for how many.
    """
    values = {
        "x": _short(x_span),
        "y": _short(y_span),
        "xLog": x_log,
        "yLog": y_log,
        "click": is_clickable,
        "lines": [_line(*line, limit) for line in _gathered(lines)],
    }
    told = escape(json.dumps(values, separators=(",", ":"), allow_nan=False), quote=False)
    return f'<span class="points" hidden>{told}</span>'


def _gathered(lines: Sequence[tuple[str, str, bool, Points]]) -> Iterator[tuple[str, str, bool, Points]]:
    """The lines, with neighbours that are a nameless point each as one line, which only has dots."""
    for (is_dot, color), some in itertools.groupby(
        lines, key=lambda line: (not line[0] and len(line[3]) == 1, line[1])
    ):
        if is_dot:
            yield "", color, True, [point for _, _, _, points in some for point in points]
        else:
            yield from some


def _line(name: str, color: str, dots: bool, points: Points, limit: int) -> dict[str, Any]:
    shown = thinned(points, limit)
    each = {"name": name, "color": color, "xs": _short([x for x, _ in shown]), "ys": _short([y for _, y in shown])}
    if dots:
        each["dots"] = True
    if len(points) > limit:
        each["mean"] = math.ceil(len(points) / limit)
    return each


def _short(values: Sequence[float]) -> list[float]:
    rounded = (float(f"{value:.{DIGITS}g}") for value in values)
    return [int(value) if abs(value) < 1e15 and value == int(value) else value for value in rounded]


def thinned(points: Points, limit: int) -> list[tuple[float, float]]:
    """At most `limit` points: the means of equal runs of neighbours, so that a long run draws as fast as a short one."""
    if len(points) <= limit:
        return list(points)
    size = math.ceil(len(points) / limit)
    runs = [points[start : start + size] for start in range(0, len(points), size)]
    return [(run[-1][0], sum(y for _, y in run) / len(run)) for run in runs]
