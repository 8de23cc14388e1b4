"""A page is made once for each person and sent compressed: Gradio makes it anew for each request, and sends it as it is."""

import asyncio
import gzip
from collections import OrderedDict
from dataclasses import dataclass

import gradio as gr
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipResponder
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tabs.door.senders import signed_in

MOST_KEPT = 300  # of about 60 kB each
CALLED_BY = ("host", "x-forwarded-host", "x-forwarded-proto")  # what a page's addresses of its files are made from


@dataclass(frozen=True, slots=True)
class Page:
    """An answer as it is sent: its head, and its body compressed."""

    start: Message
    body: bytes


def keep_pages(app: ASGIApp, page: gr.Blocks) -> ASGIApp:
    """The server `app`, behind something that keeps the pages that it has made.

    What a page holds follows from its path, from who is signed in and from the name that it was called by; a query is the
    browser's to read.
    """
    kept: OrderedDict[tuple[str, ...], Page] = OrderedDict()
    making = asyncio.Lock()

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and scope["method"] == "GET" and scope["path"][1:] in page_paths(page)
        if not is_page:
            await app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        told = (headers.get(name, "") for name in CALLED_BY)
        key = (scope["path"], scope["scheme"], signed_in(page, scope) or "", *told)
        async with making:
            found = kept.get(key) or await make(app, {**scope, "query_string": b""}, receive)
            if found.start["status"] == 200:
                kept[key] = found
                kept.move_to_end(key)
            if len(kept) > MOST_KEPT:
                kept.popitem(last=False)
        start = {**found.start, "headers": list(found.start["headers"])}
        body = found.body
        if "gzip" not in headers.get("accept-encoding", ""):
            body, sent = gzip.decompress(body), MutableHeaders(scope=start)
            del sent["content-encoding"]
            sent["content-length"] = str(len(body))
        await send(start)
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return serve


def page_paths(page: gr.Blocks) -> frozenset[str]:
    """The paths that pages are at, without their slashes."""
    return frozenset(path for path, *_ in page.pages)


async def make(app: ASGIApp, scope: Scope, receive: Receive) -> Page:
    """The answer of the server `app`, compressed."""
    start: Message = {}
    parts: list[bytes] = []

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            parts.append(message.get("body", b""))

    await GZipResponder(app, minimum_size=0)(scope, receive, keep)
    return Page(start, b"".join(parts))
