"""The data block's six questions, asked of the toy's folder and of drawn streets."""

import dataclasses
from pathlib import Path

import pytest
import torch
from PIL import Image
from toy import STAGE, TOY, draw_squares

from engine.data.dataset import check_can_train
from engine.data.pictures.block import Data, open_answers
from engine.data.splits import by_mark
from engine.errors import DataError
from engine.kinds.mask import open_masks
from engine.tasks.camvid import CAMVID
from engine.tasks.heads import HEADS
from engine.tasks.planet import PLANET

QUESTIONS = [
    "Where are the inputs?",
    "How are they split?",
    "How are they labelled?",
    "Is there a test set?",
    "Which transforms?",
    "How are they batched?",
]


@pytest.fixture
def squares(tmp_path: Path) -> Data:
    return TOY.build_objective().open_data(draw_squares(tmp_path / "toy"))


def test_the_summary_walks_the_six_questions_on_one_sample(streets: Path) -> None:
    data = open_masks(streets)
    stage = dataclasses.replace(STAGE, image_size=32, batch_size=4, augmentation="standard")
    steps = data.summary(stage)
    assert [step.question for step in steps] == QUESTIONS
    answers = [step.answer for step in steps]
    assert answers[0] == "14 files, the first train/drawn_0000.jpg"
    assert answers[1] == "10 to train, 4 to validate (folders of splits, as published)"
    assert answers[2] == "trainannot/drawn_0000.png; the model learns: Sky, Building, Pole, … (11 in all)"
    assert answers[3] == "2 test inputs, never used to tune"
    assert answers[4].startswith("standard: Image (3, 32, 43) uint8 in ")
    assert answers[5] == "4 at 32×43: input (4, 3, 32, 43), target (4, 32, 43) uint8"


def test_the_summary_of_labels_that_are_no_files_and_of_no_test_set(squares: Data) -> None:
    steps = squares.summary(STAGE)
    assert [step.question for step in steps] == QUESTIONS
    assert steps[2].answer == "green; the model learns: red, green, blue"
    assert steps[3].answer == "none: validation figures only"
    assert steps[5].answer.endswith("target (4, ) int64")


MOVING = {"streets": (CAMVID, True), "heads": (HEADS, True), "chips": (PLANET, False)}


@pytest.mark.parametrize("drawn", MOVING)
def test_the_summary_says_that_a_target_moves_only_where_it_lies_in_the_picture(
    drawn: str, request: pytest.FixtureRequest
) -> None:
    task, moves = MOVING[drawn]
    data = task.build_objective().open_data(request.getfixturevalue(drawn))
    said = data.summary(dataclasses.replace(STAGE, image_size=32))[4].answer
    assert ("the target moves with it" in said, "the target stays as it is" in said) == (moves, not moves)


def test_the_summary_s_code_gives_what_its_answers_say(streets: Path) -> None:
    data = open_masks(streets)
    steps = data.summary(dataclasses.replace(STAGE, image_size=32))
    known = {"data": data, "inputs": data.block.inputs(data.root), "label": data.block.label(data.train[0])}
    inputs, split, label, test, transforms, batch = (eval(step.code, dict(known)) for step in steps)
    assert len(inputs) == 14
    assert (split.train, split.valid) == (data.train, data.valid)
    assert label.is_file()
    assert tuple(test) == data.test
    assert callable(transforms)
    assert all(map(torch.equal, batch, data.sample(data.train[0], (32, 43))))


def test_size_at_keeps_the_shape_and_sets_the_shorter_side(squares: Data) -> None:
    assert squares.shape == (20, 24)
    assert squares.size_at(32) == (32, 38)
    assert dataclasses.replace(squares, shape=(480, 360)).size_at(180) == (240, 180)
    assert dataclasses.replace(squares, shape=(100, 100)).size_at(33) == (33, 33)


def test_the_shape_is_the_most_common_one_as_it_is_shown(tmp_path: Path) -> None:
    root = draw_squares(tmp_path / "toy")
    exif = Image.Exif()
    exif[0x0112] = 6
    for path in (root / "squares").iterdir():
        Image.open(path).convert("RGB").resize((20, 24)).save(path, exif=exif)
    Image.new("RGB", (500, 50)).save(root / "squares" / "01_green.png")
    assert TOY.build_objective().open_data(root).shape == (20, 24)


def test_items_of_a_split(streets: Path) -> None:
    data = open_masks(streets)
    assert [len(data.items(split)) for split in ("train", "valid", "test")] == [10, 4, 2]
    with pytest.raises(DataError, match=r"no split 'val'\. The splits are: train, valid, test; all is"):
        data.items("val")
    with pytest.raises(DataError, match="streets has no test split"):
        dataclasses.replace(data, test=()).items("test")


def test_a_folder_without_inputs_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{tmp_path} has no inputs where the layout expects them"):
        TOY.build_objective().open_data(tmp_path)


def test_a_split_needs_both_sides(tmp_path: Path, squares: Data) -> None:
    block = dataclasses.replace(
        squares.block, split=lambda root, inputs: by_mark(inputs, lambda item: False, "nothing")
    )
    data = open_answers(block, squares.root, squares.classes)
    with pytest.raises(DataError, match="gives 24 inputs to train and 0 to validate"):
        check_can_train(data)
    assert len(data.items("all")) == 24 and "nothing to validate on" in data.account().warnings[-1]
    check_can_train(squares)
