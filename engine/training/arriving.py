"""A model that learns from a handful of pictures as they arrive: each goes through the frozen body once, and a linear layer
learns from what that gave, all pictures at once, in a fraction of a second.

The last maps are averaged on a small grid and not over the whole picture: of which way somebody turns, the place says most.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.training.frozen import Cut

SIZE = 192  # pixels of a picture's sides; see benchmarks/RESULTS.md
GRID = 3  # cells on each side
STEPS = 150
LR, WEIGHT_DECAY = 1e-3, 1e-2
LEAST_SPREAD = 1e-3


class LinearHead(nn.Module):
    """Activations (B, D) → (B, K): each number set against its mean and spread over the pictures that were learnt from."""

    mean: Tensor
    spread: Tensor

    def __init__(self, mean: Tensor, spread: Tensor, outputs: int) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("spread", spread.clamp(min=LEAST_SPREAD))
        self.linear = nn.Linear(len(mean), outputs)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, activations: Tensor) -> Tensor:
        return self.linear((activations - self.mean) / self.spread)


def activations_of(model: Cut, pictures: Tensor) -> Tensor:
    """What a frozen body makes of pictures (B, C, H, W), on a grid: (B, F · GRID²) on the CPU. `model` is in evaluation mode."""
    with torch.inference_mode():
        maps = model.features(pictures)
        return functional.adaptive_avg_pool2d(maps.float(), GRID).flatten(1).cpu()


def learn(activations: Tensor, targets: Sequence[int], outputs: int) -> LinearHead:
    """A layer that tells the activations (N, D) apart by their targets, each class counting as much whatever its size.

    Nothing is random: it begins with zeros, and every step sees all.
    """
    truth = torch.tensor(targets)
    counts = truth.bincount(minlength=outputs).float()
    weight = (1 / counts).nan_to_num(posinf=0.0)
    with torch.inference_mode(False), torch.enable_grad():
        given = activations.clone()  # what inference mode made cannot be learnt from
        head = LinearHead(given.mean(0), given.std(0, correction=0), outputs)
        optimizer = torch.optim.AdamW(head.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
        for _ in range(STEPS):
            optimizer.zero_grad()
            functional.cross_entropy(head(given), truth, weight=weight).backward()
            optimizer.step()
    return head.eval()
