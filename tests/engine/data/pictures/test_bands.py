"""Pictures of any number of bands: colours first, 8 bits each, and nothing decoded that is too large or broken."""

import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from engine.data.pictures.bands import MAX_BANDS, as_colors, count_bands, look_at_bands, open_bands
from engine.errors import DataError

SIZE = (5, 7)


def noise(bands: int, dtype: type = np.uint8, size: tuple[int, int] = SIZE) -> np.ndarray:
    """(H, W, bands) with no two values alike in place and band, as far as the type has values."""
    top = min(np.iinfo(dtype).max, 12_000)
    return np.random.default_rng(0).integers(0, top, (*size, bands), dtype=dtype)


def write(path: Path, pixels: np.ndarray, planar: str = "contig") -> Path:
    """(H, W, C) as a TIFF, its bands side by side in each pixel or one plane after the other."""
    values = pixels.transpose(2, 0, 1) if planar == "separate" else pixels
    tifffile.imwrite(path, values, photometric="minisblack", planarconfig=planar)
    return path


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_four_bands_of_16_bits_become_red_green_blue_and_near_infrared(tmp_path: Path, planar: str) -> None:
    stored = noise(4, np.uint16)
    blue, green, red, infrared = np.moveaxis(stored, 2, 0)
    expected = np.stack([red, green, blue, infrared], 2).clip(0, 10_000) * 255.0 / 10_000
    path = write(tmp_path / "chip.tif", stored, planar)
    found = open_bands(path, 4)
    assert (found.shape, found.dtype) == ((*SIZE, 4), np.uint8)
    assert np.array_equal(found, np.floor(expected + 1e-9))
    assert (look_at_bands(path)[0], count_bands(path)) == (SIZE, 4)


def test_white_is_10000_and_what_is_brighter_stays_white(tmp_path: Path) -> None:
    levels = np.array([0, 39, 40, 5000, 9999, 10_000, 65_535], np.uint16)
    path = write(tmp_path / "steps.tif", np.broadcast_to(levels[:, None, None], (7, 3, 4)).copy())
    assert open_bands(path, 4)[:, 0, 3].tolist() == [0, 0, 1, 127, 254, 255, 255]


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("bands", [2, 4, 5])
def test_bands_of_8_bits_keep_values_and_order(tmp_path: Path, bands: int, planar: str) -> None:
    path = write(tmp_path / "chip.tiff", noise(bands), planar)
    assert np.array_equal(open_bands(path, bands), noise(bands))
    assert (look_at_bands(path)[0], count_bands(path)) == (SIZE, bands)


def test_two_bands_of_16_bits_keep_their_order(tmp_path: Path) -> None:
    pixels = np.empty((*SIZE, 2), np.uint16)
    pixels[:] = 1000, 6000
    assert open_bands(write(tmp_path / "x.tif", pixels), 2)[0, 0].tolist() == [25, 153]


def test_three_channels_are_colours_from_any_kind_of_picture(tmp_path: Path) -> None:
    Image.new("CMYK", (7, 5), (0, 255, 255, 0)).save(
        tmp_path / "red.jpg", quality=95
    )  # as the lesson's satellite chips
    Image.new("L", (7, 5), 9).save(tmp_path / "grey.tif")
    Image.fromarray(noise(3)).save(tmp_path / "colours.tif")
    assert np.abs(open_bands(tmp_path / "red.jpg", 3).astype(int) - (255, 0, 0)).max() < 6
    assert open_bands(tmp_path / "grey.tif", 3)[0, 0].tolist() == [9, 9, 9]
    assert np.array_equal(open_bands(tmp_path / "colours.tif", 3), noise(3))
    assert [count_bands(tmp_path / name) for name in ("red.jpg", "grey.tif", "colours.tif")] == [3, 3, 3]
    assert look_at_bands(tmp_path / "red.jpg")[0] == look_at_bands(tmp_path / "grey.tif")[0] == SIZE


def test_arrays_are_taken_as_they_are(tmp_path: Path) -> None:
    assert np.array_equal(open_bands(noise(4), 4), noise(4))
    assert np.array_equal(open_bands(noise(3), 3), noise(3))
    for wrong, bands in ((noise(3), 3), (noise(1)[..., 0], 1)):
        with pytest.raises(DataError, match=f"The picture has {bands} bands; 4 are expected"):
            open_bands(wrong, 4)


@pytest.mark.parametrize(("shape", "dtype"), [((5, 7, 4), np.float32), ((5, 7, 4), np.uint16), ((0, 7, 4), np.uint8)])
def test_arrays_that_are_no_pictures_are_refused(shape: tuple[int, ...], dtype: type) -> None:
    with pytest.raises(DataError, match=re.escape(f"shape {shape} and type {np.dtype(dtype)}")):
        open_bands(np.zeros(shape, dtype), 4)


@pytest.mark.parametrize(
    ("name", "there", "wanted"), [("x.tif", 4, 2), ("x.tif", 2, 4), ("x.tif", 5, 4), ("x.png", 3, 4)]
)
def test_another_number_of_bands_is_refused(tmp_path: Path, name: str, there: int, wanted: int) -> None:
    if name == "x.png":
        Image.fromarray(noise(3)).save(tmp_path / name)
    else:
        write(tmp_path / name, noise(there))
    with pytest.raises(DataError, match=rf"{re.escape(name)} has {there} bands; {wanted} are expected"):
        open_bands(tmp_path / name, wanted)


@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.uint32, np.float64])
def test_other_types_of_values_are_refused(tmp_path: Path, dtype: type) -> None:
    path = write(tmp_path / "deep.tif", noise(4).astype(dtype))
    with pytest.raises(DataError, match=rf"deep\.tif has values of type {np.dtype(dtype)}\. Save it with 8 or 16 bits"):
        open_bands(path, 4)


def broken(folder: Path) -> dict[str, Path]:
    """TIFFs that are none, or not whole."""
    whole = write(folder / "whole.tif", noise(4, np.uint16, (40, 50))).read_bytes()
    contents = {
        "text.tif": b"Dear Sir or Madam,\n" * 20,
        "empty.tif": b"",
        "header.tif": whole[:8],
        "directory.tif": whole[:100],
        "pixels.tif": whole[:-3000],
        "noise.tif": whole[:8] + bytes(255 - value for value in whole[8:400]) + whole[400:],
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    (folder / "folder.tif").mkdir()
    return {name: folder / name for name in (*contents, "folder.tif", "missing.tif")}


@pytest.mark.parametrize(
    "name",
    ["text.tif", "empty.tif", "header.tif", "directory.tif", "noise.tif", "pixels.tif", "folder.tif", "missing.tif"],
)
def test_what_is_no_whole_tiff_is_named(tmp_path: Path, name: str) -> None:
    path = broken(tmp_path)[name]
    with pytest.raises(DataError, match=re.escape(name)):
        open_bands(path, 4)
    if name == "pixels.tif":  # its header is whole
        assert (look_at_bands(path)[0], count_bands(path)) == ((40, 50), 4)
        return
    for read_header in (look_at_bands, count_bands):
        with pytest.raises(DataError, match=re.escape(name)):
            read_header(path)


def claiming(path: Path, **tags: int) -> Path:
    """A small TIFF whose header says something else."""
    write(path, noise(4))
    with tifffile.TiffFile(path, mode="r+") as tiff:
        for name, value in tags.items():
            tiff.pages.first.tags[name].overwrite(value)
    return path


@pytest.mark.parametrize(
    "tags",
    [
        {"ImageWidth": 60_000, "ImageLength": 60_000},
        {"ImageWidth": 15_000, "ImageLength": 8_000},
        {"SamplesPerPixel": 60_000},
    ],
    ids=["huge", "large", "bands"],
)
def test_a_small_file_that_claims_a_huge_picture_is_refused_before_it_is_decoded(
    tmp_path: Path, tags: dict[str, int]
) -> None:
    path = claiming(tmp_path / "bomb.tif", **tags)
    tracemalloc.start()
    try:
        for read in (lambda path: open_bands(path, 4), look_at_bands, count_bands):
            with pytest.raises(DataError, match=r"bomb\.tif (has .* too many|is a TIFF of shape|cannot be read)"):
                read(path)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_sixteen_bands_are_the_most(tmp_path: Path) -> None:
    assert open_bands(write(tmp_path / "most.tif", noise(MAX_BANDS)), MAX_BANDS).shape == (*SIZE, MAX_BANDS)
    with pytest.raises(DataError, match=rf"more\.tif has 5×7 pixels in {MAX_BANDS + 1} bands: too many"):
        count_bands(write(tmp_path / "more.tif", noise(MAX_BANDS + 1)))


def test_what_is_shown_are_the_colours_or_the_first_band_in_grey() -> None:
    assert np.array_equal(as_colors(noise(4)), noise(4)[..., :3])
    two = noise(2)
    assert all(np.array_equal(as_colors(two)[..., channel], two[..., 0]) for channel in range(3))


def test_bands_on_pages_of_their_own(tmp_path: Path) -> None:
    pages = noise(2).transpose(2, 0, 1)
    tifffile.imwrite(tmp_path / "pages.tif", pages, photometric="minisblack")  # how a (2, H, W) array is saved
    assert (count_bands(tmp_path / "pages.tif"), look_at_bands(tmp_path / "pages.tif")[0]) == (2, SIZE)
    assert np.array_equal(open_bands(tmp_path / "pages.tif", 2), noise(2))


def test_a_type_that_is_not_read_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "wide.tif") as file:
        file.write(np.zeros((2000, 2000, 4)), photometric="minisblack", planarconfig="contig", compression="zlib")
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="values of type float64"):
            open_bands(tmp_path / "wide.tif", 4)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
