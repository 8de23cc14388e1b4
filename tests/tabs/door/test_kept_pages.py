"""A page is made once, for each person and name that it was called by, and sent compressed."""

import asyncio
import gzip
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.responses import HTMLResponse

from tabs.door import kept_pages
from tabs.door.kept_pages import keep_pages

PAGE: Any = SimpleNamespace(
    app=SimpleNamespace(cookie_id="x", tokens={"1": "anna", "2": "ben"}),
    pages=[("", "Home", True), ("planet", "", True)],
)


class Made:
    """A server that says what it was asked for, how often."""

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.times += 1
        cookie = dict(scope["headers"]).get(b"cookie", b"").decode()
        body = f"{scope['path']}, {cookie}, {scope['query_string'].decode()}, " + "a long page " * 100
        await HTMLResponse(body)(scope, receive, send)


def get(app: Any, path: str, token: str = "1", host: str = "here", encoding: str = "gzip") -> tuple[int, dict, bytes]:
    cookie = f"access-token-unsecure-x={token}".encode()
    path, _, query = path.partition("?")
    headers = [(b"host", host.encode()), (b"cookie", cookie), (b"accept-encoding", encoding.encode())]
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "headers": headers,
        "query_string": query.encode(),
    }
    heard: list[Any] = []

    async def keep(message: Any) -> None:
        heard.append(message)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    asyncio.run(app(scope, receive, keep))
    head = {key.decode(): value.decode() for key, value in heard[0]["headers"]}
    return heard[0]["status"], head, b"".join(message.get("body", b"") for message in heard[1:])


def test_a_page_is_made_once_and_what_is_kept_is_the_same() -> None:
    made = Made()
    app = keep_pages(made, PAGE)
    first, second = get(app, "/planet"), get(app, "/planet?__theme=dark")
    assert first == second and made.times == 1
    assert first[1]["content-encoding"] == "gzip" and int(first[1]["content-length"]) == len(first[2]) < 500
    assert gzip.decompress(first[2]).startswith(b"/planet, access-token-unsecure-x=1, ,")


def test_a_browser_that_takes_no_compressed_page_gets_a_plain_one() -> None:
    app = keep_pages(Made(), PAGE)
    status, head, body = get(app, "/planet", encoding="identity")
    assert status == 200 and "content-encoding" not in head
    assert body.startswith(b"/planet, ") and int(head["content-length"]) == len(body)


@pytest.mark.parametrize("other", [{"token": "2"}, {"host": "elsewhere"}, {"token": "no token"}])
def test_another_person_s_page_and_one_called_by_another_name_are_others(other: dict[str, str]) -> None:
    made = Made()
    app = keep_pages(made, PAGE)
    get(app, "/planet")
    get(app, "/planet", **other)
    assert made.times == 2


def test_what_is_no_page_is_not_kept() -> None:
    made = Made()
    app = keep_pages(made, PAGE)
    for path in ("/config", "/planet/", "/gradio_api/info"):
        get(app, path), get(app, path)
    assert made.times == 6


def test_the_number_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_pages, "MOST_KEPT", 1)
    made = Made()
    app = keep_pages(made, PAGE)
    for path in ("/planet", "/", "/planet", "/planet"):
        get(app, path)
    assert made.times == 3
