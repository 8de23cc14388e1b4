"""A model whose data set is not on this machine: what is missing without it, and the button that fetches it, or whom to ask."""

from typing import Any, NamedTuple

import gradio as gr

from engine.data.sources.fetching import SOURCES, is_ready, may_fetch
from engine.runs.fetches import FETCHES
from tabs.drawing.markup import empty_state
from tabs.panels.dataset_picker import fetch_label, fetch_line
from tabs.reading.models import dataset_of
from tabs.reading.opened import dataset_title
from tabs.wiring import ACTION, POLL, flat, tells_errors


class FetchPolled(NamedTuple):
    """How far the fetch of the missing data set is, what begins and polls it, and how many have come while the page was open."""

    line: Any
    button: Any
    timer: Any
    fetched: Any


def is_missing(dataset: str) -> bool:
    """Whether a data set is a registered one that is not here. One's own folder that is gone cannot be fetched."""
    return any(source.name == dataset for source in SOURCES) and not is_ready(dataset)


def show_missing(dataset: str) -> str:
    """What stands in the place of comparisons while the data set is not here; "" where nothing is missing."""
    if not is_missing(dataset):
        return ""
    needed = (
        f"The figures below came with the model. To see its answers beside the truth, this machine needs the data set "
        f"“{dataset_title(dataset)}”, which is not here yet."
    )
    return empty_state(
        "The data set is not here", needed if may_fetch(dataset) else f"{needed} Ask the host of this page to fetch it."
    )


def show_fetch(model: str | None) -> FetchPolled:
    """The fetch of the data set that a model was trained on: its button, or how far it is."""
    dataset = dataset_of(model)
    if not is_missing(dataset):
        hidden = gr.update(visible=False)
        return FetchPolled(line="", button=hidden, timer=gr.Timer(active=False), fetched=gr.skip())
    state = FETCHES.state(dataset)
    can_begin = may_fetch(dataset) and state.status in ("absent", "failed")
    return FetchPolled(
        line="" if state.status == "absent" else fetch_line(state),
        button=gr.update(visible=can_begin, value=fetch_label(dataset)),
        timer=gr.Timer(active=state.status == "running"),
        fetched=gr.skip(),
    )


def poll_fetch(model: str | None, fetched: int) -> FetchPolled:
    """The same while it is under way; once the data set has come, `fetched` is another number."""
    now = show_fetch(model)
    return now if is_missing(dataset_of(model)) else now._replace(fetched=fetched + 1)


@tells_errors
def start_fetch(model: str | None) -> FetchPolled:
    """Begin to fetch the data set that a model was trained on."""
    FETCHES.start(dataset_of(model))
    return show_fetch(model)


def build_missing_data(model: gr.State, opened: gr.State) -> gr.State:
    """The button and how far its fetch is, wired; the state changes when the data set has come."""
    shown = FetchPolled(
        line=gr.HTML(),
        button=gr.Button("Fetch it", variant="primary", visible=False),
        timer=gr.Timer(1, active=False),
        fetched=gr.State(0),
    )
    gr.on([model.change, opened.change], show_fetch, model, flat(shown), **POLL)
    shown.button.click(start_fetch, model, flat(shown), **ACTION)
    shown.timer.tick(poll_fetch, [model, shown.fetched], flat(shown), **POLL)
    return shown.fetched
