import json
import math
from dataclasses import replace
from typing import Any

import pytest

from engine.errors import RecipeError
from engine.recipe import (
    MAX_LETTERS,
    MAX_NOTE,
    MAX_STAGES,
    Recipe,
    Stage,
    knob_fields,
    parse_knob,
    recipe_from_dict,
    recipe_source,
    recipe_to_dict,
    stage_from_dict,
    stage_to_dict,
)

pytestmark = pytest.mark.quick

KNOBS = dict(knob_fields())
NUMBERS = {name: declared for name, declared in KNOBS.items() if declared.kind != "choice"}
RECIPE = Recipe(
    name="two-steps",
    title="Two steps",
    note="Head, then all.",
    backbone="resnet34",
    stages=(Stage(name="frozen", train_from=-1, max_lr=3e-3), Stage(name="full", max_lr=(1e-5, 1e-3), weight_decay=0)),
)


def stage(**values: Any) -> Stage:
    return Stage(**values)


def filled(name, value):
    """The value in the shape that the knob takes."""
    return (KNOBS[name].minimum, value) if KNOBS[name].pair == "always" else value


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_out_of_range_is_refused_with_value_and_range(name):
    declared = NUMBERS[name]
    for value in (declared.minimum - 1, declared.maximum + 1):
        with pytest.raises(RecipeError) as caught:
            stage(**{name: filled(name, value)})
        for part in (declared.label, f"{value:g}", f"{declared.minimum:g}", f"{declared.maximum:g}"):
            assert part in str(caught.value)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", [math.nan, math.inf, "7", None, True])
def test_what_is_no_number_is_refused(name, value):
    with pytest.raises(RecipeError, match=NUMBERS[name].label):
        stage(**{name: filled(name, value)})


@pytest.mark.parametrize("name", NUMBERS)
def test_the_ends_of_a_range_are_allowed(name):
    for value in (NUMBERS[name].minimum, NUMBERS[name].maximum):
        assert getattr(stage(**{name: filled(name, value)}), name) == filled(name, value)


@pytest.mark.parametrize("name", [name for name, declared in KNOBS.items() if declared.kind == "choice"])
def test_a_choice_that_does_not_exist_is_refused_with_the_choices(name):
    with pytest.raises(RecipeError) as caught:
        stage(**{name: "everything"})
    assert "'everything'" in str(caught.value)
    assert all(choice in str(caught.value) for choice in KNOBS[name].choices)


@pytest.mark.parametrize("name", [name for name, declared in KNOBS.items() if declared.kind == "whole"])
def test_whole_numbers_are_whole(name):
    with pytest.raises(RecipeError, match="whole number"):
        stage(**{name: KNOBS[name].minimum + 0.5})
    assert type(getattr(stage(**{name: float(KNOBS[name].maximum)}), name)) is int


@pytest.mark.parametrize("name", [name for name, declared in KNOBS.items() if declared.zero])
def test_zero_is_allowed_beside_a_logarithmic_range(name):
    assert getattr(stage(**{name: 0}), name) == 0


def test_pairs_are_taken_where_they_mean_something():
    assert stage(max_lr=[1e-5, 1e-3]).lr_slice == (1e-5, 1e-3)
    assert stage(max_lr=1e-3).lr_slice == (1e-3, 1e-3)
    for values in ({"epochs": (1, 2)}, {"max_lr": (1e-5, 1e-4, 1e-3)}, {"momentum": 0.9}, {"max_lr": ()}):
        with pytest.raises(RecipeError, match="takes"):
            stage(**values)


def test_a_recipe_goes_to_json_and_back():
    assert recipe_from_dict(json.loads(json.dumps(recipe_to_dict(RECIPE)))) == RECIPE
    for each in RECIPE.stages:
        assert stage_from_dict(json.loads(json.dumps(stage_to_dict(each)))) == each


@pytest.mark.parametrize("more", [{}, {"objective": "language_model", "new_channels": "mean"}])
def test_a_recipe_goes_to_python_and_back_but_for_what_people_read(more):
    recipe = replace(RECIPE, title="", note="", **more)
    assert eval(recipe_source(replace(RECIPE, **more))) == recipe
    assert recipe_source(recipe).count("\n") == 7 + len(more)


def test_an_unknown_knob_is_refused_by_name():
    with pytest.raises(RecipeError, match="'learning_rate'"):
        stage_from_dict({"learning_rate": 1e-3})


def test_a_recipe_that_lacks_something_says_what():
    with pytest.raises(RecipeError, match="no stages"):
        replace(RECIPE, stages=())
    values = recipe_to_dict(RECIPE)
    for name in ("name", "stages", "backbone"):
        with pytest.raises(RecipeError, match=f"no '{name}'"):
            recipe_from_dict({key: value for key, value in values.items() if key != name})


@pytest.mark.parametrize("name", ["name", "title", "backbone", "objective", "note"])
def test_a_text_that_is_too_long_is_refused_with_its_length(name):
    most = MAX_NOTE if name == "note" else MAX_LETTERS
    longest = replace(RECIPE, **{name: "x" * most})
    assert recipe_from_dict(recipe_to_dict(longest)) == longest
    message = f"A recipe's {name} has {most + 1:,} letters. Give at most {most}"
    with pytest.raises(RecipeError, match=message):
        recipe_from_dict(recipe_to_dict(RECIPE) | {name: "x" * (most + 1)})
    with pytest.raises(RecipeError, match=message):
        replace(RECIPE, **{name: "x" * (most + 1)})  # nor can anybody make what could not be read again


def test_a_stage_s_name_is_a_short_text():
    assert stage(name="x" * MAX_LETTERS).name
    with pytest.raises(RecipeError, match="A stage's name has 900,000 letters"):
        stage_from_dict({"name": "x" * 900_000})
    with pytest.raises(RecipeError, match="A stage's name is 7"):
        stage_from_dict({"name": 7})


def test_of_too_many_stages_hardly_more_than_allowed_are_looked_at():
    most = replace(RECIPE, stages=RECIPE.stages[:1] * MAX_STAGES)
    assert recipe_from_dict(recipe_to_dict(most)) == most
    stages = iter([{}] * 300_000)
    with pytest.raises(RecipeError, match=f"'two-steps' has more than {MAX_STAGES} stages"):
        recipe_from_dict(recipe_to_dict(RECIPE) | {"stages": stages})
    assert len(list(stages)) == 300_000 - MAX_STAGES - 1


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("max_lr", "1e-3", 1e-3),
        ("max_lr", "1e-5, 1e-3", (1e-5, 1e-3)),
        ("momentum", "0.95,0.85", (0.95, 0.85)),
        ("epochs", " 4 ", 4),
        ("train_from", "-1", -1),
        ("precision", " bf16 ", "bf16"),
    ],
)
def test_typed_values_are_read(name, text, value):
    assert parse_knob(name, text) == value
    assert type(parse_knob(name, text)) is type(value)


@pytest.mark.parametrize(
    ("name", "text"), [("max_lr", "fast"), ("max_lr", ""), ("epochs", "1,2"), ("epochs", "1.5"), ("precision", "fp64")]
)
def test_typed_nonsense_is_refused(name, text):
    with pytest.raises(RecipeError, match=KNOBS[name].label):
        parse_knob(name, text)
