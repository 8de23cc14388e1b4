"""Each person's share of what is uploaded: the disk is everybody's, and a file that came is kept for an hour."""

import time
from collections import defaultdict, deque

import gradio as gr
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tabs.door.senders import sender

UPLOAD = "/gradio_api/upload"
HOUR = 3600.0
MOST_BYTES = 400_000_000  # of one person within an hour; the host has no bound
MOST_PEOPLE = 1000  # that are remembered


class Uploads:
    """How much each person has sent within an hour."""

    def __init__(self) -> None:
        self._sent: defaultdict[str, deque[tuple[float, int]]] = defaultdict(deque)

    def of(self, person: str) -> int:
        """Bytes of one person within the last hour."""
        sent, now = self._sent[person], time.monotonic()
        while sent and now - sent[0][0] > HOUR:
            sent.popleft()
        return sum(size for _, size in sent)

    def add(self, person: str, size: int) -> None:
        """Note that somebody sent that much, whether all of it came to something or not."""
        self._sent[person].append((time.monotonic(), size))
        if len(self._sent) > MOST_PEOPLE:
            self._sent = defaultdict(deque, {name: sent for name, sent in self._sent.items() if self.of(name)})


def share_uploads(app: ASGIApp, page: gr.Blocks) -> ASGIApp:
    """The server `app`, behind something that refuses uploads beyond a person's share."""
    uploads = Uploads()

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].rstrip("/") != UPLOAD:
            await app(scope, receive, send)
            return
        person = sender(page, scope)
        told = Headers(scope=scope).get("content-length", "0")
        if not person.is_host and uploads.of(person.name) + (int(told) if told.isdigit() else 0) > MOST_BYTES:
            most = f"{MOST_BYTES // 1_000_000} MB"
            refusal = f"You have sent {most} within an hour, which is all that one may. Try again in an hour."
            await PlainTextResponse(refusal, status_code=429)(scope, receive, send)
            return

        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            return message

        try:
            await app(scope, counted, send)
        finally:  # it may have been broken off
            uploads.add(person.name, came)

    return serve
