"""What an LR finder run would do, by its fields: the form, the recipe of one stage, and the program that does the same."""

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from engine.errors import EngineError, RecipeError
from engine.recipe import LR_STEPS, Recipe, knob_fields
from engine.task import Task
from tabs.door.paths import without_paths
from tabs.panels.channels import build_channels_choice
from tabs.panels.stage_form import build_knob
from tabs.programs import rate_code
from tabs.wiring import POLL, build_data_line, build_start_picker

STEPS = "Rates to try"


class FinderInputs(NamedTuple):
    """What `start_finder` and `planned_code` read, in the order of their arguments."""

    opened: Any
    backbone: Any
    new_channels: Any
    init_from: Any
    train_from: Any
    size: Any
    batch_size: Any
    objective: Any
    steps: Any


def usual_sizes(task: Task, objective: str) -> tuple[int, int]:
    """An aim's own size of an input, and of a batch."""
    aim = task.aim(objective)
    return getattr(aim.default_stage, aim.size_knob), aim.default_stage.batch_size


def planned_finder(
    task: Task,
    backbone: str,
    new_channels: str,
    train_from: int,
    size: float | None,
    batch_size: float | None,
    objective: str = "",
    steps: float | None = LR_STEPS,
) -> tuple[Recipe, int]:
    """What the fields say: a recipe of one stage, and how many rates to try."""
    knobs, aim = dict(knob_fields()), task.aim(objective)
    sizes = {aim.size_knob: size, "batch_size": batch_size}
    settings = {name: whole(knobs[name].label, value) for name, value in sizes.items()}
    recipe = Recipe(
        name="lr-find",
        title="LR finder",
        stages=(replace(aim.default_stage, name="lr-find", train_from=train_from, **settings),),
        backbone=backbone,
        new_channels=new_channels,
        objective=objective,
    )
    return recipe, whole(STEPS, steps)


def whole(label: str, value: float | None) -> int:
    """The number in a field, which may have been cleared."""
    if value is None:
        raise RecipeError(f"{label} is empty. Give a number.")
    return round(value)


def planned_code(task: Task, opened: str, backbone: str, new_channels: str, init_from: str, *settings: Any) -> str:
    """The program that does what the button would do; while a field is wrong, the reason."""
    if not opened:
        return "# Choose a data set first."
    try:
        recipe, steps = planned_finder(task, backbone, new_channels, *settings)
    except EngineError as error:
        return f"# {without_paths(error)}"
    return rate_code(task.name, opened, recipe, init_from, steps=steps)


def restored_finder(task: Task, _: None, backbone: str, new_channels: str, init_from: str, *settings: Any) -> list[Any]:
    """The fields as they were, but the first: the data set, which its own picker keeps. An error where they make no recipe."""
    planned_finder(task, backbone, new_channels, *settings)
    return [backbone, new_channels, init_from, *settings]


def build_rate_form(task: Task, opened: gr.State) -> FinderInputs:
    """The fields, wired to each other."""
    knobs, aim = dict(knob_fields()), task.aims[0]
    objective = gr.Radio(
        [(aim.title, aim.name if at else "") for at, aim in enumerate(task.aims)],
        value="",
        label="What is to learn",
        visible=len(task.aims) > 1,
    )
    train_from = build_knob("train_from", knobs["train_from"], task.default_stage.train_from, task)
    size = build_knob(aim.size_knob, knobs[aim.size_knob], getattr(task.default_stage, aim.size_knob), task)
    batch_size = build_knob("batch_size", knobs["batch_size"], task.default_stage.batch_size, task)
    steps = gr.Number(
        LR_STEPS,
        label=STEPS,
        info="One batch each. With more of them, or larger batches, chance counts less.",
        precision=0,
        minimum=50,
        maximum=1000,
    )
    backbone = gr.Dropdown(
        list(task.backbones),
        value=task.backbones[0],
        label="Backbone",
        info=task.backbone_help,
        allow_custom_value=True,
    )
    new_channels = build_channels_choice(task, opened)
    init_from = build_start_picker()
    build_data_line(opened)
    # A language model reads in other lengths than a classifier.
    objective.input(partial(usual_sizes, task), objective, [size, batch_size], **POLL)
    return FinderInputs(
        opened=opened,
        backbone=backbone,
        new_channels=new_channels,
        init_from=init_from,
        train_from=train_from,
        size=size,
        batch_size=batch_size,
        objective=objective,
        steps=steps,
    )
