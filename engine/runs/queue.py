"""What a user can ask of a run: start it, stop it, resume it, delete it. The queue is first in, first out."""

import json
import shutil
import time
from pathlib import Path

from engine.errors import RunError
from engine.events import RunStopped
from engine.home import runs_folder
from engine.runs.store import (
    QUEUED_FILE,
    STARTING_FILE,
    append_event,
    clear_stop,
    list_runs,
    read_spec,
    request_stop,
    worker_alive,
    write_whole,
)
from engine.runs.watch import load_snapshot


def submit(run_dir: Path) -> None:
    """Put a new run in the queue."""
    _enqueue(run_dir, {"new"}, "new run can be started")


def resume(run_dir: Path) -> None:
    """Put a run in the queue that ended before it was done; its worker goes on from the last checkpoint."""
    _enqueue(run_dir, {"stopped", "failed", "died"}, "stopped, failed or died run can be resumed")


def _enqueue(run_dir: Path, allowed: set[str], rule: str) -> None:
    read_spec(run_dir)
    status = load_snapshot(run_dir).status
    if status not in allowed:
        raise RunError(f"The run {run_dir.name} is {status}; only a {rule}.")
    if run_dir.absolute().parent != runs_folder():
        raise RunError(
            f"{run_dir} is not in {runs_folder()}, which is all that the queue looks at. "
            f"Start it with `python -m engine.runs.worker {run_dir}`."
        )
    clear_stop(run_dir)
    write_whole(run_dir / QUEUED_FILE, json.dumps({"at": time.time()}))


def stop(run_dir: Path) -> None:
    """Take a waiting run from the queue, or ask a live one to stop at its next batch; any other is left alone."""
    try:
        (run_dir / QUEUED_FILE).unlink()
    except FileNotFoundError:
        if _is_live(run_dir):
            request_stop(run_dir)
        if not _is_live(run_dir):  # it ended just before it could hear
            clear_stop(run_dir)
    else:
        append_event(run_dir, RunStopped())


def delete_run(run_dir: Path) -> None:
    """Remove a run and its checkpoints; a live one is refused."""
    read_spec(run_dir)
    (run_dir / QUEUED_FILE).unlink(missing_ok=True)
    if _is_live(run_dir):
        raise RunError(f"The run {run_dir.name} is running. Stop it before you delete it.")
    shutil.rmtree(run_dir)


def queued_runs() -> list[Path]:
    """The runs that wait for a device, the next one first."""
    waiting = [(at, run_dir.name, run_dir) for run_dir in list_runs() if (at := _queued_at(run_dir)) is not None]
    return [run_dir for _, _, run_dir in sorted(waiting)]


def queue_position(run_dir: Path) -> int | None:
    """1 for the run that is next; None for one that does not wait."""
    waiting = [waiting.name for waiting in queued_runs()]
    return waiting.index(run_dir.name) + 1 if run_dir.name in waiting else None


def _queued_at(run_dir: Path) -> float | None:
    try:
        return float(json.loads((run_dir / QUEUED_FILE).read_text())["at"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        return 0.0  # not written by us, and still somebody's wish


def _is_live(run_dir: Path) -> bool:
    """Whether a worker has the run or is being started for it."""
    # In this order: a run that is being started is first the one and then the other.
    return (run_dir / STARTING_FILE).exists() or worker_alive(run_dir)
