"""Reads pictures from outside for the process that started it, which ends this one where a picture takes too long.

    python -m engine.data.pictures.reading SECONDS MEMORY

A line of JSON comes in for each picture: its path, how many channels it is to have, beyond how many pixels it is made smaller,
and whether it may be a large one. A line goes out with the shape of what was read, (H, W, C), and the size that the file has;
then the bytes. Where it cannot be read, the line says why; where it is large and may not be, it says that. Only what reads
pictures is imported here: it is ready in a fraction of a second.
"""

import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from engine.data.pictures.bands import open_bands
from engine.data.pictures.files import header_size
from engine.errors import DataError

MOST_SCANS = 200  # of a progressive JPEG; cameras and programs write about ten
MOST_ASPECT = 50  # long side to short side; a panorama has ten
JPEG, SCAN = b"\xff\xd8", b"\xff\xda"  # how a file begins, and each scan in it
READY_LINE = b"ready\n"
LARGE_PIXELS = 9_000_000  # from then on a picture needs more memory than an ordinary one may have
ORDINARY = 180_000_000  # bytes for those that are smaller
UNBOUND = 1 << 40  # bytes: what the process is bound to counts
GRACE = 5.0  # seconds; the starting process ends this one on time, where it is still there


class TooLargeForNow(Exception):
    """A picture that is read when no other large one is."""


def read_outside(
    path: Path, channels: int, most: int, *, may_be_large: bool = True
) -> tuple[np.ndarray, tuple[int, int]]:
    """A picture (H, W, channels) uint8 of `most` pixels at most, and the (height, width) of the file as it is shown.

    `DataError` for one that is no whole picture, that is much longer than wide, or whose JPEG has scans without end.
    """
    height, width = header_size(path)
    if min(height, width) < 1 or max(height, width) > MOST_ASPECT * min(height, width):
        raise DataError(
            f"{path.name} has {width}×{height} pixels. One side may be {MOST_ASPECT} times as long as the other: crop it."
        )
    content = path.read_bytes()
    is_jpeg = content.startswith(JPEG)
    # A JPEG that is made smaller is decoded at half its size or less.
    if height * width // (4 if is_jpeg else 1) > LARGE_PIXELS and not may_be_large:
        raise TooLargeForNow
    if is_jpeg and content.count(SCAN) > MOST_SCANS:  # what is compressed there has no such bytes
        raise DataError(f"{path.name} is a JPEG of more than {MOST_SCANS} scans. Save it anew as an ordinary JPEG.")
    found = np.ascontiguousarray(open_bands(path, channels, most=most))
    is_turned = (found.shape[0] > found.shape[1]) != (height > width) and height != width
    return found, (width, height) if is_turned else (height, width)


def bound(memory: int) -> None:
    """Let this process neither hold more bytes than that nor write a file, where the system can see to it."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        for kind, most in ((resource.RLIMIT_DATA, memory), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
            resource.setrlimit(kind, (most, most))


def allow(memory: int) -> None:
    """The bytes that this process may hold from now on, within what it is bound to."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(
            resource.RLIMIT_DATA, (memory if most == resource.RLIM_INFINITY else min(memory, most), most)
        )


def answer(line: bytes) -> tuple[dict[str, Any], bytes]:
    """What is said of the picture that a line asks for, and its bytes."""
    asked = json.loads(line)
    may_be_large = asked["may_be_large"]
    allow(UNBOUND if may_be_large else ORDINARY)
    try:
        found, size = read_outside(Path(asked["path"]), asked["channels"], asked["most"], may_be_large=may_be_large)
        return {"shape": found.shape, "size": size}, found.tobytes()
    except TooLargeForNow:
        return {"is_large": True}, b""
    except DataError as problem:
        return {"error": str(problem)}, b""
    except MemoryError:
        return {
            "error": f"{Path(asked['path']).name} needs more memory than there is for it. Make it smaller first."
        }, b""


def serve(incoming: BinaryIO, outgoing: BinaryIO, seconds: float) -> None:
    """Answer until nothing more comes in."""
    for line in incoming:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, seconds + GRACE)
        said, content = answer(line)
        outgoing.write(json.dumps(said).encode() + b"\n" + content)
        outgoing.flush()
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)


if __name__ == "__main__":
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    bound(int(sys.argv[2]))
    answers.write(READY_LINE)
    answers.flush()
    serve(sys.stdin.buffer, answers, float(sys.argv[1]))
