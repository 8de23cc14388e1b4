"""The Find-a-rate step: an LR finder run, its curve, and the ways to take a rate from it into the stage form."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import gradio as gr

from engine.access import may_steer
from engine.errors import EngineError, RecipeError, RunError
from engine.hub.library import known_model, model_name
from engine.recipe import Recipe, checked_value, knob_fields, rate_text
from engine.runs.queue import queue_position, start, stop
from engine.runs.store import RunSpec, find_run
from engine.task import Task
from engine.tasks.registry import get_task
from tabs.components.channels import build_channels_choice
from tabs.components.code import rate_code
from tabs.components.live_run import UNDER_WAY, show_rates, signature
from tabs.components.markup import empty_state, note
from tabs.components.opened import (
    dataset_name,
    run_choices,
    run_title,
    runs_of,
    snapshot_of,
    spec_of,
)
from tabs.components.paths import shown_name, without_paths
from tabs.components.stage_form import RATE, build_knob, rate_as_text, rate_values
from tabs.components.train_panel import TrainPanel, delete_run, may_delete, plan_of
from tabs.components.wiring import (
    ACTION,
    CLICK_RATE,
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

SUGGESTIONS = ("valley", "slide", "steep", "minimum/10")
NOTHING_YET = empty_state(
    "No curve yet",
    "Press “Find a rate”. A hundred batches are trained at rates that grow from tiny to far too large; "
    "nothing of it stays in the model.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePanel:
    """What the page needs of this panel: which run it shows, and what polls it."""

    run: gr.Dropdown
    timer: gr.Timer


def settings_of(task: Task) -> tuple[str, str, str]:
    """The knobs that a rate is found for."""
    return ("train_from", task.aims[0].size_knob, "batch_size")


def usual_sizes(task: Task, objective: str) -> tuple[int, int]:
    """An aim's own size of an input, and of a batch."""
    aim = task.aim(objective)
    return getattr(aim.default_stage, aim.size_knob), aim.default_stage.batch_size


def planned_recipe(
    task: Task,
    backbone: str,
    new_channels: str,
    train_from: int,
    size: float,
    batch_size: float,
    objective: str = "",
) -> Recipe:
    """What the fields say, as a recipe of one stage."""
    aim = task.aim(objective)
    sizes = {aim.size_knob: size, "batch_size": batch_size}
    for name, value in sizes.items():
        if value is None:
            raise RecipeError(f"{dict(knob_fields())[name].label} is empty. Give a number.")
    settings = {name: round(value) for name, value in sizes.items()}
    stage = replace(aim.default_stage, name="lr-find", train_from=train_from, **settings)
    return Recipe(
        name="lr-find",
        title="LR finder",
        stages=(stage,),
        backbone=backbone,
        new_channels=new_channels,
        objective=objective,
    )


def planned_code(task: Task, opened: str, backbone: str, new_channels: str, init_from: str, *settings: Any) -> str:
    """The program that does what the button would do; while a field is wrong, the reason."""
    if not opened:
        return "# Choose a data set first."
    try:
        recipe = planned_recipe(task, backbone, new_channels, *settings)
    except EngineError as error:
        return f"# {without_paths(error)}"
    return rate_code(task.name, opened, recipe, init_from)


@tells_errors
def start_finder(
    task: Task,
    opened: str,
    backbone: str,
    new_channels: str,
    init_from: str,
    train_from: int,
    size: float,
    batch_size: float,
    objective: str = "",
) -> Any:
    """Queue an LR finder run and show it in the picker."""
    if not opened:
        raise RunError("No data set is open. Choose one in the Data step, and fetch it if it is not here.")
    recipe = planned_recipe(task, backbone, new_channels, train_from, size, batch_size, objective)
    stage, aim = recipe.stages[0], task.aim(objective)
    where = "frozen" if stage.is_frozen else "unfrozen"
    unit = dict(knob_fields())[aim.size_knob].unit
    what = f"{aim.title.lower()}, " if objective else ""
    title = f"LR finder, {what}{where}, {getattr(stage, aim.size_knob)} {unit} · {dataset_name(opened)}"
    source = str(known_model(init_from).source) if init_from else ""
    run_dir = start(
        RunSpec(task=task.name, dataset=opened, recipe=recipe, job="lr-find", init_from=source, title=title)
    )
    return gr.update(choices=run_choices(runs_of(task, "lr-find")), value=run_dir.name)


@tells_errors
def stop_run(run: str | None) -> None:
    """Ask a run to stop at its next batch."""
    if run:
        stop(find_run(run))
        gr.Info("It stops at its next batch.")


def poll_rates(task: Task, chosen: str | None, seen: str) -> tuple[Any, ...]:
    """The picker, the curve, the four suggestions, the reading's button, the stop and delete buttons, and what was seen."""
    runs = runs_of(task, "lr-find")
    run = chosen if chosen in runs else next(iter(runs), None)
    if run is None:
        if seen == "none":
            return (gr.skip(),) * 10
        hidden = (gr.update(visible=False),) * 7
        return gr.update(choices=[], value=None), NOTHING_YET, *hidden, "none"
    try:
        snapshot, position = snapshot_of(run), queue_position(find_run(run))
    except EngineError as error:
        return gr.skip(), note(without_paths(error), "bad"), *(gr.skip(),) * 7, ""
    now = signature(run, snapshot, position) + f"|{runs[0]}|{len(runs)}"
    if now == seen:
        return (gr.skip(),) * 10
    found = [suggestion_button(name, snapshot.suggestions.get(name)) for name in SUGGESTIONS]
    reading = gr.update(visible=bool(snapshot.reading_lr), value=f"Use {rate_as_text(rate_of(snapshot.reading_lr))}")
    stopping = gr.update(visible=snapshot.status in UNDER_WAY and may_steer(spec_of(run).owner))
    deleting = gr.update(visible=may_delete(snapshot))
    shown = show_rates(run_title(run), snapshot, position)
    return picked(runs, run, chosen), shown, *found, reading, stopping, deleting, now


def suggestion_button(name: str, rate: float | None) -> Any:
    """A button that carries its rate, or none where the finder gave no such suggestion."""
    return gr.update(visible=rate is not None, value=f"{name} · {rate_text(rate)}" if rate else name)


def rate_of(rates: tuple[float, ...]) -> float | tuple[float, float]:
    """The lesson's reading as a stage wants it: one rate, or a slice."""
    return (rates[0], rates[-1]) if len(rates) > 1 else (rates[0] if rates else 0.0)


@tells_errors
def take_suggestion(run: str, name: str) -> list[Any]:
    """A suggestion, by name ("" is the lesson's reading), for the stage form; see `taken`."""
    snapshot = snapshot_of(run)
    rate = snapshot.suggestions.get(name) if name else rate_of(snapshot.reading_lr)
    if not rate:
        raise RunError("This run has no such suggestion yet. Wait until its curve is done.")
    return taken(run, rate)


@tells_errors
def take_clicked(run: str, rate: float) -> list[Any]:
    """The rate under the pointer, for the stage form; see `taken`."""
    return taken(run, float(f"{float(rate):.2g}"))


def taken(run: str, rate: float | tuple[float, float]) -> list[Any]:
    """For the Train step: the rate's fields, the settings and model for which it was found; last a line that says so.

    The finder tries rates beyond what a stage may have; such a one becomes the nearest that it may.
    """
    spec, declared = spec_of(run), dict(knob_fields())[RATE]
    stage = spec.recipe.stages[0]
    parts = rate if isinstance(rate, tuple) else (rate,)
    allowed = tuple(min(max(part, declared.minimum), declared.maximum) for part in parts)
    rate = checked_value(RATE, declared, allowed if isinstance(rate, tuple) else allowed[0])
    task = get_task(spec.task)
    settings = [getattr(stage, name) for name in settings_of(task)]
    said = f"{rate_as_text(rate)} is in the Train form now, with the layers, size and batch it was found for."
    model = shown_name(spec.recipe.backbone), spec.recipe.new_channels, model_name(spec.init_from)
    return [*rate_values(rate), *settings, plan_of(task, spec.recipe.objective), *model, note(said, "good")]


def build_rate_panel(task: Task, tab: gr.Tab, opened: gr.State) -> "tuple[RatePanel, _Taking]":
    """The panel's components, wired but for the stage form, which comes later; see `wire_taking`."""
    knobs, seen = dict(knob_fields()), gr.State("")
    timer = gr.Timer(1, active=False)
    build_lesson(task, "rate")
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            objective = gr.Radio(
                [(aim.title, aim.name if at else "") for at, aim in enumerate(task.aims)],
                value="",
                label="What is to learn",
                visible=len(task.aims) > 1,
            )
            train_from = build_knob("train_from", knobs["train_from"], task.default_stage.train_from, task)
            size_knob = task.aims[0].size_knob
            size = build_knob(size_knob, knobs[size_knob], getattr(task.default_stage, size_knob), task)
            batch_size = build_knob("batch_size", knobs["batch_size"], task.default_stage.batch_size, task)
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
            with gr.Row():
                finder = gr.Button("Find a rate", variant="primary")
                stopper = gr.Button("Stop", visible=False)
        with gr.Column(scale=2, min_width=320):
            run = build_run_picker("LR finder runs")
            remover = gr.Button("Delete", visible=False, variant="stop", size="sm")
            curve = gr.HTML(NOTHING_YET, js_on_load=CLICK_RATE)
            said = gr.HTML()
            reading = gr.Button("Use this", variant="primary", visible=False)
            with gr.Row(elem_classes="lab-suggestions"):
                suggested = [gr.Button(name, size="sm", visible=False, min_width=120) for name in SUGGESTIONS]
    code = build_code()

    polled = [run, curve, *suggested, reading, stopper, remover, seen]
    poll = partial(poll_rates, task)
    gr.on([tab.select, timer.tick, run.change], poll, [run, seen], polled, **POLL)
    planned = [opened, backbone, new_channels, init_from, train_from, size, batch_size, objective]
    finder.click(partial(start_finder, task), planned, run, **ACTION).success(poll, [run, seen], polled, **POLL)
    stopper.click(stop_run, run, None, **ACTION)
    remover.click(delete_run, run, None, **ACTION).success(poll, [run, seen], polled, **POLL)
    offer_starts(task, init_from, tab)
    # A language model reads in other lengths than a classifier.
    objective.input(partial(usual_sizes, task), objective, [size, batch_size], **POLL)
    gr.on([part.change for part in planned], partial(planned_code, task), planned, code, **POLL)
    taking = _Taking(run=run, curve=curve, said=said, reading=reading, suggested=suggested)
    return RatePanel(run=run, timer=timer), taking


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taking:
    """The components by which a rate is taken."""

    run: gr.Dropdown
    curve: gr.HTML
    said: gr.HTML
    reading: gr.Button
    suggested: list[gr.Button]


def wire_taking(task: Task, taking: _Taking, train: TrainPanel) -> None:
    """A click on the curve, on a suggestion or on the reading writes into the Train step's form."""
    settings = [train.form.fields[name] for name in settings_of(task)]
    model = [train.backbone, train.new_channels, train.init_from]
    written = [*train.form.rate_outputs, *settings, train.plan, *model, taking.said]
    for name, button in zip(("", *SUGGESTIONS), (taking.reading, *taking.suggested), strict=True):
        button.click(lambda run, name=name: take_suggestion(run, name), taking.run, written, **ACTION)

    def clicked(run: str, event: gr.EventData) -> list[Any]:
        return take_clicked(run, event.rate)

    taking.curve.select(clicked, taking.run, written, **ACTION)
