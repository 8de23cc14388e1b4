"""The stage form says what a stage says, and reads back what it wrote."""

import gradio as gr
import pytest

from engine.errors import RecipeError
from engine.recipe import Stage, knob_fields
from engine.tasks.registry import TASKS
from tabs.panels.stage_form import (
    RATE,
    build_stage_form,
    form_values,
    rate_as_text,
    rate_from_sliders,
    slice_switched,
    stage_from_form,
    train_from_choices,
    unchanged_values,
    ways_from_rate,
)
from tabs.wiring import flat

pytestmark = pytest.mark.quick

STAGES = [stage for task in TASKS for recipe in task.recipes for stage in recipe.stages]
KNOBS = [name for name, _ in knob_fields()]


def form_of(stage: Stage) -> dict:
    return form_values(stage).knobs._asdict()


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: f"{stage.name}-{stage.image_size}")
def test_a_stage_survives_the_form(stage):
    read = stage_from_form(list(form_of(stage).values()), "image_size")
    assert {name: getattr(read, name) for name in KNOBS} == {name: getattr(stage, name) for name in KNOBS}


def test_the_form_has_one_component_for_every_knob(build):
    def make():
        with gr.Blocks():
            return build_stage_form(TASKS[0])

    form = build(make)
    assert list(form.fields._fields) == KNOBS and form.inputs == list(form.fields)
    assert len(set(flat(form.outputs))) == len(flat(form_values(Stage()))) == len(flat(unchanged_values()))


def test_every_slider_can_stand_at_what_a_recipe_says(build):
    """A browser moves a slider to the nearest of its steps: 1400 must be one of them."""

    def make():
        with gr.Blocks():
            return build_stage_form(TASKS[0])

    sliders = {name: field for name, field in build(make).fields._asdict().items() if isinstance(field, gr.Slider)}
    assert "text_length" in sliders
    for name, slider in sliders.items():
        for value in {getattr(stage, name) for stage in STAGES}:
            steps = (value - slider.minimum) / slider.step
            assert steps == pytest.approx(round(steps), abs=1e-6), f"{name} {value}"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (RATE, "fast", "Learning rate"),
        (RATE, "1e3", "1e-07 to 1"),
        ("epochs", 0, "Epochs"),
        ("momentum", "0.9", "two numbers"),
    ],
)
def test_a_wrong_value_is_told_with_its_knob_and_range(name, value, words):
    values = form_of(Stage()) | {name: value}
    with pytest.raises(RecipeError, match=words):
        stage_from_form(list(values.values()), "image_size")


def test_sliders_that_give_whole_floats_make_whole_knobs():
    values = form_of(Stage()) | {"epochs": 3.0, "image_size": 128.0}
    stage = stage_from_form(list(values.values()), "image_size")
    assert (stage.epochs, stage.image_size) == (3, 128)
    assert isinstance(stage.epochs, int)


def test_the_text_and_the_sliders_of_a_rate_say_the_same():
    assert rate_from_sliders(False, -5, -3)[0] == "1e-3"
    assert rate_from_sliders(True, -5, -2.5)[0] == "1e-5, 3.2e-3"
    ways = ways_from_rate("1e-5, 1e-3")
    assert ways.is_slice and ways.early["value"] == pytest.approx(-5) and ways.late["value"] == pytest.approx(-3)
    assert list(ways_from_rate("1e-")) == [gr.skip()] * 3


def test_a_new_slice_starts_below_the_head():
    text, early = slice_switched(True, -3, -3)
    assert text == "1e-5, 1e-3" and early["value"] == -5 and early["visible"]
    assert slice_switched(False, -5, -3)[0] == "1e-3"
    assert slice_switched(True, -6.5, -6.5)[1]["value"] == -7  # no lower than the knob allows


def test_rates_are_written_as_people_write_them():
    assert rate_as_text(1e-3) == "1e-3"
    assert rate_as_text((7.5e-6, 7.5e-4)) == "7.5e-6, 7.5e-4"
    assert rate_as_text((0.95, 0.85)) == "0.95, 0.85"
    assert rate_as_text(0.0) == "0"


def test_frozen_comes_first_and_unfrozen_last():
    groups = [group for _, group in train_from_choices(TASKS[0])]
    assert groups[0] == -1 and groups[-1] == 0
