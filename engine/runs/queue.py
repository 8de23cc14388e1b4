"""What a user can ask of a run: start it, stop it, resume it. The queue is first in, first out."""

import json
import os
import shutil
import time
from pathlib import Path

from filelock import FileLock

from engine.data.sources.fetching import resolve_dataset
from engine.errors import AccessError, RunError
from engine.events import Event, RunStopped
from engine.fields import DAMAGE
from engine.host.access import asker, check_owner, check_training, visitor_limits
from engine.host.home import disk_told, runs_folder
from engine.host.lent import lender
from engine.runs.store import (
    QUEUED_FILE,
    SPEC_FILE,
    STARTING_FILE,
    RunSpec,
    append_event,
    clear_stop,
    create_run,
    list_runs,
    read_spec,
    request_stop,
    runs_with,
    worker_alive,
    write_whole,
)
from engine.runs.watch import load_snapshot
from engine.tasks.registry import get_task


def start(spec: RunSpec) -> Path:
    """Make a run and put it in the queue; where it is refused, as by `submit`, nothing is left of it."""
    run_dir = create_run(spec)
    try:
        submit(run_dir)
    except Exception:
        shutil.rmtree(run_dir, ignore_errors=True)
        raise
    return run_dir


def submit(run_dir: Path) -> None:
    """Put a new run in the queue; `AccessError` for a visitor's that goes beyond what the host of a shared page allows."""
    _enqueue(run_dir, {"new"}, "new run can be started")


def resume(run_dir: Path) -> None:
    """Put a run in the queue that ended before it was done; its worker goes on from the last checkpoint.

    A visitor's own goes back there within the same limits as a new one.
    """
    check_owner(read_spec(run_dir).owner, "resume")
    _enqueue(run_dir, {"stopped", "failed", "died"}, "stopped, failed or died run can be resumed")


def _enqueue(run_dir: Path, allowed: set[str], rule: str) -> None:
    with disk_told(f"queue {run_dir.name}"):
        runs_folder().mkdir(parents=True, exist_ok=True)
        with FileLock(runs_folder() / ".queue.lock"):  # nobody joins between the count of what waits and one more
            _check_visitor(read_spec(run_dir))
            _join(run_dir, allowed, rule)


def _check_visitor(spec: RunSpec) -> None:
    person, limit = asker(), visitor_limits().minutes
    if person.is_host:
        return
    if spec.owner != person.owner or not 0 < spec.minutes <= limit:
        raise AccessError(f"A visitor's run is theirs, and takes {limit:g} minutes at most. Start it on the page.")
    resolve_dataset(spec.dataset)  # a folder of this machine is not for visitors
    backbones, own = get_task(spec.task).backbones, _under_way(person.owner)
    check_training(spec.recipe, backbones, under_way=own, waiting=len(queued_runs()))


def _join(run_dir: Path, allowed: set[str], rule: str) -> None:
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
    lent = lender()
    if lent:
        lent.train(run_dir)


def take(run_dir: Path) -> bool:
    """Take a run from the queue, to start it; succeeds once, whoever else wants it or stops it."""
    starting = run_dir / STARTING_FILE
    try:
        os.replace(run_dir / QUEUED_FILE, starting)
    except FileNotFoundError:
        return False
    starting.touch()
    return True


def give_up(run_dir: Path, ending: Event) -> None:
    """End a run that waits, or whose start broke off, with an event that says why; one that has a worker is left alone."""
    broke_off = (run_dir / STARTING_FILE).exists() and not worker_alive(run_dir)
    if take(run_dir) or broke_off:
        append_event(run_dir, ending)
        (run_dir / STARTING_FILE).unlink(missing_ok=True)


def stop(run_dir: Path) -> None:
    """Take a waiting run from the queue, or ask a live one to stop at its next batch; any other is left alone."""
    check_owner(_owner(run_dir), "stop")
    try:
        (run_dir / QUEUED_FILE).unlink()
    except FileNotFoundError:
        if is_under_way(run_dir):
            request_stop(run_dir)
        if not is_under_way(run_dir):  # it ended just before it could hear
            clear_stop(run_dir)
    else:
        append_event(run_dir, RunStopped())


def _owner(run_dir: Path) -> str:
    """Whose run it is; the host's where its recipe.json is damaged, so that they can stop and delete it."""
    try:
        return read_spec(run_dir).owner
    except RunError:
        if not (run_dir / SPEC_FILE).is_file():
            raise
        return ""


def is_under_way(run_dir: Path) -> bool:
    """Whether a run waits in the queue, a worker is being started for it, or one has it."""
    # In this order, in which a run goes from the one to the next: so none is missed.
    return any((run_dir / waits).exists() for waits in (QUEUED_FILE, STARTING_FILE)) or worker_alive(run_dir)


def anything_under_way() -> bool:
    """Whether any run waits or trains, whoever's."""
    return any(is_under_way(run_dir) for run_dir in list_runs())


def queued_runs() -> list[Path]:
    """The runs that wait for a device, the next one first."""
    found = [run_dir for run_dir in runs_with(QUEUED_FILE) if (run_dir / SPEC_FILE).is_file()]
    waiting = [(at, run_dir.name, run_dir) for run_dir in found if (at := _queued_at(run_dir)) is not None]
    return [run_dir for _, _, run_dir in sorted(waiting)]


def queue_position(run_dir: Path) -> int | None:
    """1 for the run that is next; None for one that does not wait."""
    waiting = [waiting.name for waiting in queued_runs()]
    return waiting.index(run_dir.name) + 1 if run_dir.name in waiting else None


def _under_way(owner: str) -> int:
    """How many of somebody's runs wait or train."""
    return sum(_is_of(run_dir, owner) for run_dir in list_runs() if is_under_way(run_dir))


def _is_of(run_dir: Path, owner: str) -> bool:
    try:
        return read_spec(run_dir).owner == owner
    except RunError:  # damaged: its worker will say so
        return False


def _queued_at(run_dir: Path) -> float | None:
    try:
        return float(json.loads((run_dir / QUEUED_FILE).read_text())["at"])
    except FileNotFoundError:
        return None
    except DAMAGE:
        return 0.0  # not written by us, and still somebody's wish
