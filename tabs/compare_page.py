"""The page for comparing runs: their figures, curves and settings side by side, and what starts another to compare with."""

from typing import Any

import gradio as gr

from engine.errors import EngineError
from engine.runs.compared import MOST_RUNS
from engine.tasks.registry import TASKS
from tabs.drawing.markup import LOADING, note
from tabs.panels.again import (
    do_again,
    knob_choices,
    preset_choices,
    preset_datasets,
    redo_choices,
    run_both,
    said_now,
    said_of,
    stage_choices,
)
from tabs.panels.comparing import Compared, asked_runs, letters_of, listed_runs, poll_compared, show_samples
from tabs.scripts import script
from tabs.wiring import ACTION, POLL, PREDICT, as_state, flat, polls, tells_errors, wakes

HEAD = (
    '<header class="lab-task"><h2>Compare</h2><p>Several runs side by side: what they came to, their curves over each other, and '
    "the settings in which they differ. The address carries the comparison.</p></header>"
)
AXES = [("Step", "step"), ("Epoch", "epoch"), ("Time", "time")]
SMOOTHEST = 0.98


def build_compare_page(page: gr.Blocks) -> None:
    """The page's components, wired."""
    timer = gr.Timer(1)
    gr.HTML(HEAD)
    picker = gr.Dropdown(
        [],
        multiselect=True,
        max_choices=MOST_RUNS,
        label="Runs",
        info=f"Up to {MOST_RUNS}; differences are to the first. Figures can be compared where task and data are the same.",
        elem_classes="lab-runs",
    )
    chosen, message = as_state(picker), gr.HTML()
    figures = gr.HTML(LOADING)
    with gr.Column(visible=False) as rest:
        gr.HTML("<h3>Curves</h3>")
        with gr.Row(elem_classes="lab-controls"):
            axis = gr.Radio(AXES, value="step", label="Along")
            smoothing = gr.Slider(
                0, SMOOTHEST, value=0.8, step=0.02, label="Smoothing of the training loss", buttons=[]
            )
        curves = gr.HTML()
        gr.HTML("<h3>Settings</h3>")
        whole = gr.Checkbox(False, label="Show those that are the same too")
        settings = gr.HTML()
        gr.HTML("<h3>The same samples through each</h3>")
        sampler = gr.Button("Show a few validation samples through each run's best model", size="sm")
        samples = gr.HTML(js_on_load=script("click-enlarge"))
    starts = [_build_again(picker, chosen, message), _build_presets(picker, message, page)]

    shown = Compared(figures=figures, curves=curves, settings=settings, rest=rest, seen=gr.State(""))
    asked = [chosen, axis, smoothing, whole, shown.seen]
    watched = [chosen.change, as_state(axis).change, as_state(smoothing).change, as_state(whole).change]

    def poll(*values: Any) -> list[Any]:
        return flat(poll_compared(*values))

    gr.on(watched, poll, asked, flat(shown), **POLL)
    polls(timer, poll_compared, asked, shown)
    wakes(timer, "", [action.success(poll, asked, flat(shown), **POLL) for action in starts])
    chosen.change(None, picker, None, js=script("keep-runs"))  # a state's value is not in the browser
    chosen.change(lambda: "", None, samples, **POLL)  # they are of the runs before
    sampler.click(tells_errors(show_samples), chosen, samples, **PREDICT)
    picker.focus(lambda names: gr.update(choices=listed_runs(names or ())), chosen, picker, **POLL)
    page.load(begin, None, [picker, message], **POLL)
    page.load(poll, asked, flat(shown), **POLL)


def begin() -> tuple[Any, str]:
    """The picker with the runs that the address names."""
    try:
        names, said = asked_runs()
    except EngineError as problem:
        return gr.skip(), note(str(problem), "warn")
    return gr.update(choices=listed_runs(names), value=names), note(said, "warn") if said else ""


def _build_again(picker: gr.Dropdown, chosen: gr.State, message: gr.HTML) -> Any:
    """The form for a run again with one change; what starts it is returned."""
    with gr.Accordion("Do one of them again with one change", open=False):
        with gr.Row(elem_classes="lab-controls"):
            run = gr.Dropdown([], label="Which run", min_width=260, elem_classes="lab-runs")
            knob = gr.Dropdown([], label="What to change")
            stage = gr.Dropdown([("All of them", 0)], value=0, label="In which stage", visible=False)
            value = gr.Textbox(label="New value", max_lines=1)
        now = gr.HTML()
        starter = gr.Button("Start it again with this change", variant="primary")
    run_now, knob_now = as_state(run), as_state(knob)
    chosen.change(lambda names, run: redo_choices(letters_of(names), run), [chosen, run], run, **POLL)
    run_now.change(stage_choices, run, stage, **POLL)
    run_now.change(knob_choices, [run, knob], knob, **POLL)
    gr.on([run_now.change, knob_now.change], said_now, [run, knob], now, **POLL)
    return starter.click(do_again, [picker, run, knob, value, stage], [picker, message], **ACTION)


def _build_presets(picker: gr.Dropdown, message: gr.HTML, page: gr.Blocks) -> Any:
    """The known-good and known-bad settings; what starts them is returned."""
    first = TASKS[0].name
    with gr.Accordion("Known-good and known-bad settings, to run and compare", open=False):
        with gr.Row(elem_classes="lab-controls"):
            task = gr.Dropdown([(one.title, one.name) for one in TASKS], value=first, label="Task", filterable=False)
            dataset = gr.Dropdown([], label="Data set", info="Those of the task that are here.")
            preset = gr.Dropdown([], label="Against the baseline", filterable=False)
        reason = gr.HTML()
        starter = gr.Button("Run both", variant="primary")
    task_now, preset_now = as_state(task), as_state(preset)
    gr.on([page.load, task_now.change], preset_choices, task, preset, **POLL)
    gr.on([page.load, task_now.change, dataset.focus], preset_datasets, task, dataset, **POLL)
    gr.on([page.load, task_now.change, preset_now.change], said_of, [task, preset], reason, **POLL)
    return starter.click(run_both, [picker, task, dataset, preset], [picker, message], **ACTION)
