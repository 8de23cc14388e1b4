"""What a Start would train: one stage from the form, or one of the task's recipes; its fields, as a recipe, as a program."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from engine.errors import EngineError, RecipeError
from engine.fitting import fitted
from engine.recipe import Recipe
from engine.task import Task
from tabs.door.address import asked_for
from tabs.door.paths import without_paths
from tabs.drawing.markup import table, text
from tabs.panels.channels import build_channels_choice
from tabs.panels.stage_form import (
    RATE,
    Knobs,
    StageForm,
    StageValues,
    build_stage_form,
    form_values,
    rate_as_text,
    stage_from_form,
    train_from_choices,
    unchanged_values,
    ways_from_rate,
)
from tabs.programs import train_code
from tabs.reading.opened import open_dataset
from tabs.wiring import POLL, as_state, build_data_line, build_start_picker, flat

ONE_STAGE = "one-stage"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanForm:
    """The components that say what a Start would train."""

    opened: gr.State
    plan: gr.Dropdown
    chosen: gr.State  # its value, for what has to hear of it
    backbone: gr.Dropdown
    new_channels: gr.Radio
    init_from: gr.Dropdown
    seed: gr.Number
    form: StageForm

    @property
    def inputs(self) -> list[Any]:
        """What `start_run` and `planned_code` read, in the order of their arguments."""
        first = (self.opened, self.plan, self.backbone, self.new_channels, self.init_from, self.seed)
        return [*first, *self.form.inputs]


def plan_choices(task: Task) -> list[tuple[str, str]]:
    """One stage from the form, for each of the task's aims, or one of its recipes."""
    stages = [
        (
            f"{aim.title}: one stage, from the form below" if aim.title else "One stage, from the form below",
            plan_of(task, aim.name),
        )
        for aim in task.aims
    ]
    return [*stages, *((f"Recipe: {recipe.title or recipe.name}", recipe.name) for recipe in task.recipes)]


def plan_of(task: Task, objective: str) -> str:
    """What stands for one stage of an aim, given by its name."""
    return ONE_STAGE if objective in ("", task.aims[0].name) else f"{ONE_STAGE}:{objective}"


def objective_of(plan: str) -> str | None:
    """The aim's name ("" is the first) where the plan is one stage, None where it is a recipe."""
    first, _, objective = plan.partition(":")
    return objective if first == ONE_STAGE else None


def aim_values(task: Task, plan: str) -> StageValues:
    """The form's values when another aim is chosen: the stage that it begins with."""
    objective = objective_of(plan)
    return unchanged_values() if objective is None else form_values(task.aim(objective).default_stage)


class ShownPlan(NamedTuple):
    """What shows for a plan: a recipe's stages, or the form, and the recipe's backbone."""

    stages: Any
    form_column: Any
    backbone: Any


def show_plan(task: Task, plan: str) -> ShownPlan:
    """A recipe's stages as a table and its backbone, or the form."""
    if objective_of(plan) is not None:
        return ShownPlan(stages="", form_column=gr.update(visible=True), backbone=gr.skip())
    recipe = task.recipe(plan)
    return ShownPlan(stages=recipe_table(task, recipe), form_column=gr.update(visible=False), backbone=recipe.backbone)


def recipe_table(task: Task, recipe: Recipe) -> str:
    """The stages of a recipe, one a line."""
    layers = {group: label.partition(":")[0].lower() for label, group in train_from_choices(task)}
    rows = [
        (
            text(stage.name),
            text(layers[stage.train_from]),
            str(stage.epochs),
            rate_as_text(stage.max_lr),
            str(getattr(stage, task.aim(recipe.objective).size_knob)),
            str(stage.batch_size),
        )
        for stage in recipe.stages
    ]
    stages = table(("Stage", "Layers", "Epochs", "Rate", "Size", "Batch"), rows, numbers_from=2)
    return f'<p class="lab-small">{text(recipe.note)}</p>{stages}'


def planned_recipe(task: Task, plan: str, backbone: str, new_channels: str, values: Sequence[Any]) -> Recipe:
    """What Start would train: the chosen recipe, or the form's one stage, on the chosen backbone."""
    objective = objective_of(plan)
    if objective is None:
        return replace(task.recipe(plan), backbone=backbone, new_channels=new_channels)
    aim = task.aim(objective)
    stage = stage_from_form(values, aim.size_knob)
    return Recipe(
        name=stage.name,
        title=f"{aim.title}, {stage.name}" if aim.title else f"One stage, {stage.name}",
        stages=(stage,),
        backbone=backbone,
        new_channels=new_channels,
        objective=objective,
    )


def fitted_plan(task: Task, opened: str, recipe: Recipe) -> Recipe:
    """The recipe as it is trained on the open data set, however small that is."""
    return fitted(recipe, len(open_dataset(task, opened).train)) if recipe.least_steps else recipe


def whole_seed(seed: float | None) -> int:
    """The seed in the field, which may have been cleared."""
    if seed is None:
        raise RecipeError("Seed is empty. Give a whole number, such as 42.")
    return round(seed)


def planned_code(
    task: Task,
    opened: str,
    plan: str,
    backbone: str,
    new_channels: str,
    init_from: str,
    seed: float | None,
    *values: Any,
) -> str:
    """The program that does what Start would do; while a field is wrong, the reason."""
    if not opened:
        return "# Choose a data set first."
    try:
        recipe = fitted_plan(task, opened, planned_recipe(task, plan, backbone, new_channels, values))
        return train_code(task.name, opened, recipe, init_from, seed=whole_seed(seed))
    except EngineError as error:
        return f"# {without_paths(error)}"


def restored_plan(
    task: Task, _: None, plan: str, backbone: str, new_channels: str, init_from: str, seed: float | None, *values: Any
) -> list[Any]:
    """The form's values as they were, and the ways to write its rate; an error where they make no recipe.

    The first is the data set, which its own picker keeps. Where the address says what to start from, that counts.
    """
    planned_recipe(task, plan, backbone, new_channels, values)
    start = [gr.skip(), new_channels, gr.skip()] if asked_for("start") else [backbone, new_channels, init_from]
    ways = ways_from_rate(str(values[Knobs._fields.index(RATE)]))
    return [plan, *start, whole_seed(seed), *values, *ways]


def build_plan_form(task: Task, opened: gr.State) -> PlanForm:
    """The components, wired to each other."""
    plan = gr.Dropdown(plan_choices(task), value=ONE_STAGE, label="What to train", filterable=False)
    chosen = as_state(plan)
    stages = gr.HTML()
    with gr.Column(elem_classes="lab-form") as form_column:
        form = build_stage_form(task)
    backbone = gr.Dropdown(
        list(task.backbones),
        value=task.backbones[0],
        label="Backbone",
        info=task.backbone_help,
        allow_custom_value=True,
    )
    new_channels = build_channels_choice(task, opened)
    init_from = build_start_picker()
    seed = gr.Number(42, label="Seed", precision=0, minimum=0, maximum=2**31 - 1)
    build_data_line(opened)
    shown = ShownPlan(stages=stages, form_column=form_column, backbone=backbone)
    chosen.change(partial(show_plan, task), chosen, flat(shown), **POLL)
    if len(task.aims) > 1:  # by hand alone: what else sets the plan brings values for the form
        plan.input(lambda plan: flat(aim_values(task, plan)), plan, flat(form.outputs), **POLL)
    return PlanForm(
        opened=opened,
        plan=plan,
        chosen=chosen,
        backbone=backbone,
        new_channels=new_channels,
        init_from=init_from,
        seed=seed,
        form=form,
    )
