"""Pictures and label masks from files that may be anything: opened safely, in one mode, the right way up."""

import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from engine.errors import DataError

# A phone's picture has 12 to 50 million pixels. Beyond this a small file can fill the memory when it is decoded;
# Pillow warns from here on.
MAX_PIXELS = 89_478_485
# What Pillow raises for files that are damaged, depending on the format and on where the damage is.
DAMAGE = (OSError, ValueError, SyntaxError, EOFError, MemoryError, struct.error, IndexError, KeyError, TypeError)
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})


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


def _decoded(path: Path, most: int = MAX_PIXELS) -> Image.Image:
    with _opened(path) as image:
        return _upright(image, path.name, most)


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
        raise _damaged(name, problem) from None


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Between colours there are others; between the numbers of a palette there is nothing."""
    if image.mode in ("P", "PA", "1"):
        image = image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
    elif image.mode.startswith("I;16"):
        image = image.convert("I")
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


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
    if isinstance(image, TiffImageFile):
        # Pillow 12.3 maps an uncompressed file by its name into memory, and then forgets to turn it as its tag says.
        image.filename = ""
    return image


def _check_size(image: Image.Image, name: str) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise DataError(_too_large(name))


def _damaged(name: str, problem: Exception) -> DataError:
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
    if image.mode == "F":
        raise DataError(
            "The picture has decimal numbers for pixels, and nothing says what is white. Save it with 8 or 16 bits."
        )
    if image.mode.startswith("I"):
        # 16 bits a channel: Pillow would clip instead of scale.
        values = np.asarray(image).astype(np.float32)
        if values.min(initial=0) < 0 or values.max(initial=0) > 65535:
            raise DataError("The picture has values outside of 0 to 65,535. Save it with 8 or 16 bits a channel.")
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
