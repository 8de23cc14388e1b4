"""Truth beside prediction, a few samples at a time: in which order, of what kind, and what judging all of them shows."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import gradio as gr

from engine.data.dataset import DataSet, Item
from engine.data.sources.fetching import own_name
from engine.errors import DataError, EngineError
from engine.task import Task
from tabs.door.paths import without_paths
from tabs.drawing.markup import LOADING, empty_state, note, text
from tabs.panels.missing_data import show_missing
from tabs.panels.sift import filter_of, show_filter, show_tables
from tabs.panels.taken_up import offers_of
from tabs.reading.heavy import load_engine
from tabs.reading.models import dataset_of, model_label, models_of, predictor_of, sifted_rows
from tabs.reading.opened import open_dataset
from tabs.views.view import View
from tabs.wiring import html_or_reason

PAGE = 3
# As `engine.serving.sifted` has them.
LISTED, WORST, CLOSEST, UNSURE, RANDOM = "listed", "worst", "closest", "unsure", "random"
ORDERS = [
    ("As listed", LISTED),
    ("Highest loss first", WORST),
    ("Closest calls first", CLOSEST),
    ("Least sure first", UNSURE),
    ("By chance", RANDOM),
]
ALL, WRONG, RIGHT = "all", "wrong", "right"
VALID, TEST = "valid", "test"
TITLES = {VALID: "Validation", TEST: "Test"}
ONCE = (
    "Validation is for tuning: look at it as often as you like. The test split is to be looked at once, when everything is "
    "decided: its figures are those to report, and choosing by them makes them too good."
)
CHOOSE = empty_state("No model chosen", "Choose one in the list above.")
NOTHING_YET = empty_state("No trained model yet", "Train a run for at least one epoch; what it learned is shown here.")


class Cases(NamedTuple):
    """A page of comparisons under its heading, the first one's number, where that is in the split, and what may be taken up."""

    heading: Any
    cases: Any
    start: Any
    where: Any
    offers: Any


def nothing_chosen(task: Task, model: str | None) -> str:
    """What stands in the place of a model's answers while none is chosen: a page that was just opened has yet to choose one."""
    if model is None and models_of(task):
        return LOADING
    return CHOOSE if models_of(task) else NOTHING_YET


class Asked(NamedTuple):
    """Which samples are asked for: the order, all or those that are right or wrong, and the group or pair of classes."""

    order: Any = LISTED
    show: Any = ALL
    only: Any = ""

    @property
    def is_plain(self) -> bool:
        """Whether these are all samples as they are listed: then none has to be judged first."""
        return self == Asked()


def show_cases(
    task: Task, view: View, model: str | None, split: str, asked: Asked, start: int, beside: str | None = ""
) -> Cases:
    """The page of comparisons that `start` is on; under it the same samples through the model `beside`, if there is one."""
    once = f'<p class="lab-small">{text(ONCE)}</p>' if split == TEST else ""
    heading = f"<h3>{text(TITLES[split])} {text(task.plural)}: truth and prediction</h3>{once}"
    nothing = Cases(heading=heading, cases="", start=0, where="", offers=[])
    if not model:
        return nothing._replace(cases=nothing_chosen(task, model))
    missing = show_missing(dataset_of(model))
    if missing:
        return nothing._replace(cases=missing)
    load_engine()
    from engine.bundle.weights import learns_classes

    try:
        predictor = predictor_of(model)
        data = open_dataset(task, own_name(predictor.config.dataset))
        if predictor.classes != data.classes and learns_classes(predictor.model):
            raise DataError("The data set has other classes now than the model was trained on. Choose another one.")
        items = data.items(split) if asked.is_plain else sifted_items(model, data, split, asked)
        total = len(items)
        if not total:
            return nothing._replace(cases=empty_state("None", "No sample is like that. Show all again."))
        start = min(max(0, start), (total - 1) // PAGE * PAGE)
        seen = items[start : start + PAGE]
        shown = view.show_comparisons(predictor, data, seen)
        if beside and beside != model:
            shown = f"{_whose(model)}{shown}{_whose(beside)}{_through(view, beside, data, seen)}"
        where = f"{start + 1}–{min(start + PAGE, total)} of {total}"
        return Cases(heading=heading, cases=shown, start=start, where=where, offers=offers_of(data, seen))
    except EngineError as error:
        return nothing._replace(cases=note(without_paths(error), "bad"))


def _whose(model: str) -> str:
    return f'<h4 class="lab-whose">{text(model_label(model))}</h4>'


def _through(view: View, model: str, data: DataSet, items: Sequence[Item]) -> str:
    """The same samples through another model; it has to answer with the same classes."""
    predictor = predictor_of(model)
    if predictor.classes != data.classes:
        raise DataError("The model beside it answers with other classes. Choose another one.")
    return view.show_comparisons(predictor, data, items)


def sifted_items(model: str, data: DataSet, split: str, asked: Asked) -> tuple[Item, ...]:
    """The inputs that are asked for, in their order; every one of the split is judged for that, once."""
    from engine.serving.sifted import chosen, ordered

    group, pair = filter_of(asked.only)
    rows = chosen(sifted_rows(model, data, split), show=asked.show, group=group, pair=pair)
    return tuple(row.item for row in ordered(rows, asked.order))


def show_breakdown(task: Task, view: View, model: str | None, split: str) -> str:
    """What judging the whole split shows: what is mixed up, and in which samples."""
    if not model:
        return ""
    dataset = dataset_of(model)

    def draw() -> str:
        data = open_dataset(task, dataset)
        load_engine()
        tables = show_tables(sifted_rows(model, data, split), data.classes)
        return tables + (view.show_breakdown(predictor_of(model), data) if view.show_breakdown else "")

    # It stays when another model is chosen, so it says whose it is; clearing it then could wipe out an answer under way.
    whose = f'<p class="lab-small">{text(model_label(model))}, {text(TITLES[split].lower())}</p>'
    return whose + (show_missing(dataset) or html_or_reason(draw))


def chosen_part(event: gr.EventData) -> tuple[str, str]:
    """What somebody clicked in a table, as a filter, and the same in words."""
    chosen = str(event.choice)
    return chosen, show_filter(chosen)
