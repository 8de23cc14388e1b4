"""A run as its folder tells it now: what its events say, and whether somebody is still at it."""

import dataclasses
from pathlib import Path

from engine.errors import RunError
from engine.runs.fold import fold
from engine.runs.snapshot import EMPTY, RunSnapshot
from engine.runs.store import (
    EVENTS_FILE,
    QUEUED_FILE,
    SPEC_FILE,
    STARTING_FILE,
    WORKER_FILE,
    file_size,
    read_events,
    stop_requested,
    worker_alive,
)


class Watcher:
    """Looks at one run again and again, and reads only what is new.

    What was seen is one value, so that threads which poll together at worst read the same lines twice.
    """

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self._seen = (0, EMPTY)

    def poll(self) -> RunSnapshot:
        """The run now, or a `RunError` when its folder is gone."""
        if not (self.run_dir / SPEC_FILE).is_file():
            raise RunError(f"There is no run in {self.run_dir}; it may have been deleted.")
        # A run goes from queued to starting to a worker to its last event: looked at in this order, it is never missed.
        is_waiting = (self.run_dir / QUEUED_FILE).exists() or (self.run_dir / STARTING_FILE).exists()
        had_worker = (self.run_dir / WORKER_FILE).exists()
        is_alive = had_worker and worker_alive(self.run_dir)
        offset, snapshot = self._seen
        if file_size(self.run_dir / EVENTS_FILE) < offset:
            offset, snapshot = 0, EMPTY
        events, offset = read_events(self.run_dir, offset)
        if events:
            snapshot = fold(snapshot, events)
        self._seen = (offset, snapshot)
        if is_alive:
            return dataclasses.replace(snapshot, status="running", stopping=stop_requested(self.run_dir))
        if is_waiting:
            return dataclasses.replace(snapshot, status="queued")
        if snapshot.status == "running" or (snapshot.status == "new" and had_worker):
            return dataclasses.replace(snapshot, status="died")
        return snapshot


def load_snapshot(run_dir: Path) -> RunSnapshot:
    """A run as its folder tells it now."""
    return Watcher(run_dir).poll()
