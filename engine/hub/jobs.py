"""Sending and loading models in the background: one thread a job, whose state its page may look at while and after it runs.

Closing the page does not stop a job. What it needs, a token among it, lives in its thread alone and goes with it.
"""

import contextvars
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from engine.errors import EngineError, HubError
from engine.host.access import asker

Work = Callable[[Callable[[int, int], None]], str]
MOST_AT_ONCE = 4
REMEMBERED = 200  # that have ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Where a job stands: whose it is, bytes done, of how many; at the end `result`, or in `message` why there is none."""

    kind: str
    owner: str
    status: Literal["running", "done", "failed"] = "running"
    done: int = 0
    total: int = 0
    message: str = ""
    result: str = ""


class Jobs:
    """The jobs of this process: `start` one, read its `state` from any thread by what that returned."""

    def __init__(self) -> None:
        self._states: dict[str, Job] = {}
        self._lock = threading.Lock()

    def start(self, kind: str, work: Work) -> str:
        """Run `work(on_progress)` in the background; the job's key, which nobody can guess.

        `HubError` while `MOST_AT_ONCE` are under way.
        """
        key = uuid.uuid4().hex
        with self._lock:
            if sum(job.status == "running" for job in self._states.values()) >= MOST_AT_ONCE:
                raise HubError(f"{MOST_AT_ONCE} models are being sent or loaded already. Try again in a minute.")
            self._states[key] = Job(kind=kind, owner=asker().name)
            ended = [known for known, job in self._states.items() if job.status != "running"]
            for known in ended[:-REMEMBERED]:
                del self._states[known]
        # In a copy of this context, so that the engine still knows there who is asking.
        here = contextvars.copy_context()
        threading.Thread(target=here.run, args=(self._run, key, work), name=f"{kind}-{key}", daemon=True).start()
        return key

    def state(self, key: str) -> Job | None:
        """Where a job stands now; None where there was none."""
        with self._lock:
            return self._states.get(key)

    def under_way(self, kind: str) -> str:
        """The key of the newest job of a kind that whoever is asking started and that still runs; "" for none."""
        wanted = (kind, asker().name, "running")
        with self._lock:
            found = [key for key, job in self._states.items() if (job.kind, job.owner, job.status) == wanted]
        return found[-1] if found else ""

    def _run(self, key: str, work: Work) -> None:
        def on_progress(done: int, total: int) -> None:
            with self._lock:
                self._states[key] = replace(self._states[key], done=done, total=total)

        # A bug must not leave the page with a bar that stands still for ever: it is told first, and then crashes.
        ending = {
            "status": "failed",
            "message": "It stopped because of a bug in the app. The server's log says where: please report it.",
        }
        try:
            ending = {"status": "done", "result": work(on_progress)}
        except EngineError as error:
            ending = {"status": "failed", "message": str(error)}
        finally:
            with self._lock:
                self._states[key] = replace(self._states[key], **ending)


JOBS = Jobs()
