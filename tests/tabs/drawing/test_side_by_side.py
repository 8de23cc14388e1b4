"""Runs side by side as HTML: differences say which way is better, and nothing from outside is markup."""

import re

from made_runs import events_of

from engine.kinds.main_metrics import F2, MEAN_PIXELS
from engine.runs.compared import Setting, Spread, figures_of
from engine.runs.fold import fold
from engine.runs.snapshot import EMPTY
from engine.task import Metric
from tabs.drawing.side_by_side import Shown, figures_table, metrics_of, settings_table, spread_line

EVIL = "<img src=x>"


def shown(best: float, **made: float) -> Shown:
    snapshot = fold(EMPTY, events_of(best, **made))  # pyright: ignore[reportArgumentType]
    return Shown(label=EVIL, link="planet?run=x#train", snapshot=snapshot, figures=figures_of(snapshot, F2))


def apart(html: str) -> list[tuple[str, str]]:
    return re.findall(r'lab-apart ?(\w*)">([^<]+)<', html)


def test_which_way_is_better_is_the_metrics_own() -> None:
    runs = [shown(0.5), shown(0.6, loss=2.0)]
    assert apart(figures_table(runs, F2, "F2", is_alike=True)) == [
        ("good", "+0.1000"),
        ("bad", "+0.3667"),
        ("", "+0.3333"),
        ("", "±0"),  # the time
    ]
    lower = Metric(name=MEAN_PIXELS.name, lower_is_better=True)
    assert apart(figures_table(runs, lower, "px", is_alike=True))[0] == ("bad", "+0.1 px")
    assert apart(figures_table(runs, F2, "F2", is_alike=False)) == []


def test_equal_figures_and_missing_ones() -> None:
    nothing = Shown(label="new", link="", snapshot=EMPTY, figures=figures_of(EMPTY, F2))
    html = figures_table([shown(0.5), shown(0.5), nothing], F2, "F2", is_alike=True)
    assert set(apart(html)) == {("", "±0")} and html.count("–") >= 5


def test_nothing_from_outside_is_markup() -> None:
    setting = Setting(where=EVIL, name=EVIL, values=(EVIL, "b"), differs=True)
    html = figures_table([shown(0.5)], F2, EVIL, is_alike=True) + settings_table([setting], 2)
    assert "<img" not in html + spread_line([0, 1], EVIL, "f2", Spread(mean=0.5, deviation=0.1, n=2))


def test_two_runs_are_said_to_be_few() -> None:
    assert "rough idea" in spread_line([0, 1], "F2", "f2", Spread(mean=0.5, deviation=0.1, n=2))
    assert "rough idea" not in spread_line([0, 1, 2], "F2", "f2", Spread(mean=0.5, deviation=0.1, n=3))


def test_the_main_metric_comes_first() -> None:
    assert metrics_of([EMPTY, fold(EMPTY, events_of(0.5))], "accuracy") == ["accuracy", "f2"]
