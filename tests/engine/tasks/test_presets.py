"""Known-good and known-bad settings: each task has them, each differs from the baseline in what it says, and says why."""

import pytest

from engine.recipe import Recipe
from engine.task import Task
from engine.tasks.presets import BASELINE, preset_of, presets_of
from engine.tasks.registry import TASKS, get_task

pytestmark = pytest.mark.quick
ALL = [(task, preset) for task in TASKS for preset in presets_of(task)]


def made(task: str, name: str) -> Recipe:
    preset = preset_of(get_task(task), name)
    assert preset is not None
    return preset.recipe


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_each_task_has_what_the_lesson_warns_of(task: Task) -> None:
    presets = presets_of(task)
    names = [preset.name for preset in presets]
    assert names[0] == BASELINE and len(set(names)) == len(names)
    everywhere = {
        "rate-too-high",
        "rate-too-low",
        "frozen-only",
        "unfrozen-at-once",
        "no-pretrained-weights",
        "fp32",
        "mixed-precision",
    }
    assert everywhere <= set(names)
    assert ({"no-augmentation", "wrong-augmentation"} <= set(names)) == (task.input_kind.name == "picture")
    for preset in presets:
        assert preset.reason.endswith(".") and 1 <= preset.reason.count(". ") + 1 <= 4
        assert preset.name == BASELINE or preset.recipe != presets[0].recipe
        assert preset.recipe.objective == presets[0].recipe.objective


def test_each_changes_what_it_says() -> None:
    base = made("planet", BASELINE)
    assert [stage.max_lr for stage in made("planet", "rate-too-high").stages] == [0.1, (1e-3, 2e-2)]
    assert [stage.train_from for stage in made("planet", "frozen-only").stages] == [-1, -1]
    assert {stage.train_from for stage in made("planet", "unfrozen-at-once").stages} == {0}
    random = made("planet", "no-pretrained-weights")
    assert not random.pretrained and {stage.train_from for stage in random.stages} == {0}
    assert {stage.augmentation for stage in made("planet", "wrong-augmentation").stages} == {"wrong"}
    assert {stage.precision for stage in made("imdb", "fp32").stages} == {"fp32"}
    for task, preset in ALL:
        assert sum(s.epochs for s in preset.recipe.stages) == sum(s.epochs for s in made(task.name, BASELINE).stages)
    assert base == get_task("planet").recipes[0]
