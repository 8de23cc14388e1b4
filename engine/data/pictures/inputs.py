"""What all kinds share whose input is a picture: opening it at a size, for training and for prediction."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision import tv_tensors

from engine.data.pictures.bands import as_colors, open_bands
from engine.data.pictures.files import list_all_pictures
from engine.data.pictures.named_rows import find_rows
from engine.data.pictures.names import PictureNames
from engine.data.reading.tables import SUFFIXES, open_table
from engine.errors import DataError
from engine.recipe import Stage
from engine.task import ModelPlan

# A panorama is shown to the network no longer than this many times its shorter side.
LONGEST_ASPECT = 4.0


def open_resized(source: str | Path | np.ndarray, size: tuple[int, int], *, channels: int = 3) -> Tensor:
    """A picture (C, h, w) uint8 at `size` (h, w)."""
    return tv_tensors.Image(_resized(open_bands(source, channels), size))


def pictures_in(file: Path) -> list[tuple[str, Any]]:
    """A picture's file, or the pictures that a table beside them names; a `DataError` in place of one that is not there."""
    if file.suffix.lower() not in SUFFIXES:
        return [(str(file), file)]
    table = open_table(file)
    pictures = list_all_pictures(file.parent)
    if not pictures:
        raise DataError(f"{file.name} is a table, and there are no pictures beside it. Put them into the same folder.")
    named, known = find_rows(table, file.parent, pictures), PictureNames(pictures, file.parent)
    found: list[tuple[str, Any]] = []
    for row in table.rows():
        name = row.cells[named.column].strip()
        fitting = known.find(name) if name else ()
        lost = DataError(
            f"{file.name}, {row.where}: there {'are several pictures' if fitting else 'is no picture'} {name!r}."
        )
        found.append((name or row.where, fitting[0] if len(fitting) == 1 else lost))
    return found


def prepare_picture(
    source: str | Path | Image.Image | np.ndarray, stage: Stage, plan: ModelPlan, model: nn.Module
) -> tuple[Image.Image, Tensor]:
    """What the user gave: as a picture to be shown, and as the network's input (1, C, h, w) uint8.

    The shorter side becomes the stage's `image_size`, the picture keeps its own shape.
    """
    bands = open_bands(source, plan.channels)
    size = network_size((bands.shape[0], bands.shape[1]), stage.image_size)
    return Image.fromarray(as_colors(bands)), _resized(bands, size)[None]


def network_size(size: tuple[int, int], image_size: int) -> tuple[int, int]:
    """(height, width) that the network sees of a picture of `size`: the shorter side as trained, its own shape kept."""
    height, width = size
    scale = image_size / min(height, width)
    longest = round(image_size * LONGEST_ASPECT)
    return min(longest, max(1, round(height * scale))), min(longest, max(1, round(width * scale)))


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
