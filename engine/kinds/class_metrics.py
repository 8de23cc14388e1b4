"""What validation counts where one of several classes is right, of pictures or of texts."""

import math
from typing import Any, Self

from torch import Tensor
from torchmetrics.functional.classification import binary_auroc, multiclass_confusion_matrix, multiclass_f1_score

from engine.kinds.calibration import alternating, calibrate_classes
from engine.kinds.mask_metrics import Collected

BINS = 10


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
        """The confusion matrix (rows are the truth), how often answers of like confidence were right, and a temperature."""
        logits, truth = self._collected()
        matrix = multiclass_confusion_matrix(logits, truth, len(self.classes))
        calibration = calibrate_classes(logits, truth, alternating)
        return {
            "classes": list(self.classes),
            "confusion": matrix.tolist(),
            "reliability": reliability(logits.softmax(1), truth),
            **calibration.details,
            **({"decision": calibration.decision} if calibration.decision else {}),
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
