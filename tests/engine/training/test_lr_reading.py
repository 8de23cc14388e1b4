"""The LR finder's suggestions are fastai's, and its reading is what a person reads off recorded curves."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from engine.recipe import rate_text
from engine.training.lr_reading import FEWEST, LEAST_STEPS, SKIPPED_END, read_curve, smoothed, suggest

pytestmark = pytest.mark.quick

RECORDED = Path(__file__).parents[3] / "benchmarks" / "lr_curves"
FASTAI = json.loads((RECORDED / "fastai.json").read_text("utf-8"))
READINGS = json.loads((RECORDED / "readings.json").read_text("utf-8"))
FUNCTIONS = ("valley", "slide", "steep", "minimum/10")


def recorded(name: str) -> tuple[np.ndarray, np.ndarray]:
    curve = json.loads((RECORDED / f"{name}.json").read_text("utf-8"))
    return np.array(curve["rates"]), np.array(curve["losses"])


def drawn(
    noise: float = 0.0, *, fall: float = 1.5, turn: float = 0.1, count: int = 100
) -> tuple[np.ndarray, np.ndarray]:
    """A drawn curve: flat at 2, down by `fall` between 1e-4 and 1e-2, up again behind `turn`."""
    rates = np.logspace(-7, 1, count)
    x = np.log10(rates)
    losses = 2 - fall / (1 + np.exp(-4 * (x + 3))) + np.exp(6 * np.minimum(x - np.log10(turn) - 0.4, 1))
    return rates, losses + noise * np.random.default_rng(0).standard_normal(count)


@pytest.mark.parametrize("name", FASTAI)
def test_the_suggestions_are_those_of_fastai_on_the_same_curve(name: str) -> None:
    suggested = suggest(*recorded(name), is_frozen=True).suggestions
    assert suggested == pytest.approx(FASTAI[name], rel=1e-4)


def test_suggestions_lie_where_their_names_say() -> None:
    rates, losses = drawn()
    suggested = suggest(rates, losses, is_frozen=True).suggestions
    assert suggested["steep"] == pytest.approx(1e-3, rel=0.3)
    assert 5e-5 < suggested["valley"] < 1e-1
    average = smoothed(rates, losses)[LEAST_STEPS:-SKIPPED_END]
    assert suggested["minimum/10"] == pytest.approx(rates[LEAST_STEPS + average.argmin()] / 10)


def test_the_average_shifts_nothing_to_larger_rates() -> None:
    rates = np.logspace(-7, 1, 161)
    losses = (np.log10(rates) + 3) ** 2
    assert rates[smoothed(rates, losses).argmin()] == pytest.approx(1e-3)


@pytest.mark.parametrize("name", READINGS)
def test_a_recorded_curve_is_read_as_a_person_reads_it(name: str) -> None:
    said, curve = READINGS[name], read_curve(*recorded(name))
    assert said["turn"] / 3 <= curve.turn <= said["turn"] * 3
    is_fresh = json.loads((RECORDED / f"{name}.json").read_text("utf-8"))["start"] == ""
    head_rate = None if is_fresh else 50 * curve.turn  # so large that the slice's start goes by the turn
    read = suggest(*recorded(name), is_frozen=said["layers"] == "head", head_rate=head_rate).reading_lr
    assert said["rate"] / 3 <= read[0] <= said["rate"] * 3


def test_frozen_it_is_one_rate_where_most_of_the_fall_is_done() -> None:
    verdict = suggest(*drawn(), is_frozen=True)
    (rate,) = verdict.reading_lr
    assert 1e-3 <= rate <= 4e-3 and verdict.reading.endswith(f"{rate_text(rate)}.")


def test_frozen_it_keeps_away_from_the_turn() -> None:
    (rate,) = suggest(*drawn(turn=2e-3), is_frozen=True).reading_lr
    assert 2e-4 <= rate <= 8e-4


def test_frozen_and_noisy_it_goes_by_the_turn_alone() -> None:
    verdict = suggest(*drawn(noise=0.3, fall=0.5), is_frozen=True)
    assert "scatter too much" in verdict.reading
    assert verdict.reading_lr[0] == pytest.approx(0.1 / 5, rel=0.7)


@pytest.mark.parametrize("head_rate", [1e-2, 2e-3])
def test_unfrozen_the_slice_ends_below_the_heads_rate_and_starts_below_the_turn(head_rate: float) -> None:
    rates, losses = drawn(noise=0.02, fall=0.0, turn=1e-4)
    low, high = suggest(rates, losses, is_frozen=False, head_rate=head_rate).reading_lr
    assert high == pytest.approx(head_rate / 5)
    assert 2e-5 < read_curve(rates, losses).turn < 1e-4
    assert low == pytest.approx(read_curve(rates, losses).turn / 10, rel=0.3)


def test_unfrozen_the_slice_spans_a_power_of_ten_where_the_turn_is_far_off() -> None:
    verdict = suggest(*drawn(turn=1.0), is_frozen=False, head_rate=1e-2)
    assert verdict.reading_lr == pytest.approx((2e-4, 2e-3))


def test_an_unknown_heads_rate_is_read_off_the_curve_and_said_so() -> None:
    (head,) = suggest(*drawn(), is_frozen=True).reading_lr
    verdict = suggest(*drawn(), is_frozen=False)
    assert verdict.reading_lr == pytest.approx((head / 10, head))
    assert "No run is known" in verdict.reading


@pytest.mark.parametrize("is_frozen", [True, False])
def test_every_rate_in_the_words_is_one_that_was_used(is_frozen: bool) -> None:
    """Moving the curve by a power of ten moves them all, but for the head's rate."""

    def rates_in(words: str) -> list[float]:
        return [float(number) for number in re.findall(r"\d\.?\d*e-?\d+", words)]

    rates, losses = drawn(turn=1e-2)
    here, there = (
        suggest(rates * by, losses, is_frozen=is_frozen, head_rate=None if is_frozen else 5e-2) for by in (1.0, 0.1)
    )
    one, other = rates_in(here.reading), rates_in(there.reading)
    moved = [a == pytest.approx(10 * b, rel=0.01) for a, b in zip(one, other, strict=True)]
    assert len(one) >= 2 and (all(moved) if is_frozen else moved == [False, True, True, False])


@pytest.mark.parametrize(
    ("curve", "is_frozen", "words"),
    [
        (drawn(noise=5.0), True, "No rate can be read: it is not certain where the loss"),
        (drawn(noise=5.0), False, "No rate can be read: it is not certain where the loss"),
        ((np.logspace(-7, 1, 100), np.ones(100)), False, "No rate can be read"),
        ((np.logspace(-7, 1, 100), np.ones(100)), True, "No rate can be read"),
        (tuple(part[: FEWEST - 1] for part in drawn()), True, "The curve has 19 points, and 20 are needed"),
    ],
)
def test_a_curve_that_says_nothing_says_so_and_what_to_do(curve, is_frozen: bool, words: str) -> None:
    verdict = suggest(*curve, is_frozen=is_frozen, head_rate=1e-2)
    assert verdict.reading_lr == ()
    assert words in verdict.reading and "Try more rates" in verdict.reading


@pytest.mark.parametrize("count", [1, 2, 5, FEWEST - 1, FEWEST, FEWEST + 1])
@pytest.mark.parametrize("is_frozen", [True, False])
def test_short_curves_of_any_shape_are_read_or_refused(count: int, is_frozen: bool) -> None:
    rates = np.logspace(-7, 1, count)
    for losses in (np.ones(count), np.arange(count) + 1.0, np.arange(count)[::-1] + 1.0):
        verdict = suggest(rates, losses, is_frozen=is_frozen)
        assert verdict.reading and all(rate > 0 for rate in verdict.reading_lr)
        assert set(verdict.suggestions) == (set(FUNCTIONS) if count >= FEWEST else set())
