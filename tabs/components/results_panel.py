"""The Results step: what a trained model gets right and wrong, on validation data."""

from functools import partial
from typing import Any

import gradio as gr

from engine.errors import BundleError, DataError, EngineError
from engine.hub.library import known_model
from engine.task import Task
from tabs.components.code import results_code
from tabs.components.heavy import load_engine
from tabs.components.markup import empty_state, facts, metric_text, note, text
from tabs.components.models import (
    dataset_of,
    evaluation_of,
    model_choices,
    model_label,
    models_of,
    predictor_of,
    ranked_items,
    remarks_of,
)
from tabs.components.opened import open_dataset
from tabs.components.paths import without_paths
from tabs.components.wiring import (
    ACTION,
    CLICK_ENLARGE,
    POLL,
    RANK,
    build_code,
    build_lesson,
    build_overlay_slider,
    build_run_picker,
    html_or_reason,
)
from tabs.views.view import View

PAGE = 3
WORST, LISTED = "worst", "listed"
NOTHING_YET = empty_state("No trained model yet", "Train a run for at least one epoch; what it learned is shown here.")


def refresh_trained(task: Task, model: str | None) -> Any:
    """The picker with every model of the task; where none is chosen, the newest of one's own, or what came with the app."""
    models = models_of(task)
    names = [found.name for found in models]
    return gr.update(choices=model_choices(models), value=model if model in names else next(iter(names), None))


def show_figures(view: View, model: str | None) -> str:
    """A model's figures over the whole validation split, in all and by class."""
    if not model:
        return ""
    try:
        evaluation = evaluation_of(model)
    except EngineError as error:
        return note(without_paths(error), "bad")
    if not evaluation:
        return empty_state("No figures yet", "They come with a run's first whole epoch.")
    pairs = [(view.metric_title(name), metric_text(name, value)) for name, value in evaluation["metrics"].items()]
    said = "".join(note(remark, "warn") for remark in remarks_of(model))
    return f'<div class="lab-figures">{facts(pairs)}</div>{said}{view.show_evaluation(evaluation)}'


def show_cases(task: Task, view: View, model: str | None, order: str, start: int) -> tuple[str, int, str]:
    """A page of comparisons: HTML, the first one's number, and where that is in the split."""
    if not model:
        return NOTHING_YET, 0, ""
    load_engine()
    from engine.training.bundle_weights import learns_classes

    try:
        predictor = predictor_of(model)
        data = open_dataset(task, predictor.config.dataset)
        if predictor.classes != data.classes and learns_classes(predictor.model):
            raise DataError("The data set has other classes now than the model was trained on. Choose another one.")
        items = ranked_items(model, data) if order == WORST else data.valid
        total = len(items)
        start = min(max(0, start), (total - 1) // PAGE * PAGE)
        shown = view.show_comparisons(predictor, data, items[start : start + PAGE])
        return shown, start, f"{start + 1}–{min(start + PAGE, total)} of {total}"
    except EngineError as error:
        return note(without_paths(error), "bad"), 0, ""


def show_breakdown(task: Task, view: View, model: str | None) -> str:
    """What predicting the whole validation split shows."""
    if not model or view.show_breakdown is None:
        return ""
    make = view.show_breakdown
    # It stays when another model is chosen, so it says whose it is; clearing it then could wipe out an answer under way.
    whose = f'<p class="lab-small">{text(model_label(model))}</p>'
    return whose + html_or_reason(lambda: make(predictor_of(model), open_dataset(task, dataset_of(model))))


def code_of(task: Task, view: View, model: str | None) -> str:
    """The program that computes the same."""
    if not model:
        return ""
    try:
        config = known_model(model).config
    except BundleError:  # deleted meanwhile
        return ""
    return results_code(task.name, config.dataset, model, config.objective, view.snippets)


def build_results_panel(task: Task, view: View, tab: gr.Tab) -> gr.Dropdown:
    """The panel's components, wired; returns the model picker."""
    panel_id = f"{task.name}-results"
    start = gr.State(0)
    build_lesson(task, "results")
    with gr.Column(elem_id=panel_id, elem_classes="lab-panel"):
        with gr.Row(elem_classes="lab-controls"):
            model = build_run_picker("Model")
            order = gr.Radio([("As listed", LISTED), ("Highest loss first", WORST)], value=LISTED, label="Order")
            build_overlay_slider(view, panel_id, 70)
        gr.HTML(f"<h3>Validation {text(view.items)}: truth and prediction</h3>")
        cases = gr.HTML(NOTHING_YET, js_on_load=CLICK_ENLARGE)
        with gr.Row(elem_classes="lab-pager"):
            back, where, forth = gr.Button("← Back", size="sm"), gr.HTML(), gr.Button("More →", size="sm")
        gr.HTML("<h3>Figures over the whole validation split</h3>")
        figures = gr.HTML()
        if view.show_breakdown:
            looker = gr.Button(f"Look into every validation {text(view.items).removesuffix('s')}", size="sm")
            breakdown = gr.HTML()
            looker.click(partial(show_breakdown, task, view), model, breakdown, **RANK)
    code = build_code()

    shown = [cases, start, where]
    show = partial(show_cases, task, view)
    tab.select(partial(refresh_trained, task), model, model, **POLL)
    # Back in this step, a model that went on training has a better checkpoint.
    changed = [model.change, order.change, tab.select]
    gr.on(changed, lambda model, order: show(model, order, 0), [model, order], shown, **RANK)
    paged = [model, order, start]
    back.click(lambda model, order, at: show(model, order, at - PAGE), paged, shown, **RANK)
    forth.click(lambda model, order, at: show(model, order, at + PAGE), paged, shown, **RANK)
    gr.on([model.change, tab.select], partial(show_figures, view), model, figures, **ACTION)
    model.change(partial(code_of, task, view), model, code, **POLL)
    return model
