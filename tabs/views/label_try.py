"""Trying a model of one label: a picture in, shares of the labels out, where the model looks, and batches."""

from functools import partial
from operator import attrgetter
from typing import Any

import gradio as gr

from engine.task import Task
from tabs.scripts import called, script
from tabs.views.answers import Answer, stand_in
from tabs.views.label import class_bars
from tabs.views.offered import build_picture_source
from tabs.views.sureness import verdict
from tabs.views.tags_try import NOTHING_YET, Predicted, draw_picture, set_aside
from tabs.views.tags_try import predict as predict_tags
from tabs.wiring import POLL, PREDICT, flat

predict = partial(predict_tags, picture_of=attrgetter("shown"), verdict_of=verdict)


def draw_labels(model: str | None, source: str, answer: Answer | None, looked: str) -> str:
    """The verdict, and the labels with their shares."""
    if answer is None or stand_in(model, source, answer, NOTHING_YET):
        return ""
    return answer.said.verdict + class_bars(answer.said.probabilities, looked)


def build_try(task: Task, model: gr.State, dataset: gr.State) -> Any:
    """The inputs and outputs of trying a model, wired; the component that holds what the model is given."""
    panel_id = f"{task.name}-try"
    source, state = gr.State(""), Predicted(answer=gr.State(None), looked=gr.State(""))
    answer, looked = state
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            build_picture_source(task, dataset, source, ["upload", "webcam", "clipboard"])
        with gr.Column(scale=2, min_width=300, elem_id=panel_id, elem_classes="lab-panel"):
            picture = gr.HTML(NOTHING_YET)
            opacity = gr.Slider(0, 100, value=55, step=1, label="How strong the map is", buttons=[])
        with gr.Column(scale=2, min_width=300):
            gr.HTML("<h4>Labels <small>(click one to see where the model looks)</small></h4>")
            labels = gr.HTML(js_on_load=script("click-choice"))

    def label_clicked(looked: str, event: gr.EventData) -> str:
        return "" if str(event.choice) == looked else str(event.choice)

    gr.on([source.change, model.change], predict, [model, source], flat(state), **PREDICT)
    drawn: list[Any] = [model, source, answer, looked]
    gr.on([part.change for part in drawn], draw_labels, drawn, labels, **POLL)
    # What is of another picture goes at once; a map of where the model looks takes its turn among those that predict.
    gr.on([source.change, model.change], set_aside, [model, source, answer], picture, **POLL)
    gr.on([answer.change, looked.change], draw_picture, drawn, picture, **PREDICT)
    labels.select(label_clicked, looked, looked, **POLL)
    opacity.input(None, opacity, None, js=called("set-share", panel_id, "--mask-opacity", 100))
    return source
