"""Trying a model that finds a point: a picture or the camera in, a cross out, and your own click to compare with."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr
import numpy as np

from engine.data.pictures.readers import ReadPicture
from engine.errors import EngineError
from engine.kinds.sureness import within_words
from engine.task import Task
from tabs.door.paths import without_paths
from tabs.drawing.markup import empty_state, facts, note
from tabs.reading.models import predictor_of
from tabs.reading.pictures import read_for, read_packed
from tabs.scripts import called, script
from tabs.views.answers import Answer, stand_in
from tabs.views.offered import NO_MODEL, build_picture_source
from tabs.views.pictures import smaller
from tabs.views.point import GUESS, YOURS, with_crosses
from tabs.wiring import FRAME, POLL, PREDICT, flat

if TYPE_CHECKING:
    from engine.serving.predictor import Predictor

LONGEST = 900  # pixels of the picture as it is shown
NOTHING_YET = empty_state("No picture yet", "Upload one, take one with the camera, or click one that is offered.")
CAMERA = f"""<div class="lab-camera"><div class="lab-pointed"><video muted playsinline></video>
<i class="lab-cross {GUESS}" hidden></i></div><p><button type="button" class="lab-button">Start the camera</button>
<button type="button" class="lab-button" hidden>Stop the camera</button> <span class="lab-pill failed" hidden>camera on</span>
<span class="lab-camera-said lab-small" role="status"></span></p></div>"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # arrays are not compared
class Tried:
    """A prediction as it is drawn: the picture (h, w, 3); `x` and `y` as shares of its size; `size` (H, W) in pixels.

    `within` is how near the truth it may be, as a share of the width; None where the model's bundle does not say.
    """

    picture: np.ndarray
    x: float
    y: float
    size: tuple[int, int]
    within: float | None = None

    def distance(self, x: float, y: float) -> float:
        """To another place, given in shares, in pixels of the original picture."""
        height, width = self.size
        return float(np.hypot((x - self.x) * width, (y - self.y) * height))


def predict_picture(predictor: "Predictor", picture: ReadPicture) -> Tried:
    """A model's prediction for a picture that somebody sent."""
    prediction = predictor.predict(picture.bands)
    return Tried(
        picture=smaller(np.asarray(prediction.picture), LONGEST),
        x=prediction.column / prediction.picture.width,
        y=prediction.row / prediction.picture.height,
        size=picture.size,
        within=None if prediction.within is None else prediction.within / prediction.picture.width,
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
        predictor = predictor_of(model)
        said = predict_picture(predictor, read_for(predictor, source))
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
    if tried.within is not None:
        pairs.append(("How near", within_words(f"{tried.within * width:.0f} px")))
    shown = with_crosses(tried.picture, crosses, alt="your picture", large=True)
    return Drawn(picture=shown, places=facts(pairs))


def follow_camera(model: str | None, frame: Any) -> str:
    """Where the model sees the point in one frame of the camera, which came as base64: in words, and for the page's script."""
    if not model:
        return NO_MODEL
    try:
        predictor = predictor_of(model)
        tried = predict_picture(predictor, read_packed(predictor, str(frame)))
    except EngineError as error:
        return note(without_paths(error), "bad")
    side, places = predictor.config.stage.image_size, draw_crosses(tried, None).places
    return f'<div data-x="{tried.x:.4f}" data-y="{tried.y:.4f}" data-side="{side}">{places}</div>'


def build_try(task: Task, model: gr.State, dataset: gr.State) -> Any:
    """The inputs and outputs of trying a model, wired; the component that holds what the model is given."""
    camera_id = f"{task.name}-camera"
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
                camera = gr.HTML(CAMERA, elem_id=camera_id, js_on_load=script("camera") + script("live-camera"))
            with gr.Column(scale=3, min_width=320):
                live = gr.HTML(elem_id=f"{camera_id}-answer")
                gr.HTML('<p class="lab-small">The cross is where the model sees the middle of the head.</p>')

    def place_clicked(event: gr.EventData) -> tuple[float, float]:
        return float(event.x), float(event.y)

    def frame_came(model: str | None, event: gr.EventData) -> str:
        return follow_camera(model, event.frame)

    picture.select(place_clicked, None, state.yours, **POLL)
    gr.on([source.change, model.change], predict, [model, source], flat(state), **PREDICT)
    asked, drawn = [model, source, state.answer, state.yours], Drawn(picture=picture, places=places)
    gr.on([part.change for part in asked], draw, asked, flat(drawn), **POLL)
    # One frame after the other: the next is sent once this one is answered. What another model said of the last is nobody's.
    following = camera.select(frame_came, model, live, **FRAME)
    following.then(None, None, None, js=called("camera-answered", camera_id), **POLL)
    model.change(lambda: "", None, live, **POLL)
    return source
