"""Confident learning: which labels are wrong, by the confidence that held-out predictions have in labels of that sort.

Northcutt, Jiang and Chuang 2021, "Confident learning: estimating uncertainty in dataset labels". A class's threshold is the mean
probability that it gets where it is given. A sample that reaches the
threshold of another class, with a higher probability than any class whose threshold it reaches, lies off the diagonal of the
confident joint: its label is taken for wrong.
"""

from typing import NamedTuple

import torch
from torch import Tensor

LEAST = 1e-6  # a probability that is no certainty
FEWEST = 5  # samples of a class from which on it has a threshold of its own


class Judged(NamedTuple):
    """For each sample: the class that is proposed, whether its label lies off the diagonal, how suspicious it is in −1..1 (the
    normalised margin), and its loss."""

    proposed: Tensor  # (N,) int64
    is_off: Tensor  # (N,) bool
    margin: Tensor  # (N,)
    loss: Tensor  # (N,)


class TagsJudged(NamedTuple):
    """For each sample: the tags that would be right, whether one of them lies off the diagonal, how suspicious the least likely
    of the given and missing tags is in 0..1, the mean loss; and for each tag its self-confidence."""

    proposed: Tensor  # (N, K) bool
    is_off: Tensor  # (N,) bool
    doubt: Tensor  # (N,)
    loss: Tensor  # (N,)
    confidence: Tensor  # (N, K)


def judge_classes(shares: Tensor, given: Tensor) -> Judged:
    """What held-out probabilities (N, K) say of the labels (N,)."""
    counts = given.bincount(minlength=shares.shape[1])
    own = shares.gather(1, given[:, None])[:, 0]
    sums = torch.zeros(shares.shape[1], dtype=shares.dtype).index_add(0, given, own)
    thresholds = torch.where(counts >= FEWEST, sums / counts.clamp(min=1), torch.inf)
    candidates = shares.where(shares >= thresholds, -torch.inf)
    best, place = candidates.max(1)
    others = shares.scatter(1, given[:, None], -torch.inf)
    likeliest, proposed = others.max(1)
    is_off = best.isfinite() & (place != given) & (counts[given] >= FEWEST)
    return Judged(torch.where(is_off, place, proposed), is_off, likeliest - own, -own.clamp(min=LEAST).log())


def judge_tags(shares: Tensor, given: Tensor) -> TagsJudged:
    """What held-out probabilities (N, K) say of the tags (N, K) of 0 and 1: each tag for itself, as two classes."""
    has = given > 0
    confidence = torch.where(has, shares, 1 - shares)
    with_it, without = has.sum(0), (~has).sum(0)
    high = torch.where(with_it >= FEWEST, (shares * has).sum(0) / with_it.clamp(min=1), torch.inf)
    low = torch.where(without >= FEWEST, ((1 - shares) * ~has).sum(0) / without.clamp(min=1), torch.inf)
    lacks = ~has & (shares >= high)
    extra = has & (1 - shares >= low) & (with_it >= FEWEST)
    off = (lacks | extra) & (confidence < 0.5)
    least = confidence.argmin(1, keepdim=True)
    flipped = torch.where(off.any(1, keepdim=True), off, torch.zeros_like(off).scatter(1, least, True))
    loss = -confidence.clamp(min=LEAST).log().mean(1)
    return TagsJudged(has ^ flipped, off.any(1), 1 - confidence.min(1).values, loss, confidence)
