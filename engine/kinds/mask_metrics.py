"""What validation counts: torchmetrics underneath, names and averages here."""

from typing import Any, Self

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.classification import MulticlassConfusionMatrix
from torchmetrics.utilities import dim_zero_cat

from engine.data.pictures.transforms import VOID
from engine.kinds.calibration import FEWEST_PICTURES, NONE, Calibration, calibrate_classes, first_half

MOST_LOGITS = 1_100_000  # of all pictures together, to see how far the probabilities can be trusted
FEWEST_OF_PICTURE, MOST_OF_PICTURE = 4, 1000
PLACES_SEED = 0


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


class SampledPixels:
    """The logits of a few pixels of every picture, at places drawn for each: all pixels would fill the memory."""

    def __init__(self, each: int) -> None:
        self.each, self.collected = each, Collected()
        self.drawing = torch.Generator().manual_seed(PLACES_SEED)

    def to(self, device: Any) -> None:
        self.collected.to(device)

    def update(self, logits: Tensor, target: Tensor) -> None:
        """Keep some of a batch: logits (B, C, H, W), target (B, H, W)."""
        flat, truth = logits.flatten(2), target.flatten(1)
        drawn = torch.randint(truth.shape[1], (len(truth), self.each), generator=self.drawing)
        places = drawn.to(logits.device)  # (B, P)
        some = flat.gather(2, places[:, None].expand(-1, flat.shape[1], -1))
        self.collected.update(some.transpose(1, 2), truth.gather(1, places))

    def calibrate(self) -> Calibration:
        """From those that are not void. All of a picture's are in the same half: neighbours are alike."""
        logits, target = self.collected.compute()  # (N, P, C), (N, P)
        if len(target) < FEWEST_PICTURES:
            return NONE
        pictures = torch.arange(len(target))[:, None].expand_as(target)
        counted = target != VOID
        return calibrate_classes(logits[counted], target[counted], first_half, pictures[counted])


class PixelMetrics:
    """Segmentation figures, all from one confusion matrix over the pixels that are not void."""

    def __init__(self, classes: tuple[str, ...], pictures: int = 100) -> None:
        """`pictures` is about how many there will be: of each so many pixels are kept that all together stay few."""
        self.classes = classes
        each = MOST_LOGITS // (max(1, pictures) * len(classes))
        self.sampled = SampledPixels(max(FEWEST_OF_PICTURE, min(MOST_OF_PICTURE, each)))
        self.confusion = MulticlassConfusionMatrix(len(classes), ignore_index=VOID, validate_args=False)

    def to(self, device: Any) -> Self:
        self.confusion.to(device)
        self.sampled.to(device)
        return self

    def update(self, logits: Tensor, target: Tensor) -> None:
        """Count a batch: logits (B, C, H, W), target (B, H, W) uint8."""
        self.confusion.update(logits.argmax(1), target.long())
        self.sampled.update(logits, target)

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
        calibration = self.sampled.calibrate()
        return {
            "classes": list(self.classes),
            "iou": iou,
            "confusion": matrix.long().tolist(),
            **calibration.details,
            **({"decision": calibration.decision} if calibration.decision else {}),
        }


def _iou(matrix: Tensor) -> Tensor:
    """Intersection over union by class (C,); NaN for a class that is neither in the truth nor predicted."""
    hits = matrix.diagonal()
    union = matrix.sum(0) + matrix.sum(1) - hits
    return torch.where(union > 0, hits / union, torch.nan)
