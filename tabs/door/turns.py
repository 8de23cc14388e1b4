"""The page's queue serves people in turn: whoever sends a hundred requests delays nobody but themselves.

Gradio's own queue knows no people: it serves requests in the order in which they came, and refuses everybody once it is full.
"""

from collections.abc import Callable
from typing import Any, Literal

import fastapi
import gradio as gr
from gradio.queueing import Event, Queue
from gradio.server_messages import EventMessage

from engine.host.turns import Turns
from tabs.door.senders import turn_of
from tabs.door.sessions import Sessions
from tabs.door.values import wrong_value

MOST_IN_LINE = 30  # of one person's requests in a line that serves few at a time, such as predictions
MOST_WAITING = 120  # of one person's requests in all; a page that opens asks for thirty things at once


class FairQueue(Queue):
    """Gradio's queue, with turns and a bound for each person, and an end to the work of whoever has gone."""

    def __init__(self, leave: Callable[[str], None], **settings: Any) -> None:
        super().__init__(**settings)
        self.turns, self.leave = Turns(), leave

    async def push(
        self, body: Any, request: fastapi.Request, username: str | None
    ) -> tuple[bool, Any, Literal["success", "error", "queue_full", "validator_error"]]:
        """As Gradio's; 422 for values that no page would send, 429 for whoever has too much waiting, each with a message."""
        line = self.blocks.fns.get(-1 if body.fn_index is None else body.fn_index)
        if line is None:
            raise fastapi.HTTPException(404, "There is no such function.")
        wrong = wrong_value(line, body.data)
        if wrong:
            raise fastapi.HTTPException(422, wrong)
        person = turn_of(gr.Request(request, username, body.session_hash))
        sessions = self.blocks.state_holder
        if isinstance(sessions, Sessions) and sessions.is_another_s(body.session_hash, person):
            raise fastapi.HTTPException(403, "This session is somebody else's. Reload the page.")
        waiting = [event for line in self.event_queue_per_concurrency_id.values() for event in line.queue]
        theirs = [event for event in waiting if person_of(event) == person]
        in_line = [event for event in theirs if event.concurrency_id == line.concurrency_id]
        is_narrow = line.concurrency_limit is not None
        if len(theirs) >= MOST_WAITING or (is_narrow and len(in_line) >= MOST_IN_LINE):
            said = "Too many of your requests wait already. Wait until the answers are there, and try again."
            raise fastapi.HTTPException(429, said, headers={"Retry-After": "5"})
        pushed = await super().push(body, request, username)
        if pushed[0]:
            if isinstance(sessions, Sessions):
                sessions.belongs(body.session_hash, person)
            self.event_ids_to_events[str(pushed[1])].person = person  # pyright: ignore[reportAttributeAccessIssue]
        return pushed

    def get_events(self) -> tuple[list[Event], bool, str] | None:
        """As Gradio's, after whoever's turn it is has moved up in each line."""
        under_way = [person_of(event) for job in self.active_jobs for event in job or ()]
        for line in self.event_queue_per_concurrency_id.values():
            if len(line.queue) > 1:
                first = self.turns.first(line.queue, under_way, person_of)
                line.queue.remove(first)
                line.queue.insert(0, first)
        found = super().get_events()
        for event in found[0] if found else ():
            self.turns.serve(person_of(event))
        return found

    def send_message(self, event: Event, event_message: EventMessage) -> None:
        """As Gradio's, for whoever is still heard: a session that was forgotten would end the queue, for everybody."""
        if event.session_hash in self.pending_messages_per_session:
            super().send_message(event, event_message)

    async def clean_events(self, *, session_hash: str | None = None, event_id: str | None = None) -> None:
        """As Gradio's; and `leave` hears whose page has gone."""
        await super().clean_events(session_hash=session_hash, event_id=event_id)
        self.leave(session_hash or "")


def serve_in_turn(page: gr.Blocks, leave: Callable[[str], None]) -> None:
    """Give a page that has a queue this one, set up alike. `leave` is told the session of whoever has gone."""
    given = page._queue
    page._queue = FairQueue(
        leave,
        live_updates=given.live_updates,
        concurrency_count=given.max_thread_count,
        update_intervals=given.update_intervals,
        max_size=given.max_size,
        blocks=page,
        default_concurrency_limit=given.default_concurrency_limit,
    )


def person_of(event: Event) -> str:
    """Whose request it is."""
    return getattr(event, "person", event.session_hash)
