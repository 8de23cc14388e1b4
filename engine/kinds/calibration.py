"""How sure an answer is: probabilities that mean what they say, and the level from which on an answer counts as sure.

Networks are mostly surer than they are right. Dividing all logits by one number, the temperature, puts much of that straight and
leaves the likeliest class what it was (Guo et al. 2017, On Calibration of Modern Neural Networks). It is fitted on validation by
the log loss. Of numbers and points there are no probabilities: there it is told within which distance of the truth most answers
lie, as split conformal prediction does (Lei et al. 2018).

What was fitted flatters itself on the samples that it was fitted on. So whatever is reported comes from halves: each half is
judged with what the other half gave.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.kinds.sureness import COLDEST, HOTTEST, SHARE, SURE, SURE_FROM, TEMPERATURE

FEWEST = 50  # samples to fit on
FEWEST_PICTURES = 10  # of masks: the pixels of a picture are much alike
MOST_FITTED = 1_000_000  # logits: more of them change nothing and take time
STEPS = 30
MOST_BINS, FEWEST_IN_BIN = 15, 20
RIGHT = 0.95  # of the sure answers, as many shall be right
FEWEST_SURE = 50
FEWEST_DISTANCES = 20

Squash = Callable[[Tensor], Tensor]  # logits as probabilities
Halves = Callable[[int], Tensor]  # which of so many samples are in the first half


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What goes into a decision, and what is told of it in an evaluation; both are empty where there was too little to go by."""

    decision: dict[str, float]
    told: dict[str, Any]

    @property
    def details(self) -> dict[str, Any]:
        """For an evaluation's details, beside the decision."""
        return {"calibration": self.told} if self.told else {}


NONE = Calibration(decision={}, told={})


def softmax(logits: Tensor) -> Tensor:
    """Over the classes (…, K)."""
    return logits.softmax(-1)


def alternating(count: int) -> Tensor:
    """Every other sample (N,): for data that may come in the order of its classes, or of length."""
    return torch.arange(count) % 2 == 0


def first_half(count: int) -> Tensor:
    """The first half of the samples (N,): for data in which neighbours may be frames of a film, or pictures of one person."""
    return torch.arange(count) < count / 2


def calibrate_classes(logits: Tensor, truth: Tensor, halves: Halves, of: Tensor | None = None) -> Calibration:
    """Where one class is right: logits (N, K) and truth (N,); for pixels `of` is the number of each one's picture (N,)."""
    samples = torch.arange(len(truth)) if of is None else of
    half = halves(int(samples.max()) + 1)[samples] if len(samples) else samples > 0
    if len(truth) < FEWEST or half.all() or not half.any():
        return NONE
    wanted = torch.nn.functional.one_hot(truth.long(), logits.shape[1])
    fitted = _fit(logits, wanted, half, samples, softmax)
    confidence, answers = softmax(logits.double() / fitted.temperature).max(1)
    right, on_halves = answers == truth, softmax(fitted.on_halves).amax(1)
    level = sure_level(confidence, right)
    # Those of the other half that are sure by what this half says.
    trusted = on_halves if fitted.temperature != 1 else confidence
    is_sure = torch.zeros_like(half)
    for own in (half, ~half):
        is_sure[own] = trusted[own] >= sure_level(trusted[~own], right[~own])
    told = _told(softmax(logits.double()).amax(1), on_halves, right, fitted)
    told |= {
        "sure_from": level,
        "sure_share": is_sure.double().mean().item(),
        "sure_right": right[is_sure].double().mean().item() if is_sure.any() else None,
    }
    return Calibration(decision={TEMPERATURE: fitted.temperature, SURE_FROM: level}, told=told)


def calibrate_tags(logits: Tensor, truth: Tensor, halves: Halves) -> Calibration:
    """Where each tag is there or not: logits and truth (N, C)."""
    if len(truth) < FEWEST:
        return NONE
    fitted = _fit(logits, truth, halves(len(truth)), torch.arange(len(truth)), torch.sigmoid)
    before, after = logits.double().sigmoid().flatten(), fitted.on_halves.sigmoid().flatten()
    told = _told(before, after, truth.flatten() > 0, fitted)
    return Calibration(decision={TEMPERATURE: fitted.temperature}, told=told)


def fit_temperature(logits: Tensor, wanted: Tensor, squash: Squash) -> float:
    """The temperature with the least log loss: logits (N, K), and the truth as probabilities (N, K).

    The loss is convex in 1 / temperature, with the slope Σ (probability − wanted) · logit: it is halved until the slope is 0. One
    more answer is counted that is as likely wrong as right, or logits that are all right would become endlessly sure.
    """
    step = -(-logits.numel() // MOST_FITTED)
    logits, wanted = logits[::step].double(), wanted[::step].double()
    answers = wanted.numel() if squash is torch.sigmoid else len(wanted)
    middle = 0.5 if squash is torch.sigmoid else 1 / wanted.shape[1]
    wanted = wanted + (middle - wanted) / (answers + 2)
    low, high = -math.log(HOTTEST), -math.log(COLDEST)
    for _ in range(STEPS):
        tried = (low + high) / 2
        slope = ((squash(logits * math.exp(tried)) - wanted) * logits).sum().item()
        low, high = (low, tried) if slope > 0 else (tried, high)
    return math.exp(-(low + high) / 2)


def log_loss(logits: Tensor, wanted: Tensor, squash: Squash) -> Tensor:
    """Of each row (N,), with the truth as 0 and 1 (N, K)."""
    logits = logits.double()
    if squash is torch.sigmoid:
        binary = torch.nn.functional.binary_cross_entropy_with_logits
        return binary(logits, wanted.double(), reduction="none").mean(1)
    return -(logits.log_softmax(-1) * wanted).sum(-1)


def reliability(probabilities: Tensor, right: Tensor) -> list[list[float]]:
    """[mean probability, share that was right, number] for answers of like probability (N,), as many in each bin."""
    count = max(1, min(MOST_BINS, len(right) // FEWEST_IN_BIN))
    bins = probabilities.double().argsort().tensor_split(count)
    return [[probabilities[some].mean().item(), right[some].double().mean().item(), len(some)] for some in bins]


def calibration_error(bins: list[list[float]]) -> float:
    """How far probability and share are apart, the mean over the answers: the expected calibration error."""
    return sum(number * abs(sure - right) for sure, right, number in bins) / sum(number for _, _, number in bins)


def sure_level(confidence: Tensor, right: Tensor) -> float:
    """The lowest level, from 75 % on, above which 95 of 100 answers were right: confidence and whether it was right (N,).

    75 % where there are too few answers to tell. Where none is high enough it is 95 % itself.
    """
    if len(right) < 2 * FEWEST_SURE:
        return SURE
    confidence = confidence.nan_to_num(0.0)
    ordered = confidence.argsort(descending=True)
    shares = right[ordered].double().cumsum(0) / torch.arange(1, len(right) + 1)
    fits = (shares >= RIGHT).nonzero().flatten() + 1  # how many answers are above such a level
    fits = fits[fits >= FEWEST_SURE]
    if not len(fits):
        return RIGHT
    return max(SURE, math.floor(confidence[ordered[fits[-1] - 1]].item() * 1e4) / 1e4)


def spread(distances: Tensor) -> float:
    """The distance within which the next answer lies in 80 of 100 cases, if it is of the same kind as these (N,)."""
    place = min(len(distances), math.ceil((len(distances) + 1) * SHARE))
    return distances.sort().values[place - 1].item()


def safe_spread(distances: Tensor) -> float:
    """The larger one of the two halves: where these are of different people, the next may be like either."""
    half = first_half(len(distances))
    return max(spread(distances[half]), spread(distances[~half]))


def spread_on_halves(distances: Tensor) -> float:
    """Which share of the distances (N,) lies within the spread of the other half."""
    half = first_half(len(distances))
    hits = (distances[half] <= spread(distances[~half])).sum() + (distances[~half] <= spread(distances[half])).sum()
    return hits.item() / len(distances)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fitted:
    """The temperature to use, the one that was found, and the logits, each half divided by what the other half gave."""

    temperature: float
    tried: float
    on_halves: Tensor
    losses: tuple[float, float]


def _fit(logits: Tensor, wanted: Tensor, half: Tensor, samples: Tensor, squash: Squash) -> _Fitted:
    """The temperature of all samples; 1, unless on halves it lowers the log loss by more than one standard error.

    Pixels of a picture are no samples of their own: gains are taken by `samples`.
    """
    cooled = logits.to(torch.float64, copy=True)
    for own in (half, ~half):
        cooled[own] /= fit_temperature(logits[~own], wanted[~own], squash)
    before, after = log_loss(logits, wanted, squash), log_loss(cooled, wanted, squash)
    counts = torch.bincount(samples)
    gains = torch.zeros(len(counts), dtype=torch.float64).index_add_(0, samples, before - after)[counts > 0]
    gains = gains / counts[counts > 0]
    tried = round(fit_temperature(logits, wanted, squash), 4)
    pays = bool(gains.mean() > gains.std() / len(gains) ** 0.5)
    losses = (before.mean().item(), after.mean().item())
    return _Fitted(temperature=tried if pays else 1.0, tried=tried, on_halves=cooled, losses=losses)


def _told(before: Tensor, after: Tensor, right: Tensor, fitted: _Fitted) -> dict[str, Any]:
    """What an evaluation says of answers (N,), as the model gives them and on halves."""
    bins = {"before": reliability(before, right), "after": reliability(after, right)}
    return {
        "temperature": fitted.temperature,
        "tried": fitted.tried,
        "loss_before": fitted.losses[0],
        "loss_after": fitted.losses[1],
        "error_before": calibration_error(bins["before"]),
        "error_after": calibration_error(bins["after"]),
        **bins,
    }
