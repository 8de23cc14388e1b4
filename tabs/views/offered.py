"""Pictures to try a model on: examples that come with the app, and validation pictures of the data set it was trained on."""

from pathlib import Path
from typing import Any

import numpy as np

from engine.data.bands import as_colors, count_bands, open_bands
from engine.errors import DataError, EngineError
from engine.task import Task
from tabs.components.markup import picture_tag, text
from tabs.components.opened import open_dataset
from tabs.components.wiring import tells_errors
from tabs.views.pictures import smaller

EXAMPLES = Path(__file__).parent.parent.parent / "assets" / "examples"
OFFERED = 6
THUMBNAIL = 240  # pixels


def offered_pictures(task: Task, dataset: str | None) -> list[tuple[str, Path]]:
    """Validation pictures spread over the split, and the task's example pictures, each with its caption."""
    examples = [(f"example: {path.stem}", path) for path in sorted((EXAMPLES / task.name).glob("*.jpg"))]
    try:
        frames = open_dataset(task, dataset).valid if dataset else ()
    except EngineError:
        frames = ()
    spread = frames[:: max(1, len(frames) // OFFERED)][:OFFERED]
    return [*((path.name, path) for path in spread), *examples]


def show_offered(task: Task, dataset: str | None) -> str:
    """The pictures to click on."""
    cells = []
    for index, (caption, path) in enumerate(offered_pictures(task, dataset)):
        try:
            small = smaller(as_colors(open_bands(path, count_bands(path))), THUMBNAIL)
        except DataError:
            continue  # the data set changed on disk meanwhile
        picture = picture_tag(np.ascontiguousarray(small), alt=caption)
        cells.append(f'<button type="button" data-choice="{index}" title="{text(caption)}">{picture}</button>')
    return f'<div class="lab-offered">{"".join(cells)}</div>'


@tells_errors
def take_offered(task: Task, dataset: str | None, choice: str) -> str:
    """The path of an offered picture, by its number."""
    offered = offered_pictures(task, dataset)
    if not choice.isdecimal() or int(choice) >= len(offered):
        raise DataError("That picture is not offered any more. Reload the page.")
    return str(offered[int(choice)][1])


def take_upload(payload: Any) -> str:
    """The path of an uploaded picture, untouched: the predictor alone opens what comes from outside."""
    if payload is None:
        return ""
    return str(payload["path"] if isinstance(payload, dict) else payload.path)
