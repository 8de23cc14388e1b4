"""Runs side by side: what differs, by what is underneath; what they came to; and how much of it may be chance."""

import statistics
from dataclasses import replace

import pytest
from made_runs import RECIPE, SPEC, STAGES, events_of

from engine.events import EpochFinished
from engine.kinds.main_metrics import F2
from engine.recipe import Stage
from engine.runs.compared import (
    ABSENT,
    FRESH,
    RANDOM,
    compare_settings,
    differing,
    figures_of,
    knob_text,
    same_but_for_seed,
    spread_of,
)
from engine.runs.fold import fold
from engine.runs.snapshot import EMPTY

pytestmark = pytest.mark.quick


def with_stage(number: int, **knobs):
    stages = tuple(replace(stage, **knobs) if at == number else stage for at, stage in enumerate(STAGES))
    return replace(SPEC, recipe=replace(RECIPE, stages=stages))


def only(*specs, shown=lambda name, value: value):
    return [(row.where, row.name, row.values) for row in differing(compare_settings(specs, shown))]


def test_only_what_differs_stage_by_stage():
    other = replace(with_stage(1, max_lr=(1e-3, 1e-2), augmentation="none"), seed=7)
    assert only(SPEC, other) == [
        ("The run", "Seed", ("42", "7")),
        ("Stage 2", "Learning rate", ("1e-4 to 1e-3", "1e-3 to 1e-2")),
        ("Stage 2", "Augmentation", ("standard", "none")),
    ]
    assert only(SPEC, SPEC) == []


def test_a_stage_that_only_one_has_is_told_as_absent():
    shorter = replace(SPEC, recipe=replace(RECIPE, stages=STAGES[:1]))
    told = only(SPEC, shorter)
    assert ("The run", "Stages", ("2", "1")) in told and ("Stage 2", "Epochs", ("2", ABSENT)) in told
    assert all(values[1] == ABSENT for where, _, values in told if where == "Stage 2")


def test_a_zero_is_not_taken_for_nothing():
    assert ("Stage 1", "Weight decay", ("1e-2", "0")) in only(SPEC, with_stage(0, weight_decay=0.0))


def test_knobs_that_mean_nothing_to_a_task_are_left_out():
    names = {row.name for row in compare_settings([SPEC])}
    assert "Dropout times" not in names and "Resolution (px)" in names


def test_what_is_underneath_counts_not_how_it_is_shown():
    hidden = [replace(SPEC, dataset="/one/data"), replace(SPEC, dataset="/other/data")]
    told = only(*hidden, shown=lambda name, value: "data of their own" if name == "Data set" else value)
    assert told == [("The run", "Data set", ("data of their own (1)", "data of their own (2)"))]


def test_where_the_weights_come_from():
    random = replace(SPEC, recipe=replace(RECIPE, pretrained=False))
    assert only(SPEC, random, replace(SPEC, init_from="/runs/x")) == [
        ("The run", "Starts from", (FRESH, RANDOM, "/runs/x"))
    ]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("max_lr", 1e-3, "1e-3"),
        ("max_lr", (1e-5, 2e-3), "1e-5 to 2e-3"),
        ("momentum", (0.95, 0.85), "0.95, 0.85"),
        ("train_from", -1, "-1: the head alone"),
        ("train_from", -2, "-2"),
        ("pct_start", 0.3, "0.3"),
        ("precision", "auto", "auto"),
    ],
)
def test_values_are_written_as_people_do(name, value, said):
    assert knob_text(name, getattr(Stage(**{name: value}), name)) == said


def test_what_a_run_came_to():
    found = figures_of(fold(EMPTY, events_of(0.9)), F2)
    assert (found.epochs, found.best, found.best_epoch) == (3, pytest.approx(0.9), 3)
    assert (found.train_loss, found.valid_loss) == (pytest.approx(1 / 3), pytest.approx(1.1 / 3))
    assert found.minutes == pytest.approx(36 / 60)


def test_a_run_without_an_epoch_and_one_whose_metric_is_no_number():
    nothing = figures_of(EMPTY, F2)
    assert (nothing.best, nothing.best_epoch, nothing.valid_loss, nothing.minutes) == (None, None, None, 0)
    broken = [
        replace(event, metrics={"f2": float("nan")}) if isinstance(event, EpochFinished) else event
        for event in events_of(0.9)
    ]
    assert figures_of(fold(EMPTY, broken), F2).best is None


def test_runs_that_differ_in_their_seed_alone_are_found():
    named = replace(SPEC, seed=2, title="other", recipe=replace(RECIPE, name="other", title="other"))
    other = with_stage(0, epochs=3)
    assert same_but_for_seed([SPEC, other, named, replace(other, seed=3)]) == [(0, 2), (1, 3)]
    assert same_but_for_seed([SPEC, SPEC]) == [], "the same run twice says nothing of chance"


def test_the_spread_is_that_of_a_sample():
    values = [0.8, 0.82, 0.87]
    found = spread_of([*values, None, float("nan")])
    assert found is not None
    assert (found.n, found.mean, found.deviation) == (3, pytest.approx(0.83), pytest.approx(statistics.stdev(values)))
    assert spread_of([0.8, None]) is None
