"""What is set up and not yet started is there again when one comes back to a task's page."""

import json
from typing import Any

import gradio as gr
import pytest

from engine.recipe import OFFLINE_BACKBONE, knob_fields
from engine.tasks.registry import TASKS, get_task
from tabs.panels.kept_form import UNREADABLE, keep_form
from tabs.panels.plan import ONE_STAGE, planned_recipe, restored_plan
from tabs.panels.rate_form import restored_finder
from tabs.panels.stage_form import form_values

CAMVID = get_task("camvid")
RATE_AT = [name for name, _ in knob_fields()].index("max_lr")
FORM = [*form_values(CAMVID.default_stage).knobs]
FINDER = [-1, 64, 4, "", 60]


@pytest.fixture
def kept(build) -> Any:
    """The function that a page calls with what was noted of a form of two fields, of which no second may be 0."""

    def restore(name: str, number: float) -> list[Any]:
        return [name.upper(), 1 / number]

    def make() -> gr.Blocks:
        with gr.Blocks() as page:
            keep_form(page, "key", [gr.Textbox(), gr.Number()], restore)
        return page

    (restoring,) = build(make).fns.values()
    assert "sessionStorage.getItem" in restoring.js and restoring.targets[0][1] == "load"
    return restoring.fn


def test_a_form_is_given_back_as_it_was_noted(kept) -> None:
    assert kept(json.dumps(["a", 2])) == ["A", 0.5]


@pytest.mark.parametrize(
    "noted", ["", "{", "null", "7", "[]", '["a"]', '["a", 0]', '["a", null]', "[null, 1]", '["a", 1, 2]']
)
def test_what_was_not_noted_or_does_not_go_together_changes_nothing(kept, noted: str) -> None:
    assert kept(noted) == [gr.skip(), gr.skip()]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_both_forms_come_back_whole(task) -> None:
    knobs = [*form_values(task.default_stage).knobs]
    plan = [ONE_STAGE, task.backbones[0], "zeros", "", 42]
    restored = restored_plan(task, None, *plan, *knobs)
    assert restored[: len(plan) + len(knobs)] == [*plan, *knobs] and len(restored) == len(plan) + len(knobs) + 3
    finder = [task.backbones[0], "zeros", "", -1, 64, 4, "", 60]
    assert restored_finder(task, None, *finder) == finder


def test_a_slice_comes_back_with_its_tick() -> None:
    values = [*FORM]
    values[RATE_AT] = "1e-5, 1e-3"
    is_slice, early, late = restored_plan(CAMVID, None, ONE_STAGE, OFFLINE_BACKBONE, "zeros", "", 42, *values)[-3:]
    assert is_slice and early["value"] == -5 and late["value"] == -3
    assert planned_recipe(CAMVID, ONE_STAGE, OFFLINE_BACKBONE, "zeros", values).stages[0].max_lr == (1e-5, 1e-3)


def test_a_form_from_before_a_change_of_the_knobs_is_left_alone() -> None:
    for values in (FORM[1:], [*FORM, 1], [None, *FORM[1:]], [*FORM[:RATE_AT], "fast", *FORM[RATE_AT + 1 :]]):
        with pytest.raises(UNREADABLE):
            restored_plan(CAMVID, None, ONE_STAGE, OFFLINE_BACKBONE, "zeros", "", 42, *values)
