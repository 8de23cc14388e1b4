"""Data sets and runs as the panels read them, each opened once for all browsers."""

from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.data.sources import get_source, resolve_dataset
from engine.errors import DataError, RunError
from engine.runs.snapshot import RunSnapshot
from engine.runs.store import RunSpec, find_run, list_runs, read_spec
from engine.runs.watch import Watcher
from engine.task import Task

if TYPE_CHECKING:
    from engine.data.block import Data

LISTED_RUNS = 40
FRESH = ("Fresh: ImageNet weights", "")


def open_dataset(task: Task, dataset: str) -> "Data":
    """A registered data set or a folder, opened by the task; `DataError` says what is missing."""
    folder = resolve_dataset(dataset)
    return _opened(task, folder, folder.stat().st_mtime)


@lru_cache(maxsize=8)
def _opened(task: Task, folder: Path, changed: float) -> "Data":
    return task.build_objective().open_data(folder)  # imports torch, and is first called by a handler


def dataset_title(dataset: str) -> str:
    """A registered data set's title, or the folder itself."""
    try:
        return get_source(dataset).title
    except DataError:
        return dataset


def dataset_name(dataset: str) -> str:
    """A short name: a registered one, or the folder's own without the way to it."""
    return dataset.rstrip("/").rpartition("/")[2] or dataset


def snapshot_of(run: str) -> RunSnapshot:
    """A run now. One watcher a run serves all browsers, and reads only what is new."""
    return _watcher(find_run(run)).poll()


@lru_cache(maxsize=256)
def _watcher(run_dir: Path) -> Watcher:
    return Watcher(run_dir)


@lru_cache(maxsize=512)
def spec_of(run: str) -> RunSpec:
    """What a run was made to do; it never changes."""
    return read_spec(find_run(run))


def runs_of(task: Task | None = None, job: str | None = None) -> list[str]:
    """The newest runs' names, of one task or job or of all; damaged runs are left out."""
    names = []
    for run_dir in list_runs()[:LISTED_RUNS]:
        try:
            spec = spec_of(run_dir.name)
        except RunError:
            continue
        if (task is None or spec.task == task.name) and (job is None or spec.job == job):
            names.append(run_dir.name)
    return names


def trained_runs(task: Task) -> list[str]:
    """The task's runs that have a checkpoint to predict with, newest first."""
    return [run for run in runs_of(task, "train") if snapshot_of(run).checkpoint]


def run_title(run: str) -> str:
    """What a run trains, in a few words."""
    spec = spec_of(run)
    if spec.title:
        return spec.title
    what = "LR finder" if spec.job == "lr-find" else spec.recipe.title or spec.recipe.name
    return f"{what} · {dataset_name(spec.dataset)}"


def run_label(run: str) -> str:
    """When a run was made and what it trains."""
    return f"{run_time(run)} · {run_title(run)}"


def run_time(run: str) -> str:
    """The local time in a run's name, with the day where that is not today."""
    try:
        made = datetime.strptime(run[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC).astimezone()
    except ValueError:
        return run
    today = datetime.now(UTC).astimezone().date()
    return made.strftime("%H:%M:%S" if made.date() == today else "%d %b %H:%M")


def run_choices(runs: list[str]) -> list[tuple[str, str]]:
    """(label, name) pairs for a picker."""
    return [(run_label(run), run) for run in runs]


def start_choices(task: Task) -> list[tuple[str, str]]:
    """Where weights can come from: ImageNet, or a run that has a checkpoint."""
    return [FRESH, *run_choices(trained_runs(task))]


def run_name(init_from: str) -> str:
    """The name, which is what the page and its programs use, of a run given by its folder."""
    return init_from.rstrip("/").rpartition("/")[2]


def evaluation_of(run: str) -> dict[str, Any]:
    """The figures by class of the run's best checkpoint; empty while there are none."""
    from engine.hub.bundle import read_evaluation  # imports torch

    return read_evaluation(find_run(run)) or {}


def ranked_items(task: Task, run: str) -> "tuple[Path, ...]":
    """The validation inputs of a run, the highest loss of its best checkpoint first; judged once for all browsers."""
    from engine.hub.bundle import resolve_bundle  # imports torch

    bundle = resolve_bundle(find_run(run))
    return _ranked(task, bundle, bundle.stat().st_mtime, spec_of(run).dataset)


@lru_cache(maxsize=32)
def _ranked(task: Task, bundle: Path, changed: float, dataset: str) -> "tuple[Path, ...]":
    from engine.serving.inspect import rank_by_loss
    from engine.serving.predictor import load_predictor

    return tuple(item for item, _ in rank_by_loss(load_predictor(bundle), open_dataset(task, dataset)))
