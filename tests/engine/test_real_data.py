"""The real data sets, from the archives beside the project: counts, classes, targets, and that they can be learnt."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine.data.pictures.masks import open_codes as open_mask
from engine.data.sources.fetching import fetch
from engine.data.sources.mirror import MIRROR_VARIABLE
from engine.data.texts.dataset import TextData
from engine.kinds.mask import build_mask_objective, open_masks
from engine.kinds.tags import tag_counts
from engine.recipe import Stage
from engine.task import ModelPlan
from engine.tasks.heads import HEADS
from engine.tasks.planet import PLANET
from engine.tasks.registry import get_task
from engine.training.evaluate import evaluate
from engine.training.loop import fit

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def real_home(archives: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home that all tests of this module share, so that an archive is unpacked once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MIRROR_VARIABLE, str(archives))
        patch.setenv("LESSON_LAB_HOME", str(tmp_path_factory.mktemp("real")))
        for name in ("camvid_tiny", "camvid-tiramisu", "planet_sample", "pointing04", "imdb_sample"):
            fetch(name)
        yield Path(fetch("camvid_tiny")).parent


def unnamed_codes(masks: list[Path], names: int) -> set[int]:
    seen = np.zeros(256, dtype=bool)
    for path in masks:
        seen |= np.bincount(open_mask(path).ravel(), minlength=256) > 0
    return set(np.flatnonzero(seen).tolist()) - set(range(names))


def test_camvid_tiny(real_home: Path) -> None:
    data = open_masks(real_home / "camvid_tiny")
    assert (len(data.train), len(data.valid), len(data.test)) == (80, 20, 0)
    assert len(data.classes) == 31
    assert "Void" not in data.classes
    assert data.shape == (96, 128)
    masks = [data.block.label(item) for item in (*data.train, *data.valid)]
    assert len(set(masks)) == 100
    assert unnamed_codes(masks, names=32) == set()


def test_camvid_tiramisu(real_home: Path) -> None:
    data = open_masks(real_home / "camvid-tiramisu")
    assert (len(data.train), len(data.valid)) == (367, 101)
    assert len(data.classes) == 11
    assert data.shape == (360, 480)
    masks = [data.block.label(item) for item in (*data.train, *data.valid)]
    assert len(set(masks)) == 468
    assert unnamed_codes(masks, names=12) == set()


def test_one_epoch_on_camvid_tiny_lowers_the_loss(real_home: Path) -> None:
    objective = build_mask_objective()
    data = objective.open_data(real_home / "camvid_tiny")
    torch.manual_seed(0)
    model = objective.build_model(ModelPlan(backbone="tf_efficientnet_lite0", classes=data.classes))
    stage = Stage(name="tiny", epochs=1, max_lr=4e-3, image_size=32, batch_size=8, train_from=-1, precision="fp32")
    measured = []
    for _ in range(2):
        measured.append(evaluate(objective, model, data=data, items=data.valid, stage=stage))
        list(fit(objective, stage, model=model, data=data, workers=0))
    before, after = measured
    assert after.loss < 0.7 * before.loss
    assert after.metrics["pixel_accuracy"] > before.metrics["pixel_accuracy"] + 0.2


def test_planet_sample(real_home: Path) -> None:
    data = PLANET.build_objective().open_data(real_home / "planet_sample")
    assert (len(data.train), len(data.valid), len(data.classes), data.channels) == (640, 160, 17, 3)
    assert (data.shape, sum(tag_counts(data).values()) > len(data.train)) == ((256, 256), True)
    item = data.train[0]
    with Image.open(item) as stored:
        assert stored.mode == "CMYK"
        inks = np.asarray(stored).astype(float)
    # Green forest: taken for RGB plus alpha, or with its inks the wrong way round, it would be something else.
    picture, target = data.sample(item, (256, 256))
    red, green, blue = picture.float().mean((1, 2)).tolist()
    assert int(target.sum()) == len(data.block.label(item))
    assert (red, green, blue) == pytest.approx(
        ((255 - inks[..., :3]) * (255 - inks[..., 3:]) / 255).mean((0, 1)), abs=3
    )


def test_pointing04(real_home: Path) -> None:
    data = HEADS.build_objective().open_data(real_home / "pointing04")
    assert (len(data.train), len(data.valid), data.shape) == (1860, 372, (288, 384))
    assert {data.block.facts(item)["person"] for item in data.valid} == {"11", "12"}
    assert not {data.block.facts(item)["person"] for item in data.train} & {"11", "12"}
    points = torch.tensor([data.block.label(item) for item in (*data.train, *data.valid)])
    assert bool((points > 0).all()) and bool((points < torch.tensor([384, 288])).all())
    assert {data.block.facts(item)["pan"] for item in data.valid} >= {"-90", "+0", "+90"}


# How many samples the splits have, and a hash of their names and labels in their order: as before reading was made anew.
READ = {
    "camvid_tiny": ("camvid", (80, 20, 0), "e4a4bac18f3a115b"),
    "camvid-tiramisu": ("camvid", (367, 101, 0), "aa6ed1c67350f9a5"),
    "planet_sample": ("planet", (640, 160, 0), "90348e50edf388be"),
    "pointing04": ("heads", (1860, 372, 0), "eecf03b59151d058"),
    "imdb_sample": ("imdb", (800, 200, 0), "b5eff9a0402e1546"),
}


@pytest.mark.parametrize("name", READ)
def test_the_archives_are_read_as_ever_to_the_item(real_home: Path, name: str) -> None:
    task, counts, expected = READ[name]
    root = real_home / name
    data = get_task(task).build_objective().open_data(root)
    assert (len(data.train), len(data.valid), len(data.test)) == counts
    assert hashed(data, root) == expected


def hashed(data: Any, root: Path) -> str:
    def as_written(item: object) -> str:
        return item.relative_to(root).as_posix() if isinstance(item, Path) else str(item)

    is_text = isinstance(data, TextData)
    splits = [
        [(data.name(item) if is_text else as_written(item), as_written(data.label(item))) for item in items]
        for items in (data.train, data.valid, data.test)
    ]
    return hashlib.sha256(json.dumps(splits).encode()).hexdigest()[:16]
