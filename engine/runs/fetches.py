"""Data sets being fetched in the background: one thread a data set, shared by everybody who looks.

A page starts a fetch and then polls `state()`; closing the page does not stop it. `engine.data.sources.fetching.fetch` does the
work and moves a data set into place in one step, so a fetch that dies with the server leaves nothing half done.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from engine.data.sources.fetching import FetchProgress, check_may_fetch, fetch, is_ready
from engine.errors import EngineError


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchState:
    """Where one data set stands; `progress` while it is running, `message` when it failed."""

    name: str
    status: Literal["absent", "running", "ready", "failed"]
    progress: FetchProgress | None = None
    message: str = ""


class Fetches:
    """The fetches of this process: `start` one, read its `state` from any thread."""

    def __init__(
        self,
        fetch: Callable[..., Path] = fetch,
        *,
        is_here: Callable[[str], bool] = is_ready,
        check_may: Callable[[str], None] = check_may_fetch,
    ) -> None:
        """What fetches a data set by its name, whether one is here, and what refuses whoever may not."""
        self._fetch, self._is_here, self._check_may = fetch, is_here, check_may
        self._states: dict[str, FetchState] = {}
        self._lock = threading.Lock()

    def start(self, name: str) -> None:
        """Begin to fetch in the background; nothing happens if that is under way or done."""
        self._check_may(name)
        with self._lock:
            if self._is_running(name) or self._is_here(name):
                return
            self._states[name] = FetchState(name=name, status="running")
        threading.Thread(target=self._run, args=(name,), name=f"fetch-{name}", daemon=True).start()

    def state(self, name: str) -> FetchState:
        """Where `name` stands now; what is on disk wins over what was remembered."""
        with self._lock:
            known = self._states.get(name)
            if known is not None and known.status == "running":
                return known
        if self._is_here(name):
            return FetchState(name=name, status="ready")
        if known is not None and known.status == "failed":
            return known
        return FetchState(name=name, status="absent")

    def is_busy(self) -> bool:
        """Whether anything is being fetched."""
        with self._lock:
            return any(state.status == "running" for state in self._states.values())

    def _is_running(self, name: str) -> bool:
        known = self._states.get(name)
        return known is not None and known.status == "running"

    def _run(self, name: str) -> None:
        def note(progress: FetchProgress) -> None:
            with self._lock:
                self._states[name] = replace(self._states[name], progress=progress)

        # A bug must not leave the page with a bar that stands still for ever: it is told first, and then crashes.
        ending = FetchState(name=name, status="failed", message="The fetch stopped on an error; see the server's log.")
        try:
            self._fetch(name, on_progress=note)
            ending = FetchState(name=name, status="ready")
        except EngineError as error:
            ending = FetchState(name=name, status="failed", message=str(error))
        finally:
            with self._lock:
                self._states[name] = ending


FETCHES = Fetches()
