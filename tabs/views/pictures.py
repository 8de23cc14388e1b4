"""Pictures on the page, of whatever task: made smaller, shown in grids, one beside the other."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from engine.recipe import Stage
from tabs.drawing.markup import figure_grid, picture_tag
from tabs.reading.heavy import load_engine

if TYPE_CHECKING:
    from engine.data.pictures.block import Data
    from engine.serving.inspect import Shown

SHOWN_WIDTH = 480  # pixels; twice what a column of the gallery has on a common screen
AUGMENTED = 6

Draw = Callable[["Shown", tuple[str, ...]], str]


def sample_grid(data: "Data", split: str, start: int, count: int, draw: Draw) -> str:
    """Samples of a split as they are on disk, each drawn with its target."""
    load_engine()
    from engine.serving.inspect import show_samples

    samples = show_samples(data, split, count=count, start=start)
    return figure_grid(((draw(sample, data.classes), sample.name) for sample in samples), columns=3)


def augmented_grid(data: "Data", stage: Stage, index: int, seed: int, draw: Draw) -> str:
    """One picture untouched, and then as one epoch after the other may see it; the target goes with it."""
    load_engine()
    from engine.serving.inspect import show_augmented

    samples = show_augmented(data, stage, index=index, count=AUGMENTED, seed=seed)
    captions = ["untouched", *(f"as epoch {number} sees it" for number in range(1, len(samples)))]
    pairs = zip(samples, captions, strict=True)
    return figure_grid(((draw(sample, data.classes), caption) for sample, caption in pairs), columns=3)


def smaller(array: np.ndarray, longest: int, *, exact: bool = False) -> np.ndarray:
    """A picture, or (`exact`: no new values) a mask or map, with its longer side at most `longest` pixels."""
    height, width = array.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return array
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    resampling = Image.Resampling.NEAREST if exact else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(array).resize(size, resampling, reducing_gap=None if exact else 3.0))


def fitted_tag(picture: np.ndarray, alt: str) -> str:
    """A picture (H, W, 3) no larger than a column needs."""
    return picture_tag(smaller(picture, SHOWN_WIDTH), alt=alt, kind="picture")
