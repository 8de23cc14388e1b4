"""Deleting a model so that it can be had back: it moves into the trash, which forgets after a week."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from engine.access import require_host
from engine.errors import BundleError, RunError
from engine.home import home, runs_folder
from engine.hub.library import downloads_folder, known_model
from engine.runs.queue import is_under_way

KEPT_SECONDS = 7 * 24 * 3600.0
STAMP = ".deleted"  # in a deleted folder: when, as its own modification time


@dataclass(frozen=True, slots=True)
class Deleted:
    """What lies in the trash: the model's name and when it came there."""

    name: str
    at: float


def trash_folder() -> Path:
    """Where deleted models wait, each under its own name in the folder that it came from."""
    return home() / "trash"


def delete_model(name: str) -> None:
    """Move a run or a download into the trash. A sample stays, as does a run that trains or waits."""
    require_host("delete a model")
    model = known_model(name)
    if model.origin == "sample":
        raise BundleError(f"{name} comes with the app and stays.")
    if model.origin == "run" and is_under_way(model.source):
        raise RunError(f"The run {name} is still going on, or waits for it. Stop it first.")
    forget_old()
    target = trash_folder() / model.source.parent.name / name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(model.source, target)
    (target / STAMP).touch()


def restore_model(name: str) -> None:
    """Put a deleted model back where it was."""
    require_host("bring a model back")
    for place in (runs_folder(), downloads_folder()):
        deleted = trash_folder() / place.name / name
        if (deleted / STAMP).is_file() and deleted.parent == trash_folder() / place.name:
            if (place / name).exists():
                raise BundleError(f"There is another {name} by now. Rename it first.")
            (deleted / STAMP).unlink()
            shutil.move(deleted, place / name)
            return
    raise BundleError(f"There is no deleted model {name[:100]!r}: after {KEPT_SECONDS / 86400:.0f} days it is gone.")


def list_deleted() -> list[Deleted]:
    """What can be had back, the latest first."""
    found = [Deleted(stamp.parent.name, stamp.stat().st_mtime) for stamp in trash_folder().glob(f"*/*/{STAMP}")]
    return sorted(found, key=lambda deleted: -deleted.at)


def forget_old() -> None:
    """Delete for good what has lain in the trash too long."""
    for stamp in trash_folder().glob(f"*/*/{STAMP}"):
        if time.time() - stamp.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(stamp.parent, ignore_errors=True)
