"""Where data sets, runs, models and caches live on this machine, and what is said when its disk takes nothing more."""

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from engine.errors import EngineError

HOME_VARIABLE = "LESSON_LAB_HOME"
HOME_NOTE = "LESSON_LAB_HOME_NOTE"  # what the app found out about it when it started
FULL = (errno.ENOSPC, errno.EDQUOT)
CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)
NUMBER = re.compile(r"(?:Errno|os error) (\d+)")


def home() -> Path:
    """The folder that holds everything the app keeps: `$LESSON_LAB_HOME`, else the platform's user data folder."""
    chosen = os.environ.get(HOME_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path(platformdirs.user_data_dir("lesson-3-lab", appauthor=False))


def is_writable(folder: Path) -> bool:
    """Whether files can be made in a folder, which is made itself where it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def data_folder() -> Path:
    """Data sets, one folder each."""
    return home() / "data"


def runs_folder() -> Path:
    """Run directories, one folder each."""
    return home() / "runs"


def models_folder() -> Path:
    """Pretrained weights that were downloaded, in the Hugging Face Hub's own layout."""
    return home() / "models"


def free_space() -> int:
    """Bytes free on the disk that holds, or will hold, the home."""
    folder = home()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def cache_folder() -> Path:
    """Resized copies of data sets; can be deleted at any time and is made again."""
    return home() / "cache"


@contextmanager
def disk_told(doing: str) -> Iterator[None]:
    """Turn what a full disk, or one that may not be written to, raises in the block into an `EngineError`.

    `doing` is what could not be done, as in "export x". Any other error goes through.
    """
    try:
        yield
    except OSError as problem:
        told = NUMBER.search(str(problem))  # all there is where one error stands for several, or was another library's
        number = problem.errno or (int(told[1]) if told else 0)
        if number in FULL:
            raise EngineError(
                f"Could not {doing}: the disk is full. Delete what is not needed any more; `python -m engine delete --forever` "
                "empties the trash. Then try again."
            ) from None
        if number in CLOSED:
            raise EngineError(
                f"Could not {doing}: {problem.filename or 'the folder'} may not be written to. Have its rights changed, or set "
                f"{HOME_VARIABLE} to a folder that may."
            ) from None
        raise
