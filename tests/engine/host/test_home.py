"""What the disk refuses is told in plain words, and nothing else is taken for it."""

import errno
import os
import shutil

import pytest

from engine.errors import EngineError
from engine.host.home import HOME_VARIABLE, disk_told


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "the disk is full.*--forever"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), "the disk is full"),
        (OSError(errno.EROFS, os.strerror(errno.EROFS), "/data/x"), f"/data/x may not be written to.*{HOME_VARIABLE}"),
        (PermissionError(errno.EACCES, os.strerror(errno.EACCES)), "the folder may not be written to"),
        (OSError("Error while serializing: I/O error: No space left on device (os error 28)"), "the disk is full"),
        (shutil.Error([("a", "b", f"[Errno {errno.ENOSPC}] No space left on device: 'b'")]), "the disk is full"),
    ],
)
def test_what_the_disk_refuses(problem: OSError, words: str) -> None:
    with pytest.raises(EngineError, match=f"^Could not export x: .*{words}"), disk_told("export x"):
        raise problem


@pytest.mark.parametrize(
    "problem", [FileNotFoundError(errno.ENOENT, "No such file"), OSError("odd"), KeyError(errno.ENOSPC)]
)
def test_what_is_no_fault_of_the_disk_goes_through(problem: Exception) -> None:
    with pytest.raises(type(problem)), disk_told("export x"):
        raise problem
