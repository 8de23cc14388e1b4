"""A case of Results taken up: its answer is put right there and then, or it goes into the next step to be tried further."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from engine.data.dataset import DataSet, Item
from engine.task import Task
from tabs.drawing.markup import text
from tabs.panels.correct import build_correcting
from tabs.scripts import script
from tabs.wiring import ACTION, POLL

if TYPE_CHECKING:
    from tabs.panels.try_it import TryPanel

NOTHING = ("", "")


class Offer(NamedTuple):
    """A case that may be taken up: what it is called, and what a model is given, a picture's path or a text."""

    name: str
    given: str


class TakenUp(NamedTuple):
    """What was taken up, as a model is given it, and the button that takes it to the next step."""

    given: gr.State
    trying: gr.Button


def offers_of(data: DataSet, items: Sequence[Item]) -> list[Offer]:
    """The cases that are in sight."""
    from engine.data.own.edits import given_of, name_of

    return [Offer(name_of(data, item).rpartition("/")[2], given_of(data, item)) for item in items]


def show_offers(offers: Sequence[Offer]) -> str:
    """A button for each."""
    buttons = "".join(
        f'<button type="button" data-choice="{number}">{text(offer.name)}</button>'
        for number, offer in enumerate(offers)
    )
    return f'<p class="lab-offers">Put one right, or try it: {buttons}</p>' if buttons else ""


def build_taken_up(task: Task, model: gr.State, offers: gr.State) -> TakenUp:
    """The buttons under the cases, and what opens under them; all closed again where other cases are shown."""
    chooser = gr.HTML(js_on_load=script("click-choice"))
    given = gr.State("")
    with gr.Column(visible=False, elem_classes="lab-taken-up") as box:
        title = gr.HTML()
        trying = gr.Button("Open it in “Try it”", size="sm", elem_classes="lab-correct")
        build_correcting(task, model, given, where="results")

    def chosen(offers: Sequence[Offer], event: gr.EventData) -> tuple[str, str, Any]:
        place = str(event.choice)
        offer = offers[int(place)] if place.isdigit() and int(place) < len(offers) else Offer(*NOTHING)
        return offer.given, f"<h4>{text(offer.name)}</h4>" if offer.given else "", gr.update(visible=bool(offer.given))

    chooser.select(chosen, offers, [given, title, box], **ACTION)
    offers.change(show_offers, offers, chooser, **POLL)
    offers.change(lambda: (*NOTHING, gr.update(visible=False)), None, [given, title, box], **POLL)
    return TakenUp(given=given, trying=trying)


def wire_trying(taken: TakenUp, model: gr.State, tried: "TryPanel", steps: gr.Tabs) -> None:
    """The button opens the next step with the same model, and what was taken up."""
    opening = taken.trying.click(lambda name: (name, gr.Tabs(selected="try")), model, [tried.picker, steps], **POLL)
    opening.then(lambda given: given, taken.given, tried.given, **POLL)
