"""Label pictures in the browser: a choice, ticks, a click or a brush, one picture after the other; what is half done is kept."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import gradio as gr

from engine.data.own.drafts import (
    PICTURES,
    begin_draft,
    label_item,
    mask_of,
    name_classes,
    paint_item,
    read_draft,
)
from engine.data.sources.bringing import brought_folder, found_in
from engine.errors import DataError, EngineError
from tabs.door.paths import without_paths
from tabs.drawing.markup import note
from tabs.reading.pictures import read_sent
from tabs.scripts import called, script
from tabs.wiring import ACTION, POLL

KINDS = [("One label each", "label"), ("Several tags each", "tags"), ("A point each", "point"), ("A mask each", "mask")]
LABEL: dict[str, Any] = {**POLL, "trigger_mode": "multiple", "concurrency_limit": 8, "concurrency_id": "label"}
MOST_NAMES = 100
EDITOR = """
<div class="lab-labeller lab-card">
  <p class="lab-label-named"><label>Names to choose from, with commas between <input type="text" class="lab-label-names"
  placeholder="cat, dog, neither"></label></p>
  <div class="lab-label-picture" tabindex="0" aria-label="The picture; numbers choose, Enter goes on, Backspace goes back">
    <div><img alt="the picture to label" draggable="false"><canvas></canvas><span class="lab-cross" hidden></span></div></div>
  <div class="lab-label-side">
    <div class="lab-label-classes"></div>
    <p class="lab-brush" hidden><label>Brush <input type="range" min="5" max="200" value="40"></label>
      <button type="button" data-undo>Undo</button> <button type="button" data-zoom="1.25">+</button>
      <button type="button" data-zoom="0.8">−</button></p>
    <p><button type="button" data-by="-1">← Back</button> <button type="button" data-by="1">Next →</button>
      <button type="button" data-none>No label</button></p>
    <p class="lab-small lab-label-said" aria-live="polite"></p>
    <p class="lab-small">Keys: 1 to 9 choose, Enter goes on, Backspace back; arrows move a point; Ctrl+Z takes a stroke back.</p>
  </div>
</div>
"""


def opened(key: str, at: int) -> str:
    """A picture of a draft and its label, as JSON for the editor; "{}" where there is no draft."""
    folder = brought_folder(key) if key else None
    draft = read_draft(folder) if folder else None
    if folder is None or draft is None or not draft.items:
        return "{}"
    at = at % len(draft.items)
    item = draft.items[at]
    picture = (folder / PICTURES / item).read_bytes()
    mask = mask_of(folder, item)
    return json.dumps(
        {
            "kind": draft.kind,
            "classes": list(draft.classes),
            "item": item,
            "at": at,
            "total": len(draft.items),
            "done": len(draft.labels),
            "isLabelled": item in draft.labels,
            "label": draft.labels.get(item) if draft.kind != "mask" else None,
            "picture": f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}",
            "mask": f"data:image/png;base64,{base64.b64encode(mask.read_bytes()).decode()}" if mask else "",
        }
    )


def begin(key: str, kind: str) -> tuple[int, str, str]:
    """Begin to label what was brought; the first picture, and what has to be said."""
    try:
        begin_draft(brought_folder(key), found_in(key), kind)
    except EngineError as error:
        return 0, "{}", note(without_paths(error), "bad")
    return 0, opened(key, 0), ""


def react(key: str, at: int, asked: Mapping[str, Any]) -> tuple[int, str, str]:
    """What comes of a message of the editor: the picture that is shown next, and a refusal in words, if there is one."""
    what, said = str(asked.get("what", "")), ""
    try:
        folder, item = brought_folder(key), str(asked.get("item", ""))
        by = asked.get("by", 0)
        by = by if isinstance(by, int) and abs(by) <= 1 else 0
        if what == "label":
            label_item(folder, item, asked.get("label"))
        elif what == "paint":
            paint_item(folder, item, read_sent(asked.get("mask"))[..., 0].copy())
        elif what == "names":
            names = asked.get("names")
            if not isinstance(names, list) or len(names) > MOST_NAMES:
                raise DataError("The names are no list. Write them with commas between.")
            draft = read_draft(folder)
            first = list(draft.classes[:1]) if draft and draft.kind == "mask" else []
            name_classes(folder, [*first, *map(str, names)])
        at += by
    except EngineError as error:
        said = note(without_paths(error), "bad")
    return at, opened(key, at), said


def build_labeller(key: gr.State) -> tuple[gr.Column, gr.Button]:
    """The panel, wired, and the button that shows what the labels come to; `key` says what was brought."""
    at, picture = gr.State(0), gr.Textbox(visible=False)
    with gr.Column(visible=False) as panel:
        gr.HTML("<h4>Label them here</h4>")
        with gr.Row(elem_classes="lab-controls"):
            kind = gr.Radio(KINDS, value="label", label="What each picture gets")
            starting = gr.Button("Begin", size="sm")
        editor = gr.HTML(EDITOR, js_on_load=script("labeller"))
        said = gr.HTML()
        looking = gr.Button("Look at what is labelled", size="sm")

    def asked(key: str, at: int, event: gr.EventData) -> tuple[int, str, str]:
        return react(key, at, event._data if isinstance(event._data, dict) else {})

    shown = [at, picture, said]
    told = called("labeller-told", "opened")
    starting.click(begin, [key, kind], shown, **ACTION).then(None, picture, None, js=told, **POLL)
    editor.select(asked, [key, at], shown, **LABEL).then(None, picture, None, js=told, **POLL)
    key.change(lambda key: (0, opened(key, 0), ""), key, shown, **POLL).then(None, picture, None, js=told, **POLL)
    return panel, looking
