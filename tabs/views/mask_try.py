"""Trying a segmentation model: a picture in, its mask over it, classes to click, and how sure the model is."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr
import numpy as np

from engine.errors import EngineError
from engine.task import Task
from tabs.door.paths import without_paths
from tabs.drawing.markup import empty_state, picture_tag, text
from tabs.reading.models import predictor_of
from tabs.reading.pictures import read_for, size_note
from tabs.scripts import called, script
from tabs.views.answers import Answer, stand_in
from tabs.views.colors import class_colors, css_color
from tabs.views.mask import confidence_tag, mask_tag, ordered_shares, share_text
from tabs.views.offered import build_picture_source
from tabs.views.pictures import smaller
from tabs.wiring import POLL, PREDICT, flat

LONGEST = 1024  # pixels of the picture as it is shown; the prediction itself is in the picture's own size
NOTHING_YET = empty_state("No picture yet", "Upload one, take one with the camera, or click one that is offered.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # arrays are not compared
class Tried:
    """A prediction as it is drawn: picture (h, w, 3), mask (h, w), confidence (h, w) in 0..1.

    `unsure` is the share of the pixels that the model is not sure of. `size` is the prediction's own, and `made_smaller` says so
    where the file has another one.
    """

    picture: np.ndarray
    mask: np.ndarray
    confidence: np.ndarray
    classes: tuple[str, ...]
    shares: dict[str, float]
    size: tuple[int, int]
    made_smaller: str
    unsure: float


class Predicted(NamedTuple):
    """A prediction, or why there is none; and the class that is highlighted in it."""

    answer: Any
    highlight: Any


class Drawn(NamedTuple):
    """What shows for a prediction: the picture under its mask or its confidence map, and the classes with their shares."""

    picture: Any
    classes: Any


def predict(model: str | None, source: str) -> Predicted:
    """A model's prediction for the picture at `source`, or why there is none; and no class highlighted."""
    if not model or not source:
        return Predicted(answer=None, highlight=None)
    try:
        predictor = predictor_of(model)
        picture = read_for(predictor, source)
        prediction = predictor.predict(picture.bands)
    except EngineError as error:
        return Predicted(answer=Answer(asked=(model, source), said=without_paths(error)), highlight=None)
    tried = Tried(
        picture=smaller(np.asarray(prediction.picture), LONGEST),
        mask=smaller(prediction.mask, LONGEST, exact=True),
        confidence=smaller(prediction.confidence, LONGEST, exact=True),
        classes=prediction.classes,
        shares=prediction.shares,
        size=prediction.mask.shape,
        made_smaller=size_note(picture),
        unsure=prediction.unsure,
    )
    return Predicted(answer=Answer(asked=(model, source), said=tried), highlight=None)


def draw(model: str | None, source: str, answer: Answer | None, highlight: int | None, layer: str) -> Drawn:
    """The picture with one `layer` over it, one class alone where one is highlighted."""
    instead = stand_in(model, source, answer, NOTHING_YET)
    if instead or answer is None:
        return Drawn(picture=instead, classes="")
    tried: Tried = answer.said
    over = (
        confidence_tag(tried.confidence)
        if layer == "confidence"
        else mask_tag(tried.mask, tried.classes, highlight=highlight)
    )
    height, width = tried.size
    sure = (
        f"{width}×{height} pixels; the model is {tried.confidence.mean():.0%} sure of a pixel on average, and not sure of "
        f"{tried.unsure:.0%} of them. {tried.made_smaller}"
    )
    picture = picture_tag(tried.picture, alt="your picture", kind="picture")
    key = '<p class="lab-ramp"><span>unsure</span><i></i><span>sure</span></p>' if layer == "confidence" else ""
    html = f'<div class="lab-stack large">{picture}{over}</div>{key}<p class="lab-small">{text(sure)}</p>'
    return Drawn(picture=html, classes=class_list(tried, highlight))


def class_list(tried: Tried, highlight: int | None) -> str:
    """Every class in the picture with its share, the largest first; a click shows it alone."""
    numbers = {name: index for index, name in enumerate(tried.classes)}
    colors = class_colors(tried.classes)
    rows = []
    for name, share in ordered_shares(tried.shares):
        if share <= 0:
            continue
        index = numbers[name]
        rows.append(
            f'<button type="button" data-choice="{index}" aria-pressed="{str(index == highlight).lower()}">'
            f'<i style="background:{css_color(colors[index])}"></i><span class="name">{text(name)}</span>'
            f'<span class="track"><span style="width:{100 * share:.1f}%;background:{css_color(colors[index])}"></span></span>'
            f'<span class="figure">{share_text(share)}</span></button>'
        )
    return f'<div class="lab-classes">{"".join(rows)}</div>'


def toggle_class(highlight: int | None, choice: str) -> int | None:
    """The class to show alone: a second click on it shows all again."""
    chosen = int(choice) if choice.isdecimal() else None
    return None if chosen == highlight else chosen


def build_try(task: Task, model: gr.State, dataset: gr.State) -> Any:
    """The inputs and outputs of trying a model, wired; the component that holds what the model is given."""
    panel_id = f"{task.name}-try"
    source, state = gr.State(""), Predicted(answer=gr.State(None), highlight=gr.State(None))
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            build_picture_source(task, dataset, source, ["upload", "webcam", "clipboard"])
        with gr.Column(scale=3, min_width=320, elem_id=panel_id, elem_classes="lab-panel"):
            with gr.Row(elem_classes="lab-controls"):
                opacity = gr.Slider(0, 100, value=60, step=1, label="Opacity", buttons=[])
                layer = gr.Radio([("Classes", "mask"), ("How sure", "confidence")], value="mask", label="Show")
            picture = gr.HTML(NOTHING_YET)
            gr.HTML("<h4>What is in it <small>(click a class to see it alone)</small></h4>")
            classes = gr.HTML(js_on_load=script("click-choice"))

    def class_clicked(highlight: int | None, event: gr.EventData) -> int | None:
        return toggle_class(highlight, str(event.choice))

    gr.on([source.change, model.change], predict, [model, source], flat(state), **PREDICT)
    asked = [model, source, state.answer, state.highlight, layer]
    drawn = Drawn(picture=picture, classes=classes)
    gr.on([part.change for part in asked], draw, asked, flat(drawn), **POLL)
    classes.select(class_clicked, state.highlight, state.highlight, **POLL)
    opacity.input(None, opacity, None, js=called("set-share", panel_id, "--mask-opacity", 100))
    return source
