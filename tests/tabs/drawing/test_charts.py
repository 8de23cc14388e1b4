"""Charts and small markup: finite, bounded, and escaped."""

import math

import pytest

from engine.recipe import rate_text
from tabs.drawing.charts import Mark, Scale, Series, bar_list, heat_map, line_chart, thinned, ticks
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
    html = heat_map([[90, 10], [0, 0]], ["road", "car"])
    assert ">90</td>" in html and "road seen as car: 10.0%" in html and "nan" not in html


def test_figures_for_people():
    assert [rate_text(rate) for rate in (1e-3, 2.5e-4, 1.0, math.inf)] == ["1e-3", "2.5e-4", "1e0", "inf"]
    assert [duration(s) for s in (None, math.nan, 4.4, 200, 7500)] == ["–", "–", "4 s", "3 min 20 s", "2 h 05 min"]
    assert [megabytes(size) for size in (0, 5_000, 598_913_237)] == ["size unknown", "5 kB", "599 MB"]
    assert "unknown" in progress_bar(-1, "…") and 'aria-valuenow="50"' in progress_bar(0.5, "half")
