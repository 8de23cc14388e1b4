"""The runner starts what waits in the queue, one live run on each device, and finds the runs that died.

It remembers nothing. Every pass looks at the run folders, so a server that is started again goes on where the last one
was, and several servers on one home share one queue.
"""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from engine.events import RunDied, RunFailed, RunFinished, RunStopped
from engine.host.home import HOME_VARIABLE, home, runs_folder
from engine.host.lent import Lender, lender
from engine.runs.devices import HOST_SLOT, device_slots
from engine.runs.queue import give_up, queued_runs, take
from engine.runs.store import (
    EVENTS_FILE,
    LOCK_FILE,
    LOG_FILE,
    QUEUED_FILE,
    STARTING_FILE,
    WORKER_FILE,
    append_event,
    file_size,
    list_runs,
    log_tail,
    read_events,
    read_worker,
    worker_alive,
    write_worker,
)

log = logging.getLogger(__name__)

REPOSITORY = Path(__file__).resolve().parents[2]
WORKER_COMMAND = (sys.executable, "-m", "engine.runs.worker")
# glibc would give every large tensor back to the system when it is freed, and have its pages made anew in the next step. On a CPU
# that takes a fifth of MiniLM's training and a seventh of the U-Net's. Whoever has set these variables keeps them; other systems
# do not know them.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 32)}
ENDINGS = (RunFinished, RunStopped, RunFailed, RunDied)
# After a server was killed between taking a run from the queue and noting its worker: by then the worker has done it.
STARTING_SECONDS = 30.0
UNATTENDED = RunStopped(
    reason="Nobody asks for a GPU on its behalf any more: the server was started anew. Resume asks again."
)


class Runner:
    """Starts waiting runs and finds those that died. `start` and `close` its thread, or call `tick` for one pass.

    `command` gets the run folder as its last argument. Workers are sessions of their own and outlive the runner.
    """

    def __init__(
        self,
        *,
        command: Sequence[str] = WORKER_COMMAND,
        slots: tuple[str, ...] | None = None,
        interval: float = 1.0,
    ) -> None:
        self._command = tuple(command)
        self._slots = device_slots() if slots is None else slots
        self._interval = interval
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="runner", daemon=True)

    def start(self) -> None:
        """Begin to look after the queue in the background."""
        self._thread.start()

    def close(self) -> None:
        """End the thread; live runs go on."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _loop(self) -> None:
        while True:
            try:
                self.tick()
            except Exception:  # the queue must outlive whatever one pass stumbles over
                log.exception("A pass over the runs failed; the next one follows.")
            if self._closing.wait(self._interval):
                return

    def tick(self) -> None:
        """One pass, unless another server on this home is at it."""
        runs_folder().mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(runs_folder() / ".runner.lock", timeout=0):
                self._look_after_runs()
        except Timeout:
            return

    def _look_after_runs(self) -> None:
        taken: list[str] = []
        for run_dir in list_runs():
            with _apart(run_dir):
                taken += _settle(run_dir)
        lent = lender()
        if lent:
            _end_unattended(lent)
        known = [slot for slot in self._slots if slot not in taken]
        # A worker started elsewhere may name its device differently; it fills one of ours all the same.
        free = known[sum(slot not in self._slots for slot in taken) :]
        waiting = iter(queued_runs())
        for slot in free:
            for run_dir in waiting:
                with _apart(run_dir):
                    if _start(run_dir, slot, self._command):
                        break


@contextmanager
def _apart(run_dir: Path) -> Generator[None]:
    """One run's trouble must not keep the others from their turn; a folder that vanishes is no trouble."""
    try:
        yield
    except Exception:
        if run_dir.exists():
            log.exception("The run in %s cannot be looked after.", run_dir)


def _settle(run_dir: Path) -> tuple[str, ...]:
    """The slots that the run's worker fills. For one that is gone without a word on how it ended, that is said here."""
    starting = run_dir / STARTING_FILE
    if worker_alive(run_dir):
        (run_dir / QUEUED_FILE).unlink(missing_ok=True)
        starting.unlink(missing_ok=True)
        record = read_worker(run_dir)
        return record.slots if record and record.is_here else ()
    if starting.exists():
        if _age(starting) < STARTING_SECONDS:
            return (str(run_dir),)
        os.replace(starting, run_dir / QUEUED_FILE)
    if (run_dir / WORKER_FILE).exists():
        try:
            with FileLock(run_dir / LOCK_FILE, timeout=0):
                _bury(run_dir)
        except Timeout:  # another worker has just come
            pass
    return ()


def _end_unattended(lent: Lender) -> None:
    """A lent GPU is asked for by whoever queued a run: where they are gone, with an earlier server, it would wait for ever."""
    for run_dir in queued_runs():
        with _apart(run_dir):
            if _age(run_dir / QUEUED_FILE) > STARTING_SECONDS and not lent.attends(run_dir):
                give_up(run_dir, UNATTENDED)


def _age(file: Path) -> float:
    """Seconds since a file was written; 0 for one that was just taken away."""
    try:
        return time.time() - file.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _bury(run_dir: Path) -> None:
    record = read_worker(run_dir)
    if record is None or worker_alive(run_dir):
        return
    events, _ = read_events(run_dir, record.events_size)
    tail = log_tail(run_dir, since=record.log_size)
    if not events and tail:
        append_event(run_dir, RunFailed(message="The worker ended before it could say anything.", log_tail=tail))
    elif not any(isinstance(event, ENDINGS) for event in events):
        append_event(run_dir, RunDied())
    (run_dir / WORKER_FILE).unlink(missing_ok=True)


def _start(run_dir: Path, slot: str, command: tuple[str, ...]) -> bool:
    """Whether there is a worker now; there is none when the run was just stopped, or the command is not to be had."""
    if not take(run_dir):
        return False
    starting = run_dir / STARTING_FILE
    environment = {**KEEP_MEMORY, **os.environ, HOME_VARIABLE: str(home())}
    if slot != HOST_SLOT:
        environment["CUDA_VISIBLE_DEVICES"] = slot
    events_size, log_size = file_size(run_dir / EVENTS_FILE), file_size(run_dir / LOG_FILE)
    try:
        with (run_dir / LOG_FILE).open("ab") as output:
            worker = subprocess.Popen(
                [*command, str(run_dir)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=REPOSITORY,
                env=environment,
            )
    except OSError as error:
        append_event(run_dir, RunFailed(message=f"The worker cannot be started: {error}.", log_tail=""))
        starting.unlink(missing_ok=True)
        return False
    try:
        write_worker(run_dir, worker.pid, slots=(slot,), events_size=events_size, log_size=log_size)
    finally:  # a process that nobody waits for stays as a zombie
        threading.Thread(target=worker.wait, name=f"worker-{worker.pid}", daemon=True).start()
    starting.unlink(missing_ok=True)
    return True
