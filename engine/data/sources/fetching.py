"""Data sets by name: whether one is ready, where it is, and how it comes to be there.

A data set's folder gets into place whole or not at all: it is unpacked or drawn under another name, gets its record
`source.json`, and is renamed. So a folder with that record is ready. The one other way is a folder filled by hand,
where a data set allows it.
"""

import json
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from engine.data.own.store import is_hidden
from engine.data.reading.tables import SUFFIXES as TABLE_SUFFIXES
from engine.data.sources.catalog import SOURCES, Source
from engine.data.sources.hub_origin import fetched_before
from engine.data.sources.origins import Making, Phase, Progress
from engine.data.sources.own_archives import innermost, is_archive, keep_archive
from engine.data.texts.own import OWN_FOLDER
from engine.errors import DataError
from engine.host.access import asker, require_host
from engine.host.home import data_folder

__all__ = [
    "ON_HUB", "RECORD", "SOURCES", "FetchProgress", "Source", "check_may_fetch",
    "dataset_folder", "fetch", "get_source", "is_ready", "own_name", "read_record",
    "resolve_dataset",
]  # fmt: skip

RECORD = "source.json"
REPORT_EVERY = 0.1  # seconds
ON_HUB = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}(@[\w./-]{1,100})?")
OWN_NAME = re.compile(rf"{OWN_FOLDER}/[a-z0-9-]+")  # of a data set that somebody brought


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchProgress:
    """How far a fetch is: bytes when it downloads or extracts, pictures when it draws; total 0 when not known."""

    phase: Phase
    done: int
    total: int


def get_source(name: str) -> Source:
    """The source called `name`, or a `DataError` that lists those there are."""
    for source in SOURCES:
        if source.name == name:
            return source
    names = ", ".join(source.name for source in SOURCES)
    raise DataError(f"There is no data set {name!r}. There are: {names}.")


def dataset_folder(name: str) -> Path:
    """Where the data set `name` is, or would be."""
    return data_folder() / get_source(name).name


def is_ready(name: str) -> bool:
    """Whether the data set `name` is there, whole."""
    return not _lacks(get_source(name), dataset_folder(name))


def read_record(name: str) -> dict[str, Any]:
    """Where the data set `name` came from and what was checked; empty for one that is not there or was filled by hand."""
    try:
        record = json.loads((dataset_folder(name) / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def own_name(dataset: str) -> str:
    """The name of a data set that somebody brought, where its folder is given, as in "own/NAME"; anything else as it is."""
    folder = Path(dataset)
    return f"{OWN_FOLDER}/{folder.name}" if folder.parent == data_folder() / OWN_FOLDER else dataset


def resolve_dataset(name_or_folder: str) -> Path:
    """The folder of a ready data set, by its name, or a folder, table or archive of one's own; else a `DataError` with the fix.

    A folder is the host's to name: whoever else asks is known to the data sets by their names alone.
    """
    known = any(source.name == name_or_folder for source in SOURCES)
    if known and is_ready(name_or_folder):
        return dataset_folder(name_or_folder)
    is_own = bool(OWN_NAME.fullmatch(name_or_folder)) and (data_folder() / name_or_folder).is_dir()
    if is_own and (asker().is_host or not is_hidden(name_or_folder)):
        return data_folder() / name_or_folder
    if is_own:
        raise DataError("These data are somebody's own, and shown to nobody else.")
    if name_or_folder and not known:
        require_host("open a folder of this machine")
    folder = place_of(name_or_folder)
    on_hub = bool(ON_HUB.fullmatch(name_or_folder)) and not folder.exists()
    if on_hub and (fetched := fetched_before(name_or_folder)):
        return fetched
    if name_or_folder and is_archive(folder):
        return keep_archive(folder)
    if name_or_folder and folder.is_dir():
        return innermost(folder)
    if name_or_folder and folder.is_file() and folder.suffix.lower() in TABLE_SUFFIXES:
        return folder
    if known:
        raise DataError(
            f"The data set {name_or_folder} is not here yet. Get it: python -m engine fetch {name_or_folder}"
        )
    if on_hub:
        raise DataError(
            f"There is no folder {name_or_folder}. If that is a data set of the Hugging Face Hub, get it: python -m engine "
            f"fetch {name_or_folder}"
        )
    names = ", ".join(source.name for source in SOURCES)
    raise DataError(
        f"{name_or_folder!r} is neither a folder, nor a table or an archive, nor a data set that the app knows ({names})."
    )


def place_of(written: str) -> Path:
    """Where what somebody wrote leads; `DataError` for what leads nowhere, on any system."""
    try:
        place = Path(written).expanduser().absolute()
        place.is_file()
    except (OSError, ValueError, RuntimeError) as problem:  # too long, the home of nobody
        reason = problem.strerror if isinstance(problem, OSError) else problem
        raise DataError(f"{written[:100]!r} is no place where a data set can lie ({reason}). Check the path.") from None
    if "\0" in written:
        raise DataError(f"{written[:100]!r} is no place where a data set can lie (a null in it). Check the path.")
    return place


def fetch(name: str, on_progress: Callable[[FetchProgress], None] | None = None) -> Path:
    """The ready folder of the data set `name`: made by its origin, if it is not there yet.

    Of two that fetch the same at once, the second waits for the first. Raises `DataError`, `DownloadError`.
    """
    check_may_fetch(name)
    source, folder, partial = get_source(name), dataset_folder(name), data_folder() / ".partial"
    report = _Reporter(on_progress)
    if not is_ready(name):
        try:
            partial.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(
                f"{partial} cannot be made ({error.strerror}). Let LESSON_LAB_HOME name another folder."
            ) from None
        with filelock.FileLock(partial / f"{name}.lock"):
            if not is_ready(name):  # it is, when another process had the lock before
                _make(source, folder, partial, report)
    report("ready", 1, 1)
    return folder


def check_may_fetch(name: str) -> None:
    """`AccessError` for a visitor of a shared page: what is neither here nor drawn, only the host fetches."""
    if not may_fetch(name):
        require_host("fetch data")


def may_fetch(name: str) -> bool:
    """Whether whoever is asking may fetch a registered data set, or has it already."""
    return asker().is_host or get_source(name).is_drawn or is_ready(name)


def _lacks(source: Source, folder: Path) -> str:
    """What is not there for `folder` to be ready: the record, or an entry of one filled by hand; "" when it is ready."""
    if (folder / RECORD).is_file():
        return ""
    missing = [group for group in source.origin.by_hand if not any((folder / entry).exists() for entry in group)]
    return " or ".join(missing[0]) if missing else "" if source.origin.by_hand else RECORD


def _make(source: Source, folder: Path, partial: Path, report: "_Reporter") -> None:
    if folder.is_file() or (folder.exists() and any(folder.iterdir())):
        if folder.is_dir() and source.origin.by_hand:
            raise DataError(
                f"{folder} has no {_lacks(source, folder)} in it. Put that there too, or move the folder, so that the "
                "data set can be fetched."
            )
        raise DataError(
            f"{folder} is in the way: it has no {RECORD}, so this app did not make it. Move it, or delete it."
        )
    fresh = partial / f"{source.name}.new"
    shutil.rmtree(fresh, ignore_errors=True)  # what a killed process left: with the lock held, nobody uses it
    try:
        made = source.origin.make(
            Making(folder=folder, fresh=fresh, part=partial / f"{source.name}.part", progress=report.phase)
        )
        record = {"name": source.name, "title": source.title, "terms": source.terms, "drawn": source.is_drawn, **made}
        (fresh / RECORD).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", "utf-8")
        if folder.exists():
            folder.rmdir()
        fresh.rename(folder)
    except BaseException as error:
        shutil.rmtree(fresh, ignore_errors=True)
        if isinstance(error, OSError):
            raise DataError(f"{source.name} could not be made ({error}). Make room, then fetch it again.") from None
        raise


class _Reporter:
    """Passes progress on, but not so often that telling takes longer than doing."""

    def __init__(self, on_progress: Callable[[FetchProgress], None] | None):
        self._on_progress = on_progress
        self._told: dict[str, float] = {}

    def __call__(self, phase: Phase, done: int, total: int) -> None:
        now = time.monotonic()
        if self._on_progress and (done == total or now - self._told.get(phase, 0.0) >= REPORT_EVERY):
            self._told[phase] = now
            self._on_progress(FetchProgress(phase=phase, done=done, total=total))

    def phase(self, phase: Phase) -> Progress:
        return lambda done, total: self(phase, done, total)
