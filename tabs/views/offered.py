"""Pictures to try a model on: one's own, examples that come with the app, and validation pictures of the model's data set."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import gradio as gr
import numpy as np

from engine.data.pictures.bands import as_colors, count_bands, open_bands
from engine.errors import DataError, EngineError
from engine.task import Task
from tabs.door.uploads import uploaded
from tabs.drawing.markup import empty_state, picture_tag, text
from tabs.reading.examples import examples_of
from tabs.reading.opened import open_dataset
from tabs.scripts import script
from tabs.views.pictures import smaller
from tabs.wiring import ACTION, POLL, tells_errors

Source = Literal["upload", "webcam", "clipboard"]
OFFERED = 6
THUMBNAIL = 240  # pixels
NO_MODEL = empty_state(
    "No trained model yet", "Train a run for at least one epoch, and come back: it need not be finished."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A picture to click on, what it is called, and what is said under it."""

    path: Path
    title: str
    caption: str = ""


def offered_pictures(task: Task, dataset: str | None) -> dict[str, Offered]:
    """Validation pictures spread over the split, and the task's example pictures, by what they are called.

    An example keeps its name when a data set joins it: the page offers examples before it knows of one.
    """
    try:
        frames = open_dataset(task, dataset).valid if dataset else ()
    except EngineError:
        frames = ()
    spread = frames[:: max(1, len(frames) // OFFERED)][:OFFERED]
    offered = {f"valid-{number}": Offered(path=path, title=path.name) for number, path in enumerate(spread)}
    for number, example in enumerate(examples_of(task.name)):
        offered[f"example-{number}"] = Offered(
            path=Path(example.given), title=f"example: {example.title}", caption=f"Drawn. {example.wrong}"
        )
    return offered


def show_offered(task: Task, dataset: str | None) -> str:
    """The pictures to click on."""
    cells = []
    for name, one in offered_pictures(task, dataset).items():
        try:
            small = smaller(as_colors(open_bands(one.path, count_bands(one.path))), THUMBNAIL)
        except DataError:
            continue  # the data set changed on disk meanwhile
        picture = picture_tag(np.ascontiguousarray(small), alt=one.title)
        said = f'<p class="lab-small">{text(one.caption)}</p>' if one.caption else ""
        button = f'<button type="button" data-choice="{name}" title="{text(one.title)}">{picture}</button>'
        cells.append(f"<div>{button}{said}</div>")
    return f'<h4>Or take one of these</h4><div class="lab-offered">{"".join(cells)}</div>' if cells else ""


@tells_errors
def take_offered(task: Task, dataset: str | None, choice: str) -> str:
    """The path of an offered picture, by its name."""
    offered = offered_pictures(task, dataset)
    if choice not in offered:
        raise DataError("That picture is not offered any more. Reload the page.")
    return str(offered[choice].path)


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
    offered = gr.HTML(show_offered(task, None), js_on_load=script("click-choice"))

    def offered_clicked(dataset: str, event: gr.EventData) -> tuple[str, None]:
        return take_offered(task, dataset, str(event.choice)), None  # nor does an earlier upload stay beside its answer

    dataset.change(partial(show_offered, task), dataset, offered, **POLL)
    # Not read by Gradio, which would decode whatever came: the engine opens it, with its own checks.
    # The last of them counts: a picture that comes while the one before is taken away would be lost otherwise.
    upload.input(take_upload, upload, source, preprocess=False, trigger_mode="always_last", **ACTION)
    offered.select(offered_clicked, dataset, [source, upload], **ACTION)
