"""Label masks: a code for each pixel, from whatever people save them as, and what these codes mean in a data set as a whole.

A mask's pixels are numbers, and nothing in a file says of what: 255 may be the object that somebody painted white, or the border
that belongs to nothing. So all masks are looked at together before any of them is read.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from engine.data.pictures.files import DAMAGE, ORIENTATION, damaged, decode_stored
from engine.data.pictures.scan import kept_looks
from engine.data.pictures.transforms import VOID
from engine.data.reading.values import quoted
from engine.errors import DataError

VOID_NAME = "Void"
UNKNOWN = 254  # what a code becomes that no class has
MOST_CLASSES = UNKNOWN - 1
THIN = 0.02  # share of a class's pixels that have neighbours of their own class, below which it looks like noise
NEEDS_CODES = "A mask holds one class code a pixel: save it as greyscale or palette, as PNG."
# (row, column) order of a picture that is stored turned; see the EXIF tag 0x0112.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskLook:
    """What is seen of one mask.

    size: (height, width), as its own EXIF tag turns it; `is_turned` is whether it has such a tag.
    pixels: how many have each code; inner: how many of these have only neighbours of their own.
    colours: of a palette, the colour of each code that occurs, as "#rrggbb".
    fault: why it cannot be used.
    """

    size: tuple[int, int] = (0, 0)
    is_turned: bool = False
    pixels: Mapping[int, int] = field(default_factory=dict)
    inner: Mapping[int, int] = field(default_factory=dict)
    colours: Mapping[int, str] = field(default_factory=dict)
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskCodes:
    """What the codes of a data set's masks mean.

    table: (256,) uint8, from a code to its class's index; `VOID` for none, `UNKNOWN` for a code without a name.
    notes: what had to be understood. warnings: what is doubtful.
    """

    table: np.ndarray
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def open_codes(path: Path, turn: int = 1) -> np.ndarray:
    """Class codes (H, W) uint8; `turn` is the EXIF orientation of a picture whose mask was stored as the picture was.

    `DataError` for what holds no codes: colours, or a JPEG, which changes each number a little.
    """
    codes = _codes(decode_stored(path), path.name)
    return np.asarray(Image.fromarray(codes).transpose(TURNS[turn])) if turn in TURNS else codes


def _codes(image: Image.Image, name: str) -> np.ndarray:
    if image.format in ("JPEG", "MPO"):
        raise DataError(f"The mask {name} is a JPEG, which changes the codes of its pixels. {NEEDS_CODES}")
    try:
        turn = image.getexif().get(ORIENTATION, 1)
        upright = ImageOps.exif_transpose(image) if turn in TURNS else image
        values = np.asarray(upright)
    except DAMAGE as problem:
        raise damaged(name, problem) from None
    if image.mode in ("L", "P", "1"):
        return values.astype(np.uint8)  # a palette's indices; 0 and 1 of a picture with one bit a pixel
    if image.mode.startswith("I") and values.size and values.min() >= 0 and values.max() <= VOID:
        return values.astype(np.uint8)
    if image.mode in ("RGB", "RGBA", "LA"):
        colours = values[:, :, :3] if image.mode != "LA" else values[:, :, :1]
        is_opaque = image.mode == "RGB" or bool((values[:, :, -1] == 255).all())
        if is_opaque and bool((colours == colours[:, :, :1]).all()):
            return np.ascontiguousarray(colours[:, :, 0])
    raise DataError(f"The mask {name} has mode {image.mode}: colours, or numbers beyond 255. {NEEDS_CODES}")


def look_at_masks(masks: Sequence[Path]) -> dict[Path, MaskLook]:
    """Each mask's look; kept for as long as the files are the same."""
    return {mask: _look_from(one) for mask, one in kept_looks("masks", sorted(masks), _look).items()}


def _look(mask: Path) -> dict[str, Any]:
    try:
        image = decode_stored(mask)
        codes = _codes(image, mask.name)
    except DataError as problem:
        return asdict(MaskLook(fault=str(problem)))
    pixels = np.bincount(codes.ravel(), minlength=256)
    inner = np.bincount(codes[_is_inner(codes)], minlength=256)
    palette = (image.getpalette("RGB") if image.mode == "P" else None) or []
    found = np.flatnonzero(pixels).tolist()
    coloured = [code for code in found if 3 * code + 3 <= len(palette)]  # a palette may be shorter than its codes
    return asdict(
        MaskLook(
            size=codes.shape[:2],
            is_turned=image.getexif().get(ORIENTATION, 1) in TURNS,
            pixels={code: int(pixels[code]) for code in found},
            inner={code: int(inner[code]) for code in found},
            colours={code: "#" + bytes(palette[3 * code : 3 * code + 3]).hex() for code in coloured},
        )
    )


def _look_from(kept: Mapping[str, Any]) -> MaskLook:
    """From JSON, which has texts for keys."""
    numbers = {
        name: {int(code): value for code, value in kept[name].items()} for name in ("pixels", "inner", "colours")
    }
    return MaskLook(size=tuple(kept["size"]), is_turned=kept["is_turned"], fault=kept["fault"], **numbers)


def _is_inner(codes: np.ndarray) -> np.ndarray:
    """(H, W) bool: pixels whose neighbours above, below, left and right have the same code."""
    same = np.ones(codes.shape, dtype=bool)
    for axis in (0, 1):
        step = np.diff(codes.astype(np.int16), axis=axis) == 0
        before = [(1, 0), (0, 0)] if axis == 0 else [(0, 0), (1, 0)]
        after = [(0, 1), (0, 0)] if axis == 0 else [(0, 0), (0, 1)]
        same &= np.pad(step, before, constant_values=True) & np.pad(step, after, constant_values=True)
    return same


def read_codes(names: Sequence[str], masks: Mapping[Path, MaskLook]) -> MaskCodes:
    """What the codes mean, from the classes' names in the codes' order and from all the masks; `DataError` where that is not
    clear.
    """
    _check_palettes(masks)
    used = Counter[int]()
    for look in masks.values():
        used.update(look.pixels)
    classes = [name for name in names if not is_void(name)]
    table, notes, warnings = class_table(names), list[str](), list[str]()
    unnamed = sorted(code for code in used if code >= len(names) and code != VOID)
    two = sorted(used)
    if len(classes) == len(names) == 2 and len(two) == 2 and two[0] == 0 and two[1] > 1:
        table[two[1]] = 1
        notes.append(f"The masks hold 0 and {two[1]} alone: {two[1]} is read as “{names[1]}”, and nothing as Void.")
    elif unnamed:
        raise _unnamed(unnamed, names, masks)
    elif set(used) == {0, VOID}:
        raise DataError(
            f"The masks hold the codes 0 and {VOID} alone, and codes.txt names {len(names)} classes. Name the two that "
            "there are, or number the classes 0, 1, 2, … in the masks."
        )
    elif VOID in used:
        _check_one_object(names, masks)
        share = used[VOID] / used.total()
        notes.append(f"The code {VOID} ({share:.1%} of the pixels) is Void: it belongs to no class, and is not judged.")
    thin = [names[code] for code in used if code < len(names) and _looks_thin(code, masks)]
    if thin:
        warnings.append(
            f"Hardly a pixel of {quoted(thin)} has a neighbour of its own class: this looks like the noise of a JPEG, or "
            "of a mask that was resized."
        )
    return MaskCodes(table=table, notes=tuple(notes), warnings=tuple(warnings))


def _check_one_object(names: Sequence[str], masks: Mapping[Path, MaskLook]) -> None:
    """`DataError` where an object of two classes is 1 in some masks and 255 in others, so that 255 is no border of it."""
    ones = [mask.name for mask, look in masks.items() if 1 in look.pixels and VOID not in look.pixels]
    voids = [mask.name for mask, look in masks.items() if VOID in look.pixels and 1 not in look.pixels]
    if len(names) == 2 and ones and voids:
        raise DataError(
            f"The object is 1 in some masks and {VOID} in others, such as {ones[0]} and {voids[0]}. Save all of them "
            "with one code."
        )


def class_table(names: Sequence[str]) -> np.ndarray:
    """From a code in a mask file to the index of its class: `VOID` for void, `UNKNOWN` for codes without a name."""
    table = np.full(256, UNKNOWN, dtype=np.uint8)
    classes = [name for name in names if not is_void(name)]
    for code, name in enumerate(names):
        table[code] = VOID if is_void(name) else classes.index(name)
    table[VOID] = VOID
    return table


def is_void(name: str) -> bool:
    """Whether a class's name says that its pixels belong to none."""
    return name.casefold() == VOID_NAME.casefold()


def _looks_thin(code: int, masks: Mapping[Path, MaskLook]) -> bool:
    pixels = sum(look.pixels.get(code, 0) for look in masks.values())
    return sum(look.inner.get(code, 0) for look in masks.values()) < THIN * pixels


def _unnamed(unnamed: Sequence[int], names: Sequence[str], masks: Mapping[Path, MaskLook]) -> DataError:
    file = next(mask.name for mask, look in masks.items() if set(unnamed) & set(look.pixels))
    listed = ", ".join(map(str, unnamed[:8])) + (", …" if len(unnamed) > 8 else "")
    highest = max(max(look.pixels, default=0) for look in masks.values())
    return DataError(
        f"The mask {file} has a code that codes.txt does not name: it names {len(names)}, which are 0 to "
        f"{len(names) - 1}, and the masks "
        f"hold {listed} as well. Add a name for each code up to {highest}, or number the classes 0, 1, 2, … in the masks."
    )


def _check_palettes(masks: Mapping[Path, MaskLook]) -> None:
    """`DataError` where one code has two colours, so that files number their classes differently, or where greys are other
    codes.
    """
    first: dict[int, tuple[str, str]] = {}
    for mask, look in masks.items():
        for code, colour in look.colours.items():
            other, known = first.setdefault(code, (mask.name, colour))
            if colour != known:
                raise DataError(
                    f"The palettes of the masks differ: {code} is {known} in {other} and {colour} in {mask.name}, so that "
                    "a code is not the same class in both. Save all masks with one palette, or as greyscale."
                )
        greys = {
            code: int(colour[1:3], 16)
            for code, colour in look.colours.items()
            if len({colour[at : at + 2] for at in (1, 3, 5)}) == 1
        }
        if (
            len(greys) == len(look.colours) > 2
            and any(code != grey for code, grey in greys.items())
            and max(greys.values()) < MOST_CLASSES
        ):
            raise DataError(
                f"The mask {mask.name} has a palette of greys in which {min(c for c, g in greys.items() if c != g)} is not "
                "itself: its codes may be the palette's numbers or the greys. Save the masks as greyscale."
            )
