"""Pictures to try a model on: one's own, examples that come with the app, and validation pictures of the model's data set."""

from functools import partial
from pathlib import Path
from typing import Any, Literal

import gradio as gr
import numpy as np

from engine.data.bands import as_colors, count_bands, open_bands
from engine.errors import DataError, EngineError
from engine.task import Task
from tabs.components.markup import empty_state, picture_tag, text
from tabs.components.opened import example_pictures, open_dataset
from tabs.components.uploads import uploaded
from tabs.components.wiring import ACTION, CLICK_CHOICE, POLL, tells_errors
from tabs.views.pictures import smaller

Source = Literal["upload", "webcam", "clipboard"]
OFFERED = 6
THUMBNAIL = 240  # pixels
NO_MODEL = empty_state(
    "No trained model yet", "Train a run for at least one epoch, and come back: it need not be finished."
)


def offered_pictures(task: Task, dataset: str | None) -> dict[str, tuple[str, Path]]:
    """Validation pictures spread over the split, and the task's example pictures: caption and path of each, by what it is called.

    An example keeps its name when a data set joins it: the page offers examples before it knows of one.
    """
    try:
        frames = open_dataset(task, dataset).valid if dataset else ()
    except EngineError:
        frames = ()
    spread = frames[:: max(1, len(frames) // OFFERED)][:OFFERED]
    offered = {f"valid-{number}": (path.name, path) for number, path in enumerate(spread)}
    examples = ((f"example: {path.stem}", path) for path in example_pictures(task.name))
    return offered | {f"example-{number}": example for number, example in enumerate(examples)}


def show_offered(task: Task, dataset: str | None) -> str:
    """The pictures to click on."""
    cells = []
    for name, (caption, path) in offered_pictures(task, dataset).items():
        try:
            small = smaller(as_colors(open_bands(path, count_bands(path))), THUMBNAIL)
        except DataError:
            continue  # the data set changed on disk meanwhile
        picture = picture_tag(np.ascontiguousarray(small), alt=caption)
        cells.append(f'<button type="button" data-choice="{name}" title="{text(caption)}">{picture}</button>')
    return f'<h4>Or take one of these</h4><div class="lab-offered">{"".join(cells)}</div>' if cells else ""


@tells_errors
def take_offered(task: Task, dataset: str | None, choice: str) -> str:
    """The path of an offered picture, by its name."""
    offered = offered_pictures(task, dataset)
    if choice not in offered:
        raise DataError("That picture is not offered any more. Reload the page.")
    return str(offered[choice][1])


@tells_errors
def take_upload(payload: Any) -> str:
    """The path of an uploaded picture, untouched: the predictor alone opens what comes from outside.

    A hand-made request may name any file of this machine: only what was uploaded is taken.
    """
    if payload is None:
        return ""
    return str(uploaded(payload["path"] if isinstance(payload, dict) else payload.path))


def build_picture_source(task: Task, dataset: gr.State, source: gr.State, sources: list[Source]) -> None:
    """The upload and the pictures to click on, wired to write the chosen picture's path into `source`."""
    upload = gr.Image(sources=sources, type="filepath", image_mode=None, label="Your picture", height=240)
    offered = gr.HTML(show_offered(task, None), js_on_load=CLICK_CHOICE)

    def offered_clicked(dataset: str, event: gr.EventData) -> tuple[str, None]:
        return take_offered(task, dataset, str(event.choice)), None  # nor does an earlier upload stay beside its answer

    dataset.change(partial(show_offered, task), dataset, offered, **POLL)
    # Not read by Gradio, which would decode whatever came: the engine opens it, with its own checks.
    # The last of them counts: a picture that comes while the one before is taken away would be lost otherwise.
    upload.input(take_upload, upload, source, preprocess=False, trigger_mode="always_last", **ACTION)
    offered.select(offered_clicked, dataset, [source, upload], **ACTION)
