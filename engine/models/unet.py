"""A U-Net (Ronneberger et al. 2015) over any backbone that gives feature maps.

The decoder walks back up: it enlarges the coarsest map to the next finer one's size, puts the two side by side, and lets
two convolutions mend the seam. It is lean on purpose, so that two CPU cores can train it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.models.backbones import build_pyramid, feature_info, normalisation, split_body
from engine.task import ModelPlan

DECODER_WIDTHS = (192, 96, 64, 48)


class UpBlock(nn.Module):
    """Enlarge twofold, join with the skipped map, two convolutions."""

    def __init__(self, channels: int, skip_channels: int, width: int) -> None:
        super().__init__()
        self.join = conv_norm_relu(channels + skip_channels, width)
        self.refine = conv_norm_relu(width, width)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        _, norm, relu = self.join
        # A convolution over two maps side by side is the sum of one over each. Apart, nothing is copied, and a skipped
        # map of a frozen body asks for no gradient.
        from_below, from_skip = self.join.get_parameter("0.weight").split([x.shape[1], skip.shape[1]], dim=1)
        below = conv_of_doubled(x, from_below)
        height, width = skip.shape[-2:]  # odd sizes too: a last row or column is cut off, or added with zeros
        below = functional.pad(below, (0, width - below.shape[-1], 0, height - below.shape[-2]))
        return self.refine(relu(norm(below + functional.conv2d(skip, from_skip, padding=1))))


class UNet(nn.Module):
    """Pictures (B, C, H, W) uint8 or 0..255 → logits (B, K, H, W) for each of K classes and every pixel."""

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        body: nn.Module,
        classes: int,
        *,
        mean: Sequence[float],
        std: Sequence[float],
        widths: Sequence[int] = DECODER_WIDTHS,
    ) -> None:
        super().__init__()
        self.body = body
        *skips, channels = feature_info(body).channels()
        blocks = []
        for skip_channels, width in zip(reversed(skips), widths, strict=False):
            blocks.append(UpBlock(channels, skip_channels, width))
            channels = width
        self.decoder = nn.ModuleList(blocks)
        self.head = nn.Conv2d(channels, classes, 1)
        self.register_buffer("mean", 255 * torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(std).view(1, -1, 1, 1), persistent=False)
        for module in (*self.decoder.modules(), self.head):
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, pictures: Tensor) -> Tensor:
        x = (pictures.float() - self.mean) / self.std
        *skips, x = self.body(x)
        for block, skip in zip(self.decoder, reversed(skips), strict=False):
            x = block(x, skip)
        return functional.interpolate(self.head(x), size=pictures.shape[-2:], mode="bilinear", align_corners=False)

    def layer_groups(self) -> list[list[nn.Module]]:
        """The body's early part, its late part, and the decoder with its head."""
        early, late = split_body(self.body)
        return [early, late, [self.decoder, self.head]]


def conv_of_doubled(x: Tensor, weight: Tensor) -> Tensor:
    """What a 3×3 convolution sees of `x` (B, C, H, W) enlarged twofold by nearest neighbour: (B, O, 2H, 2W).

    Neighbouring taps meet the same value of `x` there, so they can be added first. What is left is a transposed convolution
    of stride 2 with a 4×4 kernel: four multiplications a pixel instead of nine, and no enlarged map.
    """
    turned = weight.flip(2, 3).transpose(0, 1)  # (C, O, 3, 3)
    shifts = [functional.pad(turned, (left, 1 - left, top, 1 - top)) for left in (0, 1) for top in (0, 1)]
    return functional.conv_transpose2d(x, torch.stack(shifts).sum(0), stride=2, padding=1)


def conv_norm_relu(channels: int, width: int) -> nn.Sequential:
    """A 3×3 convolution, BatchNorm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
    )


def build_unet(plan: ModelPlan, *, pretrained: bool = True) -> UNet:
    """A U-Net for the plan's classes on its backbone, one of timm's models."""
    body = build_pyramid(plan.backbone, pretrained=pretrained, channels=plan.channels, new_channels=plan.new_channels)
    mean, std = normalisation(plan.backbone, plan.channels)
    model = UNet(body, len(plan.classes), mean=mean, std=std)
    # Convolutions are fastest with channels last in memory, on CPUs and on tensor cores; batches come that way too.
    return model.to(memory_format=torch.channels_last)
