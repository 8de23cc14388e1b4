"""Reads pictures from outside for the process that started it, which ends this one where a picture takes too long.

    python -m engine.data.pictures.reading SECONDS MEMORY

A line of JSON comes in for each picture: its path, how many channels it is to have, and beyond how many pixels it is made
smaller. A line goes out with the shape of what was read, (H, W, C), and the size that the file has; then the bytes. Where it
cannot be read, the line says why. Only what reads pictures is imported here: it is ready in a fraction of a second.
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
from engine.data.pictures.files import picture_size
from engine.errors import DataError

MOST_SCANS = 200  # of a progressive JPEG; cameras and programs write about ten
MOST_ASPECT = 50  # long side to short side; a panorama has ten
JPEG, SCAN = b"\xff\xd8", b"\xff\xda"  # how a file begins, and each scan in it
READY_LINE = b"ready\n"
GRACE = 5.0  # seconds; the starting process ends this one on time, where it is still there


def read_outside(path: Path, channels: int, most: int) -> tuple[np.ndarray, tuple[int, int]]:
    """A picture (H, W, channels) uint8 of `most` pixels at most, and the (height, width) of the file as it is shown.

    `DataError` for one that is no whole picture, that is much longer than wide, or whose JPEG has scans without end.
    """
    height, width = picture_size(path)
    if min(height, width) < 1 or max(height, width) > MOST_ASPECT * min(height, width):
        raise DataError(
            f"{path.name} has {width}×{height} pixels. One side may be {MOST_ASPECT} times as long as the other: crop it."
        )
    content = path.read_bytes()
    if content.startswith(JPEG) and content.count(SCAN) > MOST_SCANS:  # what is compressed there has no such bytes
        raise DataError(f"{path.name} is a JPEG of more than {MOST_SCANS} scans. Save it anew as an ordinary JPEG.")
    return np.ascontiguousarray(open_bands(path, channels, most=most)), (height, width)


def bound(memory: int) -> None:
    """Let this process neither hold more bytes than that nor write a file, where the system can see to it."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        for kind, most in ((resource.RLIMIT_DATA, memory), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
            resource.setrlimit(kind, (most, most))


def answer(line: bytes) -> tuple[dict[str, Any], bytes]:
    """What is said of the picture that a line asks for, and its bytes."""
    asked = json.loads(line)
    try:
        found, size = read_outside(Path(asked["path"]), asked["channels"], asked["most"])
        return {"shape": found.shape, "size": size}, found.tobytes()
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
