"""Augmentation: one projective warp and one change of light for each training picture, drawn as fastai 1 draws them.

Flip, rotation, zoom and perspective are multiplied into a single 3×3 matrix, so that a picture is resampled once. Masks and
key points get the same matrix through `torchvision.transforms.v2`: masks by nearest neighbour, and what comes from outside
the picture is marked as void instead of being given a class (fastai mirrors the picture there). A key point may leave the
picture; nothing pulls it back.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional

VOID = 255
SQUARE = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]])  # top left, top right, bottom left, bottom right
LEVELS = np.arange(256).clip(1e-5, 255 - 1e-5) / 255  # black and white have no logit
LOGITS = np.log(LEVELS / (1 - LEVELS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """How far a transform may go: degrees, factors, and shares of the picture; `chance` is how likely each part is at all."""

    rotation: float
    zoom: float
    warp: float
    lighting: float
    chance: float = 0.75


# "standard" holds the defaults of the lesson's get_transforms; "strong" what its head-pose notebook shows at its end.
STRENGTHS = {
    "light": Strength(rotation=5.0, zoom=1.05, warp=0.05, lighting=0.1),
    "standard": Strength(rotation=10.0, zoom=1.1, warp=0.2, lighting=0.2),
    "strong": Strength(rotation=20.0, zoom=1.5, warp=0.4, lighting=0.5, chance=1.0),
}
# Known to be bad, to be seen: most pictures have an up and down or a left and right, or (from above) are never seen at a slant.
WRONG = Strength(rotation=180.0, zoom=1.1, warp=0.4, lighting=0.2, chance=1.0)


# For pictures from straight above: nothing is ever seen at a slant, and no side is up. "standard" is the Planet notebook's.
ABOVE_STRENGTHS = {
    "light": Strength(rotation=0.0, zoom=1.0, warp=0.0, lighting=0.05),
    "standard": Strength(rotation=10.0, zoom=1.05, warp=0.0, lighting=0.1),
    "strong": Strength(rotation=20.0, zoom=1.2, warp=0.0, lighting=0.3, chance=1.0),
}


def build_augmentation(
    name: str, *, strengths: Mapping[str, Strength] = STRENGTHS, from_above: bool = False, mirrors: bool = True
) -> v2.Transform:
    """The training transform called `name` (see `strengths`; "none" changes nothing), for (image, target) samples.

    Pictures `from_above` are flipped both ways and turned by right angles, others only mirrored, or not even that. "wrong"
    does all of it, whatever they show.
    """
    if name == "none":
        return v2.Identity()
    if name == "wrong":
        return v2.Compose([_warp(WRONG, mirrors=True, flips=True), Lighting(WRONG.lighting, WRONG.chance)])
    strength = strengths[name]
    warp = _warp(strength, mirrors=mirrors, flips=from_above, right_angles=from_above)
    return v2.Compose([warp, Lighting(strength.lighting, strength.chance)])


def _warp(strength: Strength, *, mirrors: bool, flips: bool, right_angles: bool = False) -> "ProjectiveWarp":
    return ProjectiveWarp(
        rotation=strength.rotation,
        zoom=strength.zoom,
        warp=strength.warp,
        chance=strength.chance,
        flip_horizontal=mirrors,
        flip_vertical=flips,
        right_angles=right_angles,
    )


def transforms_from_above(strength: str) -> v2.Transform:
    """The same for pictures from straight above: no side is up, and nothing is seen at a slant."""
    return build_augmentation(strength, strengths=ABOVE_STRENGTHS, from_above=True)


def transforms_unmirrored(strength: str) -> v2.Transform:
    """The same without the mirror, in which a label may be another one: of left and right, of letters, of hands."""
    return build_augmentation(strength, mirrors=False)


# By what a data set says of its own pictures: what may change them and leave their labels.
TRANSFORMS: dict[str, Callable[[str], v2.Transform]] = {
    "unmirrored": transforms_unmirrored,
    "mirrored": build_augmentation,
    "any way up": transforms_from_above,
}
CHANGES = ".changes"  # a file with one of these names, in a data set's folder; with a dot, so that no reader takes it for data


def said_transforms(root: Path, otherwise: Callable[[str], v2.Transform]) -> Callable[[str], v2.Transform]:
    """The transforms that a data set's folder asks for, or others where it says nothing."""
    try:
        said = (root / CHANGES).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return otherwise
    return TRANSFORMS.get(said, otherwise)


class ProjectiveWarp(v2.Transform):
    """Flip, turn, zoom and tilt the camera, as one homography.

    Args:
        rotation: the largest angle, in degrees either way.
        zoom: the largest magnification, from 1; the part that stays in view is drawn too.
        warp: the largest perspective: how much longer or shorter each edge may become, as a share of its length.
        chance: how likely the picture is turned at all; likewise zoomed, and tilted.
        right_angles: whether the picture, which should be square, is turned by 0°, 90°, 180° or 270° first.
    """

    def __init__(
        self,
        *,
        rotation: float,
        zoom: float,
        warp: float,
        chance: float = 1.0,
        flip_horizontal: bool = True,
        flip_vertical: bool = False,
        right_angles: bool = False,
    ) -> None:
        super().__init__()
        self.rotation, self.zoom, self.warp, self.chance = rotation, zoom, warp, chance
        self.flip_horizontal, self.flip_vertical, self.right_angles = flip_horizontal, flip_vertical, right_angles

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = functional.get_size(flat_inputs[0])
        flip_x, flip_y = torch.rand(2).tolist()
        mirror_x = -1.0 if self.flip_horizontal and flip_x < 0.5 else 1.0
        mirror_y = -1.0 if self.flip_vertical and flip_y < 0.5 else 1.0
        quarters = int(torch.randint(4, ())) if self.right_angles else 0
        (turned,) = draw(1, self.chance)
        angle = math.radians(self.rotation) * turned + quarters * math.pi / 2
        nearer, right, down = draw(3, self.chance)
        seen = 1 / (1 + (self.zoom - 1) * abs(nearer))  # the share of the picture's width that stays in view
        top, bottom, left, side = (1 + self.warp * share for share in draw(4, self.chance))

        cos, sin = math.cos(angle), math.sin(angle)
        turn = np.array([[cos * mirror_x, -sin * mirror_y, 0], [sin * mirror_x, cos * mirror_y, 0], [0, 0, 1]])
        zoom = np.array([[seen, 0, (1 - seen) * right], [0, seen, (1 - seen) * down], [0, 0, 1]])
        tilt = to_square(np.array([[-top, -left], [top, -side], [-bottom, left], [bottom, side]]))
        # Zoom and tilt are in −1..1, whatever the shape; a turn has to be in pixels.
        pixels = np.diag([width / 2, height / 2, 1])
        centre = np.array([[1, 0, width / 2], [0, 1, height / 2], [0, 0, 1]])
        # torchvision wants the way back: from a pixel of the result to its place in the source.
        matrix = centre @ turn @ pixels @ zoom @ tilt @ np.linalg.inv(centre @ pixels)
        return {"coefficients": (matrix / matrix[2, 2]).flatten()[:8].tolist()}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        fill: Any = VOID if isinstance(inpt, tv_tensors.Mask) else 0
        return functional.perspective(
            inpt, None, None, interpolation=InterpolationMode.BILINEAR, fill=fill, coefficients=params["coefficients"]
        )


class Lighting(v2.Transform):
    """Brightness and contrast of uint8 pictures with any number of channels: a shift and a factor of each level's logit.

    Black and white stay what they are. A mean grey of 1/2 becomes up to (1 ± `strength`) / 2; the factor is drawn from
    1 − `strength` to its inverse, evenly in its logarithm. `chance` is how likely each of the two is.
    """

    def __init__(self, strength: float, chance: float = 1.0) -> None:
        super().__init__()
        self.strength, self.chance = strength, chance

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        (brighter,), (harder,) = draw(1, self.chance), draw(1, self.chance)
        shift = math.log((1 + self.strength * brighter) / (1 - self.strength * brighter))
        factor = (1 - self.strength) ** harder
        return {"table": np.rint(255 / (1 + np.exp(-(LOGITS + shift) * factor))).astype(np.uint8)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if not isinstance(inpt, tv_tensors.Image):
            return inpt
        lit = torch.from_numpy(params["table"][inpt.as_subclass(Tensor).numpy()])
        return tv_tensors.wrap(lit, like=inpt)  # pyright: ignore[reportCallIssue]


def draw(count: int, chance: float) -> list[float]:
    """`count` numbers, each anywhere from −1 to 1; zeros with probability 1 − `chance`."""
    happens, *numbers = torch.rand(1 + count).tolist()
    return [2 * number - 1 if happens < chance else 0.0 for number in numbers]


def to_square(corners: np.ndarray) -> np.ndarray:
    """The homography (3, 3) from four `corners` (4, 2) to those of `SQUARE`, in its order."""
    (x, y), (u, v) = corners.T, SQUARE.T
    one, zero = np.ones(4), np.zeros(4)
    for_u = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], axis=1)
    for_v = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], axis=1)
    return np.append(np.linalg.solve(np.concatenate([for_u, for_v]), np.concatenate([u, v])), 1).reshape(3, 3)


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
