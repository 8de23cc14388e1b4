"""What validation counts for numbers: errors in their own units, beside those of an answer that is always the same."""

from typing import Any, Self

import torch
from torch import Tensor

from engine.kinds.calibration import FEWEST_DISTANCES, safe_spread, spread_on_halves
from engine.kinds.mask_metrics import Collected
from engine.kinds.sureness import SHARE, WITHIN

MOST_ANSWERS = 200  # of each number, that are kept to be drawn


class NumberMetrics:
    """The mean error, in units, and R²: the share of the numbers' spread that the answers explain.

    `mean_error` is the mean over all numbers; where these have different units the largest count most. Then look at each.
    """

    def __init__(self, names: tuple[str, ...], training: Tensor) -> None:
        """`training` (N, K) are the numbers that training sees."""
        self.names, self.training = names, training
        self.collected = Collected()

    def to(self, device: Any) -> Self:
        self.collected.to(device)
        return self

    def update(self, logits: Tensor, target: Tensor) -> None:
        """Count a batch: logits (B, K) in units, target (B, 2, K), the numbers, NaN where not known, and their spreads."""
        self.collected.update(logits, target)

    def compute(self) -> dict[str, float]:
        """`mean_error`, the mean absolute error, and `r2`; both are means over the numbers."""
        answers, truth = self._collected()
        return {
            "mean_error": (answers - truth).abs().nanmean(0).nanmean().item(),
            "r2": _explained(answers, truth).nanmean().item(),
        }

    def details(self) -> dict[str, Any]:
        """Figures by number, with the error of always the mean of the training numbers; truths with their answers; within which
        distance of the truth most answers lie; and that and the range of the training numbers, to answer beside.
        """
        answers, truth = self._collected()
        figures = {
            "mean_error": (answers - truth).abs().nanmean(0),
            "error_of_mean": (self.training.mean(0) - truth).abs().nanmean(0),
            "r2": _explained(answers, truth),
            "mean": self.training.mean(0),
            "spread": self.training.std(0, correction=0),
        }
        counts = truth.isfinite().sum(0).tolist()
        step = max(1, -(-len(truth) // MOST_ANSWERS))
        within = self._within(answers, truth)
        pairs = torch.stack([truth, answers], dim=-1)[::step].transpose(0, 1)  # (K, n, 2)
        return {
            "classes": list(self.names),
            "numbers": [
                {"count": count, **{name: _rounded(values[at].item()) for name, values in figures.items()}}
                for at, count in enumerate(counts)
            ],
            "answers": [[[_rounded(t), _rounded(a)] for t, a in some if t == t] for some in pairs.tolist()],
            **({"within": within} if within else {}),
            "decision": {
                **({WITHIN: [_rounded(by) for by in within["by"]]} if within else {}),
                "lowest": [_rounded(low) for low in self.training.amin(0).tolist()],
                "highest": [_rounded(high) for high in self.training.amax(0).tolist()],
            },
        }

    def _within(self, answers: Tensor, truth: Tensor) -> dict[str, Any]:
        """Of each number, the distance within which most answers lie, and how many of either half within the other's."""
        columns = [column[column.isfinite()] for column in (answers - truth).abs().T]
        if min(map(len, columns)) < FEWEST_DISTANCES:
            return {}
        by, covered = [safe_spread(column) for column in columns], [spread_on_halves(column) for column in columns]
        return {"share": SHARE, "by": by, "covered": covered}

    def _collected(self) -> tuple[Tensor, Tensor]:
        """Answers and truth, (N, K) each."""
        logits, target = self.collected.compute()
        return logits.double(), target[:, 0].double()


def _explained(answers: Tensor, truth: Tensor) -> Tensor:
    """R² of each number (K,): 1 − squared errors / squared distances from the mean; NaN where these are 0, all being the same."""
    left = (answers - truth).square().nanmean(0)
    there = (truth - truth.nanmean(0)).square().nanmean(0)
    return torch.where(there > 0, 1 - left / there, torch.nan)


def _rounded(value: float) -> float | None:
    """To six digits, as it is kept; None for what is not known."""
    return float(f"{value:.6g}") if value == value else None
