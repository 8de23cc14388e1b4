"""Models as the panels name and open them: runs, downloads and samples alike."""

import copy
import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from engine.bundle.config import read_evaluation
from engine.data.dataset import DataSet
from engine.data.sources.fetching import own_name
from engine.errors import BundleError, RunError
from engine.host.access import asker
from engine.library.listing import Model, known_model, list_models, list_stage_ends
from engine.task import Task
from tabs.door.paths import shown_name
from tabs.reading import opened
from tabs.reading.heavy import IMPORTING, load_engine
from tabs.reading.opened import dataset_title, run_label, run_time, spec_of

if TYPE_CHECKING:
    from engine.serving.predictor import Predictor
    from engine.serving.sifted import Row

FRESH = ("Fresh: the backbone's pretrained weights", "")
LISTED_MODELS = 80  # in one picker
RUNS_WITH_STAGES = 5
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
    if model.origin == "stage":
        run, _, number = model.name.rpartition("@")
        return f"{run_label(run)} · after its stage {number}, {model.config.stage.name}"
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
    """Where weights can come from: the backbone's pretraining, a model in reach, or the end of a recent run's stage."""
    models = models_of(task)
    recent = [model.name for model in models if model.origin == "run"][:RUNS_WITH_STAGES]
    ends = [(label_of(end), end.name) for run in recent for end in list_stage_ends(run)]
    return [FRESH, *model_choices(models), *ends]


def predictor_of(name: str) -> "Predictor":
    """A model in reach, ready to predict; torch is imported here. `BundleError` where it is gone or damaged."""
    load_engine()
    from engine.serving.predictor import load_predictor

    return load_predictor(known_model(name).source)


def dataset_of(name: str | None) -> str:
    """The data set that a model was trained on; "" where there is none, or it was deleted meanwhile."""
    try:
        return own_name(known_model(name).config.dataset) if name else ""
    except BundleError:
        return ""


def remarks_of(name: str) -> tuple[str, ...]:
    """What has to be said beside a model's figures."""
    model = known_model(name)
    return opened.remarks_of(name) if model.origin == "run" else model.config.remarks


def evaluation_of(name: str) -> dict[str, Any]:
    """A model's figures by class; empty while there are none."""
    return read_evaluation(known_model(name).folder) or {}


def sifted_rows(name: str, data: DataSet, split: str) -> "tuple[Row, ...]":
    """The samples of a split of a model's data set, judged once for all browsers; see `engine.serving.sifted`."""
    model = known_model(name)
    with RANKING:
        return _sifted(model, data, split)


def measured(name: str, data: DataSet, split: str) -> dict[str, Any]:
    """A model's figures on a whole split of its data set, as `evaluation_of` has them; measured once for all browsers."""
    model = known_model(name)
    with RANKING:
        return _measured(model, data, split)


@lru_cache(maxsize=32)
def _sifted(model: Model, data: DataSet, split: str) -> "tuple[Row, ...]":
    load_engine()
    from engine.serving.predictor import load_predictor
    from engine.serving.sifted import sift

    return tuple(sift(load_predictor(model.folder), data, split))


@lru_cache(maxsize=32)
def _measured(model: Model, data: DataSet, split: str) -> dict[str, Any]:
    load_engine()
    with IMPORTING:
        from engine.training.evaluate import evaluate
    from engine.serving.predictor import load_predictor

    predictor = load_predictor(model.folder)
    items, stage = data.items(split), predictor.config.stage
    model_alone = copy.deepcopy(predictor.model)  # the shared one goes on predicting for others
    return evaluate(predictor.objective, model_alone, data=data, items=items, stage=stage).as_dict()
