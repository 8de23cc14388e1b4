"""The Results step: what a trained run gets right and wrong, on validation data."""

from functools import partial
from typing import Any

import gradio as gr

from engine.errors import DataError, EngineError
from engine.runs.store import find_run
from engine.task import Task
from tabs.components.code import results_code
from tabs.components.markup import empty_state, facts, note, text
from tabs.components.opened import evaluation_of, open_dataset, run_choices, spec_of, trained_runs
from tabs.components.wiring import (
    ACTION,
    CLICK_ENLARGE,
    POLL,
    PREDICT,
    build_code,
    build_lesson,
    build_run_picker,
    set_css_variable,
)
from tabs.views.view import View

PAGE = 3
NOTHING_YET = empty_state("No trained model yet", "Train a run for at least one epoch; what it learned is shown here.")


def refresh_trained(task: Task, run: str | None) -> Any:
    """The picker with every run that has a checkpoint; the newest where none is chosen."""
    runs = trained_runs(task)
    return gr.update(choices=run_choices(runs), value=run if run in runs else next(iter(runs), None))


def show_figures(view: View, run: str | None) -> str:
    """A run's figures over the whole validation split, in all and by class."""
    if not run:
        return ""
    try:
        evaluation = evaluation_of(run)
    except EngineError as error:
        return note(str(error), "bad")
    if not evaluation:
        return empty_state("No figures yet", "They come with the first whole epoch of this run.")
    whole = facts((view.metric_title(name), f"{value:.4f}") for name, value in evaluation["metrics"].items())
    return f'<div class="lab-figures">{whole}</div>{view.show_evaluation(evaluation)}'


def show_cases(task: Task, view: View, run: str | None, start: int) -> tuple[str, int, str]:
    """A page of comparisons: HTML, the first one's number, and where that is in the split."""
    if not run:
        return NOTHING_YET, 0, ""
    from engine.serving.predictor import load_predictor  # imports torch

    try:
        predictor = load_predictor(find_run(run))
        data = open_dataset(task, spec_of(run).dataset)
        if predictor.classes != data.classes:
            raise DataError("The data set has other classes now than the model was trained on. Choose another run.")
        total = len(data.valid)
        start = min(max(0, start), (total - 1) // PAGE * PAGE)
        shown = view.show_comparisons(predictor, data, start, min(PAGE, total - start))
        return shown, start, f"{start + 1}–{min(start + PAGE, total)} of {total}"
    except EngineError as error:
        return note(str(error), "bad"), 0, ""


def code_of(task: Task, run: str | None) -> str:
    """The program that computes the same."""
    return results_code(task.name, spec_of(run).dataset, run) if run else ""


def build_results_panel(task: Task, view: View, tab: gr.Tab) -> gr.Dropdown:
    """The panel's components, wired; returns the run picker."""
    panel_id = f"{task.name}-results"
    start = gr.State(0)
    build_lesson(task, "results")
    with gr.Column(elem_id=panel_id, elem_classes="lab-panel"):
        with gr.Row(elem_classes="lab-controls"):
            run = build_run_picker("Trained runs")
            opacity = gr.Slider(0, 100, value=70, step=1, label="How strong the mask is", buttons=[])
        gr.HTML(f"<h3>Validation {text(view.items)}: input, truth, prediction</h3>")
        cases = gr.HTML(NOTHING_YET, js_on_load=CLICK_ENLARGE)
        with gr.Row(elem_classes="lab-pager"):
            back, where, forth = gr.Button("← Back", size="sm"), gr.HTML(), gr.Button("More →", size="sm")
        gr.HTML("<h3>Figures over the whole validation split</h3>")
        figures = gr.HTML()
    code = build_code()

    shown = [cases, start, where]
    show = partial(show_cases, task, view)
    tab.select(partial(refresh_trained, task), run, run, **POLL)
    run.change(lambda run: show(run, 0), run, shown, **PREDICT)
    back.click(lambda run, at: show(run, at - PAGE), [run, start], shown, **PREDICT)
    forth.click(lambda run, at: show(run, at + PAGE), [run, start], shown, **PREDICT)
    gr.on([run.change, tab.select], partial(show_figures, view), run, figures, **ACTION)
    run.change(partial(code_of, task), run, code, **POLL)
    opacity.input(None, opacity, None, js=set_css_variable(panel_id, "--mask-opacity"))
    return run
