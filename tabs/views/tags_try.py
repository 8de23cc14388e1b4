"""Trying a tagging model: a picture in, tags with probabilities out, a threshold to move, where the model looks, and batches."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
import numpy as np

from engine.errors import DataError, EngineError
from engine.kinds.sureness import same_threshold, temperature_of
from engine.library.listing import known_model
from engine.task import Task
from tabs.door.paths import without_paths
from tabs.door.uploads import download_path
from tabs.drawing.markup import empty_state, note, picture_tag, table, text
from tabs.reading.heavy import load_engine
from tabs.reading.models import model_label, predictor_of
from tabs.reading.pictures import predicted, read_for
from tabs.scripts import called, script
from tabs.views.answers import Answer, keep_only, stand_in
from tabs.views.mask import confidence_tag
from tabs.views.offered import build_picture_source
from tabs.views.pictures import smaller
from tabs.views.submission import build_submission, has_competition
from tabs.wiring import BATCH, POLL, PREDICT, flat, tells_errors

LONGEST = 768  # pixels of the picture as it is shown
MOST_AT_ONCE = 200  # pictures in one batch from the browser
LESSON_THRESHOLD = 0.2
NOTHING_YET = empty_state("No picture yet", "Upload a chip, or click one that is offered.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # arrays are not compared
class Tried:
    """A prediction as it is drawn: the picture (h, w, 3), the probabilities by tag, and as HTML what is said of them together."""

    picture: np.ndarray
    probabilities: dict[str, float]
    verdict: str = ""


def own_threshold(model: str | None) -> Any:
    """The threshold that a model was given, tuned on validation, as one of the probabilities that are shown; the slider stays
    where it is for one that is gone.
    """
    if not model:
        return gr.skip()
    try:
        decision = known_model(model).config.decision
        return round(same_threshold(decision.get("threshold", LESSON_THRESHOLD), temperature_of(decision)), 4)
    except EngineError:
        return gr.skip()


class Predicted(NamedTuple):
    """A prediction, or why there is none; and the tag that is looked at."""

    answer: Any
    looked: Any


def no_verdict(prediction: Any) -> str:
    """For answers that are each said by itself."""
    return ""


def predict(
    model: str | None,
    source: str,
    *,
    picture_of: Callable[[Any], Any] = attrgetter("picture"),
    verdict_of: Callable[[Any], str] = no_verdict,
) -> Predicted:
    """A model's prediction for the picture at `source`, or why there is none, and no tag looked at."""
    if not model or not source:
        return Predicted(answer=None, looked="")
    try:
        prediction = predicted(model, source)
    except EngineError as error:
        return Predicted(answer=Answer(asked=(model, source), said=without_paths(error)), looked="")
    tried = Tried(
        picture=smaller(np.asarray(picture_of(prediction)), LONGEST),
        probabilities=prediction.probabilities,
        verdict=verdict_of(prediction),
    )
    return Predicted(answer=Answer(asked=(model, source), said=tried), looked="")


def draw_tags(model: str | None, source: str, answer: Answer | None, looked: str) -> str:
    """Every tag with its probability, the likeliest first. Which of them are given, the style says: it knows the threshold."""
    if answer is None or stand_in(model, source, answer, NOTHING_YET):
        return ""
    tried: Tried = answer.said
    rows = []
    for name, probability in sorted(tried.probabilities.items(), key=lambda pair: -pair[1]):
        rows.append(
            f'<button type="button" style="--share:{probability:.6f}" data-choice="{text(name)}" '
            f'aria-pressed="{str(name == looked).lower()}"><i></i><span class="name">{text(name)}</span>'
            f'<span class="track"><span></span></span><span class="figure">{probability:.0%}</span></button>'
        )
    return f'<div class="lab-classes lab-tag-bars">{"".join(rows)}</div>'


def draw_picture(model: str | None, source: str, answer: Answer | None, looked: str) -> str:
    """The picture, under a map of where the model looks for one tag where one was clicked."""
    instead = stand_in(model, source, answer, NOTHING_YET)
    if instead or answer is None:
        return instead
    picture = picture_tag(answer.said.picture, alt="your picture", kind="picture")
    if not looked or not model:
        return f'<div class="lab-stack large">{picture}</div>'
    load_engine()
    from engine.serving.gradcam import grad_cam

    try:
        predictor = predictor_of(model)
        if looked not in predictor.classes:  # looked at before another model was chosen
            return f'<div class="lab-stack large">{picture}</div>'
        heat = grad_cam(predictor, read_for(predictor, source).bands, predictor.classes.index(looked))
    except EngineError as error:
        return note(without_paths(error), "bad")
    over = confidence_tag(smaller(heat, LONGEST, exact=True))
    said = f"Bright places speak for “{looked}” (Grad-CAM). Click the tag again to see the picture alone."
    return f'<div class="lab-stack large">{picture}{over}</div><p class="lab-small">{text(said)}</p>'


def set_aside(model: str | None, source: str, answer: Answer | None) -> Any:
    """What takes the place of a picture that belongs to another model or file; nothing changes where it is of these."""
    return stand_in(model, source, answer, NOTHING_YET) or gr.skip()


class Batch(NamedTuple):
    """What shows for many pictures: a table, and the same as a file."""

    answers: Any
    answers_file: Any


NO_BATCH = Batch(answers="", answers_file=gr.update(visible=False))


@tells_errors
def predict_batch(model: str | None, files: list[str] | None, threshold: float) -> Batch:
    """A table of tags for many pictures, and the same as a CSV file; what cannot be read is named, and the rest goes on."""
    if not model:
        raise DataError("Train a model first, or choose one above.")
    if not files:
        return NO_BATCH
    if len(files) > MOST_AT_ONCE:
        raise DataError(
            f"{len(files)} pictures are too many for the browser: {MOST_AT_ONCE} at most. "
            "The command line takes any number: python -m engine predict RUN FILES --csv tags.csv"
        )
    predictor = predictor_of(model)
    rows, shown = [], []
    for file in map(Path, files):
        try:
            prediction = predictor.predict(read_for(predictor, file).bands)
            given = prediction.tags(threshold)
            rows.append({"file": file.name, **prediction.table_row(), "tags": " ".join(given)})
            shown.append((text(file.name), text(", ".join(given)) or "–"))
        except EngineError as problem:
            rows.append({"file": file.name})
            shown.append((text(file.name), note(without_paths(problem), "bad")))
    target = download_path("tags.csv")
    with target.open("w", newline="", encoding="utf-8") as opened:
        answers = csv.DictWriter(opened, ["file", "tags", *predictor.classes])
        answers.writeheader()
        answers.writerows(rows)
    whose = f'<p class="lab-small">By {text(model_label(model))}</p>'
    listed = table(("Picture", f"Tags above {threshold:.2f}"), shown, numbers_from=2)
    return Batch(answers=whose + listed, answers_file=gr.update(value=str(target), visible=True))


def build_try(task: Task, model: gr.State, dataset: gr.State) -> Any:
    """The inputs and outputs of trying a model, wired; the component that holds what the model is given."""
    panel_id = f"{task.name}-try"
    tags_id = f"{task.name}-tags"
    source, state = gr.State(""), Predicted(answer=gr.State(None), looked=gr.State(""))
    (answer, looked), given_for = state, gr.State(None)
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            build_picture_source(task, dataset, source, ["upload", "clipboard"])
        with gr.Column(scale=2, min_width=300, elem_id=panel_id, elem_classes="lab-panel"):
            picture = gr.HTML(NOTHING_YET)
            opacity = gr.Slider(0, 100, value=55, step=1, label="How strong the map is", buttons=[])
        with gr.Column(scale=2, min_width=300, elem_id=tags_id):
            threshold = gr.Slider(
                0.01,
                0.99,
                value=LESSON_THRESHOLD,
                step=0.01,
                label="Threshold: from where on a tag is given",
                buttons=[],  # one that resets would not know the model's own
            )
            gr.HTML("<h4>Tags <small>(click one to see where the model looks)</small></h4>")
            tags = gr.HTML(js_on_load=script("click-choice"))
    with gr.Accordion("Many pictures at once", open=False):
        files = gr.File(file_count="multiple", type="filepath", label="Pictures", height=140)
        batch_button = gr.Button("Give them tags", size="sm")
        batch = Batch(answers=gr.HTML(), answers_file=gr.DownloadButton("Download as CSV", visible=False, size="sm"))
    if has_competition(task):
        build_submission(task, model, dataset)

    def tag_clicked(looked: str, event: gr.EventData) -> str:
        return "" if str(event.choice) == looked else str(event.choice)

    def batch_clicked(model: str | None, files: list[str] | None, threshold: float) -> tuple[Any, ...]:
        return *predict_batch(model, files, threshold), (model, files)

    gr.on([source.change, model.change], predict, [model, source], flat(state), **PREDICT)
    model.change(own_threshold, model, threshold, **POLL)
    drawn = [model, source, answer, looked]
    gr.on([part.change for part in drawn], draw_tags, drawn, tags, **POLL)
    threshold.change(None, threshold, None, js=called("set-share", tags_id, "--threshold", 1))
    # What is of another picture goes at once; a map of where the model looks takes its turn among those that predict.
    gr.on([source.change, model.change], set_aside, [model, source, answer], picture, **POLL)
    gr.on([answer.change, looked.change], draw_picture, drawn, picture, **PREDICT)
    tags.select(tag_clicked, looked, looked, **POLL)
    opacity.input(None, opacity, None, js=called("set-share", panel_id, "--mask-opacity", 100))
    giving = batch_button.click(batch_clicked, [model, files, threshold], [*flat(batch), given_for], **BATCH)
    for event in (giving.then, model.change, files.change):
        event(partial(keep_only, NO_BATCH), [given_for, model, files], flat(batch), **POLL)
    return source
