"""Deleting a run or a download so that it can be had back: it moves into the trash, which forgets after a week."""

import errno
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from engine.data.own.store import PLAIN, OwnSet, my_own, read_record
from engine.data.pictures.scan import LOOKS
from engine.data.texts.own import OWN_FOLDER
from engine.errors import BundleError, DataError, RunError
from engine.host.access import asker, require_host
from engine.host.home import cache_folder, disk_told, home, runs_folder
from engine.library.listing import NAME, downloads_folder, known_model
from engine.runs.queue import is_under_way
from engine.runs.store import SPEC_FILE

KEPT_SECONDS = 7 * 24 * 3600.0
STAMP = ".deleted"  # in a deleted folder: when, as its own modification time


@dataclass(frozen=True, slots=True)
class Deleted:
    """What lies in the trash: its name and when it came there."""

    name: str
    at: float


def trash_folder() -> Path:
    """Where deleted runs and downloads wait, each under its own name in the folder that it came from."""
    return home() / "trash"


def delete_model(name: str) -> None:
    """Move a run, whatever became of it, or a download into the trash. A sample stays, as does a run that trains or waits."""
    require_host("delete a model")
    source = _find(name)
    if is_under_way(source):
        raise RunError(f"The run {name} is still going on, or waits for it. Stop it first.")
    _put_in(source, name)


def delete_own(name: str) -> OwnSet:
    """Move a data set of whoever asks into the trash; its record. Runs that were trained on it stay."""
    found = my_own(name)
    _put_in(found.folder, found.folder.name)
    return found


def restore_own(name: str) -> OwnSet:
    """Put a deleted data set of whoever asks back."""
    found = _deleted_own(name)
    with disk_told(f"bring {found.title} back"):
        _move(_own_trash(name), found.folder)
        (found.folder / STAMP).unlink()
    return found


def forget_own(name: str) -> OwnSet:
    """Delete a data set of whoever asks for good, deleted before or not: files, resized copies, and what was seen of it."""
    try:
        found, folder = _deleted_own(name), _own_trash(name)
    except DataError:
        found = my_own(name)
        folder = found.folder
    with disk_told(f"delete {found.title}"):
        shutil.rmtree(folder)
        # Copies go by its name, or by that which it had before it was kept; tiny ones do not say whose they are.
        for pattern in (f"{found.folder.name}-*", f"{PLAIN}-*", LOOKS):
            for copy in cache_folder().glob(pattern):
                shutil.rmtree(copy, ignore_errors=True)
    return found


def _own_trash(name: str) -> Path:
    return trash_folder() / OWN_FOLDER / Path(name).name


def _deleted_own(name: str) -> OwnSet:
    """The record of a deleted data set of whoever asks; `DataError` where there is none."""
    found = read_record(_own_trash(name), name)
    if found is None or found.owner != asker().owner:
        raise DataError(
            f"There is no deleted data set {name[:100]!r}: after {KEPT_SECONDS / 86400:.0f} days it is gone."
        )
    return found


def restore_model(name: str) -> None:
    """Put what was deleted back where it was."""
    require_host("bring a model back")
    for place in (runs_folder(), downloads_folder()):
        deleted = trash_folder() / place.name / name
        is_inside = deleted.parent == trash_folder() / place.name and not name.startswith(".")
        if is_inside and (deleted / STAMP).is_file():
            if (place / name).exists():
                raise BundleError(f"There is another {name} by now. Rename it first.")
            with disk_told(f"bring {name} back"):
                place.mkdir(parents=True, exist_ok=True)
                _move(deleted, place / name)
                (place / name / STAMP).unlink()
            return
    raise BundleError(f"There is no deleted model {name[:100]!r}: after {KEPT_SECONDS / 86400:.0f} days it is gone.")


def list_deleted() -> list[Deleted]:
    """The models that can be had back, the latest first; what has lain there too long is deleted for good."""
    _forget_old()
    models = [stamp for stamp in _stamps() if stamp.parent.parent.name != OWN_FOLDER]
    found = [Deleted(stamp.parent.name, stamp.stat().st_mtime) for stamp in models]
    return sorted(found, key=lambda deleted: -deleted.at)


def empty_trash() -> None:
    """Delete for good all that lies in the trash."""
    require_host("empty the trash")
    with disk_told("empty the trash"):
        if trash_folder().exists():
            shutil.rmtree(trash_folder())


def _find(name: str) -> Path:
    """The folder of a run, with a checkpoint or without, or of a download, sound or not."""
    if NAME.fullmatch(name):
        if (runs_folder() / name / SPEC_FILE).is_file():
            return runs_folder() / name
        if (downloads_folder() / name).is_dir():
            return downloads_folder() / name
    model = known_model(name)
    if model.origin == "sample":
        raise BundleError(f"{name} comes with the app and stays.")
    if model.origin == "stage":
        raise BundleError(f"{name} is a part of a run. Delete the whole run, {name.rpartition('@')[0]}.")
    return model.source


def _put_in(source: Path, name: str) -> None:
    _forget_old()
    target = trash_folder() / source.parent.name / name
    with disk_told(f"delete {name}"):
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():  # the same commit of the Hub, deleted before
            shutil.rmtree(target)
        (source / STAMP).touch()  # first: without it nobody would find what lies there
        try:
            _move(source, target)
        except OSError:
            (source / STAMP).unlink(missing_ok=True)
            raise


def _move(source: Path, target: Path) -> None:
    """Move a folder, to another disk too, whole or not at all."""
    try:
        source.rename(target)
    except OSError as problem:
        if problem.errno != errno.EXDEV:
            raise
        partial = target.with_name(f".{target.name}")
        shutil.rmtree(partial, ignore_errors=True)  # of a move that was killed
        try:
            shutil.copytree(source, partial, symlinks=True)
            partial.rename(target)
        except OSError:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        shutil.rmtree(source, ignore_errors=True)


def _stamps() -> list[Path]:
    return list(trash_folder().glob(f"*/[!.]*/{STAMP}"))


def _forget_old() -> None:
    for stamp in _stamps():
        if time.time() - stamp.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(stamp.parent, ignore_errors=True)
