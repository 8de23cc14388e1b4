"""Reading the LR finder's curve: four automatic suggestions, and what the lesson reads off it, in words and as rates.

The suggestions are those of fastai 2 (`fastai.callback.schedule`), point for point. The reading follows the lesson: while the
head alone learns, one rate at which the loss still falls, well before it turns up; when everything learns, a slice that ends
at a part of the rate that trained the head, and starts ten times below the rate at which the loss turns up.
"""

from dataclasses import dataclass

import numpy as np

from engine.events import RatesSuggested
from engine.recipe import rate_text

LEAST_STEPS = 10  # they do not count: before the first few nothing is known
SKIPPED_END = 5  # nor do the last for the suggestions, as in fastai: the loss explodes there
FEWEST = LEAST_STEPS + 2 * SKIPPED_END  # points that make a curve
WIDTH = 0.25  # powers of ten: the standard deviation of the average's weights
SURE = 4.0  # standard deviations of the averaged loss: no accident
CLEAR = 10.0  # standard deviations: a fall whose steep part can be told
SHARE_OF_FALL = 0.1  # lost again of what was gained: the loss has turned up
ROUNDING = 1e-6  # of the loss: nothing has changed
FALLEN = 0.8  # of the fall done: it was steep until here
BEFORE_TURN = 5.0  # a frozen stage's rate lies so far below the turn
HEAD_SHARE = 5.0  # an unfrozen slice ends so far below the head's rate
SLICE = 10.0  # and starts so far below the turn, or below its end

NOTHING = (
    "No rate can be read: it is not certain where the loss, {:.2g} at first, turns up, and chance alone moves this curve by "
    "{:.2g}. Try more rates or a larger batch size, or take a rate that worked on similar data."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A curve as it is read: rates (N,) that rise, and `losses` (N,), averaged.

    start: the loss before anything is learnt. lowest: the index of the lowest average. noise: the standard deviation of the
    averaged loss, from that of single batches.
    """

    rates: np.ndarray
    losses: np.ndarray
    start: float
    lowest: int
    noise: float

    @property
    def fall(self) -> float:
        """How far the loss falls."""
        return self.start - float(self.losses[self.lowest])

    @property
    def turn(self) -> float:
        """The last rate, looked for from the right, at which the loss has not turned up for certain."""
        margin = max(SURE * self.noise, SHARE_OF_FALL * self.fall, ROUNDING * abs(self.start))
        return float(self.rates[np.flatnonzero(self.losses <= self.losses[self.lowest] + margin)[-1]])

    @property
    def fallen(self) -> float:
        """The first rate at which most of the fall is done."""
        done = self.losses[: self.lowest + 1] <= self.start - FALLEN * self.fall
        return float(self.rates[np.flatnonzero(done)[0]])


def smoothed(rates: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """The losses (N,) averaged over their neighbours on both sides, which shifts nothing to larger rates."""
    return average_weights(rates) @ losses


def average_weights(rates: np.ndarray) -> np.ndarray:
    """The share (N, N) that each point's loss has in each point's average."""
    at = np.log10(rates)
    weights = np.exp(-(((at[:, None] - at) / WIDTH) ** 2) / 2)
    return weights / weights.sum(axis=1, keepdims=True)


def read_curve(rates: np.ndarray, losses: np.ndarray) -> Curve:
    """The curve of the losses (N,) that the batches gave at rates (N,)."""
    weights = average_weights(rates)
    average = (weights @ losses)[LEAST_STEPS:]
    lowest = int(average.argmin())
    # From a batch to the next, while little is learnt: over half the curve, or until its bottom. Few batches are far out.
    changes = np.diff(losses[: max(LEAST_STEPS + lowest, len(losses) // 2)])
    of_a_batch = 1.4826 * np.median(np.abs(changes - np.median(changes))) / np.sqrt(2)
    return Curve(
        rates=rates[LEAST_STEPS:],
        losses=average,
        start=float(np.median(losses[:LEAST_STEPS])),
        lowest=lowest,
        noise=float(of_a_batch * np.sqrt((weights[len(rates) // 2] ** 2).sum())),
    )


def suggest(
    rates: np.ndarray, losses: np.ndarray, *, is_frozen: bool, head_rate: float | None = None
) -> RatesSuggested:
    """What a finished curve suggests: rates (N,) that rise, and the loss (N,) of the batch that was trained with each.

    The reading has no rate where the curve says none, and then says what to do.
    """
    if len(rates) < FEWEST:
        reading = (
            f"The curve has {len(rates)} points, and {FEWEST} are needed to read it. Try more rates; if the loss exploded at "
            "once, start from other weights or look at the data."
        )
        return RatesSuggested(suggestions={}, reading=reading, reading_lr=())
    curve = read_curve(rates, losses)
    seen, average = curve.rates[:-SKIPPED_END], curve.losses[:-SKIPPED_END]
    suggestions = {
        "valley": valley(seen, average),
        "slide": slide(seen, average),
        "steep": steep(seen, average),
        "minimum/10": minimum(seen, average),
    }
    if SURE * curve.noise > curve.start or curve.turn == curve.rates[-1]:
        reading, rates_read = NOTHING.format(curve.start, curve.noise), ()
    else:
        reading, rates_read = read_frozen(curve) if is_frozen else read_unfrozen(curve, head_rate)
    return RatesSuggested(suggestions=suggestions, reading=reading, reading_lr=rates_read)


def read_frozen(curve: Curve) -> tuple[str, tuple[float, ...]]:
    """The lesson's reading while the head alone learns: its words, and one rate."""
    rate, why = rate_by(curve)
    return f"The head alone learns: take one rate. {why}: {rate_text(rate)}.", (rate,)


def read_unfrozen(curve: Curve, head_rate: float | None) -> tuple[str, tuple[float, ...]]:
    """The lesson's reading when everything learns: its words, and the slice."""
    if head_rate is None:
        high, why = rate_by(curve)
        end = f"No run is known that trained the head alone, so the curve has to give the slice's end. {why}"
    else:
        high = _round(head_rate / HEAD_SHARE)
        end = f"End the slice at a fifth of the rate that trained the head ({rate_text(head_rate)})"
    low = _round(min(curve.turn, high) / SLICE)
    start = (
        f"ten times below the rate at which the loss turns up ({rate_text(curve.turn)})"
        if curve.turn < high
        else f"ten times below that; the loss turns up later, at {rate_text(curve.turn)}"
    )
    return f"Everything learns. {end}. Start it {start}: slice({rate_text(low)}, {rate_text(high)}).", (low, high)


def rate_by(curve: Curve) -> tuple[float, str]:
    """A rate and why: where most of the fall is done, if that can be told, and well before the loss turns up."""
    early = _round(curve.turn / BEFORE_TURN)
    so = f"so take a fifth of the rate at which the loss turns up ({rate_text(curve.turn)})"
    if curve.fall <= CLEAR * curve.noise:
        return early, f"Batches scatter too much to see where the loss falls steeply, {so}"
    if curve.fallen > curve.turn / BEFORE_TURN:
        return early, f"The loss falls up to {rate_text(curve.fallen)}, too near to where it turns up, {so}"
    return _round(curve.fallen), f"Four fifths of the loss's fall are done at {rate_text(curve.fallen)}"


def valley(rates: np.ndarray, losses: np.ndarray) -> float:
    """Half way down the longest descent: the longest falling subsequence of the losses, up to where it is reached first."""
    lengths: list[int] = []
    for at, loss in enumerate(losses):
        lengths.append(1 + max((lengths[before] for before in np.flatnonzero(losses[:at] > loss)), default=0))
    end = int(np.argmax(lengths))
    start = end - lengths[end] if end else 0  # as if its points were neighbours
    third = (end - start) / 3
    return float(rates[start + int(third) + int(third / 2)])


def slide(rates: np.ndarray, losses: np.ndarray, *, apart: int = 15, alike: float = 0.005) -> float:
    """From the right, the first stretch of `apart` points at whose ends the loss changes alike from a point to the next."""
    slopes = np.gradient(losses)
    right, left = len(losses) - 1, max(len(losses) - 1 - apart, 0)
    rate = rates[left]
    while right >= apart and abs(slopes[right] - slopes[right - apart]) > alike:
        rate = rates[right - apart]
        right -= 1
    return float(rate)


def minimum(rates: np.ndarray, losses: np.ndarray) -> float:
    """A tenth of the rate with the lowest loss."""
    return float(rates[losses.argmin()] / 10)


def steep(rates: np.ndarray, losses: np.ndarray) -> float:
    """Where the loss falls fastest over the logarithm of the rate."""
    return float(rates[(np.diff(losses) / np.diff(np.log(rates))).argmin()])


def _round(rate: float) -> float:
    """One digit: nobody can tell 1.1e-3 from 1e-3."""
    return float(f"{rate:.0e}")
