"""Sending and loading models in the background: one thread a job, whose state anybody may look at while and after it runs.

Closing the page does not stop a job. What it needs, a token among it, lives in its thread alone and goes with it.
"""

import contextvars
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from engine.errors import EngineError

Work = Callable[[Callable[[int, int], None]], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Where a job stands: bytes done, of how many; at the end `result`, or in `message` why there is none."""

    status: Literal["running", "done", "failed"]
    done: int = 0
    total: int = 0
    message: str = ""
    result: str = ""


class Jobs:
    """The jobs of this process by name: `start` one, read its `state` from any thread."""

    def __init__(self) -> None:
        self._states: dict[str, Job] = {}
        self._lock = threading.Lock()

    def start(self, name: str, work: Work) -> None:
        """Run `work(on_progress)` in the background; nothing happens while a job of that name is under way."""
        with self._lock:
            known = self._states.get(name)
            if known is not None and known.status == "running":
                return
            self._states[name] = Job(status="running")
        # In a copy of this context, so that the engine still knows there who is asking.
        here = contextvars.copy_context()
        threading.Thread(target=here.run, args=(self._run, name, work), name=name, daemon=True).start()

    def state(self, name: str) -> Job | None:
        """Where a job stands now; None where there was none."""
        with self._lock:
            return self._states.get(name)

    def _run(self, name: str, work: Work) -> None:
        def on_progress(done: int, total: int) -> None:
            with self._lock:
                self._states[name] = replace(self._states[name], done=done, total=total)

        # A bug must not leave the page with a bar that stands still for ever: it is told first, and then crashes.
        ending = Job(status="failed", message="It stopped on a mistake of ours (a bug); see the server's log.")
        try:
            ending = Job(status="done", result=work(on_progress))
        except EngineError as error:
            ending = Job(status="failed", message=str(error))
        finally:
            with self._lock:
                self._states[name] = ending


JOBS = Jobs()
