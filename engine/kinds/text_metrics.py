"""What validation counts for a language model's guesses."""

import math
from typing import Any, Self

import torch
from torch import Tensor
from torchmetrics import Metric

from engine.data.texts.language_feed import guesses

MOST_SURPRISE = 20.0  # e to more than that is no figure that anybody reads


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
