"""Nobody fills the disk with uploads."""

import asyncio
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from engine.host.access import HOST, identify_by
from tabs.door import shares
from tabs.door.people import Passwords, SignIn, by_address
from tabs.door.register import Register
from tabs.door.shares import UPLOAD, share_uploads
from tabs.door.uploads import CUT_SECONDS, sweep_uploads

PAGE: Any = SimpleNamespace(app=SimpleNamespace(cookie_id="x", tokens={"1": "anna", "2": "ben", "3": "host"}))


@pytest.fixture(autouse=True)
def own_page():
    yield
    identify_by(lambda: HOST)


@pytest.fixture
def send(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Uploads that many bytes with a cookie's token; the answer's status and words."""
    monkeypatch.setattr(shares, "MOST_BYTES", 1000)

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await PlainTextResponse("here")(scope, receive, send)

    guarded = share_uploads(inside, PAGE)

    def sent(
        token: str, size: int, *, address: str = "10.0.0.1", path: str = UPLOAD, told: bool = True
    ) -> tuple[int, str]:
        answer: list[Any] = []
        headers = [(b"cookie", f"access-token-unsecure-x={token}".encode())]
        headers += [(b"content-length", str(size).encode())] if told else []
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "headers": headers,
            "client": (address, 1),
            "query_string": b"",
        }
        parts = [{"type": "http.request", "body": bytes(size), "more_body": False}]

        async def receive() -> Any:
            return parts.pop()

        async def keep(message: Any) -> None:
            answer.append(message)

        asyncio.run(guarded(scope, receive, keep))
        return answer[0]["status"], answer[1]["body"].decode()

    return sent


def test_one_person_s_share_is_nobody_else_s(send: Any, tmp_path: Path) -> None:
    identify_by(SignIn(Passwords(host="a", visitors="b"), Register(tmp_path / "people.json")).who)
    assert send("1", 600)[0] == 200
    status, words = send("1", 600)
    assert status == 429 and "Try again in an hour" in words
    assert send("1", 400)[0] == 200 and send("1", 1)[0] == 429
    assert send("2", 600)[0] == 200 and send("1", 600, path="/elsewhere")[0] == 200
    assert send("3", 5000)[0] == 200, "the host"


def test_a_length_that_is_not_told_is_counted_as_it_comes(send: Any) -> None:
    identify_by(by_address)
    assert send("", 1500, told=False)[0] == 200
    assert send("", 1, told=False)[0] == 429 and send("", 1, address="10.0.0.2")[0] == 200


def test_a_share_comes_back_after_an_hour(send: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    identify_by(by_address)
    assert send("", 900)[0] == 200 and send("", 900)[0] == 429
    later = time.monotonic() + shares.HOUR + 1
    monkeypatch.setattr(shares.time, "monotonic", lambda: later)
    assert send("", 900)[0] == 200


def test_uploads_that_were_broken_off_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    (tmp_path / "abc").mkdir()
    for name in ("tmpold", "tmpnew", "abc/whole.png", "other"):
        (tmp_path / name).write_bytes(b"x")
        if name != "tmpnew":
            os.utime(tmp_path / name, (0, time.time() - CUT_SECONDS - 60))
    sweep_uploads()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["abc", "other", "tmpnew", "whole.png"]
