"""Models as the panels name and open them: runs, downloads and samples alike."""

import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from engine.access import asker
from engine.errors import BundleError, RunError
from engine.hub.library import Model, known_model, list_models
from engine.task import Task
from engine.training.bundle import read_evaluation
from tabs.components import opened
from tabs.components.heavy import load_engine
from tabs.components.opened import dataset_title, run_label, run_time, spec_of
from tabs.components.paths import shown_name

if TYPE_CHECKING:
    from engine.serving.predictor import Predictor

FRESH = ("Fresh: the backbone's pretrained weights", "")
LISTED_MODELS = 80  # in one picker
ORDER = ("sample", "download", "run")  # behind one's own runs
RANKING = threading.Lock()


def models_of(task: Task) -> list[Model]:
    """The task's models: one's own runs, what came with the app, what was loaded from the Hub, and then other people's runs."""
    owner = asker().owner

    def place(model: Model) -> int:
        is_own = model.origin == "run" and owner_of(model) == owner
        return 0 if is_own else ORDER.index(model.origin) + 1

    return sorted(list_models(task.name), key=place)


def owner_of(model: Model) -> str:
    """Whose run a model is; the host's where no run is, or one whose own recipe is damaged: its weights work all the same."""
    try:
        return spec_of(model.name).owner if model.origin == "run" else ""
    except RunError:
        return ""


def label_of(model: Model) -> str:
    """A model in a few words: a run's time and title, or where else it came from."""
    about = f"{shown_name(model.config.plan.backbone)} · {dataset_title(model.config.dataset)}"
    if model.origin == "run":
        try:
            return run_label(model.name)
        except RunError:
            return f"{run_time(model.name)} · {about}"
    return f"Sample · {about}" if model.origin == "sample" else f"Hub · {model.name} · {about}"


def model_label(name: str) -> str:
    """The same of the model of that name."""
    return label_of(known_model(name))


def model_choices(models: Sequence[Model]) -> list[tuple[str, str]]:
    """(label, name) pairs for a picker."""
    return [(label_of(model), model.name) for model in models[:LISTED_MODELS]]


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


def ranked_items(name: str, data: Any) -> "tuple[Any, ...]":
    """The validation inputs of the data set that a model was trained on, the highest loss first; judged once for all browsers."""
    model = known_model(name)
    with RANKING:
        return _ranked(model, data)


@lru_cache(maxsize=32)
def _ranked(model: Model, data: Any) -> "tuple[Any, ...]":
    load_engine()
    from engine.serving.inspect import rank_by_loss
    from engine.serving.predictor import load_predictor

    return tuple(item for item, _ in rank_by_loss(load_predictor(model.folder), data))
