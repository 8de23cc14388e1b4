"""What validation counts for several tags a picture."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, Self

import torch
from torch import Tensor
from torchmetrics.functional.classification import binary_average_precision

from engine.kinds.calibration import alternating, calibrate_tags
from engine.kinds.mask_metrics import Collected
from engine.kinds.thresholds import (
    GRID,
    LESSON_THRESHOLD,
    best_threshold,
    best_thresholds,
    cross_fitted,
    fbeta,
    lesson_f2,
)


class TagMetrics:
    """F2 at the lesson's threshold and at tuned ones, accuracy at the lesson's threshold, mean average precision.

    `always` are the tags of an answer that is always the same (see `usual_tags`), to be judged beside; without them it is not.
    """

    def __init__(self, classes: tuple[str, ...], always: Collection[str] = ()) -> None:
        self.classes, self.always = classes, always
        self.collected = Collected()

    def to(self, device: Any) -> Self:
        self.collected.to(device)
        return self

    def update(self, logits: Tensor, target: Tensor) -> None:
        """Count a batch: logits (B, C), target (B, C) of 0 and 1."""
        self.collected.update(logits, target)

    def compute(self) -> dict[str, float]:
        """`f2` and `accuracy_thresh` at 0.2, `f2_tuned` at a threshold that never saw the sample, `mean_average_precision`."""
        logits, truth = self.collected.compute()
        probabilities = logits.sigmoid()
        right = (probabilities > LESSON_THRESHOLD) == (truth > 0)
        return {
            "f2": lesson_f2(probabilities, truth),
            "f2_tuned": cross_fitted(probabilities, truth, best_threshold),
            "accuracy_thresh": right.float().mean().item(),
            "mean_average_precision": _average_precision(probabilities, truth).nanmean().item(),
        }

    def details(self) -> dict[str, Any]:
        """Figures by tag, F2 against the threshold, which errors come together, and the thresholds to answer with."""
        logits, truth = self.collected.compute()
        probabilities, there = logits.sigmoid(), truth > 0
        common, each = best_threshold(probabilities, truth), best_thresholds(probabilities, truth)
        calibration = calibrate_tags(logits, truth, alternating)
        given = probabilities > LESSON_THRESHOLD
        missed, extra = there & ~given, given & ~there
        return {
            "classes": list(self.classes),
            "tags": _by_tag(given, there, _average_precision(probabilities, truth)),
            "curve": [[t, fbeta(probabilities, truth, threshold=t)] for t in GRID.tolist()[::2]],
            "f2_tuned_by_tag": cross_fitted(probabilities, truth, best_thresholds),
            "missed_and_given": (missed.float().T @ extra.float()).long().tolist(),
            "samples": len(truth),
            **({"always": {"f2": self._of_always(truth)}} if self.always else {}),
            **calibration.details,
            "decision": {
                "threshold": round(common.item(), 4),
                "thresholds": [round(t, 4) for t in each.tolist()],
                **calibration.decision,
            },
        }

    def _of_always(self, truth: Tensor) -> float:
        """F2 of the answer that is always the same."""
        same = torch.tensor([float(name in self.always) for name in self.classes])
        return lesson_f2(same.expand(truth.shape), truth)


def usual_tags(samples: Sequence[Collection[str]]) -> tuple[str, ...]:
    """Of the answers "always the k most frequent tags" the one with the best mean F2 over `samples`, the training ones."""
    counts = Counter(tag for tags in samples for tag in set(tags))
    best, chosen = 0.0, ()
    hits = [0] * len(samples)
    for given, (tag, _) in enumerate(counts.most_common(), start=1):
        hits = [so_far + (tag in tags) for so_far, tags in zip(hits, samples, strict=True)]
        scores = [5 * hit / (given + 4 * len(set(tags))) for hit, tags in zip(hits, samples, strict=True)]
        if sum(scores) > best:
            best, chosen = sum(scores), tuple(name for name, _ in counts.most_common(given))
    return chosen


def _by_tag(given: Tensor, there: Tensor, average_precision: Tensor) -> list[dict[str, Any]]:
    """For each tag: how many samples have it, precision, recall, F2 and average precision; None where it is undefined."""
    hits = (given & there).sum(0).double()
    columns = {
        "precision": hits / given.sum(0),
        "recall": hits / there.sum(0),
        "f2": 5 * hits / (given.sum(0) + 4 * there.sum(0)),
        "average_precision": average_precision,
    }
    counts = there.sum(0).tolist()
    return [
        {"count": count, **{name: _or_none(column[tag].item()) for name, column in columns.items()}}
        for tag, count in enumerate(counts)
    ]


def _average_precision(probabilities: Tensor, truth: Tensor) -> Tensor:
    """Average precision by tag (C,); NaN for a tag that no sample has."""
    columns = zip(probabilities.T, truth.T.long(), strict=True)
    return torch.stack([binary_average_precision(p, t) if t.any() else torch.tensor(torch.nan) for p, t in columns])


def _or_none(value: float) -> float | None:
    return None if value != value else value
