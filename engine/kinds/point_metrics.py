"""What validation counts for a point in a picture: distances in pixels, which a squared error in −1..1 hides."""

from typing import Any, Self

import torch
from torch import Tensor

from engine.kinds.calibration import FEWEST_DISTANCES, safe_spread, spread_on_halves
from engine.kinds.mask_metrics import Collected
from engine.kinds.sureness import SHARE, WITHIN

NEAR = 0.05  # of the picture's width
FIGURES = ("mean_pixels", "median_pixels", "p95_pixels", "within_5_percent", "mean_squared_error")


class PointMetrics:
    """Distances between predicted and true points, in pixels of the data set's pictures as they are on disk.

    Where these differ in size, all distances are in pixels of the typical one, whose (height, width) `shape` is. `middle` is the
    mean of the training points, in −1..1: an answer that is always the same, to be judged beside; without it it is not.
    """

    def __init__(self, shape: tuple[int, int], middle: tuple[float, float] | None = None) -> None:
        height, width = shape
        self.middle = middle
        self.half_size = torch.tensor([width / 2, height / 2])
        self.collected = Collected()

    def to(self, device: Any) -> Self:
        self.collected.to(device)
        return self

    def update(self, logits: Tensor, target: Tensor) -> None:
        """Count a batch: both (B, 2), x and y in −1..1; a target outside its picture is NaN and left out."""
        self.collected.update(logits, target)

    def distances(self) -> Tensor:
        """One distance for each point inside its picture, (N,) in pixels; a guess outside counts as on the edge."""
        predicted, truth = self.collected.compute()
        return self._distances(predicted, truth)

    def _distances(self, predicted: Tensor, truth: Tensor) -> Tensor:
        inside = truth.isfinite().all(1)
        return ((predicted.clamp(-1, 1) - truth)[inside] * self.half_size).norm(dim=1)

    def compute(self) -> dict[str, float]:
        """Mean, median and 95th percentile in pixels, the share of points within 5 % of the picture's width, and the mean squared
        error of the coordinates in −1..1, by which the lesson judges.
        """
        distances = self.distances()
        if not len(distances):
            return dict.fromkeys(FIGURES, float("nan"))
        predicted, truth = self.collected.compute()
        near = distances <= NEAR * 2 * self.half_size[0]
        return {
            "mean_pixels": distances.mean().item(),
            "median_pixels": distances.quantile(0.5).item(),
            "p95_pixels": distances.quantile(0.95).item(),
            "within_5_percent": near.float().mean().item(),
            "mean_squared_error": (predicted - truth)[truth.isfinite()].square().mean().item(),
        }

    def details(self) -> dict[str, Any]:
        """Every distance in pixels, sorted, the size that they are pixels of, and the mean distance from always the same point.

        Within which of them most lie stands in the decision as a share of the width, as the next picture may have another.
        """
        width, height = (2 * self.half_size).tolist()
        distances = self.distances()
        told: dict[str, Any] = {}
        if len(distances) >= FEWEST_DISTANCES:
            within, covered = safe_spread(distances), spread_on_halves(distances)
            told = {
                "within": {"share": SHARE, "by": [within], "covered": [covered]},
                "decision": {WITHIN: float(f"{within / width:.6g}")},
            }
        if self.middle is not None and len(distances):
            truth = self.collected.compute()[1]
            same = self._distances(torch.tensor(self.middle).expand(truth.shape), truth)
            told["always"] = {"mean_pixels": round(same.mean().item(), 2)}
        return {
            "distances": [round(d, 2) for d in distances.sort().values.tolist()],
            "width": round(width),
            "height": round(height),
            **told,
        }
