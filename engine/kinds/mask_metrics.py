"""What validation counts: torchmetrics underneath, names and averages here."""

from typing import Any, Self

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.classification import MulticlassConfusionMatrix
from torchmetrics.utilities import dim_zero_cat

from engine.data.pictures.transforms import VOID


class Collected(Metric):
    """All logits and targets of all processes, as they came."""

    logits: list[Tensor]
    targets: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("logits", default=[], dist_reduce_fx="cat")
        self.add_state("targets", default=[], dist_reduce_fx="cat")

    def update(self, logits: Tensor, targets: Tensor) -> None:
        self.logits.append(logits.float())
        self.targets.append(targets)

    def compute(self) -> tuple[Tensor, Tensor]:
        return dim_zero_cat(self.logits).cpu(), dim_zero_cat(self.targets).cpu()


class PixelMetrics:
    """Segmentation figures, all from one confusion matrix over the pixels that are not void."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes
        self.confusion = MulticlassConfusionMatrix(len(classes), ignore_index=VOID, validate_args=False)

    def to(self, device: Any) -> Self:
        self.confusion.to(device)
        return self

    def update(self, logits: Tensor, target: Tensor) -> None:
        """Count a batch: logits (B, C, H, W), target (B, H, W) uint8."""
        self.confusion.update(logits.argmax(1), target.long())

    def compute(self) -> dict[str, float]:
        """`pixel_accuracy` and `mean_iou` (over the classes that occur in truth or prediction), both in 0..1."""
        matrix = self.confusion.compute().cpu().double()
        return {
            "pixel_accuracy": (matrix.diagonal().sum() / matrix.sum()).item(),
            "mean_iou": _iou(matrix).nanmean().item(),
        }

    def details(self) -> dict[str, Any]:
        """IoU by class (None for a class that never occurs) and the confusion matrix: rows are the truth."""
        matrix = self.confusion.compute().cpu().double()
        iou = [None if value != value else value for value in _iou(matrix).tolist()]
        return {"classes": list(self.classes), "iou": iou, "confusion": matrix.long().tolist()}


def _iou(matrix: Tensor) -> Tensor:
    """Intersection over union by class (C,); NaN for a class that is neither in the truth nor predicted."""
    hits = matrix.diagonal()
    union = matrix.sum(0) + matrix.sum(1) - hits
    return torch.where(union > 0, hits / union, torch.nan)
