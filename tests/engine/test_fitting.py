"""Recipes on few samples: steps enough, smaller batches first, and nothing changes where there is enough."""

from dataclasses import replace

import pytest

from engine.errors import RecipeError
from engine.fitting import ENOUGH_A_EPOCH, MOST_EPOCHS, SMALLEST_BATCH, fitted, foretell, in_words
from engine.recipe import LEAST_STEPS, Recipe, Stage, recipe_from_dict, recipe_to_dict
from engine.tasks.registry import TASKS

OURS = [recipe for task in TASKS for recipe in task.recipes if recipe.least_steps]
STAGE = Stage(name="s", epochs=3, batch_size=32)


@pytest.mark.parametrize("samples", [16, 24, 36, 80, 200, 640])
@pytest.mark.parametrize("recipe", OURS, ids=lambda recipe: recipe.name)
def test_every_stage_takes_steps_enough_and_keeps_its_rates(recipe: Recipe, samples: int) -> None:
    given = fitted(recipe, samples)
    for before, after in zip(recipe.stages, given.stages, strict=True):
        told = foretell(after, samples)
        assert told.steps >= LEAST_STEPS or told.steps_per_epoch >= ENOUGH_A_EPOCH
        assert min(SMALLEST_BATCH, before.batch_size) <= after.batch_size <= before.batch_size
        assert after.epochs >= before.epochs and after.epochs <= max(before.epochs, MOST_EPOCHS)
        assert replace(after, epochs=before.epochs, batch_size=before.batch_size) == before
    assert fitted(given, samples) == given, "what fits stays"


def test_the_tasks_own_data_sets_are_trained_as_their_recipes_say() -> None:
    sizes = {"planet": 640, "weather": 640, "camvid": 367, "heads": 1860, "imdb": 25000}
    for task in TASKS:
        for recipe in task.recipes:
            assert fitted(recipe, sizes.get(task.name, 1860)) is recipe, (task.name, recipe.name)


def test_recipes_called_the_lessons_stand_as_they_are() -> None:
    lessons = [recipe for task in TASKS for recipe in task.recipes if recipe.name.startswith("lesson")]
    assert lessons and all(recipe.least_steps == 0 and fitted(recipe, 8) is recipe for recipe in lessons)


def test_what_changes_is_said_in_numbers() -> None:
    recipe = Recipe(name="r", backbone="b", stages=(STAGE, replace(STAGE, name="t", epochs=50)), least_steps=40)
    given = fitted(recipe, 40)
    assert [(stage.batch_size, stage.epochs) for stage in given.stages] == [(8, 8), (32, 50)]
    (said,) = in_words(recipe, given, 40)
    assert said.startswith("s: batches of 8 and 8 epochs, in place of 32 and 3") and "40 training samples" in said


def test_a_stage_of_fewer_samples_than_there_are_is_counted_by_these() -> None:
    told = foretell(replace(STAGE, train_items=64), 1000)
    assert (told.samples, told.steps_per_epoch, told.steps) == (64, 2, 6)
    assert foretell(STAGE, 10).steps_per_epoch == 1, "one batch smaller than it should be"


@pytest.mark.parametrize("steps", [-1, 10_001, 2.5, "many"])
def test_fewest_steps_that_cannot_be_are_refused(steps: object) -> None:
    with pytest.raises(RecipeError, match="fewest steps"):
        Recipe(name="r", backbone="b", stages=(STAGE,), least_steps=steps)  # pyright: ignore[reportArgumentType]


def test_a_recipe_of_an_older_version_is_trained_as_it_stands() -> None:
    written = recipe_to_dict(Recipe(name="r", backbone="b", stages=(STAGE,), least_steps=40))
    assert recipe_from_dict(written).least_steps == 40
    del written["least_steps"]
    assert recipe_from_dict(written).least_steps == 0
