"""Points read from places: each cell of a map says how likely a point is there, and the answer is the mean of the places.

That is a soft argmax over maps of several strides, the differentiable spatial to numerical transform (DSNT) of Nibali et al.,
arXiv 1801.07372. Pooling, as in `engine.models.classifier`, forgets where something was; here nothing has to find it again.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.models.backbones import build_pyramid, feature_info, normalisation
from engine.models.classifier import PictureModel
from engine.task import ModelPlan

FINEST = 8  # pixels a cell: the finest map that is read
WIDTH = 64  # channels of the head
TOGETHER = 8  # of them in a group that is normalised together


class PlacesModel(PictureModel):
    """Pictures (B, C, H, W) uint8 or 0..255 → (B, 2P) for P points, x and y of each in −1..1, for pictures of any size."""

    def features(self, pictures: Tensor) -> Tensor:
        """The body's maps from stride 8 on, all as fine as the first: (B, F, H / 8, W / 8)."""
        maps = zip(super().features(pictures), are_read(self.body), strict=True)
        finest, *coarser = [found for found, is_read in maps if is_read]
        size = finest.shape[-2:]
        return torch.cat([finest, *(functional.interpolate(one, size, mode="bilinear") for one in coarser)], dim=1)

    def answer(self, maps: Tensor) -> Tensor:
        """The mean places of the scores that the head makes of the maps: (B, 2P)."""
        return soft_argmax(super().answer(maps)).flatten(1)


def soft_argmax(scores: Tensor) -> Tensor:
    """Scores of places (B, P, h, w) → the mean place (B, P, 2), x and y of the cells' middles in −1..1 of the picture's sides."""
    height, width = scores.shape[-2:]
    shares = scores.flatten(2).softmax(-1).view_as(scores)
    columns, rows = middles(width, scores), middles(height, scores)
    return torch.stack([(shares.sum(2) * columns).sum(-1), (shares.sum(3) * rows).sum(-1)], dim=-1)


def middles(count: int, like: Tensor) -> Tensor:
    """The middles of `count` cells along a side from −1 to 1."""
    return (2 * torch.arange(count, device=like.device, dtype=like.dtype) + 1) / count - 1


def are_read(pyramid: nn.Module) -> list[bool]:
    """Which of a pyramid's maps are read: those from stride 8 on, or its last where all are finer."""
    reductions = feature_info(pyramid).reduction()
    return [reduction >= min(FINEST, reductions[-1]) for reduction in reductions]


def build_places_head(features: int, points: int) -> nn.Sequential:
    """Maps (B, F, h, w) → scores (B, P, h, w). The last layer begins with zeros: every place is as likely.

    The strides' maps differ in how large their numbers are, and a sharp peak wants large scores: the norms see to both. They
    normalise each picture by itself (Wu and He 2018), as a batch's noise would shake coordinates.
    """
    last = nn.Conv2d(WIDTH, points, 1)
    nn.init.zeros_(last.weight)
    return nn.Sequential(
        nn.Conv2d(features, WIDTH, 1, bias=False),
        nn.GroupNorm(WIDTH // TOGETHER, WIDTH),
        nn.ReLU(inplace=True),
        nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False),
        nn.GroupNorm(WIDTH // TOGETHER, WIDTH),
        nn.ReLU(inplace=True),
        last,
    )


def build_places_model(plan: ModelPlan, *, pretrained: bool = True) -> PlacesModel:
    """The model of a plan whose classes are coordinates, two a point; its body's BatchNorms keep their statistics."""
    body = build_pyramid(plan.backbone, pretrained=pretrained, channels=plan.channels, new_channels=plan.new_channels)
    features = sum(
        channels for channels, read in zip(feature_info(body).channels(), are_read(body), strict=True) if read
    )
    mean, std = normalisation(plan.backbone, plan.channels)
    head = build_places_head(features, len(plan.classes) // 2)
    model = PlacesModel(body, head, mean=mean, std=std, is_steady=True)
    return model.to(memory_format=torch.channels_last)
