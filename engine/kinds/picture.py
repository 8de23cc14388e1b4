"""What all kinds share whose input is a picture: opening it at a size, for training and for prediction."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision import tv_tensors

from engine.data.bands import as_colors, open_bands
from engine.errors import DataError

# A panorama is shown to the network no longer than this many times its shorter side.
LONGEST_ASPECT = 4.0
SPLIT_SEED = 42
VALID_SHARE = 0.2


def open_resized(source: str | Path | np.ndarray, size: tuple[int, int], *, channels: int = 3) -> Tensor:
    """A picture (C, h, w) uint8 at `size` (h, w)."""
    return tv_tensors.Image(_resized(open_bands(source, channels), size))


def prepare_picture(
    source: str | Path | Image.Image | np.ndarray, image_size: int, channels: int
) -> tuple[Image.Image, Tensor]:
    """What the user gave: as a picture to be shown, and as the network's input (1, C, h, w) uint8.

    The shorter side becomes `image_size`, the picture keeps its own shape.
    """
    if isinstance(source, Image.Image):
        if channels != 3:
            raise DataError(f"The model takes pictures with {channels} channels: give it a TIFF file or an array.")
        bands = open_bands(np.asarray(source.convert("RGB")) if source.mode != "RGB" else np.asarray(source), 3)
    else:
        bands = open_bands(source, channels)
    size = network_size((bands.shape[0], bands.shape[1]), image_size)
    return Image.fromarray(as_colors(bands)), _resized(bands, size)[None]


def network_size(size: tuple[int, int], image_size: int) -> tuple[int, int]:
    """(height, width) that the network sees of a picture of `size`: the shorter side as trained, its own shape kept."""
    height, width = size
    scale = image_size / min(height, width)
    longest = round(image_size * LONGEST_ASPECT)
    return min(longest, max(1, round(height * scale))), min(longest, max(1, round(width * scale)))


def split_randomly(
    inputs: Sequence[Path], *, seed: int = SPLIT_SEED, share: float = VALID_SHARE
) -> tuple[list[Path], list[Path]]:
    """Training and validation inputs: a random `share` is held out, each in the inputs' order."""
    chosen = set(random.Random(seed).sample(range(len(inputs)), round(len(inputs) * share)))
    train = [item for index, item in enumerate(inputs) if index not in chosen]
    return train, [inputs[index] for index in sorted(chosen)]


def _resized(bands: np.ndarray, size: tuple[int, int]) -> Tensor:
    """(H, W, C) uint8 → (C, h, w) uint8."""
    height, width = size
    if bands.shape[2] == 3:
        small = np.array(Image.fromarray(bands).resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0))
        return torch.from_numpy(small).permute(2, 0, 1).contiguous()
    layers = [
        Image.fromarray(np.ascontiguousarray(bands[:, :, band])).resize((width, height), Image.Resampling.BILINEAR)
        for band in range(bands.shape[2])
    ]
    return torch.from_numpy(np.stack([np.array(layer) for layer in layers]))
