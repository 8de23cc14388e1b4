"""Teach it yours: boxes for classes, a camera or files, and a live answer beside them, within a minute of opening the page."""

import base64
import io
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import gradio as gr
import numpy as np
from PIL import Image

from engine.errors import DataError, EngineError
from tabs.door.address import link
from tabs.door.paths import without_paths
from tabs.drawing.markup import note, text
from tabs.reading.heavy import load_engine
from tabs.reading.pictures import read_sent
from tabs.scripts import called, script
from tabs.views.label import class_bars
from tabs.wiring import ACTION, POLL, flat, tells_errors

MOST_AT_ONCE = 130  # pictures in one message
SHOWN = 8  # of each class, after a reload
LONGEST_NAME = 40
TEACH: dict[str, Any] = {**POLL, "trigger_mode": "multiple", "concurrency_limit": 2, "concurrency_id": "teach"}
BOX = """
<div class="lab-box">
  <header><input type="text" maxlength="40" aria-label="Name of the class"><button type="button" data-remove
  aria-label="Remove this class">×</button></header>
  <div class="lab-thumbs"></div><p class="lab-count"></p>
  <p><button type="button" data-record title="Hold to record; a click counts down and records two seconds">Hold to
  record</button>
  <button type="button" data-files>Add files</button><input type="file" accept="image/*" multiple hidden></p>
</div>
"""
TEACHING = f"""
<div class="lab-card"><div class="lab-teach">
  <template>{BOX}</template>
  <div class="lab-teach-classes"><div class="lab-boxes"></div>
    <p><button type="button" data-add>+ Another class</button> <button type="button" data-clear>Clear all</button></p></div>
  <div class="lab-teach-answer">
    <video muted playsinline></video><img class="lab-asked-shown" alt="">
    <p><button type="button" data-teach class="main" disabled>Teach</button>
    <button type="button" data-live>Live camera</button> <button type="button" data-ask>Ask about a file</button>
    <input type="file" class="lab-asked" accept="image/*" hidden></p>
    <p class="lab-small lab-teach-said" aria-live="polite"></p>
  </div>
</div></div>
"""
HEAD = """
<h3>Teach it yours</h3>
<p class="lab-small">Two things to tell apart, such as a cup and no cup: hold to record each with the camera, or drop pictures
into the boxes; then Teach, and ask. They stay on this machine for a day, for you alone, until you clear them or go further.</p>
"""


class Told(NamedTuple):
    """What the server answers: which lesson it is, for the boxes what was done, in words, bars, and where to go on."""

    key: Any
    kept: Any
    done: Any
    said: Any
    bars: Any
    further: Any


def told(**changed: Any) -> Told:
    """Only what has changed."""
    return Told(**{**{name: gr.skip() for name in Told._fields}, **changed})


def react(key: str, asked: Mapping[str, Any]) -> Told:
    """What comes of a message of the boxes; a refusal is told in words, and nothing is lost."""
    what = str(asked.get("what", ""))
    try:
        return _react(key, what, asked)
    except EngineError as error:
        return told(done=_done(what), said=note(without_paths(error), "bad"))


def _react(key: str, what: str, asked: Mapping[str, Any]) -> Told:
    load_engine()
    from engine.serving import teaching

    names = _names(asked.get("names"))
    if what == "add":
        key = key or teaching.new_lesson()
        frames = asked.get("frames")
        if not isinstance(frames, list) or not 0 < len(frames) <= MOST_AT_ONCE:
            raise DataError(f"1 to {MOST_AT_ONCE} pictures can be added at once.")
        label, recording = str(asked.get("label", ""))[:20], str(asked.get("recording", ""))[:20]
        teaching.add_shots(key, label, recording, [read_sent(frame) for frame in frames])
        teaching.keep_names(key, names)
        return told(key=key, kept=key, done=_done(what))
    if what == "clear":
        teaching.forget_lesson(key)
        return told(key="", kept="", done=_done(what), said="", bars="", further=gr.update(visible=False))
    if what == "remove":
        if key:
            teaching.drop_class(key, str(asked.get("label", "")))
        return told(done=_done(what))
    if what == "teach":
        taught = teaching.teach(key, names)
        teaching.keep_names(key, names)
        return told(
            done=json.dumps({"done": what, "taught": True}),
            said=_taught_in_words(taught),
            further=gr.update(visible=True),
        )
    if what == "answer":
        bars = class_bars(teaching.answer(key, read_sent(asked.get("frame"))), "")
        return told(done=_done(what), bars=bars)
    if key:
        teaching.keep_names(key, names)
    return told(done=_done(what))


def restore(key: Any) -> tuple[str, str]:
    """The lesson that this browser had, and what the boxes show of it, as JSON."""
    if not key:  # most often: Home need not wait for torch then
        return "", "{}"
    load_engine()
    from engine.serving import teaching

    try:
        folder, shots = teaching.lesson_folder(str(key)), teaching.shots_of(str(key))
    except DataError:
        return "", "{}"
    boxes, names = [], teaching.names_of(str(key))
    with_pictures = dict.fromkeys(one.label for one in shots)
    for label in sorted(with_pictures, key=lambda one: list(names).index(one) if one in names else len(names)):
        own = [one for one in shots if one.label == label]
        shown = [_packed(teaching.picture_of(folder / one.file)) for one in own[-SHOWN:]]
        boxes.append({"id": label, "name": names.get(label) or label, "total": len(own), "shown": shown})
    return str(key), json.dumps({"boxes": boxes, "taught": teaching.is_taught(str(key))})


@tells_errors
def go_further(key: str, names: Mapping[str, str], title: str) -> str:
    """Where the same pictures are a data set like the others."""
    load_engine()
    from engine.serving import teaching
    from engine.tasks.own_kinds import task_for
    from engine.tasks.own_ways import keep_written

    kept = keep_written("label", title, lambda target: teaching.write_lesson(key, names, target))
    task = task_for(kept.kind)
    address = link(task.name, "data", dataset=kept.name)
    said = f"“{kept.title}” is a data set now: open it in the five steps →"
    return f'<p><a class="lab-go" href="{text(address)}">{text(said)}</a></p>'


def build_teach(page: gr.Blocks) -> None:
    """The panel, wired."""
    remembered = gr.BrowserState("", storage_key="lesson-lab-taught", secret="taught")
    gr.HTML(HEAD)
    boxes = gr.HTML(TEACHING, js_on_load=script("camera") + script("teach"))
    with gr.Row():
        with gr.Column(scale=3, min_width=280):
            said = gr.HTML()
        with gr.Column(scale=2, min_width=280):
            bars = gr.HTML(elem_classes="lab-teach-bars")
    with gr.Row(visible=False, elem_classes="lab-controls") as further:
        title = gr.Textbox(label="Go further: call it", placeholder="Cups", max_length=60)
        button = gr.Button("Keep it as a data set", size="sm")
    where, names = gr.HTML(), gr.State({})
    shown = Told(
        key=gr.State(""), kept=remembered, done=gr.Textbox(visible=False), said=said, bars=bars, further=further
    )
    restored = gr.Textbox(visible=False)

    def asked(key: str, event: gr.EventData) -> tuple[Any, ...]:
        message = event._data if isinstance(event._data, dict) else {}
        return *flat(react(key, message)), _names(message.get("names"))

    answering = boxes.select(asked, shown.key, [*flat(shown), names], **TEACH)
    answering.then(None, shown.done, None, js=called("teach-told", "answered"), **POLL)
    loading = page.load(restore, remembered, [shown.key, restored], **POLL)
    loading.then(None, restored, None, js=called("teach-told", "restored"), **POLL)
    button.click(go_further, [shown.key, names, title], where, **ACTION)


def _done(what: str) -> str:
    return json.dumps({"done": what})


def _names(given: Any) -> dict[str, str]:
    """What the classes are called, by their boxes."""
    if not isinstance(given, Mapping):
        return {}
    return {str(box)[:20]: " ".join(str(name).split())[:LONGEST_NAME] for box, name in list(given.items())[:20]}


def _packed(picture: np.ndarray) -> str:
    packed = io.BytesIO()
    small = Image.fromarray(picture)
    small.thumbnail((96, 96))
    small.save(packed, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(packed.getvalue()).decode()}"


def _taught_in_words(taught: Any) -> str:
    classes = ", ".join(taught.classes)
    if taught.accuracy is None:
        figure = f"No accuracy yet. {taught.judged}"
    else:
        figure = f"{taught.accuracy:.0%} right on {taught.judged}."
    return note(f"Taught {classes} in {taught.seconds:.1f} s. {figure}")
