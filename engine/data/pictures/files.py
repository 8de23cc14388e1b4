"""Pictures and label masks from files that may be anything: opened safely, in one mode, the right way up."""

import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from engine.errors import DataError

# A phone's picture has 12 to 50 million pixels. Beyond this a small file can fill the memory when it is decoded;
# Pillow warns from here on.
MAX_PIXELS = 89_478_485
# What Pillow raises for files that are damaged, depending on the format and on where the damage is.
DAMAGE = (OSError, ValueError, SyntaxError, EOFError, MemoryError, struct.error, IndexError, KeyError, TypeError)
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})


def open_picture(source: "str | Path | Image.Image | np.ndarray") -> Image.Image:
    """An RGB picture, turned as its EXIF tag says; transparent parts become white.

    `source` is a file, a picture, or an array (H, W), (H, W, 3) or (H, W, 4) uint8. Raises `DataError` for a file that is
    missing, broken, cut short, too large or not a picture.
    """
    if isinstance(source, np.ndarray):
        return _as_rgb(_from_array(source))
    if isinstance(source, Image.Image):
        return _as_rgb(_upright(source, "The picture"))
    return _as_rgb(_decoded(Path(source)))


def open_mask(path: Path) -> np.ndarray:
    """Class codes (H, W) uint8 from a greyscale or palette picture; `DataError` for a coloured one."""
    image = _decoded(path)
    if image.mode not in ("L", "P", "1"):
        raise DataError(
            f"The mask {path.name} has mode {image.mode}. A mask holds one class code a pixel: save it as greyscale or palette."
        )
    return np.asarray(image, dtype=np.uint8)  # a palette's indices; 0 and 1 of a picture with one bit a pixel


def list_pictures(folder: Path) -> list[Path]:
    """The picture files directly in `folder`, sorted by name; hidden files are left out."""
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".")
    )


def picture_size(path: Path) -> tuple[int, int]:
    """(height, width) as shown, read from the header without decoding."""
    with _opened(path) as image:
        _check_size(image, path.name)
        width, height = image.size
        try:
            # Of a TIFF, Pillow gives the size as it is shown.
            turned = image.format != "TIFF" and image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        except DAMAGE as problem:
            raise _damaged(path.name, problem) from None
    return (width, height) if turned else (height, width)


def _decoded(path: Path) -> Image.Image:
    with _opened(path) as image:
        return _upright(image, path.name)


def _upright(image: Image.Image, name: str) -> Image.Image:
    """A copy in memory, turned as the EXIF tag says."""
    _check_size(image, name)
    try:
        image.load()
        return ImageOps.exif_transpose(image)
    except DAMAGE as problem:
        raise _damaged(name, problem) from None


def _opened(path: Path) -> Image.Image:
    try:
        image = Image.open(path, formats=FORMATS)
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except UnidentifiedImageError:
        raise DataError(
            f"{path.name} is not a picture that can be read. Use JPEG, PNG, WebP, BMP, GIF or TIFF."
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(_too_large(path.name)) from None
    except DAMAGE as problem:
        raise DataError(f"{path.name} cannot be read as a picture ({problem}).") from None
    return image


def _check_size(image: Image.Image, name: str) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise DataError(_too_large(name))


def _damaged(name: str, problem: Exception) -> DataError:
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
    if image.mode.startswith("I"):
        # 16 bits a channel: Pillow would clip instead of scale.
        values = np.asarray(image).astype(np.float32)
        scale = 65535.0 if values.max(initial=0) > 255 else 255.0
        return Image.fromarray((values / scale * 255).clip(0, 255).astype(np.uint8)).convert("RGB")
    try:
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, "white")
            return Image.alpha_composite(white, image).convert("RGB")
        return image.convert("RGB")
    except ValueError as problem:
        raise DataError(f"The picture cannot be turned into colours ({problem}). Save it as JPEG or PNG.") from None
