"""The drawn streets: whole, repeatable, of the classes they say, with masks that fit their pictures."""

import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.data.drawn.canvas import CAR, ROAD, SKY, VOID
from engine.data.drawn.streets import STREET_CLASSES, draw_street, draw_streets


@pytest.fixture(scope="module")
def streets(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "streets"
    draw_streets(folder, train=12, valid=2, test=1)
    return folder


def masks(folder: Path) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.iterdir())])


def kind_of(path: Path) -> tuple[str, tuple[int, int]]:
    with Image.open(path) as image:
        return image.mode, image.size


def test_the_layout_is_tiramisus(streets):
    assert (streets / "codes.txt").read_text().split() == list(STREET_CLASSES)
    counts = {path.name: len(list(path.iterdir())) for path in streets.iterdir() if path.is_dir()}
    assert counts == {"train": 12, "trainannot": 12, "val": 2, "valannot": 2, "test": 1, "testannot": 1}
    for split in ("train", "val", "test"):
        assert [path.stem for path in sorted((streets / split).iterdir())] == [
            path.stem for path in sorted((streets / f"{split}annot").iterdir())
        ]
    assert kind_of(streets / "train/drawn_0000.jpg") == ("RGB", (160, 120))
    assert kind_of(streets / "trainannot/drawn_0000.png") == ("L", (160, 120))


def test_every_class_is_there_and_no_other(streets):
    seen = np.unique(masks(streets / "trainannot"))
    assert seen.tolist() == list(range(len(STREET_CLASSES)))


def test_the_common_classes_have_their_places(streets):
    drawn = masks(streets / "trainannot")
    assert (drawn[:, -1, 80] == VOID).all()  # the own bonnet
    assert (drawn[:, 105, 80] == ROAD).mean() > 0.9
    shares = np.bincount(drawn.ravel(), minlength=12) / drawn.size
    assert 0.2 < shares[ROAD] < 0.5
    assert 0.03 < shares[SKY] < 0.4
    assert 0.005 < shares[CAR] < 0.2


def test_the_same_seed_draws_the_same(tmp_path, streets):
    draw_streets(tmp_path / "again", train=2, valid=1, test=0)
    for path in sorted((tmp_path / "again").rglob("*.*")):
        assert path.read_bytes() == (streets / path.relative_to(tmp_path / "again")).read_bytes(), path
    draw_streets(tmp_path / "other", train=1, valid=0, test=0, seed=4)
    drawn = "train/drawn_0000.jpg"
    assert (tmp_path / "other" / drawn).read_bytes() != (streets / drawn).read_bytes()


def test_the_splits_do_not_share_scenes(streets):
    first = [(streets / split / "drawn_0000.png").read_bytes() for split in ("trainannot", "valannot", "testannot")]
    assert len(set(first)) == 3


def test_masks_fit_their_pictures():
    """Where a class ends the picture has an edge: an edge of the mask moved by a few pixels finds fewer of them."""
    strength = {0: 0.0, 4: 0.0}
    for number in range(6):
        picture, mask = draw_street(random.Random(number), (120, 160))
        grey, labels = np.asarray(picture.convert("L"), np.float32), np.asarray(mask)
        steps = np.abs(np.diff(grey, axis=1))
        borders = np.diff(labels.astype(int), axis=1) != 0
        for shift in strength:
            strength[shift] += float(np.roll(steps, shift, axis=1)[borders].mean())
    assert strength[0] > 1.7 * strength[4]


def test_any_size_and_progress(tmp_path):
    seen = []
    draw_streets(
        tmp_path / "new",
        train=1,
        valid=1,
        test=1,
        size=(90, 70),
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert kind_of(tmp_path / "new/train/drawn_0000.jpg") == ("RGB", (70, 90))
