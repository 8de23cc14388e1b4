"""Augmentation: one projective warp and one change of light for each training picture.

Flip, rotation, zoom and perspective are multiplied into a single 3×3 matrix, so that a picture is resampled once. Masks and
key points get the same matrix through `torchvision.transforms.v2`: masks by nearest neighbour, and what comes from outside
the picture is marked as void instead of being given a class. A key point may leave the picture; nothing pulls it back.
"""

import math
from collections.abc import Callable, Mapping
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


# For pictures from straight above: nothing is ever seen at a slant, and no side is up.
ABOVE_STRENGTHS = {
    "light": Strength(rotation=0.0, zoom=1.0, warp=0.0, lighting=0.05),
    "standard": Strength(rotation=0.0, zoom=1.05, warp=0.0, lighting=0.1),
    "strong": Strength(rotation=10.0, zoom=1.2, warp=0.0, lighting=0.3),
}


def build_augmentation(
    name: str, *, strengths: Mapping[str, Strength] = STRENGTHS, from_above: bool = False
) -> v2.Transform:
    """The training transform called `name` (see `strengths`; "none" changes nothing), for (image, target) samples.

    Pictures `from_above` are flipped both ways and turned by right angles, others only mirrored.
    """
    if name == "none":
        return v2.Identity()
    strength = strengths[name]
    warp = ProjectiveWarp(
        rotation=strength.rotation,
        zoom=strength.zoom,
        warp=strength.warp,
        flip_vertical=from_above,
        right_angles=from_above,
    )
    return v2.Compose([warp, Lighting(strength.lighting)])


# The eight ways in which a square can lie, as changes of a batch (B, C, H, W).
SQUARE_SYMMETRIES: tuple[Callable[[Tensor], Tensor], ...] = (
    lambda x: x,
    lambda x: x.flip(-1),
    lambda x: x.flip(-2),
    lambda x: x.flip(-1, -2),
    lambda x: x.transpose(-1, -2),
    lambda x: x.transpose(-1, -2).flip(-1),
    lambda x: x.transpose(-1, -2).flip(-2),
    lambda x: x.transpose(-1, -2).flip(-1, -2),
)


class ProjectiveWarp(v2.Transform):
    """Flip, turn, zoom and tilt the camera, as one homography about the picture's centre.

    Args:
        rotation: the largest angle, in degrees either way.
        zoom: the largest magnification, from 1.
        warp: the largest perspective: by how much the far edge shrinks, as a share of its length.
        right_angles: whether the picture, which should be square, is turned by 0°, 90°, 180° or 270° first.
    """

    def __init__(
        self,
        *,
        rotation: float,
        zoom: float,
        warp: float,
        flip_horizontal: bool = True,
        flip_vertical: bool = False,
        right_angles: bool = False,
    ) -> None:
        super().__init__()
        self.rotation, self.zoom, self.warp = rotation, zoom, warp
        self.flip_horizontal, self.flip_vertical, self.right_angles = flip_horizontal, flip_vertical, right_angles

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = functional.get_size(flat_inputs[0])
        draw = torch.rand(6)
        quarters = int(torch.randint(4, ())) if self.right_angles else 0
        angle = math.radians(self.rotation) * (2 * draw[0].item() - 1) + quarters * math.pi / 2
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
    """Samples as a batch of plain tensors, each with a leading dimension B; pictures with channels last in memory.

    Key points become relative: see `relative_points`.
    """
    pictures, *targets = (torch.stack([_plain(part) for part in parts]) for parts in zip(*samples, strict=True))
    return pictures.contiguous(memory_format=torch.channels_last), *targets


def relative_points(points: tv_tensors.KeyPoints) -> Tensor:
    """Points (N, 2) in pixels as x, y in −1..1 of their picture, (2N,) float32; NaN for a point outside the picture."""
    height, width = points.canvas_size
    relative = points.as_subclass(Tensor).float() * 2 / torch.tensor([width, height]) - 1
    is_outside = (relative.abs() > 1).any(-1, keepdim=True)
    return relative.masked_fill(is_outside, torch.nan).flatten()


def _plain(part: Tensor) -> Tensor:
    return relative_points(part) if isinstance(part, tv_tensors.KeyPoints) else part.as_subclass(Tensor)
