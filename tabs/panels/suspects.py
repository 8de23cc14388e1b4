"""The page of labels that look wrong, one after the other: keep, correct or drop; and the cleaned data set that comes of it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import gradio as gr

from engine.errors import EngineError
from engine.noise.decisions import CORRECT, DROP, KEEP
from engine.noise.suspects import ORDERS
from tabs.door.address import asked_for
from tabs.drawing.markup import LOADING
from tabs.panels.suspect_queue import Given, Shown, clicked, look, looked_at, make_cleaned, settle, take_back
from tabs.reading.opened import dataset_title
from tabs.scripts import script
from tabs.wiring import ACTION, BATCH, POLL, flat

HEAD = (
    '<header class="lab-task"><h2>Which labels look wrong?</h2><p>Models judge samples that they have not seen. Where they are '
    "sure of something else than the label says, look yourself: keep it, correct it, or drop the sample.</p></header>"
)


def build_suspects(page: gr.Blocks) -> None:
    """The page's components, wired."""
    gr.HTML(HEAD)
    task, dataset = gr.State(""), gr.State("")
    status = gr.HTML(LOADING)
    looking = gr.Button("Look for wrong labels", variant="primary", visible=False)
    with gr.Column(visible=False) as queue:
        order = gr.Radio([(title, name) for name, title in ORDERS.items()], value="suspicion", label="Order")
        with gr.Row(elem_classes="lab-pager"):
            back, place, forth = gr.Button("← Back", size="sm"), gr.HTML(), gr.Button("Later →", size="sm")
        with gr.Row():
            with gr.Column(scale=2, min_width=300):
                card = gr.HTML(js_on_load=script("click-place"), elem_classes="lab-suspect")
            with gr.Column(scale=3, min_width=300):
                why = gr.HTML()
                choice = gr.Dropdown([], label="Right is", visible=False, interactive=True)
                ticks = gr.CheckboxGroup([], label="Right is", visible=False, interactive=True)
                numbers = gr.Textbox(label="Right is", visible=False, interactive=True)
                with gr.Row(elem_classes="lab-controls"):
                    correcting = gr.Button("Correct it", size="sm", variant="primary")
                    keeping = gr.Button("Keep: the label is right", size="sm")
                    dropping = gr.Button("Drop the sample", size="sm")
                    undoing = gr.Button("Undo the last", size="sm")
        gr.HTML("<h3>What you decided</h3>")
        decided = gr.HTML(js_on_load=script("click-choice"))
        with gr.Row(elem_classes="lab-controls"):
            title = gr.Textbox(label="Name of the cleaned data set", max_length=60)
            making = gr.Button("Make the cleaned data set")
        made = gr.HTML()
    shown = Shown(
        status=status,
        looking=looking,
        queue=queue,
        place=place,
        card=card,
        why=why,
        at=gr.State(0),
        choice=choice,
        ticks=ticks,
        numbers=numbers,
        point=gr.State(None),
        name=gr.State(""),
        decided=decided,
        timer=gr.Timer(1, active=False),
    )
    _wire_opening(page, shown, task, dataset, order, title)
    at = [task, dataset, order, shown.at]
    looking.click(lambda *asked: flat(look(*asked)), [task, dataset], flat(shown), **ACTION)
    shown.timer.tick(lambda *asked: flat(looked_at(*asked)), at, flat(shown), **POLL)
    order.change(lambda task, dataset, order: flat(looked_at(task, dataset, order, 0)), at[:3], flat(shown), **ACTION)
    _wire_settling(shown, at, {KEEP: keeping, CORRECT: correcting, DROP: dropping})
    undoing.click(lambda *asked: flat(take_back(*asked)), at, flat(shown), **ACTION)
    _wire_moving(shown, at, {-1: back, 1: forth})
    _wire_clicks(shown, at)
    making.click(make_cleaned, [task, dataset, title], made, **BATCH)


def _wire_settling(shown: Shown, at: list[Any], buttons: Mapping[str, gr.Button]) -> None:
    def settled(what: str, *asked: Any) -> list[Any]:
        *where, choice, ticks, numbers, point = asked
        return flat(settle(what, *where, given=Given(choice=choice, ticks=ticks, numbers=numbers, point=point)))

    given = [shown.name, shown.choice, shown.ticks, shown.numbers, shown.point]
    for what, button in buttons.items():
        button.click(partial(settled, what), [*at, *given], flat(shown), **ACTION)


def _wire_moving(shown: Shown, at: list[Any], buttons: Mapping[int, gr.Button]) -> None:
    def moved(by: int, task: str, dataset: str, order: str, at: int) -> list[Any]:
        return flat(looked_at(task, dataset, order, at + by))

    for by, button in buttons.items():
        button.click(partial(moved, by), at, flat(shown), **ACTION)


def _wire_opening(
    page: gr.Blocks, shown: Shown, task: gr.State, dataset: gr.State, order: gr.Radio, title: gr.Textbox
) -> None:
    def opened() -> list[Any]:
        asked, named = asked_for("task"), asked_for("dataset")
        try:
            proposed = f"{dataset_title(named)}, cleaned"[:60] if named else ""
        except EngineError:
            proposed = ""
        return [asked, named, proposed, *flat(looked_at(asked, named, "suspicion", 0))]

    page.load(opened, None, [task, dataset, title, *flat(shown)], **POLL)


def _wire_clicks(shown: Shown, at: list[Any]) -> None:
    def pointed_at(task: str, dataset: str, order: str, at: int, name: str, event: gr.EventData) -> tuple[Any, Any]:
        return clicked(task, dataset, name, event._data.get("x"), event._data.get("y"))

    def chosen(task: str, dataset: str, order: str, at: int, event: gr.EventData) -> list[Any]:
        return flat(take_back(task, dataset, order, at, str(event._data.get("choice", ""))))

    shown.card.select(pointed_at, [*at, shown.name], [shown.card, shown.point], **POLL)
    shown.decided.select(chosen, at, flat(shown), **ACTION)
