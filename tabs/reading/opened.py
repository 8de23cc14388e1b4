"""Data sets and runs as the panels read them, each opened once for all browsers."""

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from engine.data.dataset import DataSet
from engine.data.own.store import RECORD, is_hidden, own_folder, read_own
from engine.data.sources.bringing import BROUGHT
from engine.data.sources.fetching import get_source, own_name, resolve_dataset
from engine.data.texts.own import OWN_FOLDER
from engine.errors import DataError, RunError
from engine.host.access import asker
from engine.host.home import cache_folder
from engine.runs import remarks
from engine.runs.snapshot import RunSnapshot
from engine.runs.store import RunSpec, find_run, list_runs, read_spec
from engine.runs.watch import Watcher
from engine.task import Task
from tabs.door.paths import shown_name
from tabs.door.space import ACCOUNT, PAGE
from tabs.reading.heavy import load_engine

LISTED_RUNS = 60  # in one picker
OWN_SET = re.compile(rf"{OWN_FOLDER}/[a-z]+-[0-9a-f]{{10}}")  # as one that was brought is called, deleted or not
OWN_DATA = "data of their own"
TAUGHT = "taught"  # as `engine.serving.teaching` calls it, which brings torch
OPENING = threading.RLock()


def open_dataset(task: Task, dataset: str) -> DataSet:
    """A registered data set or a folder, opened by the task; `DataError` says what is missing."""
    folder = resolve_dataset(dataset)
    if is_private(folder):  # from the host too: it may show people
        raise DataError("These data are somebody's own, and shown to nobody else.")
    # A table that was corrected, or a folder that got more pictures, is opened anew.
    inside = sorted(folder.iterdir()) if folder.is_dir() else [folder]
    changed = tuple((path.name, path.stat().st_mtime_ns) for path in inside)
    with OPENING:  # of several panels that ask at once, one opens it
        return _opened(task, folder, changed)


def is_private(folder: Path) -> bool:
    """Whether a folder is, or lies in, what somebody else has brought, or is where all of that lies."""
    place = folder.resolve()
    own = own_folder().resolve()
    if any(place.is_relative_to(base.resolve()) for base in (cache_folder() / BROUGHT, cache_folder() / TAUGHT)):
        return True
    if not place.is_relative_to(own):
        return own.is_relative_to(place) and bool(list(own.glob(f"*/{RECORD}")))
    inside = place.relative_to(own).parts
    return not inside or is_hidden(f"{OWN_FOLDER}/{inside[0]}")


@lru_cache(maxsize=8)
def _opened(task: Task, folder: Path, changed: tuple[tuple[str, int], ...]) -> DataSet:
    load_engine()
    return task.build_objective().open_data(folder)


def has_test(task: Task, dataset: str | None) -> bool:
    """Whether a data set that can be opened has a test split whose labels are known."""
    try:
        return bool(dataset and open_dataset(task, dataset).test)
    except DataError:
        return False


def dataset_title(dataset: str) -> str:
    """A registered data set's title, that of one's own, or the folder itself; a visitor sees its last part."""
    try:
        return get_source(dataset).title
    except DataError:
        own = read_own(own_name(dataset))
        if own and own.owner == asker().owner:
            return own.title
        return Path(dataset).name if own_name(dataset).startswith(f"{OWN_FOLDER}/") else shown_name(dataset)


def dataset_name(dataset: str) -> str:
    """A short name: a registered one, or the folder's own without the way to it."""
    return Path(dataset).name or dataset


def snapshot_of(run: str) -> RunSnapshot:
    """A run now. One watcher a run serves all browsers, and reads only what is new."""
    snapshot = _watcher(find_run(run)).poll()
    if (snapshot.message or snapshot.log_tail) and is_hidden(own_name(spec_of(run).dataset)):
        said = "What it said names data that are somebody's own." if snapshot.message else ""
        return replace(snapshot, message=said, log_tail="")
    return snapshot


@lru_cache(maxsize=256)
def _watcher(run_dir: Path) -> Watcher:
    return Watcher(run_dir)


@lru_cache(maxsize=4096)
def spec_of(run: str) -> RunSpec:
    """What a run was made to do; it never changes."""
    return read_spec(find_run(run))


def runs_of(task: Task | None = None, job: str | None = None) -> list[str]:
    """The newest runs' names, of one task or job or of all, one's own first; damaged runs are left out."""
    owner = asker().owner
    own_first = sorted(_matching_runs(task, job), key=lambda run: spec_of(run).owner != owner)
    return own_first[:LISTED_RUNS]


def _matching_runs(task: Task | None, job: str | None) -> Iterator[str]:
    for run_dir in list_runs():
        try:
            spec = spec_of(run_dir.name)
        except RunError:
            continue
        if (task is None or spec.task == task.name) and (job is None or spec.job == job):
            yield run_dir.name


def remarks_of(run: str) -> tuple[str, ...]:
    """What has to be said beside a run's figures; it is settled once there is a checkpoint."""
    return _remarks_of(run, bool(snapshot_of(run).checkpoint))


@lru_cache(maxsize=4096)
def _remarks_of(run: str, has_checkpoint: bool) -> tuple[str, ...]:
    return remarks.remarks_of(find_run(run))


def run_dataset(dataset: str) -> str:
    """A data set's short name in the title of a run, which everybody may read: of somebody's own no more than that it is."""
    name = own_name(dataset)
    return OWN_DATA if read_own(name) or OWN_SET.fullmatch(name) else dataset_name(dataset)


def run_title(run: str) -> str:
    """What a run trains, in a few words; on data of one's own, with their title, which nobody else sees."""
    spec = spec_of(run)
    what = "LR finder" if spec.job == "lr-find" else spec.recipe.title or spec.recipe.name
    title = spec.title or f"{what} · {run_dataset(spec.dataset)}"
    own = read_own(own_name(spec.dataset)) if title.endswith(OWN_DATA) else None
    return title.removesuffix(OWN_DATA) + f"“{own.title}”" if own and own.owner == asker().owner else title


def run_label(run: str) -> str:
    """When a run was made and what it trains, and whose it is where that is not the host."""
    return " · ".join(part for part in (run_time(run), run_title(run), owner_name(spec_of(run).owner)) if part)


def owner_name(owner: str) -> str:
    """Whose a run is, for people: a name; nothing for the host."""
    if owner.startswith(PAGE):
        return "a visitor"
    return owner.removeprefix(ACCOUNT)


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
