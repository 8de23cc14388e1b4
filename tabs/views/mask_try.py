"""Trying a segmentation model: a picture in, its mask over it, classes to click, and how sure the model is."""

from dataclasses import dataclass

import gradio as gr
import numpy as np

from engine.errors import EngineError
from engine.task import Task
from tabs.components.markup import empty_state, note, picture_tag, text
from tabs.components.models import predictor_of
from tabs.components.paths import without_paths
from tabs.components.wiring import CLICK_CHOICE, POLL, PREDICT, set_css_variable
from tabs.views.colors import class_colors, css_color
from tabs.views.mask import confidence_tag, mask_tag, ordered_shares, share_text
from tabs.views.offered import NO_MODEL, build_picture_source
from tabs.views.pictures import smaller

LONGEST = 1024  # pixels of the picture as it is shown; the prediction itself is in the picture's own size
NOTHING_YET = empty_state("No picture yet", "Upload one, take one with the camera, or click one that is offered.")


# Compared by identity: Gradio asks for a hash to see whether a state has changed, and arrays have none.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tried:
    """A prediction as it is drawn: picture (h, w, 3), mask (h, w), confidence (h, w) in 0..1; `size` is the picture's own."""

    picture: np.ndarray
    mask: np.ndarray
    confidence: np.ndarray
    classes: tuple[str, ...]
    shares: dict[str, float]
    size: tuple[int, int]


def predict(model: str | None, source: str) -> tuple[Tried | str | None, int | None]:
    """A model's prediction for the picture at `source`, or why there is none; and no class highlighted."""
    if not model or not source:
        return None, None
    try:
        prediction = predictor_of(model).predict(source)
    except EngineError as error:
        return without_paths(error), None
    tried = Tried(
        picture=smaller(np.asarray(prediction.picture), LONGEST),
        mask=smaller(prediction.mask, LONGEST, exact=True),
        confidence=smaller(prediction.confidence, LONGEST, exact=True),
        classes=prediction.classes,
        shares=prediction.shares,
        size=prediction.mask.shape,
    )
    return tried, None


def draw(model: str | None, tried: Tried | str | None, highlight: int | None, layer: str) -> tuple[str, str]:
    """The picture under its mask or its confidence map, and the classes with their shares."""
    if tried is None:
        return (NOTHING_YET if model else NO_MODEL), ""
    if isinstance(tried, str):
        return note(tried, "bad"), ""
    over = (
        confidence_tag(tried.confidence)
        if layer == "confidence"
        else mask_tag(tried.mask, tried.classes, highlight=highlight)
    )
    height, width = tried.size
    sure = f"{width}×{height} pixels; the model is {tried.confidence.mean():.0%} sure of a pixel on average"
    picture = picture_tag(tried.picture, alt="your picture", kind="picture")
    key = '<p class="lab-ramp"><span>unsure</span><i></i><span>sure</span></p>' if layer == "confidence" else ""
    html = f'<div class="lab-stack large">{picture}{over}</div>{key}<p class="lab-small">{text(sure)}</p>'
    return html, class_list(tried, highlight)


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


def build_try(task: Task, model: gr.Dropdown, dataset: gr.State) -> None:
    """The inputs and outputs of trying a model, wired."""
    panel_id = f"{task.name}-try"
    source, tried, highlight = gr.State(""), gr.State(None), gr.State(None)
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            build_picture_source(task, dataset, source, ["upload", "webcam", "clipboard"])
        with gr.Column(scale=3, min_width=320, elem_id=panel_id, elem_classes="lab-panel"):
            with gr.Row(elem_classes="lab-controls"):
                opacity = gr.Slider(0, 100, value=60, step=1, label="Opacity", buttons=[])
                layer = gr.Radio([("Classes", "mask"), ("How sure", "confidence")], value="mask", label="Show")
            picture = gr.HTML(NOTHING_YET)
            gr.HTML("<h4>What is in it <small>(click a class to see it alone)</small></h4>")
            classes = gr.HTML(js_on_load=CLICK_CHOICE)

    def class_clicked(highlight: int | None, event: gr.EventData) -> int | None:
        return toggle_class(highlight, str(event.choice))

    gr.on([source.change, model.change], predict, [model, source], [tried, highlight], **PREDICT)
    drawn = [model, tried, highlight, layer]
    gr.on([tried.change, highlight.change, layer.change, model.change], draw, drawn, [picture, classes], **POLL)
    classes.select(class_clicked, highlight, highlight, **POLL)
    opacity.input(None, opacity, None, js=set_css_variable(panel_id, "--mask-opacity"))
