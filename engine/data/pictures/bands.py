"""Pictures with more or fewer than three channels: TIFFs, with 8 or 16 bits a channel, which Pillow cannot all read.

Satellites see more than colours. Kaggle's Planet chips as TIFF have four bands of 16 bits, in the order of Planet's analytic
scenes: blue, green, red, near infrared. They are given as red, green, blue, near infrared, since colours come first here.
"""

from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from engine.data.pictures.files import DAMAGE, MAX_PIXELS, check_is_file, look_at_picture, open_picture, picture_size
from engine.errors import DataError

TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
MAX_BANDS = 16
MAX_BYTES = 4 * MAX_PIXELS  # in memory, all bands together
# What is white in 16 bits: reflectances are commonly stored times 10,000.
WHITE = 10_000
ANALYTIC_ORDER = [2, 1, 0, 3]  # of four bands of 16 bits


def open_bands(source: str | Path | Image.Image | np.ndarray, channels: int, *, most: int = MAX_PIXELS) -> np.ndarray:
    """A picture with `channels` channels, (H, W, channels) uint8.

    Three channels are colours, from any kind of picture; a file of these with more than `most` pixels is made smaller as it is
    read. `DataError` when the file has another number of bands.
    """
    if channels == 3:
        return np.asarray(open_picture(source, most=most))
    if isinstance(source, Image.Image):
        raise DataError(f"The model takes pictures with {channels} channels: give it a TIFF file or an array.")
    if isinstance(source, np.ndarray) and (source.dtype != np.uint8 or 0 in source.shape):
        raise DataError(
            f"An array of shape {source.shape} and type {source.dtype} is no picture: give (H, W, {channels}) uint8."
        )
    found = _read(Path(source)) if isinstance(source, str | Path) else source
    bands = found.shape[2] if found.ndim == 3 else 1
    if bands != channels:
        raise DataError(
            f"{_name(source)} has {bands} bands; {channels} are expected. Use a TIFF with {channels} bands, or another model."
        )
    return found


def count_bands(path: Path) -> int:
    """How many channels a file gives: a TIFF's bands, and 3 for every other picture, and for a TIFF of one band."""
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return 3
    bands = _shape(path)[2]
    return 3 if bands == 1 else bands


def look_at_bands(path: Path, tiny: int = 0) -> tuple[tuple[int, int], int, np.ndarray]:
    """As `look_at_picture`, of a TIFF with any bands too: its grey is their mean, and it is never turned."""
    if path.suffix.lower() not in TIFF_SUFFIXES or count_bands(path) == 3:
        return look_at_picture(path, tiny)
    height, width, _ = _shape(path)
    if not tiny:
        return (height, width), 1, np.empty((0, 0), np.uint8)
    grey = Image.fromarray(_read(path).mean(2).astype(np.uint8))
    return (height, width), 1, np.asarray(grey.resize((tiny, tiny), Image.Resampling.BOX))


def band_picture_size(path: Path) -> tuple[int, int]:
    """(height, width) of a TIFF or any other picture as shown, read from the header."""
    return picture_size(path) if path.suffix.lower() not in TIFF_SUFFIXES else _shape(path)[:2]


def as_colors(bands: np.ndarray) -> np.ndarray:
    """Something to look at, (H, W, 3): the first three bands, or the first one in grey when there are only two."""
    return np.ascontiguousarray(bands[:, :, :3] if bands.shape[2] >= 3 else bands[:, :, [0, 0, 0]])


def _shape(path: Path) -> tuple[int, int, int]:
    """(height, width, bands) from the header, checked before anything is decoded."""
    check_is_file(path)
    try:
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages[0]
            shape, planar = page.shape, getattr(page, "planarconfig", 1) == 2
            dtype, pages = np.dtype(page.dtype), len(tiff.series[0].pages)
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except DAMAGE as problem:
        raise DataError(f"{path.name} cannot be read as a TIFF ({problem}).") from None
    if len(shape) == 2:  # one band, or one on each page, as a stack of bands is commonly saved
        shape = (*shape, pages)
    if len(shape) != 3:
        raise DataError(f"{path.name} is a TIFF of shape {shape}; expected height, width and bands.")
    height, width, bands = (shape[1], shape[2], shape[0]) if planar else shape
    if height * width > MAX_PIXELS or not 1 <= bands <= MAX_BANDS:
        raise DataError(f"{path.name} has {height}×{width} pixels in {bands} bands: too many. Make it smaller first.")
    if dtype not in (np.uint8, np.uint16):
        raise DataError(f"{path.name} has values of type {dtype}. Save it with 8 or 16 bits a band.")
    if height * width * bands * dtype.itemsize > MAX_BYTES:
        raise DataError(f"{path.name} would fill more than {MAX_BYTES // 10**6} MB of memory. Make it smaller first.")
    return height, width, bands


def _read(path: Path) -> np.ndarray:
    """(H, W, bands) uint8."""
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return np.asarray(open_picture(path))
    shape = _shape(path)
    try:
        with tifffile.TiffFile(path) as tiff:
            if tiff.series[0].size != np.prod(shape):
                raise ValueError(f"it holds {tiff.series[0].shape} where its first page says {shape}")
            values = tiff.series[0].asarray()
        if values.ndim == 2:
            values = values[:, :, None]
        elif values.shape != shape:  # one plane after the other
            values = values.transpose(1, 2, 0)
        if values.shape != shape:
            raise ValueError(f"it holds {values.shape} where its first page says {shape}")
    except DAMAGE as problem:
        raise DataError(
            f"The picture {path.name} cannot be decoded ({problem}). Get a whole copy of it, or save it without compression."
        ) from None
    if values.dtype == np.uint16:
        values = values[:, :, ANALYTIC_ORDER] if values.shape[2] == len(ANALYTIC_ORDER) else values
        values = (np.minimum(values, WHITE).astype(np.uint32) * 255 // WHITE).astype(np.uint8)
    return np.ascontiguousarray(values)


def _name(source: str | Path | np.ndarray) -> str:
    return Path(source).name if isinstance(source, str | Path) else "The picture"
