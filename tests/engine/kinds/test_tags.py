"""Tags: both layouts of Planet with three and four bands, and figures that become tags at a threshold."""

import json
import math
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from engine.data.pictures.block import Data
from engine.data.pictures.symmetries import SQUARE
from engine.data.pictures.tag_layouts import find_tag_layout
from engine.data.pictures.transforms import ABOVE_STRENGTHS, augment, build_augmentation
from engine.errors import BundleError, DataError
from engine.kinds import tags
from engine.kinds.tags import (
    build_tags_objective,
    open_tags,
    predict_tags,
    tag_counts,
    tags_cross_entropy,
)

transforms = partial(build_augmentation, strengths=ABOVE_STRENGTHS, from_above=True)
LINES = {
    "train_0": "haze primary",
    "train_1": "agriculture clear primary water",
    "train_2": "clear primary",
    "train_3": "clear",
    "train_4": "road clear",
    "train_10": "haze",
}
CLASSES = ("agriculture", "clear", "haze", "primary", "road", "water")
CHIP = (32, 32)


def chip(path: Path, colour: tuple[int, ...] = (10, 90, 40)) -> Path:
    """A JPEG of one colour, or a TIFF with as many bands of 16 bits as the colour has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".tif":
        pixels = np.broadcast_to(np.array(colour, np.uint16), (*CHIP, len(colour))).copy()
        tifffile.imwrite(path, pixels, photometric="minisblack", planarconfig="contig")
    else:
        Image.new("RGB", CHIP, colour).save(path, quality=95)
    return path


def table(path: Path, lines: dict[str, str] = LINES) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("image_name,tags\n" + "".join(f"{name},{some}\n" for name, some in lines.items()))
    return path


def sample_set(root: Path, lines: dict[str, str] = LINES) -> Path:
    """The lesson's layout."""
    for name in lines:
        chip(root / "train" / f"{name}.jpg")
    table(root / "labels.csv", lines)
    return root


def kaggle_set(root: Path) -> Path:
    """Kaggle's, with colours and with four bands."""
    table(root / "train_v2.csv")
    for name in LINES:
        chip(root / "train-jpg" / f"{name}.jpg")
        chip(root / "train-tif-v2" / f"{name}.tif", (1000, 2000, 4000, 8000))  # blue, green, red, near infrared
    for folder, name in (("test-jpg", "test_1"), ("test-jpg", "test_0"), ("test-jpg-additional", "file_0")):
        chip(root / folder / f"{name}.jpg")
    chip(root / "test-tif-v2" / "test_0.tif", (1000, 2000, 4000, 8000))
    return root


def open_it(root: Path) -> Data:
    return open_tags(root, transforms=transforms)


def names(items: tuple[Path, ...]) -> list[str]:
    return [item.name for item in items]


def test_the_lesson_s_sample(tmp_path: Path) -> None:
    data = open_it(sample_set(tmp_path))
    assert (data.classes, data.channels, data.shape, data.test, data.unlabelled) == (CLASSES, 3, CHIP, (), ())
    assert sorted(names(data.train + data.valid)) == sorted(f"{name}.jpg" for name in LINES)
    assert len(data.valid) == 1


def test_kaggle_s_set_has_pictures_to_submit_tags_for(tmp_path: Path) -> None:
    data = open_it(kaggle_set(tmp_path))
    assert (data.channels, data.test) == (3, ())
    assert {path.parent.name for path in data.train + data.valid} == {"train-jpg"}
    assert names(data.unlabelled) == ["test_0.jpg", "test_1.jpg", "file_0.jpg"]


def test_kaggle_s_four_bands_come_as_red_green_blue_and_near_infrared(tmp_path: Path) -> None:
    data = open_it(kaggle_set(tmp_path) / "train-tif-v2")
    assert (data.channels, data.classes, data.shape) == (4, CLASSES, CHIP)
    assert names(data.unlabelled) == ["test_0.tif"]
    picture, _ = data.sample(data.train[0], (16, 16))
    assert (picture.shape, picture.dtype) == ((4, 16, 16), torch.uint8)
    expected = [level * 255 // 10_000 for level in (4000, 2000, 1000, 8000)]
    assert torch.equal(picture, torch.tensor(expected, dtype=torch.uint8).view(4, 1, 1).expand(4, 16, 16))


def test_four_bands_are_augmented_as_one_picture(tmp_path: Path) -> None:
    data = open_it(kaggle_set(tmp_path) / "train-tif-v2")
    sample = data.sample(data.train[0], (16, 16))
    for seed in range(5):
        picture, target = augment(data.block.transforms("strong"), sample, seed)
        assert (picture.shape, picture.dtype) == ((4, 16, 16), torch.uint8)
        assert torch.equal(target, sample[1])


def test_the_split_follows_its_seed(tmp_path: Path) -> None:
    root = sample_set(tmp_path, {f"chip_{number:02}": "clear" if number % 2 else "haze" for number in range(30)})
    first, again, other = (open_tags(root, transforms=transforms, split_seed=seed) for seed in (1, 1, 2))
    assert (len(first.train), len(first.valid)) == (24, 6)
    assert not set(first.train) & set(first.valid)
    assert (first.train, first.valid) == (again.train, again.valid)
    assert first.valid != other.valid
    assert "seed 1" in first.title


def test_the_target_has_a_1_for_each_tag(tmp_path: Path) -> None:
    data = open_it(sample_set(tmp_path))
    for item in data.train + data.valid:
        picture, target = data.sample(item, (16, 20))
        assert (picture.shape, target.shape, target.dtype) == ((3, 16, 20), (len(CLASSES),), torch.uint8)
        assert [name for name, there in zip(CLASSES, target.tolist(), strict=True) if there] == sorted(
            LINES[item.stem].split()
        )
        assert set(target.tolist()) <= {0, 1}


def test_tags_are_counted_in_the_training_pictures(tmp_path: Path) -> None:
    data = open_it(sample_set(tmp_path))
    (held_out,) = data.valid
    by_hand = {
        name: sum(name in some.split() for stem, some in LINES.items() if stem != held_out.stem) for name in CLASSES
    }
    assert tag_counts(data) == by_hand


def test_cmyk_pictures_have_their_right_colours(tmp_path: Path) -> None:
    root = sample_set(tmp_path)
    path = root / "train" / "train_1.jpg"
    for path in (root / "train").iterdir():
        Image.new("RGB", CHIP, (200, 40, 90)).convert("CMYK").save(path, quality=95)
    with Image.open(path) as stored:
        assert stored.mode == "CMYK"
    picture, _ = open_it(root).sample(path, (16, 16))
    assert (picture.float().mean((1, 2)) - torch.tensor([200.0, 40.0, 90.0])).abs().max() < 6


def test_pictures_that_the_table_does_not_name_are_left_out(tmp_path: Path) -> None:
    root = sample_set(tmp_path)
    stranger = chip(root / "train" / "stranger.jpg")
    data = open_it(root)
    assert stranger not in data.train + data.valid
    with pytest.raises(DataError, match=r"stranger\.jpg has no tags here"):
        data.sample(stranger, (16, 16))


def test_names_may_have_a_suffix_and_a_spreadsheet_may_have_written_them(tmp_path: Path) -> None:
    root = sample_set(tmp_path)
    lines = 'image_name,tags\r\ntrain_0.jpg,"water  clear "\r\ntrain_1.jpg,clear clear\r\ntrain_2.jpg,\r\n'
    (root / "labels.csv").write_text(lines, encoding="utf-8-sig")
    layout = find_tag_layout(root)
    assert {path.name: some for path, some in layout.tags.items()} == {
        "train_0.jpg": ("clear", "water"),
        "train_1.jpg": ("clear",),
    }
    assert layout.findings.left_out["no tags are said"] == ("train_2.jpg",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"image_name,tags\n", "has no lines but its first"),
        (b"name,words,more\ntrain_0,clear water,a\n", "none is called tags or labels"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe\x00" * 30, "is a picture, and no table"),
        (b"image_name,tags\ntrain_0,clear\ntrain_1,clear\n", "has 1 different tags"),
        (b"image_name,tags\ntrain_0,\n", "says no tags of any of its pictures"),
        (b"image_name,tags\nx,clear water\n", "is named in labels.csv"),
        (b'image_name,tags\ntrain_0,"' + b"x" * 200_000 + b"\ntrain_1,clear\n", "is too long for a tag"),
    ],
    ids=["empty", "headed", "names", "binary", "one tag", "no tag", "others", "endless"],
)
def test_a_table_that_is_none_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    root = sample_set(tmp_path)
    (root / "labels.csv").write_bytes(content)
    with pytest.raises(DataError, match=re.escape(message)):
        open_it(root)


def test_too_many_tags_are_no_tags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tags, "MAX_TAGS", len(CLASSES) - 1)
    with pytest.raises(DataError, match=r"has 6 different tags .* It needs 2 to 5"):
        open_it(sample_set(tmp_path))


@pytest.mark.parametrize("lacking", ["labels.csv", "train", "everything"])
def test_a_folder_in_no_known_layout_is_named(tmp_path: Path, lacking: str) -> None:
    root = tmp_path / "deep" / "set"
    if lacking != "everything":
        sample_set(root)
        (root / lacking).rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=re.escape(f"{root} has no layout that is known for tags")):
        open_it(root)


def test_the_loss_is_the_sum_over_samples_and_tags() -> None:
    total, count = tags_cross_entropy(
        torch.tensor([[0.0, 2.0], [-1.0, 3.0]]), torch.tensor([[1, 0], [0, 1]], dtype=torch.uint8)
    )
    by_hand = math.log(2) + math.log(1 + math.exp(2)) + math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-3))
    assert total.item() == pytest.approx(by_hand, rel=1e-6)
    assert count.item() == 4


PICTURE = Image.new("RGB", (8, 6))
LOGITS = torch.tensor([0.9, 0.3, 0.04]).logit()


def test_a_prediction_has_the_bundle_s_threshold_or_the_lesson_s() -> None:
    prediction = predict_tags(LOGITS, PICTURE, ("road", "clear", "haze"), {"threshold": 0.35, "thresholds": [1, 1, 1]})
    assert prediction.probabilities == pytest.approx({"road": 0.9, "clear": 0.3, "haze": 0.04})
    assert (prediction.threshold, prediction.tags()) == (0.35, ["road"])
    assert predict_tags(LOGITS, PICTURE, ("road", "clear", "haze"), {}).threshold == 0.2


def test_tags_come_with_the_likeliest_first() -> None:
    prediction = predict_tags(LOGITS.flip(0), PICTURE, ("haze", "clear", "road"), {})
    assert prediction.tags() == ["road", "clear"]
    assert prediction.tags(0.01) == ["road", "clear", "haze"]
    assert prediction.tags(0.95) == []


def test_a_prediction_in_words_as_json_and_as_a_file(tmp_path: Path) -> None:
    prediction = predict_tags(LOGITS, PICTURE, ("road", "clear", "haze"), {})
    assert prediction.in_words() == "road 90%, clear 30%"
    assert predict_tags(LOGITS - 9, PICTURE, ("road", "clear", "haze"), {}).in_words() == "no tag"
    saved = prediction.save(tmp_path / "chip")
    assert saved == tmp_path / "chip_tags.json"
    assert json.loads(saved.read_text()) == prediction.summary()
    assert prediction.summary()["tags"] == ["road", "clear"]


def test_the_objective_is_made_of_these(tmp_path: Path) -> None:
    objective = build_tags_objective(transforms=transforms, symmetries=SQUARE)
    assert (objective.name, objective.main_metric, objective.symmetries) == ("tags", "f2", SQUARE)
    assert objective.is_better(0.9, 0.8)
    data = objective.open_data(sample_set(tmp_path))
    assert data.block.transforms is transforms
    metrics = objective.build_metrics(data)
    metrics.update(torch.randn(4, 6), torch.ones(4, 6, dtype=torch.uint8))
    assert objective.main_metric in metrics.compute()


def test_names_may_have_dots_in_them(tmp_path: Path) -> None:
    for name in ("site.12.jpg", "site.13.jpg"):
        chip(tmp_path / "train" / name)
    (tmp_path / "labels.csv").write_text("image_name,tags\nsite.12,road\nsite.13.jpg,water\n")
    tags = find_tag_layout(tmp_path).tags
    assert {path.name: some for path, some in tags.items()} == {"site.12.jpg": ("road",), "site.13.jpg": ("water",)}


def test_a_decision_that_does_not_fit_is_refused() -> None:
    with pytest.raises(BundleError, match="threshold in the model's decision is"):
        predict_tags(torch.zeros(2), Image.new("RGB", (4, 4)), ("a", "b"), {"threshold": [0.1, 0.2]})
