"""Each remedy changes one thing, and gives a recipe that can be trained as it stands."""

from dataclasses import fields

import pytest

from engine.diagnosis.remedies import (
    more_augmentation,
    with_all_layers,
    with_all_samples,
    with_augmentation,
    with_epochs,
    with_knob,
    with_larger_pictures,
    with_rate,
)
from engine.recipe import Recipe, Stage
from engine.tasks.registry import get_task

HEAD = Stage(name="head", epochs=4, max_lr=1e-2, image_size=64, train_from=-1, train_items=100, augmentation="light")
FULL = Stage(name="full", epochs=8, max_lr=(1e-4, 2e-3), image_size=64)
RECIPE = Recipe(name="two", stages=(HEAD, FULL), backbone="none", least_steps=80)
PICTURES, TEXTS = get_task("weather").aim(), get_task("imdb").aim()


def differences(one: Stage, other: Stage) -> set[str]:
    return {field.name for field in fields(Stage) if getattr(one, field.name) != getattr(other, field.name)}


@pytest.mark.parametrize(
    ("remedy", "stage", "knob"),
    [
        (with_rate(RECIPE, (1,), 2e-4), 1, "max_lr"),
        (with_epochs(RECIPE, 1, 3), 1, "epochs"),
        (with_all_samples(RECIPE, 0), 0, "train_items"),
        (with_augmentation(RECIPE, 0, "standard", PICTURES), 0, "augmentation"),
        (more_augmentation(RECIPE, 0, PICTURES), 0, "augmentation"),
        (with_knob(RECIPE, 1, "weight_decay", 0.1), 1, "weight_decay"),
    ],
)
def test_one_knob_of_one_stage(remedy, stage: int, knob: str) -> None:
    changes = [differences(one, other) for one, other in zip(RECIPE.stages, remedy.recipe.stages, strict=True)]
    assert changes[stage] == {knob} and changes[1 - stage] == set()
    assert remedy.recipe.least_steps == 0 and f"stage {stage + 1}" in remedy.what


def test_a_slice_is_moved_as_a_whole_and_stays_in_range() -> None:
    remedy = with_rate(RECIPE, (1,), 2e-4)
    assert remedy and remedy.recipe.stages[1].max_lr == pytest.approx((1e-5, 2e-4))
    both = with_rate(RECIPE, (0, 1), 1.0)
    assert both and both.recipe.stages[0].max_lr == 1.0 and both.recipe.stages[1].max_lr == pytest.approx((1e-2, 0.2))
    tiny = with_rate(RECIPE, (1,), 1e-6)
    assert tiny and tiny.recipe.stages[1].lr_slice[0] == pytest.approx(1e-7), "the lowest that there is"


def test_what_is_so_already_is_not_advised() -> None:
    assert with_epochs(RECIPE, 1, 8) is None
    assert with_all_samples(RECIPE, 1) is None and more_augmentation(RECIPE, 1, PICTURES) is None
    assert with_augmentation(RECIPE, 0, "standard", TEXTS) is None
    assert with_all_layers(RECIPE) is None, "the last stage has them"


def test_a_stage_more() -> None:
    head = Recipe(name="head", stages=(HEAD,), backbone="none")
    layers = with_all_layers(head)
    assert layers and layers.recipe.stages[0] == HEAD
    assert differences(HEAD, layers.recipe.stages[1]) == {"name", "train_from", "max_lr", "epochs"}
    larger = with_larger_pictures(RECIPE, PICTURES)
    assert larger and larger.recipe.stages[2].image_size == 96 and larger.recipe.stages[2].max_lr == (5e-5, 1e-3)
    assert with_larger_pictures(RECIPE, TEXTS) is None
    huge = Recipe(name="huge", stages=(Stage(image_size=400),), backbone="none")
    assert with_larger_pictures(huge, PICTURES) is None
