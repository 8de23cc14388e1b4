"""Test-time augmentation: the mean of what a model says of a picture and of its mirror images."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from engine.errors import ModelError
from engine.task import Objective


class Augmented(nn.Module):
    """A model whose probabilities are averaged over changed copies of each batch; gives logits as the model does."""

    def __init__(self, model: nn.Module, symmetries: tuple[Callable[[Tensor], Tensor], ...]) -> None:
        super().__init__()
        self.model, self.symmetries = model, symmetries

    def forward(self, batch: Tensor) -> Tensor:
        probabilities = torch.stack([self.model(change(batch)).float().sigmoid() for change in self.symmetries])
        return probabilities.mean(0).logit(eps=1e-6)


def build_augmented(objective: Objective, model: nn.Module) -> Augmented:
    """`model` averaged over the objective's symmetries; `ModelError` where it has none."""
    if not objective.symmetries:
        raise ModelError(
            f"Test-time augmentation needs changes that leave the target as it is; {objective.name!r} has none."
        )
    return Augmented(model, objective.symmetries)
