"""Calls over HTTP that leave something out: they reach the endpoint, which has its own words for what is missing.

Gradio answers a call that gives fewer values than the endpoint has parameters with `{"error": null}`, a parameter's name that it
does not know with "Internal Server Error", and an object that looks like a file with a refusal without words.
"""

import contextlib
import json
import re
from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CALL = re.compile(r"/gradio_api/call/(v2/)?(\w+)/?$")
MOST_BYTES = 60_000_000  # of a body that is read here; a picture in base64 is smaller by far

Parameters = Mapping[str, tuple[str, ...]]  # by endpoint


def completed(body: Any, names: tuple[str, ...], by_name: bool) -> Any:
    """A call's body with None for each parameter that was left out, and with nothing in its objects.

    The values are in a list under "data", or `by_name`. A body of another form is given back as it is: Gradio says what it has
    to be.
    """
    if by_name and isinstance(body, dict):
        return {name: _emptied(body.get(name)) for name in names}
    if not by_name and isinstance(body, dict) and isinstance(body.get("data"), list):
        given = [_emptied(value) for value in body["data"]]
        return {**body, "data": [*given, *[None] * (len(names) - len(given))]}
    return body


def complete_calls(app: ASGIApp, parameters: Parameters) -> ASGIApp:
    """The server `app`, behind something that completes the calls of the endpoints with these parameters."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        called = CALL.search(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if called is None or called[2] not in parameters or not _length(scope) <= MOST_BYTES:
            await app(scope, receive, send)
            return
        content = await _read(receive)
        with contextlib.suppress(ValueError, RecursionError):  # what is no JSON, Gradio refuses
            content = json.dumps(completed(json.loads(content), parameters[called[2]], bool(called[1]))).encode()
        headers = [header for header in scope["headers"] if header[0] != b"content-length"]
        headers.append((b"content-length", str(len(content)).encode()))
        await app({**scope, "headers": headers}, _replayed(content, receive), send)

    return serve


def _emptied(value: Any) -> Any:
    """An empty object or list in place of one: neither is ever what an endpoint wants, and no file is looked for in it."""
    return type(value)() if isinstance(value, dict | list) else value


def _length(scope: Scope) -> float:
    """The body's length as its sender has it; infinite where that is not said."""
    told = dict(scope["headers"]).get(b"content-length", b"")
    return int(told) if told.isdigit() else float("inf")


async def _read(receive: Receive) -> bytes:
    parts, goes_on = [], True
    while goes_on:
        message = await receive()
        parts.append(message.get("body", b""))
        goes_on = message.get("more_body", False)
    return b"".join(parts)


def _replayed(content: bytes, receive: Receive) -> Receive:
    """What gives the body once, and then whatever else the client does, such as leaving."""
    messages: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again
