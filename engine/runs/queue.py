"""What a user can ask of a run: start it, stop it, resume it. The queue is first in, first out."""

import json
import time
from pathlib import Path

from engine.access import asker, check_owner, check_training, visitor_limits
from engine.data.sources import resolve_dataset
from engine.errors import AccessError, RunError
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
from engine.tasks.registry import get_task


def submit(run_dir: Path) -> None:
    """Put a new run in the queue; `AccessError` for a visitor's that goes beyond what the host of a shared page allows."""
    spec, person = read_spec(run_dir), asker()
    if not person.is_host:
        limit = visitor_limits().minutes
        if spec.owner != person.name or not 0 < spec.minutes <= limit:
            raise AccessError(f"A visitor's run is theirs, and takes {limit:g} minutes at most. Start it on the page.")
        resolve_dataset(spec.dataset)  # a folder of this machine is not for visitors
        check_training(spec.recipe, get_task(spec.task).backbones, _under_way(person.name))
    _enqueue(run_dir, {"new"}, "new run can be started")


def resume(run_dir: Path) -> None:
    """Put a run in the queue that ended before it was done; its worker goes on from the last checkpoint."""
    check_owner(read_spec(run_dir).owner, "resume")
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
    check_owner(read_spec(run_dir).owner, "stop")
    try:
        (run_dir / QUEUED_FILE).unlink()
    except FileNotFoundError:
        if _is_live(run_dir):
            request_stop(run_dir)
        if not _is_live(run_dir):  # it ended just before it could hear
            clear_stop(run_dir)
    else:
        append_event(run_dir, RunStopped())


def queued_runs() -> list[Path]:
    """The runs that wait for a device, the next one first."""
    waiting = [(at, run_dir.name, run_dir) for run_dir in list_runs() if (at := _queued_at(run_dir)) is not None]
    return [run_dir for _, _, run_dir in sorted(waiting)]


def queue_position(run_dir: Path) -> int | None:
    """1 for the run that is next; None for one that does not wait."""
    waiting = [waiting.name for waiting in queued_runs()]
    return waiting.index(run_dir.name) + 1 if run_dir.name in waiting else None


def _under_way(owner: str) -> int:
    """How many of somebody's runs wait or train."""
    busy = (run_dir for run_dir in list_runs() if _queued_at(run_dir) is not None or _is_live(run_dir))
    return sum(read_spec(run_dir).owner == owner for run_dir in busy)


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
