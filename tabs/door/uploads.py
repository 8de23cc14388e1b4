"""Files that come from a browser, and files that go to one."""

import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder

from engine.errors import DataError

KEPT_SECONDS = 3600.0
CUT_SECONDS = 180.0  # since something came of an upload that is not whole
PREFIX = "lesson-lab-download-"


def uploaded(file: Any) -> Path:
    """An uploaded file; `DataError` for another one of this machine, which a hand-made request may name."""
    path = Path(str(file or "")).resolve()
    if not path.is_relative_to(Path(get_upload_folder()).resolve()):
        raise DataError("That file was not uploaded here. Choose it again.")
    return path


def sweep_uploads() -> None:
    """Delete uploads that were broken off: Gradio knows of a file only once it is whole, and then deletes it itself."""
    for file in Path(get_upload_folder()).glob("tmp*"):
        with suppress(OSError):  # gone meanwhile, or somebody else's
            if file.is_file() and time.time() - file.stat().st_mtime > CUT_SECONDS:
                file.unlink()


def download_path(name: str) -> Path:
    """Where to write a file that is to be downloaded under `name`. Gradio hands out a copy, so that old ones are deleted."""
    for old in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # gone meanwhile
            if time.time() - old.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=PREFIX)) / name


def forget_downloads(name: str) -> None:
    """Delete what was written to be downloaded under `name`."""
    for file in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{name}"):
        shutil.rmtree(file.parent, ignore_errors=True)
