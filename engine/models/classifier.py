"""A picture in, one row of numbers out: a body, adaptive pooling by mean and maximum, and a head of two layers.

The head is fast.ai's: both poolings side by side, then twice a norm, dropout and a linear layer.
"""

from collections.abc import Callable, Sequence
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.models.backbones import build_body, normalisation, split_body
from engine.task import ModelPlan

HIDDEN = 512


class ConcatPool(nn.Module):
    """Feature maps (B, F, h, w) → (B, 2F): the maximum and the mean of each map."""

    def forward(self, maps: Tensor) -> Tensor:
        most, mean = functional.adaptive_max_pool2d(maps, 1), functional.adaptive_avg_pool2d(maps, 1)
        return torch.cat([most, mean], dim=1).flatten(1)


class PictureModel(nn.Module):
    """Pictures (B, C, H, W) uint8 or 0..255 → (B, K), for pictures of any size."""

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        body: nn.Module,
        head: nn.Module,
        *,
        mean: Sequence[float],
        std: Sequence[float],
        is_steady: bool = False,
    ) -> None:
        super().__init__()
        self.body, self.head, self.is_steady = body, head, is_steady
        self.register_buffer("mean", 255 * torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def train(self, mode: bool = True) -> Self:
        """Training or evaluation mode; the BatchNorms of a steady body always keep the statistics that they have."""
        super().train(mode)
        if self.is_steady:
            for module in self.body.modules():
                if hasattr(module, "running_mean"):  # a BatchNorm, or what stands for one on several processes
                    module.eval()
        return self

    def forward(self, pictures: Tensor) -> Tensor:
        return self.answer(self.features(pictures))

    def features(self, pictures: Tensor) -> Tensor:
        """The body's last maps (B, F, h, w)."""
        return self.body((pictures.float() - self.mean) / self.std)

    def answer(self, maps: Tensor) -> Tensor:
        """What the head makes of the maps: (B, K), in fp32, since it is small and its numbers are read to the last digit."""
        with torch.autocast(maps.device.type, enabled=False):
            return self.head(maps.float())

    def layer_groups(self) -> list[list[nn.Module]]:
        """The body's early part, its late part, and the head."""
        early, late = split_body(self.body)
        return [early, late, [self.head]]


def build_head(
    features: int, outputs: int, *, dropout: float = 0.5, norm: Callable[[int], nn.Module] = nn.BatchNorm1d
) -> nn.Sequential:
    """Pooling, then (norm, dropout, linear) twice with a ReLU between; half the dropout in front of the first.

    `norm(width)` normalises rows (B, width). The last layer begins with zeros: probabilities of a half, or a point in the
    picture's middle, rather than wild guesses.
    """
    last = nn.Linear(HIDDEN, outputs, bias=False)
    nn.init.zeros_(last.weight)
    return nn.Sequential(
        ConcatPool(),
        norm(2 * features),
        nn.Dropout(dropout / 2),
        nn.Linear(2 * features, HIDDEN, bias=False),
        nn.ReLU(inplace=True),
        norm(HIDDEN),
        nn.Dropout(dropout),
        last,
    )


def build_picture_model(plan: ModelPlan, *, pretrained: bool = True, is_steady: bool = False) -> PictureModel:
    """The model of a plan, one output a class.

    A steady model is for outputs that are read to the last digit, as coordinates are: each picture's depends on that picture
    alone, in training too. There BatchNorm would add the noise of the pictures that share the batch, and dropout its own.
    """
    body, features = build_body(
        plan.backbone, pretrained=pretrained, channels=plan.channels, new_channels=plan.new_channels
    )
    outputs = len(plan.classes)
    head = build_head(features, outputs, dropout=0.0, norm=nn.LayerNorm) if is_steady else build_head(features, outputs)
    mean, std = normalisation(plan.backbone, plan.channels)
    model = PictureModel(body, head, mean=mean, std=std, is_steady=is_steady)
    return model.to(memory_format=torch.channels_last)
