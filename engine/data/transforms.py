"""Augmentation: one projective warp and one change of light for each training picture.

Flip, rotation, zoom and perspective are multiplied into a single 3×3 matrix, so that a picture is resampled once. Masks and
key points get the same matrix through `torchvision.transforms.v2`: masks by nearest neighbour, and what comes from outside
the picture is marked as void instead of being given a class.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional

VOID = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """How far a transform may go: degrees, factors, and shares of the picture."""

    rotation: float
    zoom: float
    warp: float
    lighting: float


# "standard" holds the defaults of the lesson's get_transforms; "strong" the values of its head-pose notebook.
STRENGTHS = {
    "light": Strength(rotation=5.0, zoom=1.05, warp=0.05, lighting=0.1),
    "standard": Strength(rotation=10.0, zoom=1.1, warp=0.2, lighting=0.2),
    "strong": Strength(rotation=20.0, zoom=1.5, warp=0.4, lighting=0.5),
}


def build_augmentation(
    name: str, *, flip_horizontal: bool = True, flip_vertical: bool = False, perspective: bool = True
) -> v2.Transform:
    """The training transform called `name` (see `STRENGTHS`; "none" changes nothing), for (image, target) samples."""
    if name == "none":
        return v2.Identity()
    strength = STRENGTHS[name]
    warp = ProjectiveWarp(
        rotation=strength.rotation,
        zoom=strength.zoom,
        warp=strength.warp if perspective else 0.0,
        flip_horizontal=flip_horizontal,
        flip_vertical=flip_vertical,
    )
    return v2.Compose([warp, Lighting(strength.lighting)])


class ProjectiveWarp(v2.Transform):
    """Flip, turn, zoom and tilt the camera, as one homography about the picture's centre.

    Args:
        rotation: the largest angle, in degrees either way.
        zoom: the largest magnification, from 1.
        warp: the largest perspective: by how much the far edge shrinks, as a share of its length.
    """

    def __init__(
        self, *, rotation: float, zoom: float, warp: float, flip_horizontal: bool = True, flip_vertical: bool = False
    ) -> None:
        super().__init__()
        self.rotation, self.zoom, self.warp = rotation, zoom, warp
        self.flip_horizontal, self.flip_vertical = flip_horizontal, flip_vertical

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = functional.get_size(flat_inputs[0])
        draw = torch.rand(6)
        angle = math.radians(self.rotation) * (2 * draw[0].item() - 1)
        scale = 1 / (1 + (self.zoom - 1) * draw[1].item())
        tilt = (self.warp * (draw[2:4] - 0.5)).tolist()
        mirror_x = -1.0 if self.flip_horizontal and draw[4] < 0.5 else 1.0
        mirror_y = -1.0 if self.flip_vertical and draw[5] < 0.5 else 1.0

        centre = torch.tensor([[1, 0, width / 2], [0, 1, height / 2], [0, 0, 1]])
        cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
        turn = torch.tensor([[cos * mirror_x, -sin * mirror_y, 0], [sin * mirror_x, cos * mirror_y, 0], [0, 0, 1]])
        # A share of the half side, so that the far edge shrinks by `tilt` whatever the resolution.
        project = torch.tensor([[1, 0, 0], [0, 1, 0], [tilt[0] / (width / 2), tilt[1] / (height / 2), 1]])
        # torchvision wants the way back: from a pixel of the result to its place in the source.
        matrix = centre @ turn @ project @ torch.linalg.inv(centre)
        return {"coefficients": (matrix / matrix[2, 2]).flatten()[:8].tolist()}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        fill: Any = VOID if isinstance(inpt, tv_tensors.Mask) else 0
        return functional.perspective(
            inpt, None, None, interpolation=InterpolationMode.BILINEAR, fill=fill, coefficients=params["coefficients"]
        )


class Lighting(v2.Transform):
    """Brightness and contrast, each by a factor within 1 ± `strength`; pictures may have any number of channels."""

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.strength = strength

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        brightness, contrast = (1 + self.strength * (2 * torch.rand(2) - 1)).tolist()
        return {"brightness": brightness, "contrast": contrast}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if not isinstance(inpt, tv_tensors.Image):
            return inpt
        levels = inpt.as_subclass(Tensor).float()
        middle = levels.mean()
        lit = ((levels - middle) * params["contrast"] + middle) * params["brightness"]
        return tv_tensors.wrap(lit.round().clamp(0, 255).to(inpt.dtype), like=inpt)  # pyright: ignore[reportCallIssue]


def augment(transform: v2.Transform, sample: tuple[Any, ...], seed: int) -> tuple[Any, ...]:
    """The sample after `transform`, with the randomness of `seed` alone; the caller's generator is left as it was."""
    state = torch.default_generator.get_state()
    torch.default_generator.manual_seed(seed)
    try:
        return transform(*sample)
    finally:
        torch.default_generator.set_state(state)


def stack(samples: list[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """Samples as a batch of plain tensors, each with a leading dimension B; pictures with channels last in memory."""
    pictures, *targets = (
        torch.stack([part.as_subclass(Tensor) for part in parts]) for parts in zip(*samples, strict=True)
    )
    return pictures.contiguous(memory_format=torch.channels_last), *targets
