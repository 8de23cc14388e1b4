"""How a process takes a run: alone, seen by everybody, and ready to be asked to stop."""

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout

from engine.errors import RunError
from engine.runs.devices import named_slots
from engine.runs.store import (
    EVENTS_FILE,
    LOCK_FILE,
    LOG_FILE,
    QUEUED_FILE,
    STARTING_FILE,
    WORKER_FILE,
    clear_stop,
    file_size,
    read_worker,
    worker_alive,
    write_worker,
)

# After a kill, loader processes hold the lock until they notice that their parent is gone: within five seconds.
LOCK_SECONDS = 20.0


@contextmanager
def claimed(run_dir: Path) -> Generator[None]:
    """Nobody else can be the worker of this run meanwhile, and everybody can see who is."""
    record = read_worker(run_dir)
    if record is not None and record.pid != os.getpid() and worker_alive(run_dir):
        raise RunError(f"The run {run_dir.name} has a worker already: process {record.pid}. Stop that one first.")
    lock = FileLock(run_dir / LOCK_FILE, timeout=LOCK_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(f"Another process has just taken the run {run_dir.name}.") from None
    try:
        slots = named_slots()[: processes_here()]
        sizes = {"events_size": file_size(run_dir / EVENTS_FILE), "log_size": file_size(run_dir / LOG_FILE)}
        write_worker(run_dir, os.getpid(), slots=slots, **sizes)
        for said in (QUEUED_FILE, STARTING_FILE):
            (run_dir / said).unlink(missing_ok=True)
        yield
        (run_dir / WORKER_FILE).unlink(missing_ok=True)
        clear_stop(run_dir)
    finally:
        lock.release()


def processes_here() -> int:
    """How many processes train together on this machine; of several machines each has its own, and `WORLD_SIZE` counts all."""
    return int(os.environ.get("LOCAL_WORLD_SIZE") or os.environ.get("WORLD_SIZE") or "1")


@contextmanager
def signals_noted() -> Generator[list[int]]:
    """The first SIGTERM and the first Ctrl-C are noted, for whoever asks; the second acts as it always did."""
    noted: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # Python hands signals to the main thread only
        yield noted
        return
    former = {int(number): signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def note(number: int, _frame: FrameType | None) -> None:
        noted.append(number)
        signal.signal(number, former[number])

    for number in former:
        signal.signal(number, note)
    try:
        yield noted
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
