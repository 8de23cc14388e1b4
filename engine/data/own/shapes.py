"""Shapes that are marked in pictures, and how they are drawn as masks.

Coordinates are columns and rows of a picture as it is shown, from the top left corner of its top left pixel. An outline has the
pixels whose middle lies in it; where it crosses itself, those that are inside an odd number of times.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from engine.data.pictures.masks import TURNS
from engine.errors import DataError

Size = tuple[int, int]  # height, width

MOST_CROSSINGS = 5_000_000  # of an outline with the rows of its picture
SHARES: Size = (1, 1)  # a size in which coordinates are shares of the picture
SIZE_SLACK = 0.01  # by which the sides of one picture in two sizes may differ in proportion
MOST_PIXELS = 100_000_000  # of a mask that is written as runs
ROUND = 180  # corners of what stands for a circle
_MORE, _SIGN, _FIVE = 0x20, 0x10, 0x1F  # of six bits: another group follows, the number is negative, the number's own
_MOST_GROUPS = 6
_BACK = {**TURNS, 6: TURNS[8], 8: TURNS[6]}  # from a picture as it is shown to how it is stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One thing that is marked in a picture.

    name: its class. outlines: its parts, each (N, 2) float64 with N of 3 at least; none for a line, which has no area.
    runs: in place of outlines, the lengths of runs of pixels down the columns, outside and inside in turn.
    is_rough: it is there, and nobody has said which pixels are its own, as with a box.
    """

    name: str
    outlines: tuple[np.ndarray, ...] = ()
    runs: np.ndarray | None = None
    is_rough: bool = False

    @property
    def has_area(self) -> bool:
        """Whether it can be drawn."""
        return bool(self.outlines) or self.runs is not None

    @property
    def area(self) -> float:
        """In square pixels; of parts that overlap, the sum."""
        if self.runs is not None:
            return float(self.runs[1::2].sum())
        return sum(abs(float(_twice_area(outline))) / 2 for outline in self.outlines)


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """The outline of a rectangle."""
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float64)


def ellipse(column: float, row: float, across: float, down: float) -> np.ndarray:
    """The outline of an ellipse around a middle, by its radii; of the same area as the round one."""
    angles = np.arange(ROUND) * (2 * math.pi / ROUND)
    # A polygon inside a circle has a little less area than the circle.
    grown = math.sqrt(2 * math.pi / ROUND / math.sin(2 * math.pi / ROUND))
    return np.stack([column + across * grown * np.cos(angles), row + down * grown * np.sin(angles)], axis=1)


def turned(outline: np.ndarray, around: tuple[float, float], degrees: float) -> np.ndarray:
    """An outline turned clockwise."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    return (outline - around) @ np.array([(cosine, sine), (-sine, cosine)]) + around


def is_alike(said: Size | None, size: Size) -> bool:
    """Whether a size is one of the same shape, but for what is lost where whole pixels are counted; or says nothing of that."""
    if said in (None, SHARES):
        return True
    one, other = said[1] * size[0], said[0] * size[1]
    return abs(one - other) <= SIZE_SLACK * max(one, other)


def read_counts(text: str) -> np.ndarray | None:
    """COCO's compressed lengths of runs, int64: groups of five bits, the lowest first, each as a letter from "0" on. From the
    fourth on, a length is written as what it is more than the last but one. None for a text that is not written so.
    """
    letters = np.frombuffer(text.encode("utf-8", "replace"), np.uint8).astype(np.int64) - ord("0")
    if not len(letters) or letters.min() < 0 or letters.max() >= 2 * _MORE or letters[-1] & _MORE:
        return None
    ends = np.flatnonzero(letters & _MORE == 0)
    starts = np.concatenate([[0], ends[:-1] + 1])
    groups = ends - starts + 1
    if groups.max() > _MOST_GROUPS:
        return None
    shifts = 5 * (np.arange(len(letters)) - np.repeat(starts, groups))
    lengths = np.add.reduceat((letters & _FIVE) << shifts, starts)
    lengths -= np.where(letters[ends] & _SIGN, 1 << 5 * groups, 0)
    for first in (1, 2):
        lengths[first::2] = lengths[first::2].cumsum()
    return lengths


def draw_mask(
    shapes: Iterable[Shape], codes: Mapping[str, int], *, shown: Size, said: Size | None
) -> tuple[np.ndarray, int]:
    """A mask (H, W) uint8 of a picture as shown, later shapes over earlier ones; and how many of them cover no pixel.

    `said` is the size in which the shapes' coordinates are; None where that is `shown`.
    """
    mask = np.zeros(shown, np.uint8)
    scale = (shown[1] / said[1], shown[0] / said[0]) if said else (1.0, 1.0)
    empty = 0
    for shape in shapes:
        if shape.runs is not None:
            empty += not _lay(mask, shape.runs, said or shown, codes[shape.name])
        elif shape.outlines:
            covered = [_fill(mask, outline * scale, codes[shape.name]) for outline in shape.outlines]
            empty += not any(covered)
    return mask, empty


def as_stored(mask: np.ndarray, turn: int) -> np.ndarray:
    """A mask of a picture as it is shown, turned to how the picture with that EXIF orientation is stored."""
    return np.asarray(Image.fromarray(mask).transpose(_BACK[turn])) if turn in _BACK else mask


def _twice_area(outline: np.ndarray) -> np.floating:
    (x, y), (to_x, to_y) = outline.T, np.roll(outline, -1, axis=0).T
    return (x * to_y - to_x * y).sum()


def _fill(mask: np.ndarray, outline: np.ndarray, code: int) -> bool:
    """Draw an outline's inside; whether it covers a pixel.

    In the middle of each row, every side that is crossed changes between outside and inside.
    """
    height, width = mask.shape
    (x, y), (to_x, to_y) = outline.T, np.roll(outline, -1, axis=0).T
    first = np.ceil(np.minimum(y, to_y) - 0.5).clip(0, height).astype(np.int64)
    count = np.ceil(np.maximum(y, to_y) - 0.5).clip(0, height).astype(np.int64) - first
    if count.sum() > MOST_CROSSINGS:
        raise DataError(
            f"An outline of {len(outline):,} corners crosses the rows of its picture more than {MOST_CROSSINGS:,} times. "
            "Make the outlines simpler."
        )
    side = np.repeat(np.arange(len(x)), count)
    if not len(side):
        return False
    row = np.arange(len(side)) - (count.cumsum() - count)[side] + first[side]
    at = x[side] + (row + 0.5 - y[side]) * (to_x - x)[side] / (to_y - y)[side]
    column = np.ceil(at - 0.5).clip(0, width).astype(np.int64)
    top, left, bottom, right = row.min(), column.min(), row.max() + 1, column.max()
    if left == right:
        return False
    changes = np.zeros((bottom - top, right - left), bool)
    is_seen = column < right
    np.logical_xor.at(changes, (row[is_seen] - top, column[is_seen] - left), True)
    inside = np.logical_xor.accumulate(changes, axis=1)
    mask[top:bottom, left:right][inside] = code
    return bool(inside.any())


def _lay(mask: np.ndarray, runs: np.ndarray, size: Size, code: int) -> bool:
    """Draw what runs are inside of; whether it is any pixel."""
    inside = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(size[1], size[0]).T
    if size != mask.shape:
        rows, columns = (
            ((np.arange(new) + 0.5) * old / new).astype(np.int64) for new, old in zip(mask.shape, size, strict=True)
        )
        inside = inside[rows][:, columns]
    mask[inside] = code
    return bool(inside.any())
