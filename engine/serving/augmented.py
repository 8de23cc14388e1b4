"""Test-time augmentation: the mean of what a model says of a picture and of its mirror images."""

import torch
from torch import Tensor, nn

from engine.errors import ModelError
from engine.task import Objective, Symmetries


class Augmented(nn.Module):
    """A model whose figures are averaged over changed copies of each batch; gives figures as the model does."""

    def __init__(self, model: nn.Module, symmetries: Symmetries) -> None:
        super().__init__()
        self.model, self.symmetries = model, symmetries

    def forward(self, batch: Tensor) -> Tensor:
        changes = self.symmetries.changes
        return self.symmetries.mean(torch.stack([undo(self.model(change(batch)).float()) for change, undo in changes]))


def build_augmented(objective: Objective, model: nn.Module) -> Augmented:
    """`model` averaged over the objective's symmetries; `ModelError` where it has none."""
    if objective.symmetries is None:
        raise ModelError(
            f"Test-time augmentation needs changes of which it is known what they do to the target; {objective.name!r} has none."
        )
    return Augmented(model, objective.symmetries)
