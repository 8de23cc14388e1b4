"""Label pictures and texts in the browser: a choice, ticks, a click or a brush, one after the other; half done is kept."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from engine.data.own.drafts import (
    ITEMS,
    begin_draft,
    label_item,
    mask_of,
    name_classes,
    paint_item,
    read_draft,
)
from engine.data.own.unlabelled import find_texts
from engine.data.pictures.files import list_all_pictures
from engine.data.sources.bringing import brought_folder, found_in
from engine.errors import DataError, EngineError
from tabs.door.paths import without_paths
from tabs.drawing.markup import note
from tabs.reading.pictures import read_sent
from tabs.scripts import called, script
from tabs.wiring import ACTION, POLL

PICTURE_KINDS = [("One label", "label"), ("Several tags", "tags"), ("A point", "point"), ("A mask", "mask")]
TEXT_KINDS = [("One label", "text")]
LABEL: dict[str, Any] = {**POLL, "trigger_mode": "multiple", "concurrency_limit": 8, "concurrency_id": "label"}
MOST_NAMES = 100
EDITOR = """
<div class="lab-labeller lab-card">
  <p class="lab-label-named"><label>Names to choose from, with commas between <input type="text" class="lab-label-names"
  placeholder="cat, dog, neither"></label></p>
  <div class="lab-label-picture" tabindex="0" aria-label="What to label; numbers choose, Enter goes on, Backspace goes back">
    <div><img alt="the picture to label" draggable="false"><canvas></canvas><span class="lab-cross" hidden></span></div>
    <p class="lab-label-text" hidden></p></div>
  <div class="lab-label-side">
    <div class="lab-label-classes"></div>
    <p class="lab-brush" hidden><label>Brush <input type="range" min="5" max="200" value="40"></label>
      <button type="button" data-undo>Undo</button> <button type="button" data-zoom="1.25">+</button>
      <button type="button" data-zoom="0.8">−</button></p>
    <p><button type="button" data-by="-1">← Back</button> <button type="button" data-by="1">Next →</button>
      <button type="button" data-none>No label</button></p>
    <p class="lab-small lab-label-said" aria-live="polite"></p>
    <p class="lab-small lab-label-keys"></p>
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
    is_text, mask = draft.kind == "text", mask_of(folder, item)
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
            "text": (folder / ITEMS / item).read_text("utf-8") if is_text else "",
            "picture": "" if is_text else _packed(folder / ITEMS / item, "jpeg"),
            "mask": _packed(mask, "png") if mask else "",
        }
    )


def _packed(file: Path, form: str) -> str:
    return as_url(file.read_bytes(), form)


def as_url(content: bytes, form: str) -> str:
    """A picture's bytes as the page's script takes them."""
    return f"data:image/{form};base64,{base64.b64encode(content).decode()}"


def what_to_label(key: str, encoding: str | None) -> list[tuple[str, str]]:
    """The kinds of label that what was brought can get; [] where there is nothing to label."""
    try:
        source = found_in(key)
        if list_all_pictures(source):
            return PICTURE_KINDS
        return TEXT_KINDS if find_texts(source, encoding or "") else []
    except EngineError:
        return []


def offered(key: str, encoding: str | None) -> tuple[Any, Any]:
    """The kinds of label to choose from, and of a table the columns that may hold the texts."""
    kinds = what_to_label(key, encoding)
    texts = find_texts(found_in(key), encoding or "") if kinds == TEXT_KINDS else None
    draft = read_draft(brought_folder(key)) if kinds else None
    columns = list(texts.columns) if texts else []
    return (
        gr.update(choices=kinds, value=draft.kind if draft else next((kind for _, kind in kinds), None)),
        gr.update(choices=columns, value=texts.column if texts else None, visible=len(columns) > 1),
    )


def begin(key: str, encoding: str | None, kind: str | None, column: str | None) -> tuple[int, str, str]:
    """Begin to label what was brought; the first of it, and what has to be said."""
    try:
        source = found_in(key)
        begin_draft(brought_folder(key), source, kind or "", encoding=encoding or "", column=column or "")
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


def build_labeller(key: gr.State, encoding: gr.Radio) -> tuple[gr.Accordion, gr.Button]:
    """The panel, wired, and the button that shows what the labels come to; `key` says what was brought."""
    at, item = gr.State(0), gr.Textbox(visible=False)
    with gr.Accordion("Label them here", visible=False) as panel:
        with gr.Row(elem_classes="lab-controls"):
            kind = gr.Radio([], label="What each of them gets")
            column = gr.Dropdown([], label="Column with the texts", visible=False, interactive=True)
            starting = gr.Button("Begin", size="sm")
        editor = gr.HTML(EDITOR, js_on_load=script("labeller"))
        said = gr.HTML()
        looking = gr.Button("Look at what is labelled", size="sm")

    def asked(key: str, at: int, event: gr.EventData) -> tuple[int, str, str]:
        return react(key, at, event._data if isinstance(event._data, dict) else {})

    shown = [at, item, said]
    told = called("labeller-told", "opened")
    starting.click(begin, [key, encoding, kind, column], shown, **ACTION).then(None, item, None, js=told, **POLL)
    editor.select(asked, [key, at], shown, **LABEL).then(None, item, None, js=told, **POLL)
    key.change(lambda key: (0, opened(key, 0), ""), key, shown, **POLL).then(None, item, None, js=told, **POLL)
    gr.on([key.change, encoding.input], offered, [key, encoding], [kind, column], trigger_mode="once", **POLL)
    return panel, looking
