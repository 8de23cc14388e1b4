"""What every data set can be asked, asked of the one that each registered task draws, and of one that nobody registered."""

from pathlib import Path

import pytest
from drawn import drawn_for
from toy import TOY, draw_squares

from engine.data.dataset import DataSet, SummaryStep, account_of, some_classes
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
    with pytest.raises(DataError, match="no split 'all'"):
        data.items("all")
    if not data.test:
        with pytest.raises(DataError, match="has no test split"):
            data.items("test")


def test_its_summary_answers_the_six_questions(data: DataSet) -> None:
    steps = data.summary(Stage(image_size=32))
    assert len(steps) == 6 and all(isinstance(step, SummaryStep) and step.answer for step in steps)


def test_its_account_counts_what_was_found(data: DataSet) -> None:
    account = data.account()
    assert account[0].startswith(f"{len(data.train):,} ") and f" and {len(data.valid):,} to validate" in account[0]
    assert data.title in account[0]
    assert any(line.startswith("No test split") for line in account) != bool(data.test)
    assert any("without a label" in line for line in account) == bool(data.unlabelled)
    assert account[-1] == f"The model learns: {some_classes(data.classes)}."
    assert all(line.endswith(".") for line in account)


def test_the_account_in_full(tmp_path: Path) -> None:
    data = TOY.build_objective().open_data(draw_squares(tmp_path / "toy"))
    assert account_of(data, "squares") == (
        "18 squares to train and 6 to validate (every fourth square).",
        "No test split: all figures are validation figures.",
        "The model learns: red, green, blue.",
    )


def test_of_many_classes_the_first_are_named_and_all_counted() -> None:
    assert some_classes(("a", "b", "c")) == "a, b, c"
    assert some_classes(("a", "b", "c", "d")) == "a, b, c, … (4 in all)"
