"""From probabilities to tags: F-beta over samples, and the thresholds that make it best.

A threshold that was tuned on some samples flatters itself on them. So what is reported is cross-fitted: each half of the samples
is judged with the threshold that was tuned on the other half.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from engine.kinds.main_metrics import LESSON_THRESHOLD

GRID = torch.arange(0.02, 0.80, 0.01)  # thresholds worth trying
PASSES = 2

Tune = Callable[[Tensor, Tensor], Tensor]


def fbeta(probabilities: Tensor, truth: Tensor, *, threshold: float | Tensor, beta: float = 2.0) -> float:
    """F-beta of each sample, averaged over the samples, as Kaggle scored Planet with beta 2.

    Args:
        probabilities: (N, C) in 0..1.
        truth: (N, C), 1 where a tag is there.
        threshold: one for all tags, or one for each (C,).
    """
    given, there = probabilities > threshold, truth > 0
    return _fbeta((given & there).sum(1), given.sum(1), there.sum(1), beta).mean().item()


# The lesson's figure.
lesson_f2 = partial(fbeta, threshold=LESSON_THRESHOLD, beta=2.0)


def best_threshold(probabilities: Tensor, truth: Tensor, *, beta: float = 2.0) -> Tensor:
    """The one threshold for all tags with the best F-beta on these samples, as a tensor ()."""
    scores = [fbeta(probabilities, truth, threshold=threshold, beta=beta) for threshold in GRID.tolist()]
    return GRID[int(torch.tensor(scores).argmax())]


def best_thresholds(probabilities: Tensor, truth: Tensor, *, beta: float = 2.0) -> Tensor:
    """A threshold for each tag (C,): from the best common one, tag after tag is moved to where F-beta is best."""
    there = truth > 0
    chosen = best_threshold(probabilities, truth, beta=beta).repeat(truth.shape[1])
    actual = there.sum(1)  # (N,)
    for _ in range(PASSES):
        for tag in range(truth.shape[1]):
            others = probabilities > chosen
            others[:, tag] = False
            hits, given = (others & there).sum(1), others.sum(1)
            tried = probabilities[:, tag] > GRID[:, None]  # (G, N)
            scores = _fbeta(hits + (tried & there[:, tag]), given + tried.long(), actual, beta).mean(1)
            best = int(scores.argmax())
            now = _fbeta(
                hits + (probabilities[:, tag] > chosen[tag]) * there[:, tag],
                given + (probabilities[:, tag] > chosen[tag]).long(),
                actual,
                beta,
            ).mean()
            if scores[best] > now + 1e-9:
                chosen[tag] = GRID[best]
    return chosen


def cross_fitted(probabilities: Tensor, truth: Tensor, tune: Tune, *, beta: float = 2.0) -> float:
    """F-beta over all samples, each half of them judged with what `tune` found on the other half."""
    if len(truth) < 2:
        return fbeta(probabilities, truth, threshold=LESSON_THRESHOLD, beta=beta)
    halves = [slice(0, None, 2), slice(1, None, 2)]
    score = 0.0
    for own, other in (halves, halves[::-1]):
        threshold = tune(probabilities[other], truth[other])
        score += fbeta(probabilities[own], truth[own], threshold=threshold, beta=beta) * len(truth[own])
    return score / len(truth)


def _fbeta(hits: Tensor, given: Tensor, there: Tensor, beta: float) -> Tensor:
    """From counts: hits, tags given, tags that are there. A sample with neither counts as 0, as scikit-learn has it."""
    return (1 + beta**2) * hits / (given + beta**2 * there).clamp(min=1)
