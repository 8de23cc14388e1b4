"""A run again with one change: one thing is otherwise, and nothing else."""

from dataclasses import replace

import pytest
from made_runs import RECIPE, SPEC

from engine.errors import RecipeError
from engine.runs.again import Change, changeable, changed, values_now
from engine.runs.compared import compare_settings, differing
from engine.tasks.registry import get_task

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (Change(knob="max_lr", value="×10", stage=2), [("Stage 2", "Learning rate", "1e-3 to 1e-2")]),
        (Change(knob="max_lr", value=" x0.1 ", stage=1), [("Stage 1", "Learning rate", "1e-3")]),
        (Change(knob="max_lr", value="1e-5,1e-3", stage=1), [("Stage 1", "Learning rate", "1e-5 to 1e-3")]),
        (Change(knob="batch_size", value="*2", stage=1), [("Stage 1", "Batch size", "16")]),
        (
            Change(knob="augmentation", value="none"),
            [("Stage 1", "Augmentation", "none"), ("Stage 2", "Augmentation", "none")],
        ),
        (Change(knob="seed", value="7"), [("The run", "Seed", "7")]),
        (Change(knob="backbone", value="resnet18"), [("The run", "Backbone", "resnet18")]),
        (Change(knob="pretrained", value="No"), [("The run", "Starts from", "random weights")]),
    ],
)
def test_one_thing_is_otherwise(change, told):
    made = changed(SPEC, change)
    assert [(row.where, row.name, row.values[1]) for row in differing(compare_settings([SPEC, made]))] == told
    assert made.title.startswith("Made; ") and (made.owner, made.minutes) == ("", 0.0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (Change(knob="seed", value="42"), "is what that run has already"),
        (Change(knob="max_lr", value=""), "The new value is empty"),
        (Change(knob="max_lr", value="x1000"), "Learning rate is 10. Give a number from"),
        (Change(knob="max_lr", value="xy"), "is to be multiplied by 'y'"),
        (Change(knob="augmentation", value="x2"), "Choose one of"),
        (Change(knob="epochs", value="2", stage=3), "no stage 3"),
        (Change(knob="seed", value="-1"), "Give a whole number"),
        (Change(knob="seed", value="²"), "Give a whole number"),
        (Change(knob="pretrained", value="perhaps"), "Give yes or no"),
        (Change(knob="colour", value="red"), "no setting 'colour'"),
    ],
)
def test_what_is_no_change_or_cannot_be_is_told(change, said):
    with pytest.raises(RecipeError, match=said):
        changed(SPEC, change)


def test_weights_that_play_no_part_cannot_be_changed():
    with pytest.raises(RecipeError, match="another model's weights"):
        changed(replace(SPEC, init_from="/runs/x"), Change(knob="pretrained", value="no"))


def test_what_is_there_is_told_and_a_long_title_stays_a_title():
    assert values_now(SPEC, "max_lr") == ["1e-2", "1e-4 to 1e-3"] and values_now(SPEC, "seed") == ["42"]
    made = changed(replace(SPEC, title="a" * 200), Change(knob="seed", value="1"))
    assert len(made.title) == 200
    names = [name for _, name in changeable(get_task("imdb").aims[0])]
    assert "drop_mult" in names and "augmentation" not in names
    assert (
        changed(
            replace(SPEC, recipe=replace(RECIPE, least_steps=80)), Change(knob="epochs", value="3")
        ).recipe.least_steps
        == 0
    )
