"""Pictures from outside are read by processes of their own, so that none can hold or fill the one that answers everybody.

A picture that takes long gives way: its process gets little of the processor, then it is ended, at the latest after a number of
seconds. People are served in turn, however many pictures one of them sends.
"""

import json
import math
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from engine.data.pictures.reading import READY_LINE
from engine.errors import DataError
from engine.host.turns import Turns

REPOSITORY = Path(__file__).parents[3]
SECONDS = 10.0  # for one picture
PROCESSES = 4  # at once
READY = 2  # of them that wait for the next picture
MEMORY = 400_000_000  # bytes that all of them may hold
MOST_PIXELS = 8_000_000  # beyond which a picture is made smaller: what it is answered with has as many
SLOW_SECONDS = 0.2  # from then on, others come first
PRESSED_SECONDS = 1.0  # from then on, a picture is given up where others wait and no process is free
WAIT_SECONDS = 30.0  # for a turn
TICK_SECONDS = 0.05
IDLE = psutil.IDLE_PRIORITY_CLASS if sys.platform == "win32" else 19


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # arrays are not compared
class ReadPicture:
    """A picture as it was read.

    bands: (H, W, C) uint8.
    size: (height, width) that the file has; larger than H and W where it was made smaller.
    """

    bands: np.ndarray
    size: tuple[int, int]


class _Process:
    """One that reads a picture after the other: `engine.data.pictures.reading`."""

    def __init__(self, seconds: float, memory: int) -> None:
        command = [sys.executable, "-m", "engine.data.pictures.reading", str(seconds), str(memory)]
        self.running = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.is_ready = self.has_given_way = False

    def wait(self) -> None:
        """Until it has started, which is no picture's fault. `EOFError` where it ends instead."""
        assert self.running.stdout
        if not self.is_ready and self.running.stdout.readline() != READY_LINE:
            raise EOFError
        self.is_ready = True

    def ask(self, path: Path, channels: int, *, may_be_large: bool) -> ReadPicture | None:
        """The picture, or None where it is large and may not be; `EOFError` where the process ends before it has answered."""
        assert self.running.stdin and self.running.stdout
        asked = {"path": str(path), "channels": channels, "most": MOST_PIXELS, "may_be_large": may_be_large}
        try:
            self.running.stdin.write(json.dumps(asked).encode() + b"\n")
            self.running.stdin.flush()
        except OSError:
            raise EOFError from None
        line = self.running.stdout.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        said = json.loads(line)
        if "error" in said:
            raise DataError(said["error"])
        if "is_large" in said:
            return None
        count = int(np.prod(said["shape"]))
        content = self.running.stdout.read(count)
        if len(content) < count:
            raise EOFError
        height, width = said["size"]
        return ReadPicture(bands=np.frombuffer(content, np.uint8).reshape(said["shape"]), size=(height, width))

    def memory(self) -> int:
        """Bytes that it holds; 0 once it is over."""
        try:
            return psutil.Process(self.running.pid).memory_info().rss
        except psutil.Error:
            return 0

    def give_way(self) -> None:
        """Leave the processor to others. There is no way back."""
        self.has_given_way = True
        with suppress(psutil.Error):
            psutil.Process(self.running.pid).nice(IDLE)

    def end(self) -> None:
        self.running.kill()
        self.running.wait()
        for pipe in (self.running.stdin, self.running.stdout):
            assert pipe
            with suppress(OSError):  # what was written and not yet sent
                pipe.close()


@dataclass(slots=True, kw_only=True, eq=False)
class _Reading:
    """A picture that is read, or waits for it. `reason` says why it was given up."""

    name: str
    person: str
    session: str
    process: _Process | None = None
    started: float = math.inf
    reason: str = ""

    def give_up(self, reason: str) -> None:
        self.reason = self.reason or reason
        if self.process:
            self.process.running.kill()


@dataclass(slots=True, kw_only=True)
class Readers:
    """Reads pictures from outside. `seconds` is how long one may take, `memory` how many bytes all processes may hold."""

    seconds: float = SECONDS
    processes: int = PROCESSES
    memory: int = MEMORY
    _readings: list[_Reading] = field(default_factory=list)  # in the order in which they came
    _turns: Turns = field(default_factory=Turns)
    _ready: list[_Process] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _large: threading.Lock = field(default_factory=threading.Lock)
    _watching: bool = False
    _is_closed: bool = False

    def prepare(self) -> None:
        """Start processes, so that the first picture does not wait for one."""
        with self._changed:
            while len(self._ready) < READY and not self._is_closed:
                self._ready.append(_Process(self.seconds, self.memory))

    def read(self, path: Path, channels: int = 3, *, person: str = "", session: str = "") -> ReadPicture:
        """The picture at `path` with that many channels, made smaller where it has more than `MOST_PIXELS`.

        `person` is whose turn it takes; `session` is what `leave` may name. `DataError` says why it was not read.
        """
        reading = _Reading(name=path.name, person=person, session=session)
        process = self._begin(reading)
        try:
            process.wait()
            reading.started = time.monotonic()
            found = process.ask(path, channels, may_be_large=False)
            if found is not None:
                return found
            with self._alone(reading):
                found = process.ask(path, channels, may_be_large=True)
            assert found
            return found
        except EOFError:
            raise DataError(reading.reason or f"{path.name} is damaged: it cannot be read as a picture.") from None
        finally:
            self._finish(reading, process)

    @contextmanager
    def _alone(self, reading: _Reading) -> Iterator[None]:
        """One large picture is read at a time: several would hold more memory than there is for all."""
        while not self._large.acquire(timeout=TICK_SECONDS):
            if reading.reason:
                raise EOFError
        try:
            yield
        finally:
            self._large.release()

    def leave(self, session: str) -> None:
        """Give up what is read, and what waits to be, for somebody who has gone."""
        with self._changed:
            for reading in self._readings:
                if session and reading.session == session:
                    reading.give_up(f"{reading.name} was not read: whoever sent it has gone.")
            self._changed.notify_all()

    def close(self) -> None:
        """End the processes that wait, and those that read. Nothing is read afterwards."""
        with self._changed:
            self._is_closed = True
            for reading in self._readings:
                reading.give_up("The page was closed.")
            for process in self._ready:
                process.end()
            self._ready.clear()

    def _begin(self, reading: _Reading) -> _Process:
        """A process for this reading, as soon as it has its turn."""
        until = time.monotonic() + WAIT_SECONDS
        with self._changed:
            self._readings.append(reading)
            if not self._watching:
                self._watching = True
                threading.Thread(target=self._watch, name="picture-readers", daemon=True).start()
            self._changed.notify_all()
            while not self._is_next(reading):
                left = until - time.monotonic()
                if reading.reason or left <= 0:
                    self._readings.remove(reading)
                    busy = f"{reading.name} was not read: too many pictures are. Try again in half a minute."
                    raise DataError(reading.reason or busy)
                self._changed.wait(left)
            while self._ready and self._ready[-1].running.poll() is not None:
                self._ready.pop().end()  # the system, or somebody, has ended it
            reading.process = self._ready.pop() if self._ready else _Process(self.seconds, self.memory)
            self._turns.serve(reading.person)
            return reading.process

    def _finish(self, reading: _Reading, process: _Process) -> None:
        """The process is ready for the next picture; one that was given up, has ended or has given way is replaced."""
        is_spent = bool(reading.reason) or process.has_given_way or process.running.poll() is not None
        if is_spent:
            process.end()
        with self._changed:
            self._readings.remove(reading)
            if not is_spent:
                self._ready.append(process)
            self._changed.notify_all()
        self.prepare()

    def _is_next(self, reading: _Reading) -> bool:
        """Whether a process is free and it is this one's turn."""
        under_way = [one for one in self._readings if one.process]
        if len(under_way) >= self.processes:
            return False
        waiting = [one for one in self._readings if not one.process]
        return reading is self._turns.first(waiting, (one.person for one in under_way), lambda one: one.person)

    def _watch(self) -> None:
        """Ends what takes too long or holds too much, for as long as there is something to watch."""
        while True:
            with self._changed:
                if not self._readings:
                    self._watching = False
                    return
                self._look()
                self._changed.wait(TICK_SECONDS)

    def _look(self) -> None:
        now = time.monotonic()
        under_way = [one for one in self._readings if one.process]
        for one in under_way:
            assert one.process
            if now - one.started > self.seconds:
                one.give_up(
                    f"{one.name} takes longer than {self.seconds:g} seconds to read. Make it smaller, or save it anew."
                )
            elif now - one.started > SLOW_SECONDS and not one.process.has_given_way:
                one.process.give_way()
        longest = min(under_way, key=lambda one: one.started, default=None)
        is_full = len(under_way) >= self.processes and len(under_way) < len(self._readings)
        if longest and is_full and now - longest.started > PRESSED_SECONDS:
            longest.give_up(
                f"{longest.name} takes long to read, and others wait. Make it smaller, or try again in a minute."
            )
        held = {one: one.process.memory() for one in under_way if one.process}
        if sum(held.values()) > self.memory:
            largest = max(held, key=lambda one: held[one])
            largest.give_up(f"{largest.name} needs more memory than there is for pictures. Make it smaller first.")
