"""The comparison as functions: what is shown of several runs, of one, of none, of those that are gone, and to whom."""

import shutil
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest
from made_runs import RECIPE, SPEC, STAGES, events_of, make_run

from engine.data.pictures.block import Data
from engine.errors import RunError
from engine.host.access import Person, identify_by
from engine.runs.store import append_event, find_run
from tabs.door import address
from tabs.panels import comparing
from tabs.panels.comparing import asked_runs, listed_runs, poll_compared, present, show_samples, spread_items, with_run


def poll(*names: str, axis: Any = "step", whole: bool = False, seen: str = "") -> comparing.Compared:
    return poll_compared(list(names), axis, 0.5, whole, seen)


@pytest.fixture
def runs() -> list[str]:
    """Two that differ in their seed, and one with another rate."""
    faster = replace(SPEC, recipe=replace(RECIPE, stages=(replace(STAGES[0], max_lr=0.1), STAGES[1])))
    return [
        make_run(SPEC, events_of(0.80)),
        make_run(replace(SPEC, seed=7), events_of(0.84)),
        make_run(faster, events_of(0.40, loss=3.0)),
    ]


def test_figures_come_with_differences_and_what_chance_does(runs: list[str]) -> None:
    shown = poll(*runs)
    assert "0.8400 <small" in shown.figures and "+0.0400" in shown.figures and "−0.4000" in shown.figures
    assert 'lab-apart bad">−0.4000' in shown.figures and 'lab-apart good">+0.0400' in shown.figures
    assert "A, B differ in their seed alone" in shown.figures
    assert "0.8200 ± 0.0283 (mean and standard deviation, n = 2)" in shown.figures
    assert comparing.CHANCE not in shown.figures and comparing.CHANCE in poll(runs[0], runs[2]).figures


def test_only_what_differs_or_all(runs: list[str]) -> None:
    some, every = poll(runs[0], runs[2]).settings, poll(runs[0], runs[2], whole=True).settings
    assert "Learning rate" in some and "Weight decay" not in some and "Weight decay" in every
    assert comparing.ALL_THE_SAME in poll(runs[0], make_run(SPEC, [])).settings


def test_each_curve_has_a_line_for_each_run_along_each_axis(runs: list[str]) -> None:
    for axis, said in (("step", "step"), ("epoch", "epoch"), ("time", "seconds of training")):
        curves = poll(*runs, axis=axis).curves
        assert curves.count("lab-chart ") == 3 and said in curves  # training, validation, F2
        assert all(f'key run{place}">{"ABC"[place]}<' in curves for place in range(3))


def test_nothing_changes_where_nothing_did_and_a_run_under_way_is_followed(runs: list[str]) -> None:
    going = make_run(SPEC, events_of(0.8)[:4], is_over=False)
    seen = poll(runs[0], going).seen
    assert poll(runs[0], going, seen=seen) == comparing.skipped(comparing.Compared)
    append_event(find_run(going), events_of(0.8)[4])
    assert poll(runs[0], going, seen=seen).seen not in (seen, gr.skip())


def test_none_one_alone_and_one_that_was_deleted(runs: list[str]) -> None:
    assert poll().figures == comparing.NOTHING_CHOSEN and poll(seen=comparing.NONE) == comparing.skipped(
        comparing.Compared
    )
    alone = poll(runs[0])
    assert comparing.ONE_ALONE in alone.figures and "Weight decay" in alone.settings
    shutil.rmtree(find_run(runs[1]))
    left = poll(runs[0], runs[1])
    assert "1 of the chosen runs was deleted meanwhile" in left.figures and "0.8000" in left.figures
    assert "no curves yet" in poll(make_run(SPEC, [], is_over=False)).curves


def test_runs_of_other_data_get_no_differences(runs: list[str]) -> None:
    shown = poll(runs[0], make_run(replace(SPEC, dataset="planet_tiny"), events_of(0.9)))
    assert comparing.OTHER_DATA in shown.figures and "+0.1000" not in shown.figures


def test_the_address_names_runs_and_only_runs(runs: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"runs": ",".join([runs[1], "gone", runs[0], runs[1]])}
    monkeypatch.setattr(comparing, "asked_for", lambda key: asked[key])
    assert asked_runs() == ([runs[1], runs[0]], "1 of the 3 runs that the address names is not here any more.")
    more = [make_run(SPEC, []) for _ in range(9)]
    asked["runs"] = ",".join(more)
    assert asked_runs() == (more[:8], "The first 8 are shown.")
    assert present([str(find_run(runs[0])), "..", "", f"./{runs[0]}"]) == [], "a path is no name"
    assert address.asked_for("runs") == "", "outside of a request there is no address"


def test_new_runs_join_and_the_comparison_stays_small(runs: list[str]) -> None:
    many = [make_run(SPEC, []) for _ in range(8)]
    assert with_run(many, runs[0])["value"] == [*many[:7], runs[0]]
    assert with_run([*runs, "gone"], runs[0])["value"] == [*runs[1:], runs[0]]
    assert {name for _, name in listed_runs()} == {*runs, *many}


def test_nobody_is_shown_what_another_s_data_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = make_run(replace(SPEC, dataset="own/mask-0123456789"), events_of(0.5))
    other = make_run(replace(SPEC, dataset="own/mask-abcdefabcd"), events_of(0.6))
    identify_by(lambda: Person(name="ann", is_host=False))
    try:
        shown = poll(mine, other)
    finally:
        identify_by(Person)
    assert "mask-0123456789" not in shown.figures + shown.settings
    assert "data of their own (1)" in shown.settings and "data of their own (2)" in shown.settings


def test_samples_need_a_run_and_the_data() -> None:
    with pytest.raises(RunError, match="Choose a run"):
        show_samples([])
    from engine.errors import DataError

    with pytest.raises(DataError):
        show_samples([make_run(replace(SPEC, dataset="gone"), [])])


def test_samples_are_spread_over_the_whole_split(streets: Any) -> None:
    from engine.kinds.mask import open_masks

    data: Data = open_masks(streets)
    assert spread_items(data, 2) == [data.valid[0], data.valid[2]] and len(spread_items(data, 99)) == len(data.valid)
