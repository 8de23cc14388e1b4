"""The Train step: one stage from the form or a whole recipe, started, stopped and resumed; and the run, live."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import gradio as gr

from engine.access import asker, may_steer
from engine.errors import EngineError, RecipeError, RunError
from engine.hub.library import known_model
from engine.hub.trash import delete_model
from engine.recipe import Recipe, knob_fields
from engine.runs.queue import queue_position, resume, start, stop
from engine.runs.snapshot import RunSnapshot
from engine.runs.store import RunSpec, find_run
from engine.task import Task
from tabs.components.channels import build_channels_choice
from tabs.components.code import train_code
from tabs.components.live_run import RESUMABLE, UNDER_WAY, show_run, signature
from tabs.components.markup import empty_state, note, table, text
from tabs.components.opened import (
    dataset_name,
    remarks_of,
    run_choices,
    run_title,
    runs_of,
    snapshot_of,
    spec_of,
)
from tabs.components.paths import shown_name, without_paths
from tabs.components.stage_form import (
    StageForm,
    build_stage_form,
    form_values,
    rate_as_text,
    stage_from_form,
    train_from_choices,
)
from tabs.components.wiring import (
    ACTION,
    POLL,
    build_code,
    build_data_line,
    build_lesson,
    build_run_picker,
    build_start_picker,
    offer_starts,
    picked,
    tells_errors,
)
from tabs.views.view import View

ONE_STAGE = "one-stage"
NOTHING_YET = empty_state(
    "No run yet", "Choose a recipe or set up one stage, then press Start. The run goes on when this page is closed."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainPanel:
    """What the page and other panels need of this one."""

    run: gr.Dropdown
    timer: gr.Timer
    form: StageForm
    plan: gr.Dropdown
    backbone: gr.Dropdown
    new_channels: gr.Radio
    init_from: gr.Dropdown


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


def aim_values(task: Task, plan: str) -> list[Any]:
    """The form's values when another aim is chosen: the stage that it begins with."""
    objective = objective_of(plan)
    if objective is None:
        return [gr.skip()] * (len(knob_fields()) + 3)
    return form_values(task.aim(objective).default_stage)


def show_plan(task: Task, plan: str) -> tuple[str, Any, Any]:
    """A recipe's stages as a table, whether the form shows, and the recipe's backbone."""
    if objective_of(plan) is not None:
        return "", gr.update(visible=True), gr.skip()
    recipe = task.recipe(plan)
    return recipe_table(task, recipe), gr.update(visible=False), recipe.backbone


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


@tells_errors
def start_run(
    task: Task,
    opened: str,
    plan: str,
    backbone: str,
    new_channels: str,
    init_from: str,
    seed: float | None,
    *values: Any,
) -> Any:
    """Queue a training run and show it in the picker."""
    if not opened:
        raise RunError("No data set is open. Choose one in the Data step, and fetch it if it is not here.")
    recipe = planned_recipe(task, plan, backbone, new_channels, values)
    source = str(known_model(init_from).source) if init_from else ""
    title = f"{recipe.title} · {dataset_name(opened)}"
    spec = RunSpec(task=task.name, dataset=opened, recipe=recipe, init_from=source, seed=whole_seed(seed), title=title)
    run_dir = start(spec)
    return gr.update(choices=run_choices(runs_of(task, "train")), value=run_dir.name)


@tells_errors
def stop_run(run: str | None) -> None:
    """Ask a run to stop at its next batch; its checkpoint is kept."""
    if run:
        stop(find_run(run))


@tells_errors
def resume_run(run: str | None) -> None:
    """Put a run that ended early back in the queue."""
    if run:
        resume(find_run(run))


@tells_errors
def delete_run(run: str | None) -> None:
    """Move a run into the trash."""
    if run:
        delete_model(run)
        gr.Info("It is in the trash. “Undo” on the Models tab brings it back for a week.")


def may_delete(snapshot: RunSnapshot) -> bool:
    """Whether whoever is asking may delete a run, and it has ended."""
    return asker().is_host and snapshot.status not in UNDER_WAY


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
        recipe = planned_recipe(task, plan, backbone, new_channels, values)
        return train_code(task.name, opened, recipe, init_from, seed=whole_seed(seed))
    except EngineError as error:
        return f"# {without_paths(error)}"


def poll_run(task: Task, metrics: Mapping[str, str], chosen: str | None, seen: str) -> tuple[Any, ...]:
    """The picker, the live panel, the stop, resume, copy and delete buttons, the log and its fold, and what was seen."""
    runs = runs_of(task, "train")
    run = chosen if chosen in runs else next(iter(runs), None)
    if run is None:
        if seen == "none":
            return (gr.skip(),) * 9
        hidden = gr.update(visible=False)
        return gr.update(choices=[], value=None), NOTHING_YET, *(hidden,) * 4, "", hidden, "none"
    try:
        snapshot, position = snapshot_of(run), queue_position(find_run(run))
    except EngineError as error:
        return gr.skip(), note(without_paths(error), "bad"), *(gr.skip(),) * 6, ""
    now = f"{signature(run, snapshot, position)}|{runs[0]}|{len(runs)}"
    if now == seen:
        return (gr.skip(),) * 9
    steers = may_steer(spec_of(run).owner)
    return (
        picked(runs, run, chosen),
        show_run(run_title(run), snapshot, position, metrics, remarks_of(run)),
        gr.update(visible=steers and snapshot.status in UNDER_WAY and not snapshot.stopping),
        # One that diverged would do so again, at the same step: its settings have to change.
        gr.update(visible=steers and snapshot.status in RESUMABLE and not snapshot.divergence),
        gr.update(visible=True),
        gr.update(visible=may_delete(snapshot)),
        without_paths(snapshot.log_tail),
        gr.update(visible=bool(snapshot.log_tail)),
        now,
    )


@tells_errors
def copy_settings(task: Task, run: str | None) -> list[Any]:
    """A run's last stage for the form: what to train (one stage), the model, and the form's values."""
    if not run:
        raise RunError("There is no run to copy from yet.")
    recipe = spec_of(run).recipe
    stage = recipe.stages[-1]
    if stage.train_from not in [group for _, group in train_from_choices(task)]:
        raise RunError(f"This run trains from layer group {stage.train_from}, which the form does not offer.")
    plan = plan_of(task, recipe.objective)
    return [plan, shown_name(recipe.backbone), recipe.new_channels, *form_values(stage)]


def build_train_panel(task: Task, view: View, tab: gr.Tab, opened: gr.State) -> TrainPanel:
    """The panel's components, wired."""
    timer, seen = gr.Timer(1, active=False), gr.State("")
    build_lesson(task, "train")
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            plan = gr.Dropdown(plan_choices(task), value=ONE_STAGE, label="What to train", filterable=False)
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
            starter = gr.Button("Start", variant="primary", size="lg", elem_classes="lab-start")
        with gr.Column(scale=3, min_width=320):
            run = build_run_picker("Runs")
            with gr.Row():
                stopper = gr.Button("Stop", visible=False, size="sm")
                resumer = gr.Button("Resume", visible=False, variant="primary", size="sm")
                copier = gr.Button("Copy its settings to the form", visible=False, size="sm")
                remover = gr.Button("Delete", visible=False, variant="stop", size="sm")
            live = gr.HTML(NOTHING_YET)
            with gr.Accordion("Last lines of the log", open=False, visible=False) as log_fold:
                log = gr.Code(language=None, interactive=False, show_label=False, wrap_lines=True)
    code = build_code()

    polled = [run, live, stopper, resumer, copier, remover, log, log_fold, seen]
    poll = partial(poll_run, task, view.metrics)
    gr.on([tab.select, timer.tick, run.change], poll, [run, seen], polled, **POLL)
    copier.click(partial(copy_settings, task), run, [plan, backbone, new_channels, *form.outputs], **ACTION)
    plan.change(partial(show_plan, task), plan, [stages, form_column, backbone], **POLL)
    if len(task.aims) > 1:  # by hand alone: what else sets the plan brings values for the form
        plan.input(partial(aim_values, task), plan, form.outputs, **POLL)
    starter.click(
        partial(start_run, task), [opened, plan, backbone, new_channels, init_from, seed, *form.inputs], run, **ACTION
    ).success(poll, [run, seen], polled, **POLL)
    for button, handler in ((stopper, stop_run), (resumer, resume_run), (remover, delete_run)):
        button.click(handler, run, None, **ACTION).success(poll, [run, seen], polled, **POLL)
    offer_starts(task, init_from, tab)
    planned = [opened, plan, backbone, new_channels, init_from, seed, *form.inputs]
    gr.on([part.change for part in planned], partial(planned_code, task), planned, code, **POLL)
    return TrainPanel(
        run=run,
        timer=timer,
        form=form,
        plan=plan,
        backbone=backbone,
        new_channels=new_channels,
        init_from=init_from,
    )
