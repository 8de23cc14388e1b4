"""Masks whose values nobody has named: colours, palettes and codes, and the key that names them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.data.own.mask_keys import mask_ways
from engine.errors import DataError

RED, GREEN, BLACK = (200, 0, 0), (0, 200, 0), (0, 0, 0)


def bring(folder: Path, mask: Image.Image, *, name: str = "{}.png", count: int = 3) -> Path:
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for number in range(count):
        Image.new("RGB", mask.size, (number, 0, 0)).save(folder / "images" / f"p{number}.jpg")
        mask.save(folder / "masks" / name.format(f"p{number}"))
    return folder


def colours() -> Image.Image:
    pixels = np.zeros((6, 8, 3), np.uint8)
    pixels[:3], pixels[3:, :4] = RED, GREEN
    return Image.fromarray(pixels)


def read(target: Path) -> tuple[list[str], np.ndarray]:
    mask = np.asarray(Image.open(target / "labels" / "p0.png"))
    return [line.partition(" ")[2] for line in (target / "codes.txt").read_text("utf-8").splitlines()], mask


def test_colours_get_names_from_a_key_beside_them_and_void_is_none(tmp_path: Path) -> None:
    folder = bring(tmp_path / "d", colours())
    (folder / "class_dict.csv").write_text("name,r,g,b\nroof,200,0,0\ntall tree,0,200,0\nVoid,0,0,0\n")
    (way,) = mask_ways(folder)
    assert way.questions[0].value.splitlines() == ["#000000 = Void", "#00c800 = tall tree", "#c80000 = roof"]
    way.write(tmp_path / "t", {})
    names, mask = read(tmp_path / "t")
    assert names == ["tall tree", "roof"]
    assert (mask[:3] == 1).all() and (mask[3:, :4] == 0).all() and (mask[3:, 4:] == 255).all()


def test_two_colours_of_one_name_are_one_class(tmp_path: Path) -> None:
    (way,) = mask_ways(bring(tmp_path / "d", colours()))
    way.write(tmp_path / "t", {"key": "#000000 = rest\n#00c800 = thing\n\n#C80000 = thing"})
    names, mask = read(tmp_path / "t")
    assert names == ["rest", "thing"] and (mask[:3] == 1).all() and (mask[3:, :4] == 1).all()


def test_a_palette_is_its_colours_and_codes_are_codes(tmp_path: Path) -> None:
    palette = colours().quantize(3)
    assert mask_ways(bring(tmp_path / "p", palette))[0].questions[0].value.startswith("#000000 = ")
    codes = Image.fromarray(np.array([[0, 7], [255, 7]], np.uint8).repeat(3, 0).repeat(3, 1))
    (way,) = mask_ways(bring(tmp_path / "c", codes))
    assert way.questions[0].value.splitlines() == ["0 = class 0", "7 = class 1", "255 = Void"]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("#000000 = rest\n#00c800 = tree", "no line for “#c80000”"),
        ("#000000 = rest\nred = tree", "Line 2 of the key is 'red = tree'"),
        ("0 = rest", "Line 1"),
        ("#000000 = a\n#000000 = b", "two lines for #000000"),
        ("#000000 =\n", "Line 1"),
    ],
)
def test_a_key_that_cannot_be_is_refused_with_its_line(tmp_path: Path, key: str, words: str) -> None:
    (way,) = mask_ways(bring(tmp_path / "d", colours()))
    with pytest.raises(DataError, match=words):
        way.write(tmp_path / "t", {"key": key})


def test_what_holds_no_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a JPEG"):
        mask_ways(bring(tmp_path / "j", colours(), name="{}.jpg"))
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8))
    with pytest.raises(DataError, match="more than 253 different values"):
        mask_ways(bring(tmp_path / "n", noise))
    glass = colours().convert("RGBA")
    glass.putalpha(100)
    with pytest.raises(DataError, match="transparent"):
        mask_ways(bring(tmp_path / "a", glass))
    assert mask_ways(tmp_path) == []
