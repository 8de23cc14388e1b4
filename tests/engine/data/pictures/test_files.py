"""Pictures of every kind come out as RGB, the right way up; whatever cannot be read is a `DataError` that names it."""

import re
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from engine.data.pictures.files import MAX_PIXELS, list_pictures, open_picture, picture_size
from engine.data.pictures.masks import open_codes as open_mask
from engine.errors import DataError

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
LEFT, RIGHT = (2, 1), (13, 1)


def two_halves(mode: str, left, right) -> Image.Image:
    """16×8, one colour on each side."""
    image = Image.new(mode, (16, 8), left)
    image.paste(right, (8, 0, 16, 8))
    return image


def corners() -> Image.Image:
    """24×16 in four colours, so that every turn and every mirror image of it differs."""
    image = Image.new("RGB", (24, 16), RED)
    image.paste(GREEN, (12, 0, 24, 8))
    image.paste(BLUE, (0, 8, 12, 16))
    return image


def colours(image: Image.Image) -> list[tuple[int, ...]]:
    assert image.mode == "RGB"
    return [image.getpixel(LEFT), image.getpixel(RIGHT)]


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has a few bytes of pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def test_cmyk_jpeg(tmp_path: Path) -> None:
    path = tmp_path / "print.jpg"
    two_halves("CMYK", (0, 255, 255, 0), (0, 0, 0, 0)).save(path, quality=100)
    left, right = colours(open_picture(path))
    assert np.allclose(left, RED, atol=30)
    assert np.allclose(right, WHITE, atol=5)


@pytest.mark.parametrize(
    ("mode", "left", "right", "expected"),
    [
        ("L", 200, 10, [(200,) * 3, (10,) * 3]),
        ("LA", (10, 255), (10, 0), [(10,) * 3, WHITE]),
        ("RGBA", (*RED, 255), (*BLUE, 0), [RED, WHITE]),
        ("1", 1, 0, [WHITE, (0, 0, 0)]),
    ],
)
def test_modes_become_rgb_with_white_under_what_is_transparent(tmp_path, mode, left, right, expected) -> None:
    two_halves(mode, left, right).save(tmp_path / "any.png")
    assert colours(open_picture(tmp_path / "any.png")) == expected


def test_half_transparent_is_mixed_with_white() -> None:
    assert open_picture(Image.new("RGBA", (2, 2), (0, 0, 0, 128))).getpixel((0, 0)) == (127, 127, 127)


def palette_picture() -> Image.Image:
    image = two_halves("P", 0, 1)
    image.putpalette([*RED, *BLUE])
    return image


def test_palette(tmp_path: Path) -> None:
    palette_picture().save(tmp_path / "p.png")
    assert colours(open_picture(tmp_path / "p.png")) == [RED, BLUE]


@pytest.mark.parametrize("transparency", [1, bytes([255, 0])])
def test_palette_with_transparency(tmp_path: Path, transparency: int | bytes) -> None:
    palette_picture().save(tmp_path / "p.png", transparency=transparency)
    assert colours(open_picture(tmp_path / "p.png")) == [RED, WHITE]


def test_16_bits_are_scaled_and_not_clipped(tmp_path: Path) -> None:
    values = np.full((8, 16), 65535, dtype=np.uint16)
    values[:, 8:] = 65535 // 2
    Image.fromarray(values).save(tmp_path / "deep.png")
    assert colours(open_picture(tmp_path / "deep.png")) == [WHITE, (127, 127, 127)]


@pytest.mark.parametrize(
    ("dtype", "white", "suffix"),
    [("uint16", 4095, "png"), ("uint16", 255, "tif"), ("float32", 1.0, "tif"), ("float32", 255.0, "tif")],
)
def test_white_is_what_the_brightest_pixel_asks_for(tmp_path: Path, dtype: str, white: float, suffix: str) -> None:
    values = np.full((8, 16), white, dtype=dtype)
    values[:, 8:] = white / 2
    Image.fromarray(values).save(tmp_path / f"deep.{suffix}")
    assert colours(open_picture(tmp_path / f"deep.{suffix}")) == [WHITE, (127, 127, 127)]


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_tag_turns_the_picture_the_right_way_up(tmp_path: Path, orientation: int, suffix: str) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright, exif = corners(), Image.Exif()
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    exif[0x0112] = orientation
    path = tmp_path / f"phone.{suffix}"
    stored.save(
        path, exif=exif, **{"jpg": {"quality": 95, "subsampling": 0}, "webp": {"lossless": True}}.get(suffix, {})
    )
    opened = open_picture(path)
    assert opened.size == upright.size
    assert picture_size(path) == (16, 24)
    assert np.abs(np.asarray(opened, dtype=int) - np.asarray(upright)).mean() < 5


def test_the_tag_counts_once(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    corners().save(tmp_path / "phone.png", exif=exif)
    once = open_picture(tmp_path / "phone.png")
    assert open_picture(once).size == once.size == (16, 24)
    assert ImageOps.exif_transpose(once).tobytes() == once.tobytes()


def test_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (16, 8), colour) for colour in (RED, GREEN, BLUE)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:], duration=50)
    assert colours(open_picture(tmp_path / "film.gif")) == [RED, RED]


def test_arrays() -> None:
    grey = np.full((8, 16), 7, dtype=np.uint8)
    assert colours(open_picture(grey)) == [(7, 7, 7)] * 2
    assert colours(open_picture(grey[..., None])) == [(7, 7, 7)] * 2
    assert np.array_equal(open_picture(np.asarray(corners())), corners())
    clear = np.zeros((8, 16, 4), dtype=np.uint8)
    assert colours(open_picture(clear)) == [WHITE, WHITE]


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((8, 8, 3), np.float32),
        ((8, 8), np.int64),
        ((8, 8, 2), np.uint8),
        ((8,), np.uint8),
        ((1, 8, 8, 3), np.uint8),
        ((0, 8, 3), np.uint8),
        ((8, 0), np.uint8),
    ],
)
def test_arrays_that_are_no_pictures(shape, dtype) -> None:
    with pytest.raises(DataError, match=re.escape(f"shape {shape} and type {np.dtype(dtype)}")):
        open_picture(np.zeros(shape, dtype=dtype))


def broken_files(folder: Path) -> dict[str, Path]:
    """Files that are no whole picture, by what is wrong with them."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8))
    noise.save(folder / "whole.jpg")
    noise.save(folder / "whole.png")
    contents = {
        "text.jpg": b"Dear Sir or Madam,\n" * 20,
        "cut.jpg": (folder / "whole.jpg").read_bytes()[:-900],
        "cut.png": (folder / "whole.png").read_bytes()[:-900],
        "header.png": (folder / "whole.png").read_bytes()[:20],
        "empty.png": b"",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    (folder / "folder.png").mkdir()
    return {name: folder / name for name in (*contents, "folder.png", "missing.png")}


@pytest.mark.parametrize("open_it", [open_picture, open_mask])
@pytest.mark.parametrize("name", ["text.jpg", "cut.jpg", "cut.png", "header.png", "empty.png", "folder.png"])
def test_what_is_no_whole_picture_is_named(tmp_path: Path, name: str, open_it) -> None:
    with pytest.raises(DataError, match=re.escape(name)):
        open_it(broken_files(tmp_path)[name])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for open_it in (open_picture, open_mask, picture_size):
        with pytest.raises(DataError, match=re.escape(f"There is no file {tmp_path / 'no.jpg'}")):
            open_it(tmp_path / "no.jpg")


def test_a_damaged_exif_tag_turns_nothing(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    corners().save(tmp_path / "phone.jpg", exif=exif)
    damaged = (tmp_path / "phone.jpg").read_bytes().replace(b"MM\0*", b"MM\0?")
    (tmp_path / "phone.jpg").write_bytes(damaged)
    assert b"MM\0?" in damaged
    assert open_picture(tmp_path / "phone.jpg").size == corners().size


def test_a_picture_that_somebody_opened_is_checked_too(tmp_path: Path) -> None:
    with Image.open(broken_files(tmp_path)["cut.jpg"]) as lazy, pytest.raises(DataError, match="damaged or cut short"):
        open_picture(lazy)


# 60000×60000 is beyond what Pillow refuses, 15000×8000 beyond where it warns.
@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (15_000, 8_000)])
@pytest.mark.parametrize("open_it", [open_picture, open_mask, picture_size])
def test_a_small_file_that_claims_a_huge_picture_is_refused_before_it_is_decoded(
    tmp_path, open_it, width, height
) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(width, height))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"bomb\.png has more than 89 million pixels"):
            open_it(path)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_pictures_in_memory_have_the_same_bound() -> None:
    wide = np.broadcast_to(np.uint8(0), (1, MAX_PIXELS + 1))
    with pytest.raises(DataError, match="more than 89 million pixels"):
        open_picture(wide)


def test_masks_keep_their_codes(tmp_path: Path) -> None:
    codes = np.arange(32, dtype=np.uint8).reshape(4, 8)
    Image.fromarray(codes).save(tmp_path / "grey.png")
    coloured = Image.fromarray(codes)
    coloured.putpalette([value for code in range(256) for value in (255 - code, code, 0)])
    assert coloured.mode == "P"
    coloured.save(tmp_path / "palette.png")
    for name in ("grey.png", "palette.png"):
        mask = open_mask(tmp_path / name)
        assert mask.dtype == np.uint8
        assert np.array_equal(mask, codes)


def test_masks_of_one_bit_have_the_codes_0_and_1(tmp_path: Path) -> None:
    two_halves("1", 0, 1).save(tmp_path / "bit.png")
    assert np.array_equal(np.unique(open_mask(tmp_path / "bit.png")), [0, 1])


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_coloured_masks_are_refused(tmp_path: Path, mode: str) -> None:
    mask = Image.new(mode, (4, 4))
    mask.putpixel((0, 0), (9, 0, 0, 255)[: len(mode)])
    mask.save(tmp_path / "mask.png")
    with pytest.raises(DataError, match=rf"mask\.png has mode {mode}"):
        open_mask(tmp_path / "mask.png")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "I;16"])
def test_a_mask_whose_colours_are_all_greys_has_these_as_codes(tmp_path: Path, mode: str) -> None:
    codes = np.arange(12, dtype=np.uint16 if mode == "I;16" else np.uint8).reshape(3, 4)
    image = Image.fromarray(codes)
    (image if mode == "I;16" else image.convert(mode)).save(tmp_path / "mask.png")
    assert np.array_equal(open_mask(tmp_path / "mask.png"), codes)


def test_list_pictures_sorts_and_leaves_out_what_is_none(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", ".hidden.png", "notes.txt", "c.tiff"):
        (tmp_path / name).touch()
    assert [path.name for path in list_pictures(tmp_path)] == ["a.png", "b.JPG", "c.tiff"]
    assert list_pictures(tmp_path / "none") == []
