"""Models as the panels name and open them: runs, downloads and samples alike."""

import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.access import asker
from engine.errors import BundleError
from engine.hub.library import Model, known_model, list_models
from engine.task import Task
from engine.training.bundle import read_evaluation
from tabs.components import opened
from tabs.components.heavy import load_engine
from tabs.components.opened import dataset_title, open_dataset, run_label, spec_of

if TYPE_CHECKING:
    from engine.serving.predictor import Predictor

FRESH = ("Fresh: the backbone's pretrained weights", "")
LISTED_MODELS = 80  # in one picker
RANKING = threading.Lock()


def models_of(task: Task) -> list[str]:
    """The names of the task's models: one's own runs, what was loaded, what came with the app, and then other people's runs."""
    owner = asker().owner
    found = sorted(
        list_models(task.name), key=lambda model: model.origin == "run" and spec_of(model.name).owner != owner
    )
    return [model.name for model in found][:LISTED_MODELS]


def model_label(name: str) -> str:
    """A model in a few words: a run's time and title, or where else it came from."""
    model = known_model(name)
    if model.origin == "run":
        return run_label(name)
    about = f"{model.config.plan.backbone} · {dataset_title(model.config.dataset)}"
    return f"Sample · {about}" if model.origin == "sample" else f"Hub · {name} · {about}"


def model_choices(names: list[str]) -> list[tuple[str, str]]:
    """(label, name) pairs for a picker."""
    return [(model_label(name), name) for name in names]


def start_choices(task: Task) -> list[tuple[str, str]]:
    """Where weights can come from: the backbone's pretraining, or a model in reach."""
    return [FRESH, *model_choices(models_of(task))]


def predictor_of(name: str) -> "Predictor":
    """A model in reach, ready to predict; torch is imported here. `BundleError` where it is gone or damaged."""
    load_engine()
    from engine.serving.predictor import load_predictor

    return load_predictor(known_model(name).source)


def dataset_of(name: str | None) -> str:
    """The data set that a model was trained on; "" where there is none, or it was deleted meanwhile."""
    try:
        return known_model(name).config.dataset if name else ""
    except BundleError:
        return ""


def remarks_of(name: str) -> tuple[str, ...]:
    """What has to be said beside a model's figures."""
    model = known_model(name)
    return opened.remarks_of(name) if model.origin == "run" else model.config.remarks


def evaluation_of(name: str) -> dict[str, Any]:
    """A model's figures by class; empty while there are none."""
    return read_evaluation(known_model(name).folder) or {}


def ranked_items(task: Task, name: str) -> "tuple[Any, ...]":
    """The validation inputs of a model's data set, the highest loss first; judged once for all browsers."""
    model = known_model(name)
    with RANKING:
        return _ranked(task, model, model.folder)


@lru_cache(maxsize=32)
def _ranked(task: Task, model: Model, folder: Path) -> "tuple[Any, ...]":
    load_engine()
    from engine.serving.inspect import rank_by_loss
    from engine.serving.predictor import load_predictor

    return tuple(item for item, _ in rank_by_loss(load_predictor(folder), open_dataset(task, model.config.dataset)))
