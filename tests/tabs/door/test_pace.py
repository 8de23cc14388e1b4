"""Whoever sends too many requests waits, and delays nobody else."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from engine.host.access import HOST, identify_by
from tabs.door import pace
from tabs.door.pace import keep_pace
from tabs.door.people import Passwords, SignIn
from tabs.door.register import Register

TOKENS = {"1": "anna", "2": "ben", "3": "host"}


@pytest.fixture(autouse=True)
def a_page_with_passwords(tmp_path: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pace, "MOST_AT_ONCE", 5)
    monkeypatch.setattr(pace, "LONGEST_WAIT", 0.0)
    monkeypatch.setattr(pace, "REFUSED_SECONDS", 0.3)
    identify_by(SignIn(Passwords(host="a", visitors="b"), Register(tmp_path / "people.json")).who)
    yield
    identify_by(lambda: HOST)


def door(answers: Any = None) -> Any:
    """Sends one request with a token's cookie; the answer's status. `answers` is what stands behind."""
    page: Any = SimpleNamespace(app=SimpleNamespace(cookie_id="x", tokens=TOKENS, auth=True))
    read: list[str] = []

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        read.append(scope["path"])
        await (answers or PlainTextResponse("here"))(scope, receive, send)

    served = keep_pace(inside, page)

    async def sent(token: str, path: str = "/gradio_api/queue/join") -> int:
        statuses: list[int] = []
        cookie = f"access-token-unsecure-x={token}".encode()
        scope = {"type": "http", "method": "POST", "path": path, "headers": [(b"cookie", cookie)], "query_string": b""}

        async def keep(message: Any) -> None:
            statuses.append(message.get("status", 0))

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        await served(scope, receive, keep)
        return statuses[0]

    sent.read = read  # pyright: ignore[reportFunctionMemberAccess]
    return sent


async def together(*requests: Any) -> list[int]:
    return list(await asyncio.gather(*requests))


def test_one_s_flood_is_refused_unread_and_others_are_answered_at_once() -> None:
    send = door()

    async def inside() -> list[int]:
        flood = asyncio.gather(*(send("1") for _ in range(50)))
        await asyncio.sleep(0.05)
        assert await send("2") == 200 and not flood.done()
        return list(await flood)

    statuses = asyncio.run(inside())
    assert statuses.count(200) == 5 and statuses.count(429) == 45
    assert len(send.read) == 6


def test_the_host_is_not_counted() -> None:
    send = door()
    assert set(asyncio.run(together(*(send("3") for _ in range(20))))) == {200}


def test_files_of_the_page_are_not_counted() -> None:
    send = door()
    assert set(asyncio.run(together(*(send("1", "/assets/index.js") for _ in range(20))))) == {200}


def test_somebody_who_was_told_to_come_back_later_is_not_read_until_then() -> None:
    send = door(PlainTextResponse("wait", status_code=429, headers={"Retry-After": "1"}))

    async def inside() -> None:
        assert await send("1") == 429 and len(send.read) == 1
        assert await send("1") == 429 and len(send.read) == 1
        assert await send("2") == 429 and len(send.read) == 2
        await asyncio.sleep(1.0)
        assert await send("1") == 429 and len(send.read) == 3

    asyncio.run(inside())


def test_nothing_is_read_of_those_who_have_not_signed_in_but_their_passwords() -> None:
    send = door()
    assert asyncio.run(send("no token")) == 401 and not send.read
    assert asyncio.run(send("no token", "/login")) == 200


def test_a_request_too_many_is_held_back_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "LONGEST_WAIT", 2.0)
    send = door()
    assert set(asyncio.run(together(*(send("1") for _ in range(10))))) == {200}
