"""Pictures and label masks from files that may be anything: opened safely, in one mode, the right way up."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from engine.data.reading.litter import is_litter
from engine.errors import DataError
from engine.inputs import PICTURE

# A phone's picture has 12 to 50 million pixels. Beyond this a small file can fill the memory when it is decoded;
# Pillow warns from here on.
MAX_PIXELS = 89_478_485
# What Pillow raises for files that are damaged, depending on the format and on where the damage is.
DAMAGE = (
    OSError, ValueError, SyntaxError, EOFError, MemoryError, struct.error, zlib.error, LookupError, TypeError, ArithmeticError,
    AttributeError, RuntimeError, AssertionError, Image.DecompressionBombError,
)  # fmt: skip
MOST_NESTED = 64  # folders inside each other
ORIENTATION = 0x0112  # the EXIF tag
UPPER_OF_12 = 15  # the upper 8 of 16 bits, where 12 are in use
ON_ITS_SIDE = 5  # orientations from here on swap height and width
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
PICTURE_SUFFIXES = PICTURE.suffixes


def open_picture(source: "str | Path | Image.Image | np.ndarray", *, most: int = MAX_PIXELS) -> Image.Image:
    """An RGB picture, turned as its EXIF tag says; transparent parts become white.

    `source` is a file, a picture, or an array (H, W), (H, W, 3) or (H, W, 4) uint8. A file with more than `most` pixels is made
    smaller as it is read. Raises `DataError` for a file that is missing, broken, cut short, too large or not a picture.
    """
    if isinstance(source, np.ndarray):
        return _as_rgb(_from_array(source))
    if isinstance(source, Image.Image):
        return _as_rgb(_upright(source, "The picture"))
    return _as_rgb(_decoded(Path(source), most))


def list_pictures(folder: Path) -> list[Path]:
    """The picture files directly in `folder`, sorted by name; hidden files are left out."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if may_be_picture(path.name))


def list_all_pictures(folder: Path) -> list[Path]:
    """The picture files in `folder` and the folders inside it, sorted by path; what systems leave there is left out.

    `DataError` where folders go on and on inside each other: no data set is kept so.
    """
    found, depth = [], len(folder.parts)
    for place, folders, names in os.walk(folder):
        if len(Path(place).parts) - depth > MOST_NESTED:
            raise DataError(
                f"{folder} has more than {MOST_NESTED} folders inside each other. Move the data set out of them."
            )
        folders[:] = [name for name in folders if not is_litter(name)]
        found += [Path(place, name) for name in names if may_be_picture(name)]
    return sorted(found)


def may_be_picture(name: str) -> bool:
    """Whether a file of this name is taken for a picture; hidden files are not."""
    return Path(name).suffix.lower() in PICTURE_SUFFIXES and not is_litter(name)


def picture_size(path: Path) -> tuple[int, int]:
    """(height, width) as shown, read from the header without decoding."""
    (height, width), turn, _ = look_at_picture(path)
    return (width, height) if turn >= ON_ITS_SIDE else (height, width)


def header_size(path: Path) -> tuple[int, int]:
    """(height, width) as the header says, and nothing else: a PNG is decoded to the end for a turn that it may have there."""
    with _opened(path) as image:
        _check_size(image, path.name)
        return image.height, image.width


def look_at_picture(path: Path, tiny: int = 0) -> tuple[tuple[int, int], int, np.ndarray]:
    """(height, width) as stored, the EXIF orientation (1 for upright), and a grey copy (`tiny`, `tiny`) uint8 as shown.

    Without `tiny` only the header is read, and the copy is empty. `DataError` as of `open_picture`.
    """
    with _opened(path) as image:
        _check_size(image, path.name)
        try:
            turn = image.getexif().get(ORIENTATION, 1)
            turn = turn if turn in range(1, 9) else 1
            # Of a TIFF, Pillow gives the size as it is shown.
            turned = image.format == "TIFF" and turn >= ON_ITS_SIDE
            height, width = (image.width, image.height) if turned else (image.height, image.width)
        except DAMAGE as problem:
            raise damaged(path.name, problem) from None
        if not tiny:
            return (height, width), turn, np.empty((0, 0), np.uint8)
        small = _as_rgb(_upright(image, path.name, max(4 * tiny * tiny, width * height // 64)))
        return (height, width), turn, np.asarray(small.convert("L").resize((tiny, tiny), Image.Resampling.BOX))


def decode_stored(path: Path) -> Image.Image:
    """A picture's pixels as they are stored, in the file's own mode and not turned; `DataError` as of `open_picture`."""
    with _opened(path) as image:
        _check_size(image, path.name)
        try:
            image.load()
        except DAMAGE as problem:
            raise damaged(path.name, problem) from None
        return image


def _decoded(path: Path, most: int = MAX_PIXELS) -> Image.Image:
    with _opened(path) as image:
        # Of 16 bits in colours Pillow keeps the upper 8, in which 12 bits are all but black.
        is_deep = any("16B" in str(tile.args) for tile in getattr(image, "tile", ()))
        picture = _upright(image, path.name, most)
        if is_deep and picture.mode == "RGB" and np.asarray(picture).max(initial=0) <= UPPER_OF_12:
            raise DataError(
                f"{path.name} has 16 bits a colour and uses 12 of them at most. Save it with 8 bits a colour."
            )
        return picture


def _upright(image: Image.Image, name: str, most: int = MAX_PIXELS) -> Image.Image:
    """A copy in memory of `most` pixels at most, turned as the EXIF tag says."""
    _check_size(image, name)
    scale = (most / max(1, image.width * image.height)) ** 0.5
    size = max(1, int(image.width * scale)), max(1, int(image.height * scale))
    try:
        if scale < 1:
            image.draft(None, size)  # a JPEG is decoded at a half, a quarter or an eighth
        image.load()
        return ImageOps.exif_transpose(_resized(image, size) if scale < 1 else image)
    except DAMAGE as problem:
        raise damaged(name, problem) from None


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Between colours there are others; between the numbers of a palette there is nothing."""
    if image.mode in ("P", "PA", "1"):
        image = image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
    elif image.mode.startswith("I;16"):
        image = image.convert("I")
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def check_is_file(path: Path) -> None:
    """`DataError` for what is called like a picture and is a folder, a device or a pipe, which would be waited for."""
    if path.exists() and not path.is_file():
        raise DataError(f"{path.name} is called like a picture and is no file. Remove it.")


def _opened(path: Path) -> Image.Image:
    check_is_file(path)
    try:
        image = Image.open(path, formats=FORMATS)
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except UnidentifiedImageError:
        raise DataError(_unknown(path)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(_too_large(path.name)) from None
    except DAMAGE as problem:
        raise DataError(f"{path.name} cannot be read as a picture ({problem}).") from None
    if isinstance(image, TiffImageFile):
        # Pillow 12.3 maps an uncompressed file by its name into memory, and then forgets to turn it as its tag says.
        image.filename = ""
    return image


def _unknown(path: Path) -> str:
    """What to say of a file that is no picture, as far as can be seen."""
    with path.open("rb") as content:
        start = content.read(12)
    if start[:4] in (b"II*\0", b"MM\0*"):
        return f"{path.name} is a TIFF of a kind that cannot be read. Save it with 8 or 16 bits a channel, in grey or in colours."
    if start[4:8] == b"ftyp":
        return f"{path.name} is a HEIC picture, as iPhones take them, and cannot be read. Save it as JPEG."
    return f"{path.name} is not a picture that can be read. Use JPEG, PNG, WebP, BMP, GIF or TIFF."


def to_eight_bits(values: np.ndarray) -> np.ndarray:
    """Numbers of more bits as uint8. White is what the brightest pixel asks for, of what is in use: 1 and 255 for decimal
    numbers; 255, 4,095 (cameras and microscopes with 12 bits) and 65,535 for whole ones. `DataError` for others.
    """
    values = values.astype(np.float32)
    highest, lowest = values.max(initial=0), values.min(initial=0)
    is_whole = bool((values[:: max(1, len(values) // 64)] % 1 == 0).all())
    white = next((white for white in ((255, 4095, 65535) if is_whole else (1, 255, 65535)) if highest <= white), 0)
    if lowest < 0 or not white or not np.isfinite(values).all():
        raise DataError(
            f"The picture has values from {lowest:g} to {highest:g}, and nothing says which is white. Save it with 8 or "
            "16 bits a channel."
        )
    return (values / white * 255).clip(0, 255).astype(np.uint8)


def _check_size(image: Image.Image, name: str) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise DataError(_too_large(name))


def damaged(name: str, problem: Exception) -> DataError:
    """What to raise for one of `DAMAGE`."""
    if isinstance(problem, MemoryError):
        return DataError(f"The picture {name} needs more memory than there is for it. Make it smaller first.")
    return DataError(f"The picture {name} is damaged or cut short ({problem}). Get a whole copy of it.")


def _too_large(name: str) -> str:
    return f"{name} has more than {MAX_PIXELS // 1_000_000} million pixels. Make it smaller first."


def _from_array(array: np.ndarray) -> Image.Image:
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or channels not in (1, 3, 4) or 0 in array.shape:
        raise DataError(f"An array of shape {array.shape} and type {array.dtype} is no picture: give (H, W, 3) uint8.")
    return Image.fromarray(array[:, :, 0] if array.ndim == 3 and channels == 1 else array)


def _as_rgb(image: Image.Image) -> Image.Image:
    _check_size(image, "The picture")
    if image.mode == "F" or image.mode.startswith("I"):
        return Image.fromarray(to_eight_bits(np.asarray(image))).convert("RGB")
    try:
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, "white")
            return Image.alpha_composite(white, image).convert("RGB")
        return image.convert("RGB")
    except ValueError as problem:
        raise DataError(f"The picture cannot be turned into colours ({problem}). Save it as JPEG or PNG.") from None
