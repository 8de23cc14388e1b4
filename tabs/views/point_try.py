"""Trying a model that finds a point: a picture or the camera in, a cross out, and your own click to compare with."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr
import numpy as np

from engine.errors import EngineError
from engine.task import Task
from tabs.door.paths import without_paths
from tabs.drawing.markup import empty_state, facts, note
from tabs.reading.models import predictor_of
from tabs.scripts import script
from tabs.views.answers import Answer, stand_in
from tabs.views.offered import NO_MODEL, build_picture_source
from tabs.views.pictures import smaller
from tabs.views.point import GUESS, YOURS, with_crosses
from tabs.wiring import POLL, PREDICT, STREAM, flat

LONGEST = 900  # pixels of the picture as it is shown
LIVE_LONGEST = 480
STREAM_EVERY, STREAM_FOR = 0.3, 120  # seconds
NOTHING_YET = empty_state("No picture yet", "Upload one, take one with the camera, or click one that is offered.")
NO_FRAME = empty_state("The camera is off", "Press its record button, and hold your head into the picture.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # arrays are not compared
class Tried:
    """A prediction as it is drawn: the picture (h, w, 3); `x` and `y` as shares of its size; `size` (H, W) in pixels."""

    picture: np.ndarray
    x: float
    y: float
    size: tuple[int, int]

    def distance(self, x: float, y: float) -> float:
        """To another place, given in shares, in pixels of the original picture."""
        height, width = self.size
        return float(np.hypot((x - self.x) * width, (y - self.y) * height))


def predict_picture(model: str, source: Any, longest: int) -> Tried:
    """A model's prediction for a file or an array (H, W, 3) uint8."""
    prediction = predictor_of(model).predict(source)
    picture = prediction.picture
    return Tried(
        picture=smaller(np.asarray(picture), longest),
        x=prediction.column / picture.width,
        y=prediction.row / picture.height,
        size=(picture.height, picture.width),
    )


class Predicted(NamedTuple):
    """A prediction, or why there is none; and where somebody clicked in it."""

    answer: Any
    yours: Any


class Drawn(NamedTuple):
    """What shows for a prediction: the picture with the model's cross and yours, and where they are."""

    picture: Any
    places: Any


def predict(model: str | None, source: str) -> Predicted:
    """A model's prediction for the picture at `source`, or why there is none; and no click of yours yet."""
    if not model or not source:
        return Predicted(answer=None, yours=None)
    try:
        said = predict_picture(model, source, LONGEST)
    except EngineError as error:
        said = without_paths(error)
    return Predicted(answer=Answer(asked=(model, source), said=said), yours=None)


def draw(model: str | None, source: str, answer: Answer | None, yours: tuple[float, float] | None) -> Drawn:
    """The picture with the model's cross and yours, and where they are; or what stands there instead."""
    instead = stand_in(model, source, answer, NOTHING_YET)
    return Drawn(picture=instead, places="") if instead or answer is None else draw_crosses(answer.said, yours)


def draw_crosses(tried: Tried, yours: tuple[float, float] | None) -> Drawn:
    """A prediction's picture with its cross and yours, and where they are."""
    (height, width), (h, w) = tried.size, tried.picture.shape[:2]
    crosses = [(tried.x * w, tried.y * h, GUESS)]
    pairs = [
        ("The model", f"column {tried.x * width:.1f}, row {tried.y * height:.1f}"),
        ("Picture", f"{width}×{height} pixels"),
    ]
    if yours:
        crosses.append((yours[0] * w, yours[1] * h, YOURS))
        away = tried.distance(*yours)
        pairs.insert(1, ("You", f"column {yours[0] * width:.1f}, row {yours[1] * height:.1f}"))
        pairs.insert(2, ("Apart", f"{away:.1f} px, {away / width:.1%} of the width"))
    shown = with_crosses(tried.picture, crosses, alt="your picture", large=True)
    return Drawn(picture=shown, places=facts(pairs))


def follow_camera(model: str | None, frame: np.ndarray | None) -> str:
    """One frame of the camera with the model's cross, and where that is."""
    if not model:
        return NO_MODEL
    if frame is None:
        return NO_FRAME
    try:
        tried = predict_picture(model, frame, LIVE_LONGEST)
    except EngineError as error:
        return note(without_paths(error), "bad")
    return "".join(draw_crosses(tried, None))


def build_try(task: Task, model: gr.State, dataset: gr.State) -> None:
    """The inputs and outputs of trying a model, wired."""
    source, state = gr.State(""), Predicted(answer=gr.State(None), yours=gr.State(None))
    with gr.Tabs():
        with gr.Tab("A picture"), gr.Row():
            with gr.Column(scale=2, min_width=280):
                build_picture_source(task, dataset, source, ["upload", "webcam", "clipboard"])
            with gr.Column(scale=3, min_width=320):
                picture = gr.HTML(NOTHING_YET, js_on_load=script("click-place"))
                gr.HTML('<p class="lab-small">Click where <em>you</em> think the middle of the head is.</p>')
                places = gr.HTML()
        with gr.Tab("Live camera"), gr.Row():
            with gr.Column(scale=2, min_width=280):
                camera = gr.Image(sources=["webcam"], streaming=True, type="numpy", label="Camera", height=300)
            with gr.Column(scale=3, min_width=320):
                live = gr.HTML(NO_FRAME)

    def place_clicked(event: gr.EventData) -> tuple[float, float]:
        return float(event.x), float(event.y)

    picture.select(place_clicked, None, state.yours, **POLL)
    gr.on([source.change, model.change], predict, [model, source], flat(state), **PREDICT)
    asked, drawn = [model, source, state.answer, state.yours], Drawn(picture=picture, places=places)
    gr.on([part.change for part in asked], draw, asked, flat(drawn), **POLL)
    # The camera may stand still: what the model before said of its last frame must not stay. The next frame is judged anew.
    gr.on([model.change, camera.clear], lambda: NO_FRAME, None, live, **POLL)
    camera.stream(
        follow_camera,
        [model, camera],
        live,
        stream_every=STREAM_EVERY,
        time_limit=STREAM_FOR,
        **STREAM,
    )
