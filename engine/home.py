"""Where data sets, runs, models and caches live on this machine."""

import os
import shutil
import tempfile
from pathlib import Path

import platformdirs

HOME_VARIABLE = "LESSON_LAB_HOME"
HOME_NOTE = "LESSON_LAB_HOME_NOTE"  # what the app found out about it when it started


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
