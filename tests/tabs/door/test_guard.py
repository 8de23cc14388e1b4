"""Pages elsewhere reach the server neither by a name of theirs nor with somebody's cookies."""

import asyncio
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from tabs.door.guard import guard, own_names
from tabs.door.space import SPACE

NAMES = own_names("127.0.0.1", ["class.example"])


def asked(
    host: str = "localhost:7860",
    *,
    names: Any = NAMES,
    path: str = "/",
    method: str = "GET",
    public: str | None = None,
    **headers: str,
) -> tuple[int, str, list[tuple[str, str]]]:
    """Status, words and headers of the answer; what is let through is told its method."""

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        answer = PlainTextResponse(f"let in by {scope['method']}")
        answer.set_cookie("access-token", "1", samesite="none", secure=True, httponly=True)
        await answer(scope, receive, send)

    said: list[Any] = []
    given = {"host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": "http",
        "path": path,
        "method": method,
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        said.append(message)

    asyncio.run(guard(inside, names=names, allowed=["class.example"], public=lambda: public)(scope, receive, send))
    told = [(name.decode(), value.decode()) for name, value in said[0]["headers"]]
    return said[0]["status"], said[1]["body"].decode(), told


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1:7860", "[::1]:7860", "192.168.0.7", "class.example:80"]
)
def test_it_answers_to_names_of_its_own_and_to_addresses(host: str) -> None:
    assert asked(host)[0] == 200


@pytest.mark.parametrize(
    "host", ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::1", "evil.example@localhost"]
)
def test_a_name_that_somebody_else_chose_is_refused(host: str) -> None:
    status, words, _ = asked(host)
    assert status == 403 and "--allow-host" in words


def test_a_page_with_passwords_answers_to_any_name() -> None:
    assert asked("abc.gradio.live", names=None)[0] == 200


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_only_its_own_pages_send_requests(method: str) -> None:
    for names in (NAMES, None):
        assert asked(method=method, names=names, origin="http://localhost:7860")[0] == 200
        assert asked(method=method, names=names, origin="http://class.example:9")[0] == 200
        for origin in ("http://evil.example", "http://localhost:9999", "null", "", "http://[", "file://"):
            assert asked(method=method, names=names, origin=origin)[0] == 403, origin
    assert asked("inner:80", names=None, origin="https://x.gradio.live", x_forwarded_host="x.gradio.live")[0] == 200


def test_a_link_and_a_space_are_its_own_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked_from(origin: str, public: str | None = None) -> int:
        return asked("inner:80", names=None, method="POST", origin=origin, public=public)[0]

    assert asked_from("https://abc.gradio.live") == 403
    assert asked_from("https://abc.gradio.live", "https://abc.gradio.live") == 200
    assert asked_from("https://evil.gradio.live", "https://abc.gradio.live") == asked_from("https://", "x") == 403
    assert asked_from("https://me-lab.hf.space") == 403
    monkeypatch.setenv("SPACE_HOST", "me-lab.hf.space")
    assert asked_from("https://me-lab.hf.space") == 200 and asked_from("https://evil.hf.space") == 403


def test_signing_out_takes_a_post() -> None:
    for path in ("/logout", "/logout/"):
        assert asked(path=path)[:2] == (403, "Signing out takes a POST request, so that no link elsewhere does it.")
        assert asked(path=path, method="POST")[:2] == (200, "let in by GET")
    assert asked(path="/logout", method="POST", origin="http://evil.example")[0] == 403


def test_answers_are_kept_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for answer in (asked(), asked("evil.example")):
        headers = dict(answer[2])
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "same-origin"
        assert headers["content-security-policy"] == "frame-ancestors 'self'"
    cookie = dict(asked()[2])["set-cookie"]
    assert "SameSite=Lax" in cookie and "none" not in cookie and "Secure" in cookie and "HttpOnly" in cookie
    monkeypatch.setenv(SPACE, "somebody/lesson")
    headers = dict(asked(names=None)[2])
    assert "https://huggingface.co" in headers["content-security-policy"] and "SameSite=none" in headers["set-cookie"]
    assert asked(names=None, path="/logout")[1] == "let in by GET"
