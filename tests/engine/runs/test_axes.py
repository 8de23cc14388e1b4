"""Curves by step, epoch and minutes: epochs lie where they ended, and steps between them."""

import math

import pytest
from made_runs import STEPS, events_of

from engine.runs.axes import smoothed, train_curve, valid_curve
from engine.runs.fold import fold
from engine.runs.snapshot import EMPTY

pytestmark = pytest.mark.quick
RUN = fold(EMPTY, events_of(0.9, epochs=3, seconds=10.0))


def xs(points):
    return [x for x, _ in points]


def test_by_step_and_by_epoch():
    assert xs(train_curve(RUN, "step")) == list(range(1, 16))
    assert xs(train_curve(RUN, "epoch")) == pytest.approx([step / STEPS for step in range(1, 16)])
    assert xs(valid_curve(RUN, "epoch")) == [1, 2, 3] and xs(valid_curve(RUN, "step")) == [5, 10, 15]


def test_by_time_training_ends_before_validation_does():
    # Each epoch trains for 10 s in 5 steps, and validates for 2 s.
    seconds = [60 * x for x in xs(train_curve(RUN, "time"))]
    assert seconds[:6] == pytest.approx([2, 4, 6, 8, 10, 14])
    assert [60 * x for x in xs(valid_curve(RUN, "time", "f2"))] == pytest.approx([12, 24, 36])


def test_an_epoch_under_way_goes_on_at_its_pace():
    started = fold(EMPTY, events_of(0.9, epochs=3)[: 2 + STEPS + 2 + 2])  # a whole epoch, and two steps
    assert xs(train_curve(started, "epoch"))[-2:] == pytest.approx([1.2, 1.4])
    assert [60 * x for x in xs(train_curve(started, "time"))][-2:] == pytest.approx([14, 16])
    before = fold(EMPTY, events_of(0.9)[:4])
    assert xs(train_curve(before, "epoch")) == pytest.approx([0.2, 0.4]) and valid_curve(before, "time") == ()


def test_a_metric_is_taken_where_it_was_measured():
    assert [y for _, y in valid_curve(RUN, "step", "f2")] == pytest.approx([0.3, 0.6, 0.9])
    assert valid_curve(RUN, "time", "no such") == ()


def test_smoothing_keeps_level_ends_and_length():
    assert smoothed([1.0, 2.0, 4.0], 0.0) == [1, 2, 4]
    assert smoothed([3.0] * 5, 0.9) == pytest.approx([3.0] * 5)
    values = smoothed([0.0, 1.0], 0.5)
    assert values == pytest.approx([0.0, 2 / 3])  # (0.5·0.5·0 + 0.5·1) / 0.75


def test_a_loss_that_is_no_number_does_not_spread():
    found = smoothed([1.0, math.nan, 1.0, math.inf, 1.0], 0.9)
    assert math.isnan(found[1]) and found[3] == math.inf and [found[0], found[2], found[4]] == pytest.approx([1, 1, 1])
