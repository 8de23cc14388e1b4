"""Charts and small markup: finite, bounded, and escaped."""

import json
import math
import re
from html import unescape
from typing import Any

import pytest

from engine.recipe import rate_text
from tabs.drawing.chart_data import thinned
from tabs.drawing.charts import Mark, Scale, Series, bar_list, heat_map, line_chart, ticks
from tabs.drawing.markup import duration, megabytes, note, progress_bar, table, text

EVIL = "<img src=x onerror=alert(1)>"


def test_whatever_comes_from_outside_is_escaped():
    drawn = [
        note(EVIL),
        table((EVIL,), [(text(EVIL),)]),
        bar_list([(EVIL, 0.5, EVIL)]),
        heat_map([[1]], [EVIL]),
        line_chart(EVIL, [Series(name=EVIL, points=[(1, 1), (2, 2)])], x_label=EVIL, marks=[Mark(name=EVIL, x=1, y=1)]),
    ]
    assert not any("<img" in html for html in drawn)


def test_a_chart_without_points_says_so():
    assert "no points yet" in line_chart("Loss", [Series(name="a", points=[])])
    assert "no points yet" in line_chart("Loss", [Series(name="a", points=[(1, math.nan), (0, math.inf)])])


@pytest.mark.parametrize("points", [[(1, 1)], [(1, 1), (2, 1)], [(0.5, 0), (0.5, 0)]])
def test_flat_and_single_curves_are_drawn_without_nan(points):
    html = line_chart("Loss", [Series(name="a", points=points, dots=True)], x_log=True)
    assert "nan" not in html and "inf" not in html


def test_a_logarithmic_axis_carries_its_bounds_for_the_click():
    html = line_chart("Rates", [Series(name="a", points=[(1e-6, 3), (1e-1, 1)])], x_log=True)
    assert 'data-low="1e-06" data-high="0.1" data-log="1"' in html


def test_ticks_are_round_and_inside():
    assert ticks(Scale(0, 1)) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert ticks(Scale(1e-7, 10, log=True)) == pytest.approx([1e-7, 1e-5, 1e-3, 1e-1, 10])


def test_a_long_curve_is_thinned_and_keeps_its_end():
    short = thinned([(x, 1.0) for x in range(10_000)], limit=100)
    assert len(short) <= 100 and short[-1] == (9999, 1.0)


def test_confusion_is_shown_as_shares_of_the_truth():
    html = heat_map([[900, 100], [0, 0]], ["road", "car"], in_percent=True)
    assert ">90</td>" in html and "road seen as car: 10.0%" in html and "nan" not in html


def test_few_samples_are_counted_and_what_is_not_there_is_named():
    html = heat_map([[3, 1, 0], [0, 0, 0], [0, 0, 0]], ["road", "car", "tram"])
    assert ">3</td>" in html and "road seen as car: 1 of 4" in html and "%</td>" not in html
    assert html.count("<tr>") == 3 and "Not among them: tram." in html


def test_figures_for_people():
    assert [rate_text(rate) for rate in (1e-3, 2.5e-4, 1.0, math.inf)] == ["1e-3", "2.5e-4", "1e0", "inf"]
    assert [duration(s) for s in (None, math.nan, 4.4, 200, 7500)] == ["–", "–", "4 s", "3 min 20 s", "2 h 05 min"]
    assert [megabytes(size) for size in (0, 5_000, 598_913_237)] == ["size unknown", "5 kB", "599 MB"]
    assert "unknown" in progress_bar(-1, "…") and 'aria-valuenow="50"' in progress_bar(0.5, "half")


def carried(html: str) -> dict[str, Any]:
    (told,) = re.findall(r'<span class="points" hidden>(.*?)</span>', html)
    return json.loads(unescape(told))


def test_a_chart_carries_the_points_that_it_draws():
    html = line_chart(
        "Loss", [Series(name="</script>", points=[(1, 0.1234567891), (2, 3), (3, math.nan)], dots=True)], y_range=(0, 4)
    )
    told = carried(html)
    assert told["lines"] == [{"name": "</script>", "color": "train", "xs": [1, 2], "ys": [0.123457, 3], "dots": True}]
    assert (told["x"], told["y"], told["xLog"], told["click"]) == ([1, 2], [0, 4], False, False)


def test_of_a_long_curve_it_is_said_how_many_a_point_stands_for():
    told = carried(line_chart("Loss", [Series(name="a", points=[(x, x) for x in range(1000)])]))
    assert told["lines"][0]["mean"] == 3 and len(told["lines"][0]["xs"]) == 334


def test_points_without_names_are_one_line_of_dots():
    points = [Series(name="", points=[(x, x)]) for x in range(5)]
    lines = carried(line_chart("Spread", [*points, Series(name="same", points=[(0, 0), (5, 5)], color="faint")]))[
        "lines"
    ]
    assert [(line["name"], line.get("dots"), line["xs"]) for line in lines] == [
        ("", True, [0, 1, 2, 3, 4]),
        ("same", None, [0, 5]),
    ]


def test_a_number_of_any_size_is_carried():
    told = carried(line_chart("Loss", [Series(name="a", points=[(1, 1e300), (2, 5e-324)])]))
    assert told["lines"][0]["ys"] == [1e300, 5e-324]


def test_a_stretch_is_drawn_from_where_to_where_and_inside_the_chart():
    line = [Series(name="a", points=[(0, 1), (10, 2)])]
    html = line_chart("Loss", line, marks=[Mark(name="1", x=5, until=50), Mark(name="2", x=2, until=2)])
    assert 'class="stretch" style="left:50.00%;width:50.00%;--level:1"><b>1</b>' in html
    assert 'style="left:20.00%;width:0.00%;--level:0"><b>2</b>' in html
