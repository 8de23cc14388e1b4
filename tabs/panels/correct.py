"""“No, the right answer is …”: a model's answer put right in the label editor, and kept as a correction."""

import io
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr
import numpy as np
from PIL import Image

from engine.data.pictures.bands import as_colors
from engine.errors import DataError, EngineError
from engine.host.access import asker
from engine.inputs import PICTURE, TEXT
from engine.library.corrections import Wrong, corrections_of, keep_correction
from engine.library.listing import known_model
from engine.task import Task
from tabs.door.address import link
from tabs.door.paths import without_paths
from tabs.drawing.markup import note, text
from tabs.panels.labeller import EDITOR, LABEL, as_url
from tabs.reading.heavy import load_engine
from tabs.reading.models import dataset_of, predictor_of
from tabs.reading.opened import open_dataset
from tabs.reading.pictures import COLOURS, read_for, read_sent
from tabs.scripts import called, script
from tabs.views.colors import class_colors
from tabs.views.pictures import smaller
from tabs.wiring import ACTION, POLL, PREDICT, flat, tells_errors

if TYPE_CHECKING:
    from engine.serving.predictor import Predictor

LONGEST = 1024  # pixels of a picture in the editor


class Correcting(NamedTuple):
    """What shows while somebody puts an answer right: the editor's box and input, what is right so far, what has to be said."""

    box: Any
    opened: Any
    pending: Any
    said: Any


CLOSED = Correcting(box=gr.update(visible=False), opened="{}", pending={}, said="")


def open_answer(task: Task, model: str | None, given: str | None) -> Correcting:
    """A model's answer about what it was given, a picture's path or a text, in the editor."""
    if not model or not given or not given.strip():
        return CLOSED
    load_engine()
    try:
        predictor = predictor_of(model)
        as_label = predictor.objective.as_label
        if as_label is None:
            raise DataError("This model's answers are no labels. Choose another model.")
        asked = GIVEN[task.input_kind.name](predictor, given)
        prediction = predictor.predict(asked.taken)
    except EngineError as error:
        return CLOSED._replace(said=note(without_paths(error), "bad"))
    label = as_label(prediction)
    mask = label if isinstance(label, np.ndarray) else None
    known = None if mask is not None else label
    dataset, sample = sample_at(task, model, given)
    pending = {"model": model, "given": known, "right": known, "mask": "", "sample": sample, "dataset": dataset}
    shown = {
        "kind": task.kind,
        "classes": list(predictor.classes),
        "colours": [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in class_colors(predictor.classes)],
        "item": uuid.uuid4().hex,
        "isOne": True,
        "label": known,
        "text": asked.text,
        "picture": "" if asked.bands is None else _url(smaller(as_colors(asked.bands), LONGEST), "JPEG"),
        "mask": "" if mask is None else _url(smaller(mask, LONGEST, exact=True), "PNG"),
    }
    return Correcting(box=gr.update(visible=True), opened=json.dumps(shown), pending=pending, said="")


class _Given(NamedTuple):
    """What a model was given: as it takes it; of a picture its bands (H, W, C), of a text its letters."""

    taken: Any
    bands: Any
    text: str


def _picture(predictor: "Predictor", given: str) -> _Given:
    bands = read_for(predictor, given).bands
    return _Given(taken=bands, bands=bands, text="")


def _text(predictor: "Predictor", given: str) -> _Given:
    return _Given(taken=given, bands=None, text=given)


GIVEN = {PICTURE.name: _picture, TEXT.name: _text}  # by what the models of a task read


def sample_at(task: Task, model: str, given: str) -> tuple[str, str]:
    """The data set of a model and the name in it of the picture at that path, or of that text; ("", "") from elsewhere."""
    from engine.data.own.edits import item_of, name_of

    dataset = dataset_of(model)
    try:
        data = open_dataset(task, dataset)
    except EngineError:
        return "", ""
    item = item_of(data, given)
    return ("", "") if item is None else (dataset, name_of(data, item))


def react(opened: str, pending: Mapping[str, Any], asked: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """What the editor shows after one of its messages, and what is right so far."""
    shown, now = json.loads(opened or "{}"), dict(pending)
    if asked.get("item") == shown.get("item") and now:
        if asked.get("what") == "label":
            now["right"] = shown["label"] = asked.get("label")
        elif asked.get("what") == "paint":
            now["mask"] = str(asked.get("mask", ""))
    return json.dumps({**shown, "mask": ""}), now


@tells_errors
def keep(task: Task, model: str | None, given: str | None, pending: Mapping[str, Any], is_offered: bool) -> Correcting:
    """Keep what is right; the editor is closed, and it is said how many there are."""
    return _kept(task, model, given, pending, is_offered=is_offered, is_dropped=False)


@tells_errors
def throw_out(
    task: Task, model: str | None, given: str | None, pending: Mapping[str, Any], is_offered: bool
) -> Correcting:
    """Keep that the sample is to be thrown out."""
    return _kept(task, model, given, pending, is_offered=is_offered, is_dropped=True)


def _kept(
    task: Task, model: str | None, given: str | None, pending: Mapping[str, Any], *, is_offered: bool, is_dropped: bool
) -> Correcting:
    if not pending or not model or not given or pending.get("model") != model:
        raise DataError("The answer is another one by now. Press the button under it again.")
    load_engine()
    predictor = predictor_of(model)
    wrong = Wrong(
        task=task.name,
        kind=task.kind,
        model=model,
        classes=predictor.classes,
        given=pending["given"],
        dataset=pending["dataset"],
        sample=pending["sample"],
    )
    right: Any = pending["right"]
    bands = GIVEN[task.input_kind.name](predictor, given).bands
    if pending["given"] is None and not is_dropped:  # a mask
        right = _whole_mask(pending["mask"], bands)
    elif right == pending["given"] and not is_dropped:
        raise DataError("That is what the model said. Choose what is right, or press “Never mind”.")
    is_photograph = bands is not None and bands.shape[2] == COLOURS
    keep_correction(
        wrong,
        right,
        picture=bands if is_photograph else None,
        file=Path(given) if bands is not None and not is_photograph else None,
        text=given if bands is None else "",
        is_dropped=is_dropped,
        is_offered=is_offered,
    )
    return CLOSED._replace(said=kept_in_words(task))


def kept_in_words(task: Task) -> str:
    """How many corrections there are, and where they lead."""
    many = len(corrections_of(task.name))
    said = f"Kept. {many} correction{'s' if many != 1 else ''} so far."
    address = link("corrections", task=task.name)
    return f'<p>{text(said)} <a class="lab-go" href="{text(address)}">See them, and learn from them →</a></p>'


def _whole_mask(packed: str, bands: np.ndarray) -> np.ndarray:
    """A mask as it was painted, in its picture's own size."""
    if not packed:
        raise DataError("Nothing was painted. Paint over what is wrong, or press “Never mind”.")
    codes = Image.fromarray(read_sent(packed)[..., 0].copy())
    height, width = bands.shape[:2]
    return np.asarray(codes.resize((width, height), Image.Resampling.NEAREST))


def _url(picture: np.ndarray, form: str) -> str:
    packed = io.BytesIO()
    Image.fromarray(picture).save(packed, form, quality=90)
    return as_url(packed.getvalue(), form.lower())


def build_correcting(task: Task, model: gr.State, given: Any, *, where: str) -> None:
    """The panel, wired; `given` holds what the model was given: a picture's path, or a text. `where` is the step it is in."""
    editor_id = f"{task.name}-{where}-correct"
    asking = gr.Button("No, the right answer is …", size="sm", visible=False, elem_classes="lab-correct")
    with gr.Column(visible=False, elem_id=editor_id) as box:
        editor = gr.HTML(EDITOR, js_on_load=script("labeller"))
        is_offered = gr.Checkbox(False, label="The host of this page may see it and learn from it", visible=False)
        with gr.Row(elem_classes="lab-controls"):
            keeping = gr.Button("This is right", variant="primary", size="sm")
            throwing = gr.Button("Throw the sample out", size="sm")
            closing = gr.Button("Never mind", size="sm")
    said = gr.HTML()
    shown = Correcting(box=box, opened=gr.Textbox(visible=False), pending=gr.State({}), said=said)
    told = called("labeller-told", "opened", editor_id)

    def asked(opened: str, pending: dict[str, Any], event: gr.EventData) -> tuple[str, dict[str, Any]]:
        return react(opened, pending, event._data if isinstance(event._data, dict) else {})

    def offers(pending: Mapping[str, Any]) -> tuple[Any, Any]:
        # Whether the host may see it is asked anew each time; only what is of a data set can be thrown out of it.
        return gr.update(visible=not asker().is_host, value=False), gr.update(visible=bool(pending.get("sample")))

    def may_ask(model: str | None, given: str | None) -> Any:
        return gr.update(visible=bool(model and given and given.strip()) and judges(task, model))

    opening = asking.click(lambda *now: flat(open_answer(task, *now)), [model, given], flat(shown), **PREDICT)
    opening.then(None, shown.opened, None, js=told, **POLL)
    opening.then(offers, shown.pending, [is_offered, throwing], **POLL)
    reacting = editor.select(asked, [shown.opened, shown.pending], [shown.opened, shown.pending], **LABEL)
    reacting.then(None, shown.opened, None, js=told, **POLL)
    for button, doing in ((keeping, keep), (throwing, throw_out)):
        button.click(
            lambda *now, doing=doing: flat(doing(task, *now)),
            [model, given, shown.pending, is_offered],
            flat(shown),
            **ACTION,
        )
    closing.click(lambda: flat(CLOSED), None, flat(shown), **POLL)
    gr.on([model.change, given.change], may_ask, [model, given], asking, **POLL)
    gr.on([model.change, given.change], lambda: flat(CLOSED), None, flat(shown), **POLL)


def judges(task: Task, model: str | None) -> bool:
    """Whether a model's answers are labels of the task: a language model's are not."""
    try:
        return bool(model) and task.is_answered_by(known_model(model).config.objective)
    except EngineError:
        return False
