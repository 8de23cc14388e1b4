"""What one person's requests may cost before anything of them is read: whoever sends too many waits, and delays nobody else."""

import asyncio
import math
import time
from collections import OrderedDict
from dataclasses import dataclass, field

import gradio as gr
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tabs.door.senders import sender
from tabs.door.space import NOBODY

MOST_A_SECOND = 20.0  # a live camera and a run that is looked at come to ten
MOST_AT_ONCE = 200  # a page that opens sends forty
LONGEST_WAIT = 2.0  # seconds that a request is held back for; beyond that it is refused
REFUSED_SECONDS = 1.0  # that the refusal takes, for whoever does not come back later as told
MOST_PEOPLE = 1000  # that are remembered
STATIC = ("/assets/", "/static/", "/svelte/", "/gradio_api/file=")  # files of the page's, which cost next to nothing
STREAMS = ("/heartbeat/", "/queue/data")
SIGN_IN = "/login"
TOO_FAST = "You send more requests than this page can answer. Wait a few seconds, and try again."


@dataclass(slots=True)
class Pace:
    """One person's allowance: a bucket of `MOST_AT_ONCE` that fills by `MOST_A_SECOND`, and until when they were told to wait."""

    left: float = MOST_AT_ONCE
    counted: float = field(default_factory=time.monotonic)
    closed_until: float = 0.0

    def wait(self) -> float:
        """Seconds that the next request is held back; infinite for one that is refused. What is let in is counted."""
        now = time.monotonic()
        self.left = min(MOST_AT_ONCE, self.left + MOST_A_SECOND * (now - self.counted))
        self.counted = now
        held_back = max(0.0, 1.0 - self.left) / MOST_A_SECOND
        if now < self.closed_until or held_back > LONGEST_WAIT:
            return math.inf
        self.left -= 1.0
        return held_back


def keep_pace(app: ASGIApp, page: gr.Blocks) -> ASGIApp:
    """The server `app`, behind something that counts each person's requests. The host's are not counted.

    Whoever is told with a 429 to come back later is believed to have read it: until then nothing of theirs is looked at. On a
    page with passwords nothing is read of those who have not signed in, but their passwords.
    """
    paces: OrderedDict[str, Pace] = OrderedDict()

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["path"].startswith(STATIC)
            or any(part in scope["path"] for part in STREAMS)
        ):
            await app(scope, receive, send)
            return
        person = sender(page, scope)
        if not person.name and page.app.auth and scope["method"] == "POST" and scope["path"].rstrip("/") != SIGN_IN:
            await PlainTextResponse("Sign in first.", status_code=401)(scope, receive, send)
            return
        if person.is_host or person.name in ("", NOBODY):
            await app(scope, receive, send)
            return
        pace = paces.setdefault(person.name, Pace())
        paces.move_to_end(person.name)
        if len(paces) > MOST_PEOPLE:
            paces.popitem(last=False)
        held_back = pace.wait()
        if math.isinf(held_back):
            await asyncio.sleep(REFUSED_SECONDS)
            await PlainTextResponse(TOO_FAST, status_code=429, headers={"Retry-After": "5"})(scope, receive, send)
            return
        await asyncio.sleep(held_back)

        async def noticed(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 429:
                told = dict(message["headers"]).get(b"retry-after", b"0")
                pace.closed_until = time.monotonic() + float(told)
            await send(message)

        await app(scope, receive, noticed)

    return serve
