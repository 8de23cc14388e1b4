"""Every model in reach: those that come with the app, the best of each run, and what was fetched from the Hub.

A model goes by a name, which is what the page, its programs and the command line use: a run's own, `sample-` and a task's, or the
folder of a download. `RUN@2` is the end of a run's second stage. Nothing here imports torch.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from engine.bundle.config import BundleConfig, read_config
from engine.bundle.files import CONFIG_FILE, MODEL_FILE, best_checkpoint, stage_end, stage_of
from engine.errors import BundleError, EngineError
from engine.host.home import home, runs_folder
from engine.recipe import MAX_STAGES
from engine.runs.store import CHECKPOINTS_FOLDER, SPEC_FILE, list_runs

SAMPLES_FOLDER = Path(__file__).parent.parent.parent / "assets" / "models"
SAMPLE = "sample-"
DOWNLOADS = "hub"  # in the home
NAME = re.compile(r"\w[\w.-]{0,199}")  # no way out of the folder
STAGE_NAME = re.compile(r"(\w[\w.-]{0,199})@([1-9]\d{0,2})")
Origin = Literal["run", "download", "sample", "stage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model in reach: how it is found again, where it came from, what its bundle says, bytes of weights, when it was made.

    `source` is what to load it from: a run, whose best checkpoint may be another one next time, or the bundle's folder itself.
    Two are the same where they have the same weights: those of one folder, made at one time.
    """

    name: str
    origin: Origin
    source: Path
    folder: Path
    made: float
    config: BundleConfig = field(compare=False)
    size: int = field(compare=False)


def list_models(task: str = "") -> list[Model]:
    """The models of a task, or of all: runs first, then downloads, then samples, each the newest first; damaged ones left out."""
    found = [model for place in _places() if (model := _model(*place)) and task in ("", model.config.task)]
    order = ("run", "download", "sample")
    return sorted(found, key=lambda model: (order.index(model.origin), -model.made, model.name))


def find_model(name: str | Path) -> Path:
    """The folder of a model by its name: a run, which may yet have to be trained, or a bundle; any other path as it is.

    Raises `BundleError` for a stage that a run has not trained.
    """
    named = str(name)
    if (stage := STAGE_NAME.fullmatch(named)) and (run := runs_folder() / stage[1]).is_dir():
        if end := stage_end(run / CHECKPOINTS_FOLDER, int(stage[2]) - 1):
            return end
        raise BundleError(
            f"The run {stage[1]} has no checkpoint of stage {stage[2]}. Choose an earlier stage, or wait."
        )
    if NAME.fullmatch(named):
        places = (runs_folder() / named, downloads_folder() / named, SAMPLES_FOLDER / named.removeprefix(SAMPLE))
        for folder in places if named.startswith(SAMPLE) else places[:2]:
            if folder.is_dir():
                return folder
    return Path(name).expanduser().absolute()


def known_model(name: str) -> Model:
    """The model of that name; a `BundleError` where none is in reach, whatever else may lie at such a path."""
    for place in _places():
        if place[0] == name and (model := _model(*place)):
            return model
    if STAGE_NAME.fullmatch(name) and (model := _model(name, "stage", find_model(name))):
        return model
    if NAME.fullmatch(name) and (runs_folder() / name / SPEC_FILE).is_file():
        raise BundleError(f"The run {name} has no checkpoint yet: the first comes with its first epoch.")
    raise BundleError(f"There is no model {name[:100]!r} here any more. Choose another one.")


def model_name(source: str | Path) -> str:
    """The name of a model, given by what it is loaded from; "" for none."""
    folder = Path(source)
    if folder.parent.name == CHECKPOINTS_FOLDER and (stage := stage_of(folder)) is not None:
        return f"{folder.parents[1].name}@{stage + 1}"
    return SAMPLE + folder.name if folder.parent == SAMPLES_FOLDER else folder.name


def list_stage_ends(run: str) -> list[Model]:
    """The ends of a run's stages that others may start from, the last stage first; one alone is the run itself."""
    folder = runs_folder() / run / CHECKPOINTS_FOLDER
    ends = [end for number in range(MAX_STAGES) if (end := stage_end(folder, number))]
    models = [_model(model_name(end), "stage", end) for end in reversed(ends)]
    return [model for model in models if model] if len(ends) > 1 else []


def downloads_folder() -> Path:
    """Where bundles from the Hub lie, a folder each."""
    return home() / DOWNLOADS


def _places() -> Iterator[tuple[str, Origin, Path]]:
    """The name, origin and source of whatever may be a model."""
    for run in list_runs():
        yield run.name, "run", run
    for bundle in downloads_folder().glob("[!.]*/"):
        yield bundle.name, "download", bundle
    for bundle in SAMPLES_FOLDER.glob("[!.]*/"):
        yield SAMPLE + bundle.name, "sample", bundle


def _model(name: str, origin: Origin, source: Path) -> Model | None:
    """The model there; None where it has yet to be trained, is damaged, or was replaced just now."""
    bundle = best_checkpoint(source / CHECKPOINTS_FOLDER) if origin == "run" else source
    if bundle is None:
        return None
    try:
        weights = (bundle / MODEL_FILE).stat()
        config = _config(bundle, (bundle / CONFIG_FILE).stat().st_mtime_ns)
    except (OSError, EngineError):
        return None
    return Model(
        name=name,
        origin=origin,
        source=source,
        folder=bundle,
        made=weights.st_mtime,
        config=config,
        size=weights.st_size,
    )


@lru_cache(maxsize=1024)
def _config(bundle: Path, changed: int) -> BundleConfig:
    return read_config(bundle)
