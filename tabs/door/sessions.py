"""What the server remembers of each open page is bounded, in number and in size, and forgotten once the page is gone.

Gradio keeps a session for an hour after its page was closed, and one that a program made, which has no page, for ever. In each it
keeps a copy of all components' settings and of every answer, for links to a page as somebody sees it: there are none here.
"""

import threading
import time
from collections import Counter, OrderedDict
from copy import copy
from typing import Any
from urllib.parse import parse_qs

import gradio as gr
from gradio.state_holder import SessionState, StateHolder
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tabs.door.senders import turn_in
from tabs.door.uploads import sweep_uploads

MOST_SESSIONS = 600
MOST_OF_A_PERSON = 150  # a program has one for each call
CLOSED_SECONDS = 900.0  # after which a page that was closed is forgotten: a laptop may sleep that long
PROGRAM_SECONDS = 60.0  # after which a session is forgotten that never had a page
ANSWER_SECONDS = 300.0  # for which an answer is kept that nobody fetches
SWEEP_SECONDS = 15.0
HEARTBEAT, ANSWERS = "/heartbeat/", "/queue/data"


class Session(SessionState):
    """Gradio's, without the copy of the settings."""

    def __init__(self, blocks: gr.Blocks) -> None:
        self.blocks_config = copy(blocks.default_config)
        self.config_values: dict[int, Any] = {}
        self.state_data: dict[int, Any] = {}
        self._state_ttl: dict[int, Any] = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = CLOSED_SECONDS
        self.person, self.had_page, self.used = "", False, time.monotonic()

    def __setitem__(self, key: int, value: Any) -> None:
        super().__setitem__(key, value)
        self.config_values.clear()

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass


class Sessions(StateHolder):
    """Gradio's store of sessions, with bounds."""

    session_data: "OrderedDict[str, Session]"  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, page: gr.Blocks) -> None:
        super().__init__()
        self.set_blocks(page)
        self.capacity = MOST_SESSIONS
        self.open_pages: Counter[str] = Counter()  # connections that say that a page is open, by session

    def __getitem__(self, session_id: str) -> Session:
        with self.lock:
            found = self.session_data.get(session_id)
            if found is None:
                found = self.session_data[session_id] = Session(self.blocks)
                self._bound()
            found.used = time.monotonic()
            self.session_data.move_to_end(session_id)
            return found

    def belongs(self, session_id: str, person: str) -> None:
        """Note whose session it is."""
        found = self[session_id]
        with self.lock:
            found.person = person
            self._bound()

    def is_another_s(self, session_id: str, person: str) -> bool:
        """Whether a session is somebody else's than this person's."""
        found = self.session_data.get(session_id)
        return found is not None and found.person not in ("", person)

    def opened(self, session_id: str) -> None:
        """A page of this session is open."""
        self.open_pages[session_id] += 1
        self[session_id].had_page = True

    def closed(self, session_id: str) -> None:
        """And now no longer."""
        self.open_pages[session_id] -= 1
        if self.open_pages[session_id] <= 0:
            del self.open_pages[session_id]

    def sweep(self) -> None:
        """Forget the sessions whose page has been closed for long, and those of programs that ask no more."""
        now = time.monotonic()
        with self.lock:
            for name, session in list(self.session_data.items()):
                most = CLOSED_SECONDS if session.had_page else PROGRAM_SECONDS
                if name not in self.open_pages and now - session.used > most and not self._is_waited_for(name):
                    self._forget(name)

    def _bound(self) -> None:
        """Forget what is too much: of whoever has too many, or else of whoever has most.

        What waits for no answer and has no page open goes first, and of that what was used longest ago.
        """
        people = Counter(session.person for session in self.session_data.values())
        person, most = max(people.items(), key=lambda pair: pair[1])
        if len(self.session_data) <= self.capacity and (most <= MOST_OF_A_PERSON or not person):
            return
        before = list(self.session_data)[:-1]
        is_theirs = most > MOST_OF_A_PERSON and person

        def place(name: str) -> tuple[bool, bool, int]:
            whose = self.session_data[name].person
            return self._is_waited_for(name), name in self.open_pages, -people[whose]

        self._forget(
            min([name for name in before if not is_theirs or self.session_data[name].person == person], key=place)
        )

    def _is_waited_for(self, name: str) -> bool:
        is_new = time.monotonic() - self.session_data[name].used < ANSWER_SECONDS
        return is_new and bool(self.blocks._queue.pending_event_ids_session.get(name))

    def _forget(self, name: str) -> None:
        del self.session_data[name]
        self.time_last_used.pop(name, None)
        self.blocks._queue.pending_messages_per_session.pop(name, None)
        self.blocks._queue.pending_event_ids_session.pop(name, None)


def bound_sessions(page: gr.Blocks) -> Sessions:
    """Give a page that is served this store, and sweep it, and what is left of uploads, for as long as the server runs."""
    sessions = page.app.state_holder = page.state_holder = Sessions(page)

    def sweep() -> None:
        while True:
            time.sleep(SWEEP_SECONDS)
            sessions.sweep()
            sweep_uploads()

    threading.Thread(target=sweep, name="sessions", daemon=True).start()
    return sessions


def notice_pages(app: ASGIApp, page: gr.Blocks) -> ASGIApp:
    """The server `app`, behind something that notes which pages are open: each holds a connection for that.

    Whoever wants to hear answers without having asked is refused here, and so is who asks for somebody else's; Gradio would
    write a page into the log for each, or give them.
    """

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        sessions = getattr(page, "state_holder", None)
        is_heartbeat = scope["type"] == "http" and HEARTBEAT in scope["path"]
        is_ear = scope["type"] == "http" and scope["path"].endswith(ANSWERS)
        if not isinstance(sessions, Sessions) or not (is_heartbeat or is_ear):
            await app(scope, receive, send)
            return
        asked = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("session_hash", [""])[0]
        session_id = scope["path"].rpartition(HEARTBEAT)[2] if is_heartbeat else asked
        is_unknown = is_ear and session_id not in page._queue.pending_messages_per_session
        if is_unknown or sessions.is_another_s(session_id, turn_in(page, scope, session_id)):
            await PlainTextResponse("Nothing was asked in this session.", status_code=404)(scope, receive, send)
            return
        if is_ear:
            await app(scope, receive, send)
            return
        sessions.opened(session_id)
        try:
            await app(scope, receive, send)
        finally:
            sessions.closed(session_id)

    return serve
