"""Searches for wrong labels under way: one thread for all of them, shared by everybody who looks.

A page starts one and then asks for its `state`; closing the page does not stop it. What is found is kept in a file.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from engine.data.dataset import DataSet
from engine.errors import EngineError

Search = Callable[[str, DataSet, Callable[[int, int], None]], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchState:
    """Where a search stands; `done` of `total` samples while it is running, `message` when it failed."""

    status: Literal["absent", "waiting", "running", "failed"] = "absent"
    done: int = 0
    total: int = 0
    message: str = ""


class Searches:
    """The searches of this process, one at a time: they take all cores."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="suspects")
        self._states: dict[str, SearchState] = {}
        self._lock = threading.Lock()

    def start(self, mark: str, kind: str, data: DataSet) -> None:
        """Begin in the background, under a mark of the data set's content; nothing happens where that is under way."""
        with self._lock:
            if self._states.get(mark, SearchState()).status in ("waiting", "running"):
                return
            self._states[mark] = SearchState(status="waiting")
        self._pool.submit(self._run, mark, kind, data)

    def state(self, mark: str) -> SearchState:
        """Where a search stands; absent before it began and after it was done."""
        with self._lock:
            return self._states.get(mark, SearchState())

    def _run(self, mark: str, kind: str, data: DataSet) -> None:
        def note(done: int, total: int) -> None:
            self._note(mark, SearchState(status="running", done=done, total=total))

        ending = SearchState(
            status="failed", message="The search stopped on an error in the app; see the server's log."
        )
        try:
            self._search(kind, data, note)
            ending = SearchState()
        except EngineError as error:
            ending = SearchState(status="failed", message=str(error))
        finally:
            self._note(mark, ending)

    def _note(self, mark: str, state: SearchState) -> None:
        with self._lock:
            self._states[mark] = state
