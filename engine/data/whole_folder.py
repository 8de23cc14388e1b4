"""A folder that is there whole or not at all: filled under another name, and renamed when it is done; and how full it is."""

import glob
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PARTIAL = ".lesson-lab-"
ABANDONED_SECONDS = 24 * 3600.0


@contextmanager
def making_whole(folder: Path) -> Iterator[Path]:
    """A new folder to fill, which becomes `folder` when the block ends well, and is gone when it does not.

    Where another process has made `folder` meanwhile, that is as good. What killed processes left beside it is deleted: nobody
    else gives a folder such a name.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{folder.name}{PARTIAL}"
    for abandoned in folder.parent.glob(f"{glob.escape(prefix)}*"):
        with suppress(FileNotFoundError):  # another process was as quick
            if time.time() - abandoned.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(abandoned, ignore_errors=True)
    partial = folder.parent / f"{prefix}{uuid.uuid4().hex}"
    partial.mkdir()
    try:
        yield partial
        try:
            partial.rename(folder)
        except OSError:
            if not folder.exists():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def bytes_in(folder: Path) -> int:
    """The bytes of all files in a folder and those inside it; somebody may be at work there."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # it was just moved, or deleted
                total += Path(place, name).stat().st_size
    return total


def link_file(source: Path, target: Path) -> None:
    """Put a file at another place too, without its content taking room twice; on another disk it is copied."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)
