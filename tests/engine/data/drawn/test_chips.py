"""The drawn satellite chips: whole, repeatable, with the tags of what can be seen."""

import csv
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from engine.data.drawn.chips import CHIP_TAGS, WEATHER, Land, draw_chip, draw_chips


@pytest.fixture(scope="module")
def chips() -> list[tuple[np.ndarray, tuple[str, ...]]]:
    return [draw_chip(random.Random(f"3 {index}"), 48) for index in range(160)]


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "labels.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_layout_is_planets(tmp_path):
    draw_chips(tmp_path / "new", count=3, size=40)
    assert (tmp_path / "new/labels.csv").read_text().startswith("image_name,tags\ndrawn_0000,")
    assert [row["image_name"] for row in rows(tmp_path / "new")] == ["drawn_0000", "drawn_0001", "drawn_0002"]
    assert sorted(path.name for path in (tmp_path / "new/train").iterdir()) == [f"drawn_000{n}.jpg" for n in range(3)]
    with Image.open(tmp_path / "new/train/drawn_0000.jpg") as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (40, 40))


def test_four_bands_are_of_the_same_land(tmp_path):
    draw_chips(tmp_path / "three", count=4, size=40)
    draw_chips(tmp_path / "four", count=4, size=40, bands=4)
    assert rows(tmp_path / "four") == rows(tmp_path / "three")
    chip, tags = draw_chip(random.Random("3 1"), 40)
    assert np.array_equal(tifffile.imread(tmp_path / "four/train/drawn_0001.tif"), chip)
    assert tuple(rows(tmp_path / "four")[1]["tags"].split(" ")) == tags
    colours = np.asarray(Image.open(tmp_path / "three/train/drawn_0001.jpg"), float)
    assert np.abs(colours - chip[..., :3]).mean() < 12  # JPEG gives and takes


@pytest.mark.parametrize("bands", [3, 4])
def test_the_same_seed_draws_the_same(tmp_path, bands):
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        draw_chips(tmp_path / name, count=3, size=32, bands=bands, seed=seed)
    for path in sorted((tmp_path / "one").rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes(), path
    first = sorted((tmp_path / "one/train").iterdir())[0]
    assert first.read_bytes() != (tmp_path / "other/train" / first.name).read_bytes()


def test_the_size_changes_the_pixels_and_hardly_the_tags():
    alike = [draw_chip(random.Random(n), 32)[1] == draw_chip(random.Random(n), 96)[1] for n in range(12)]
    assert sum(alike) >= 10


def test_tags_are_known_with_one_weather_and_clouds_alone(chips):
    for _, tags in chips:
        assert set(tags) <= set(CHIP_TAGS)
        assert list(tags) == sorted(set(tags))
        assert len(set(tags) & set(WEATHER)) == 1
        assert "cloudy" not in tags or tags == ("cloudy",)
        assert "habitation" not in tags or "road" in tags or "partly_cloudy" in tags


def test_no_tag_is_rare_and_few_are_common(chips):
    shares = {tag: count / len(chips) for tag, count in Counter(tag for _, tags in chips for tag in tags).items()}
    assert set(shares) == set(CHIP_TAGS)
    assert min(shares.values()) > 0.07, shares
    assert max(share for tag, share in shares.items() if tag not in ("primary", "clear")) < 0.6, shares


def test_near_infrared_tells_forest_from_water(chips):
    darkest: dict[bool, list[float]] = {True: [], False: []}
    for chip, tags in chips:
        if "clear" in tags and not {"cultivation", "habitation"} & set(tags):  # burnt ground and shadows are dark too
            darkest["water" in tags].append(float(np.quantile(chip[..., 3], 0.018)))
    assert min(len(found) for found in darkest.values()) > 5
    assert max(darkest[True]) < 55 < min(darkest[False])


def test_what_is_hidden_has_no_tag():
    land = Land(random.Random(1), 16)
    half = np.zeros((16, 16), np.float32)
    half[:8] = 1
    land.paint("road", half, (200, 160, 120, 130))
    assert land.seen["road"].mean() == land.seen["primary"].mean() == 0.5
    land.paint(None, half, (255, 255, 255, 255))
    assert land.seen["road"].max() == 0
    assert land.seen["primary"].mean() == 0.5


def test_progress_and_bands_that_do_not_exist(tmp_path):
    seen = []
    draw_chips(tmp_path / "new", count=2, size=32, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]
    with pytest.raises(ValueError, match="3 bands"):
        draw_chips(tmp_path / "odd", count=1, bands=5)
    assert not (tmp_path / "odd").exists()
