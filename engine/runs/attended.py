"""Whether a run is at work on this machine, for whoever would take its device meanwhile."""

import threading
import time
from pathlib import Path

from engine.runs.store import list_runs, read_worker, worker_alive

LOOK_SECONDS = 1.0  # between two looks at the run folders


class _Look:
    """What the last look at the runs saw, and when."""

    def __init__(self) -> None:
        self.lock, self.at, self.is_taken = threading.Lock(), float("-inf"), False


_LOOK = _Look()


def card_is_taken() -> bool:
    """Whether a run has a device of this machine, as far as was seen within the last second."""
    with _LOOK.lock:
        if time.monotonic() - _LOOK.at > LOOK_SECONDS:
            _LOOK.is_taken = any(worker_alive(run) and _is_here(run) for run in list_runs())
            _LOOK.at = time.monotonic()
        return _LOOK.is_taken


def _is_here(run: Path) -> bool:
    record = read_worker(run)
    return record is not None and record.is_here
