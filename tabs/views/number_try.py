"""Trying a model of numbers: a picture in, its numbers out, beside the range of those that the model learnt from."""

from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np

from engine.errors import EngineError
from engine.task import Task
from tabs.door.paths import without_paths
from tabs.drawing.markup import empty_state, picture_tag
from tabs.reading.pictures import predicted
from tabs.views.answers import Answer, stand_in
from tabs.views.number import answer_bars
from tabs.views.offered import build_picture_source
from tabs.views.pictures import smaller
from tabs.wiring import POLL, PREDICT

LONGEST = 768  # pixels of the picture as it is shown
NOTHING_YET = empty_state("No picture yet", "Upload one, take one with the camera, or click one that is offered.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # arrays are not compared
class Tried:
    """A prediction as it is drawn: the picture (h, w, 3), the numbers by name, their ranges in training, their spreads."""

    picture: np.ndarray
    numbers: dict[str, float]
    ranges: dict[str, tuple[float, float]]
    within: dict[str, float]


def predict(model: str | None, source: str) -> Answer | None:
    """A model's numbers for the picture at `source`, or why there are none."""
    if not model or not source:
        return None
    try:
        prediction = predicted(model, source)
    except EngineError as error:
        return Answer(asked=(model, source), said=without_paths(error))
    picture = smaller(np.asarray(prediction.picture), LONGEST)
    tried = Tried(picture=picture, numbers=prediction.numbers, ranges=prediction.ranges, within=prediction.within)
    return Answer(asked=(model, source), said=tried)


def draw(model: str | None, source: str, answer: Answer | None) -> tuple[str, str]:
    """The picture and its numbers, or what stands there instead."""
    instead = stand_in(model, source, answer, NOTHING_YET)
    if instead or answer is None:
        return instead, ""
    tried: Tried = answer.said
    picture = picture_tag(tried.picture, alt="your picture", kind="picture")
    return f'<div class="lab-stack large">{picture}</div>', answer_bars(tried.numbers, tried.ranges, tried.within)


def build_try(task: Task, model: gr.State, dataset: gr.State) -> Any:
    """The inputs and outputs of trying a model, wired; the component that holds what the model is given."""
    source, answer = gr.State(""), gr.State(None)
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            build_picture_source(task, dataset, source, ["upload", "webcam", "clipboard"])
        with gr.Column(scale=2, min_width=300):
            picture = gr.HTML(NOTHING_YET)
        with gr.Column(scale=2, min_width=300):
            gr.HTML("<h4>Numbers</h4>")
            numbers = gr.HTML()
    gr.on([source.change, model.change], predict, [model, source], answer, **PREDICT)
    asked: list[Any] = [model, source, answer]
    gr.on([part.change for part in asked], draw, asked, [picture, numbers], **POLL)
    return source
