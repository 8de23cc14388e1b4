"""A model is judged on data whose classes are not its own: what both know counts, and the rest is said."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.data.aligned import match_classes
from engine.data.pictures.masks import UNKNOWN
from engine.data.pictures.transforms import VOID, build_augmentation
from engine.data.texts.dataset import open_texts
from engine.errors import DataError
from engine.kinds.mask import align_masks, open_masks
from engine.kinds.tags import align_tags, build_tags_objective
from engine.kinds.text import align_texts


def test_classes_are_the_same_where_their_names_are() -> None:
    found = match_classes(("Road", "sky", "river"), ("sky", "road", "car"), "mine")
    assert found.names == {"Road": "road", "sky": "sky"}
    assert found.remarks == (
        "The model does not know “river” of mine: what is labelled so is not judged.",
        "mine has no label for “car” of the model's 3 classes.",
    )
    with pytest.raises(DataError, match="none of them is the same"):
        match_classes(("a", "b"), ("c", "d"), "mine")
    assert match_classes(("A",), ("A", "a"), "mine").names == {"A": "A"}


def test_masks_get_the_model_s_numbers_and_strange_classes_are_void(tmp_path: Path) -> None:
    for number in range(5):
        for folder in ("images", "labels"):
            (tmp_path / folder).mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "images" / f"{number}.png")
        Image.fromarray(np.repeat(np.arange(4, dtype=np.uint8), 16).reshape(8, 8)).save(
            tmp_path / "labels" / f"{number}_P.png"
        )
    (tmp_path / "codes.txt").write_text("road\nVoid\nriver\nsky\n")
    data, said = align_masks(open_masks(tmp_path), ("sky", "car", "road"))
    mask = data.sample(data.train[0], (8, 8))[1].numpy()
    assert [int(mask[row, 0]) for row in (0, 2, 4, 6)] == [2, VOID, VOID, 0] and UNKNOWN not in mask
    assert data.account().classes == {
        "sky": {"train": 64, "valid": 16},
        "car": {"train": 0, "valid": 0},
        "road": {"train": 64, "valid": 16},
    }
    assert len(said) == 2


def test_tags_get_the_model_s_places(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    for number in range(6):
        Image.new("RGB", (8, 8)).save(tmp_path / "train" / f"{number}.jpg")
    lines = [f"{number},{'road mine' if number % 2 else 'water'}" for number in range(6)]
    (tmp_path / "labels.csv").write_text("\n".join(["image_name,tags", *lines]))
    objective = build_tags_objective(transforms=build_augmentation)
    data, said = align_tags(objective.open_data(tmp_path), ("clear", "road", "water"))
    targets = {path.stem: data.sample(path, (8, 8))[1].tolist() for path in data.items("all")}
    assert targets["1"] == [0, 1, 0] and targets["2"] == [0, 0, 1]
    assert "“mine”" in said[0] and "“clear”" in said[1]


def test_texts_of_strange_classes_are_left_out(tmp_path: Path) -> None:
    rows = [f"{label},text {label} {number}" for number in range(10) for label in ("neg", "odd", "pos")]
    (tmp_path / "texts.csv").write_text("\n".join(["label,text", *rows]))
    data, said = align_texts(open_texts(tmp_path), ("neg", "neutral", "pos"))
    judged = data.items("all")
    assert len(judged) == 20 and set(data.labels(judged)) == {0, 2}
    assert {data.label(row) for row in judged} == {"neg", "pos"}
    assert "“odd”" in said[0] and "“neutral”" in said[1]
    shutil.rmtree(tmp_path)
