"""What every data set can be asked, asked of the one that each registered task draws, and of one that nobody registered."""

import json
from pathlib import Path

import pytest
from drawn import drawn_for
from toy import TOY, draw_squares

from engine.data.account import Account
from engine.data.dataset import DataSet, SummaryStep, some_classes
from engine.errors import DataError
from engine.recipe import Stage
from engine.tasks.registry import TASKS

AIMS = [(task, aim.name) for task in (*TASKS, TOY) for aim in task.aims]


@pytest.fixture(params=AIMS, ids=lambda pair: f"{pair[0].name}-{pair[1]}")
def data(request: pytest.FixtureRequest, tmp_path: Path) -> DataSet:
    task, aim = request.param
    return task.build_objective(aim).open_data(drawn_for(task, request, tmp_path))


def test_it_can_be_asked_all_that_the_protocol_names(data: DataSet) -> None:
    assert isinstance(data, DataSet)
    assert isinstance(data.root, Path) and data.root.exists()
    assert data.title and isinstance(data.title, str)
    assert data.channels >= 1
    for items in (data.train, data.valid, data.test, data.unlabelled):
        assert isinstance(items, tuple)


def test_its_splits_are_its_items_and_have_labels(data: DataSet) -> None:
    assert data.train and data.valid and len(data.classes) >= 2
    assert data.items("train") == data.train and data.items("valid") == data.valid
    assert data.label(data.valid[0]) is not None
    assert not set(data.valid) & set(data.train)
    assert set(data.items("all")) == {*data.train, *data.valid, *data.test}
    with pytest.raises(DataError, match="no split 'half'"):
        data.items("half")
    if not data.test:
        with pytest.raises(DataError, match="has no test split"):
            data.items("test")


def test_its_summary_answers_the_six_questions(data: DataSet) -> None:
    steps = data.summary(Stage(image_size=32))
    assert len(steps) == 6 and all(isinstance(step, SummaryStep) and step.answer for step in steps)


def test_its_account_counts_what_was_found(data: DataSet) -> None:
    account = data.account()
    assert not account.refused and account.found >= account.used > 0
    assert [account.split[name] for name in ("train", "valid", "test")] == [
        len(items) for items in (data.train, data.valid, data.test)
    ]
    assert account.used == len({*data.train, *data.valid, *data.test})
    assert account.source == data.title
    assert not account.classes or tuple(account.classes) == data.classes
    said = account.sentences()
    assert any(line.startswith("No test split") for line in said) != bool(data.test)
    assert all(line.endswith(".") for line in (*said, *account.warnings))
    assert Account.from_dict(json.loads(json.dumps(account.as_dict()))) == account


def test_the_account_in_full(tmp_path: Path) -> None:
    account = TOY.build_objective().open_data(draw_squares(tmp_path / "toy")).account()
    assert account.sentences() == (
        "Where its block looks: 24 pictures found, 24 used.",
        "18 to train, 6 to validate (every fourth square).",
        "No test split: all figures are validation figures.",
        "The model learns: red (6), green (6), blue (6).",
    )
    assert account.classes["red"] == {"train": 6, "valid": 2} and not account.warnings


def test_of_many_classes_the_first_are_named_and_all_counted() -> None:
    assert some_classes(("a", "b", "c")) == "a, b, c"
    assert some_classes(("a", "b", "c", "d")) == "a, b, c, … (4 in all)"
