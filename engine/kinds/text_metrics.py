"""What validation counts for classes of texts, and for a language model's guesses."""

import math
from typing import Any, Self

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.classification import binary_auroc, multiclass_confusion_matrix, multiclass_f1_score

from engine.data.texts.language_feed import guesses
from engine.kinds.mask_metrics import Collected

BINS = 10
MOST_SURPRISE = 20.0  # e to more than that is no figure that anybody reads


class ClassMetrics:
    """Accuracy, F1 and the area under the ROC curve, and how far the probabilities can be trusted."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes
        self.collected = Collected()

    def to(self, device: Any) -> Self:
        self.collected.to(device)
        return self

    def update(self, logits: Tensor, target: Tensor) -> None:
        """Count a batch: logits (B, K), target (B,)."""
        self.collected.update(logits, target)

    def compute(self) -> dict[str, float]:
        """`accuracy`; `f1`, the mean over the classes; `roc_auc`: see `area`."""
        logits, truth = self._collected()
        count = len(self.classes)
        return {
            "accuracy": (logits.argmax(1) == truth).double().mean().item(),
            "f1": multiclass_f1_score(logits, truth, count, average="macro").item(),
            "roc_auc": area(logits.softmax(1), truth),
        }

    def details(self) -> dict[str, Any]:
        """The confusion matrix (rows are the truth), and by confidence how often the answer was right."""
        logits, truth = self._collected()
        matrix = multiclass_confusion_matrix(logits, truth, len(self.classes))
        return {
            "classes": list(self.classes),
            "confusion": matrix.tolist(),
            "reliability": reliability(logits.softmax(1), truth),
        }

    def _collected(self) -> tuple[Tensor, Tensor]:
        logits, truth = self.collected.compute()
        return logits, truth.reshape(-1)  # torchmetrics takes the dimension from a tensor with one element


def area(probabilities: Tensor, truth: Tensor) -> float:
    """Under the ROC curve of each class that occurs against the others, the mean over them; NaN where only one occurs.

    probabilities (N, K), truth (N,).
    """
    found = truth.unique().tolist()
    if len(found) < 2:
        return math.nan
    areas = [binary_auroc(probabilities[:, number], (truth == number).long()).item() for number in found]
    return sum(areas) / len(areas)


def reliability(probabilities: Tensor, truth: Tensor) -> list[list[float]]:
    """[mean confidence, share that was right, number] for answers of like confidence (Guo et al. 2017); empty bins are left out.

    probabilities (N, K), truth (N,).
    """
    confidence, answer = probabilities.double().max(1)
    right = (answer == truth).double()
    lowest = 1 / probabilities.shape[1]  # no answer is less sure than that
    place = ((confidence - lowest) / (1 - lowest) * BINS).long().clamp(0, BINS - 1)
    rows = []
    for number in place.unique().tolist():
        inside = place == number
        rows.append([confidence[inside].mean().item(), right[inside].mean().item(), int(inside.sum())])
    return rows


class GuessMetrics:
    """How often the likeliest word was the right one, and the perplexity, which follows from the loss."""

    def __init__(self) -> None:
        self.sums = _Sums()

    def to(self, device: Any) -> Self:
        self.sums.to(device)
        return self

    def update(self, logits: Any, target: Tensor) -> None:
        """Count a batch: see `guesses`."""
        self.sums.update(*guesses(logits, target))

    def compute(self) -> dict[str, float]:
        """`next_word_accuracy` in 0..1."""
        right, count = self.sums.compute().tolist()
        return {"next_word_accuracy": right / max(count, 1)}

    def of_loss(self, loss: float) -> dict[str, float]:
        """`perplexity`, from 1: e to the mean cross-entropy."""
        return {"perplexity": math.exp(min(loss, MOST_SURPRISE))}

    def details(self) -> dict[str, Any]:
        """How many words were guessed."""
        return {"guesses": int(self.sums.compute()[1])}


class _Sums(Metric):
    """(right guesses, number of guesses) over all processes."""

    totals: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("totals", default=torch.zeros(2, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, logits: Tensor, target: Tensor) -> None:
        right = (logits.argmax(1) == target).sum()
        self.totals += torch.stack([right, torch.full_like(right, len(target))]).to(self.totals.device)

    def compute(self) -> Tensor:
        return self.totals
