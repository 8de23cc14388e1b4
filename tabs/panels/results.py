"""The Results step: what a trained model gets right and wrong on data that it was not trained on."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from engine.data.sources.fetching import own_name
from engine.errors import BundleError, EngineError
from engine.host.lent import lender
from engine.library.listing import known_model
from engine.task import Task
from tabs.door.address import chosen_of
from tabs.door.paths import without_paths
from tabs.drawing.markup import LOADING, empty_state, facts, metric_text, note, text
from tabs.panels.cases import (
    ALL,
    LISTED,
    ORDERS,
    PAGE,
    RIGHT,
    TEST,
    TITLES,
    VALID,
    WRONG,
    Asked,
    Cases,
    chosen_part,
    show_breakdown,
    show_cases,
)
from tabs.panels.missing_data import build_missing_data
from tabs.panels.taken_up import TakenUp, build_taken_up
from tabs.programs import results_code
from tabs.reading.models import (
    dataset_of,
    evaluation_of,
    measured,
    model_choices,
    model_label,
    models_of,
    remarks_of,
)
from tabs.reading.opened import has_test, open_dataset
from tabs.scripts import script
from tabs.views.view import View
from tabs.wiring import (
    ACTION,
    POLL,
    RANK,
    as_state,
    build_code,
    build_lesson,
    build_overlay_slider,
    build_run_picker,
    counted,
    flat,
    html_or_reason,
)

NOBODY = ("no other model", "")


class ResultsPanel(NamedTuple):
    """What the next step needs of this one: the chosen model, and the case that was taken up."""

    model: gr.State
    taken: TakenUp


class ShownSplit(NamedTuple):
    """The choice of a split, and the button that measures the model on the test split."""

    split: Any
    measure: Any


def refresh_trained(task: Task, model: str | None) -> Any:
    """The picker with every model of the task; where none is chosen, the newest of one's own, or what came with the app."""
    models = models_of(task)
    names = [found.name for found in models]
    return gr.update(choices=model_choices(models), value=chosen_of(names, model, "model"))


def show_figures(view: View, model: str | None) -> str:
    """A model's figures over the whole validation split, in all and by class, as they were stored with it."""
    if not model:
        return ""
    try:
        evaluation = evaluation_of(model)
    except EngineError as error:
        return note(without_paths(error), "bad")
    if not evaluation:
        return empty_state("No figures yet", "They come with a run's first whole epoch.")
    return draw_figures(view, model, evaluation)


def draw_figures(view: View, model: str, evaluation: Mapping[str, Any]) -> str:
    """Figures, with what has to be said beside them."""
    pairs = [(view.metric_title(name), metric_text(name, value)) for name, value in evaluation["metrics"].items()]
    said = "".join(note(remark, "warn") for remark in remarks_of(model))
    return f'<div class="lab-figures">{facts(pairs)}</div>{said}{view.show_evaluation(evaluation)}'


def show_test_figures(task: Task, view: View, model: str | None) -> str:
    """A model's figures over the whole test split, measured now."""
    if not model:
        return ""

    def measure() -> str:
        return draw_figures(view, model, measured(model, open_dataset(task, dataset_of(model)), TEST))

    # It stays when another model is chosen, so it says whose it is; clearing it then could wipe out an answer under way.
    return (
        f'<h4>On the whole test split</h4><p class="lab-small">{text(model_label(model))}</p>{html_or_reason(measure)}'
    )


def offered_splits(task: Task, model: str | None, chosen: str) -> ShownSplit:
    """The test split, where the data set that a model was trained on is here and has one; else validation alone."""
    is_offered = has_test(task, dataset_of(model))
    shown = gr.update(visible=is_offered) if is_offered or chosen == VALID else gr.update(visible=False, value=VALID)
    # A GPU that is lent for a minute is too short for a whole split.
    return ShownSplit(split=shown, measure=gr.update(visible=is_offered and chosen == TEST and not lender()))


def code_of(task: Task, model: str | None, split: str) -> str:
    """The program that computes the same."""
    if not model:
        return ""
    try:
        config = known_model(model).config
    except BundleError:  # deleted meanwhile
        return ""
    return results_code(task.name, own_name(config.dataset), model, config.objective, split=split)


def build_results_panel(task: Task, view: View, tab: gr.Tab) -> ResultsPanel:
    """The panel's components, wired."""
    panel_id = f"{task.name}-results"
    build_lesson(task, "results")
    with gr.Column(elem_id=panel_id, elem_classes="lab-panel"):
        with gr.Row(elem_classes="lab-controls"):
            picker, beside = build_run_picker("Model"), build_run_picker("Beside it", [NOBODY], "")
            model, opened = as_state(picker), counted(tab.select)
            order, show = _build_order()
            split = gr.Radio(
                [(TITLES[name], name) for name in (VALID, TEST)],
                value=VALID,
                label="Split",
                info="Tune on validation; look at the test split once, at the end.",
                visible=False,
            )
            build_overlay_slider(view.overlay, panel_id, 70)
        heading = gr.HTML()
        only, filtered = gr.State(""), gr.HTML(js_on_load=script("click-choice"))
        cases = gr.HTML(LOADING, js_on_load=script("click-enlarge"))
        fetched = build_missing_data(model, opened)
        with gr.Row(elem_classes="lab-pager"):
            back, where, forth = gr.Button("← Back", size="sm"), gr.HTML(), gr.Button("More →", size="sm")
        offers = gr.State([])
        taken = build_taken_up(task, model, offers)
        measure, tested = gr.Button("Measure it on the whole test split", size="sm", visible=False), gr.HTML()
        gr.HTML("<h3>Figures over the whole validation split</h3>")
        figures = gr.HTML()
        looker = gr.Button(
            f"Look into every {text(task.plural).removesuffix('s')}: what is mixed up, and where", size="sm"
        )
        breakdown = gr.HTML(js_on_load=script("click-choice"), elem_classes="lab-sifted")
    code = build_code()

    shown = Cases(heading=heading, cases=cases, start=gr.State(0), where=where, offers=offers)
    offered, judged = ShownSplit(split=split, measure=measure), as_state(split)
    _wire_cases(
        task,
        view,
        shown,
        offered,
        model=model,
        opened=opened,
        judged=judged,
        asked=Asked(order=order, show=show, only=only),
        beside=beside,
        fetched=fetched,
        back=back,
        forth=forth,
    )
    looker.click(partial(show_breakdown, task, view), [model, offered.split], breakdown, **RANK)
    breakdown.select(chosen_part, None, [only, filtered], **POLL)
    filtered.select(chosen_part, None, [only, filtered], **POLL)
    model.change(lambda: ("", ""), None, [only, filtered], **POLL)
    tab.select(partial(refresh_trained, task), picker, picker, **POLL)
    tab.select(lambda: gr.update(choices=[NOBODY, *model_choices(models_of(task))]), None, beside, **POLL)
    measure.click(partial(show_test_figures, task, view), model, tested, **RANK)
    gr.on([model.change, opened.change], partial(show_figures, view), model, figures, **ACTION)
    gr.on([model.change, judged.change], partial(code_of, task), [model, split], code, **POLL)
    return ResultsPanel(model=model, taken=taken)


def _build_order() -> tuple[gr.Dropdown, gr.Radio]:
    order = gr.Dropdown(ORDERS, value=LISTED, label="Order", min_width=170)
    return order, gr.Radio([("All", ALL), ("Wrong", WRONG), ("Right", RIGHT)], value=ALL, label="Show")


def _wire_cases(
    task: Task,
    view: View,
    shown: Cases,
    offered: ShownSplit,
    *,
    model: gr.State,
    opened: gr.State,
    judged: gr.State,
    asked: Asked,
    beside: gr.Dropdown,
    fetched: gr.State,
    back: gr.Button,
    forth: gr.Button,
) -> None:
    def page_from(step: int | None) -> dict[str, Any]:
        """The event that shows the page so many inputs away; None is the first page."""

        def show(model: str | None, beside: str, split: str, order: str, show: str, only: str, at: int) -> Cases:
            start = 0 if step is None else at + step
            return show_cases(task, view, model, split, Asked(order, show, only), start, beside)

        inputs = [model, beside, offered.split, *asked, shown.start]
        return {"fn": show, "inputs": inputs, "outputs": flat(shown), **RANK}

    # The last of them counts: the step is opened, and its model is chosen while that is being answered.
    last: dict[str, Any] = {"trigger_mode": "always_last"}
    offering = {"fn": partial(offered_splits, task), "inputs": [model, offered.split], "outputs": flat(offered), **POLL}
    # Back in this step, a model that went on training has a better checkpoint.
    gr.on([model.change, opened.change, fetched.change], **offering, **last).then(**page_from(None), **last)
    fetched.change(lambda: LOADING, None, shown.cases, **POLL)
    judged.change(**offering)
    gr.on([asked.order.input, asked.show.input, asked.only.change, judged.change], **page_from(None), **last)
    beside.input(**page_from(0), **last)
    back.click(**page_from(-PAGE))
    forth.click(**page_from(PAGE))
