"""Corrections over HTTP: one endpoint for all tasks, which keeps what is right for an input."""

from typing import Any

import numpy as np
from gradio.events import api

from engine.errors import DataError, EngineError
from engine.inputs import PICTURE, TEXT
from engine.library.corrections import Wrong, keep_correction
from engine.tasks.registry import TASKS, get_task
from tabs.door.paths import without_paths
from tabs.panels.http_api import SEND_TEXT, chosen_model, given
from tabs.reading.heavy import load_engine
from tabs.reading.models import predictor_of
from tabs.reading.pictures import COLOURS, SEND_PICTURE, read_packed, read_sent
from tabs.wiring import PREDICT

CORRECT = "correct"
PARAMETERS = ("task", "given", "right", "model")
NAME_TASK = f"Name one of: {', '.join(task.name for task in TASKS)}."


def correct(task: str, given: str, right: Any, model: str = "") -> dict[str, Any]:
    """Keep what is right for one input, and what a model said of it.

    Args:
        task: The task's name.
        given: A picture's file in base64, or a text.
        right: A class's name; a list of tags; a point as [share of width, share of height]; numbers by name; a mask as base64.
        model: The name of the model that was wrong; without one, the page's first choice.
    """
    load_engine()
    try:
        return _kept(task, given, right, model)
    except EngineError as error:
        return {"error": without_paths(error)}


def _kept(task: Any, sent: Any, right: Any, model: Any) -> dict[str, Any]:
    known = get_task(given(task, "task", NAME_TASK))
    name = chosen_model(known, model)
    predictor = predictor_of(name)
    as_label = predictor.objective.as_label
    if as_label is None:
        raise DataError(f"The answers of {name} are no labels. Name another model.")
    where: dict[str, Any] = {}
    if known.input_kind is TEXT:
        taken = where["text"] = given(sent, "text", SEND_TEXT)
    else:
        taken = where["picture"] = read_packed(predictor, given(sent, PICTURE.name, SEND_PICTURE)).bands
        if taken.shape[2] != COLOURS:
            raise DataError("Only pictures in colours are corrected over HTTP. Use the page for others.")
    said = as_label(predictor.predict(taken))
    is_mask = isinstance(said, np.ndarray)
    wrong = Wrong(
        task=known.name, kind=known.kind, model=name, classes=predictor.classes, given=None if is_mask else said
    )
    kept = keep_correction(wrong, read_sent(right)[..., 0].copy() if is_mask else right, **where)
    return {"name": kept.name, "model": name, "said": wrong.given, "right": kept.right}


def build_correct_api() -> None:
    """The endpoint that keeps corrections."""
    api(
        correct,
        api_name=CORRECT,
        concurrency_limit=PREDICT["concurrency_limit"],
        concurrency_id=PREDICT["concurrency_id"],
    )
