"""Who may speak to the server: pages of its own, under names of its own.

A page elsewhere can have its name point to this machine once it is open in a browser here (DNS rebinding), or send requests with
the cookies of somebody who is signed in. Browsers say which page asks, and by which name the server was called.
"""

import ipaddress
import os
import socket
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tabs.door.people import CALLER
from tabs.door.space import is_space

SIGN_OUT = "/logout"
SPACE_NAME = "SPACE_HOST"  # what people call a Space by; the Hub sets it
HUB_PAGES = "https://huggingface.co https://*.huggingface.co https://*.hf.space"  # show a Space in a frame


def own_names(host: str, allowed: Iterable[str] = ()) -> frozenset[str]:
    """The names that a page without passwords answers to, beside addresses in numbers, which nobody can have point elsewhere."""
    machine = socket.gethostname().lower()
    return frozenset({"localhost", machine, f"{machine}.local", *(name.lower().strip() for name in (host, *allowed))})


def guard(
    app: ASGIApp,
    names: frozenset[str] | None,
    allowed: Iterable[str] = (),
    public: Callable[[], str | None] = lambda: None,
) -> ASGIApp:
    """The server `app` behind a check of `Host` and `Origin`, with headers that keep its answers to itself.

    `names` are those that it answers to; None for any, on a page that asks for a password. Pages under the `allowed` names may
    send requests as its own do: proxies call the server by another name than people do. So may that at the `public` address, of a
    link that was made, and on a Space that at its own.
    """
    given = frozenset(name.lower().strip() for name in (*allowed, os.environ.get(SPACE_NAME, "")))

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        CALLER.set((scope.get("client") or ("",))[0])
        headers = Headers(scope=scope)
        refusal = refused(headers, names, given | {urlsplit(public() or "").hostname or ""})
        if scope["path"].rstrip("/") == SIGN_OUT and not is_space():  # there, Gradio's button is a link
            if scope["method"] != "POST":
                refusal = refusal or "Signing out takes a POST request, so that no link elsewhere does it."
            scope = {**scope, "method": "GET"}

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                keep_to_itself(MutableHeaders(scope=message))
            await send(message)

        if refusal:
            await PlainTextResponse(refusal, status_code=403)(scope, receive, guarded)
        else:
            await app(scope, receive, guarded)

    return serve


def refused(headers: Headers, names: frozenset[str] | None, friends: frozenset[str]) -> str:
    """Why a request with these headers is refused; "" where it is not."""
    called = host_of(headers.get("host", ""))
    if names is not None and called not in names and not is_address(called):
        return (
            f"This page does not answer to the name {called[:100]!r}. Open it by its address or as localhost; its host can let "
            "it answer to a name with --allow-host."
        )
    origin = headers.get("origin")
    if origin is None:
        return ""
    asking = origin.partition("://")[2].lower()
    own = {headers.get(name, "").lower() for name in ("host", "x-forwarded-host")} - {""}
    if asking in own or host_of(asking) in friends - {""}:
        return ""
    return (
        f"A page at {origin[:100]!r} may not send requests here. If that is this page, behind a proxy, its host can say so with "
        "--allow-host."
    )


def host_of(named: str) -> str:
    """A host without its port, in small letters."""
    try:
        return "" if "@" in named else (urlsplit(f"//{named}").hostname or "").lower()
    except ValueError:
        return ""


def is_address(host: str) -> bool:
    """Whether a host is given in numbers."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def keep_to_itself(headers: MutableHeaders) -> None:
    """No answer is taken for what it is not, shown in a stranger's frame, or sent along with a stranger's requests."""
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    frames = f"'self' {HUB_PAGES}" if is_space() else "'self'"
    headers.setdefault("Content-Security-Policy", f"frame-ancestors {frames}")
    if not is_space():  # in whose frame its cookies are a stranger's
        cookies = [_lax(cookie) for cookie in headers.getlist("set-cookie")]
        del headers["set-cookie"]
        for cookie in cookies:
            headers.append("set-cookie", cookie)


def _lax(cookie: str) -> str:
    """A cookie that other sites' requests do not bring along."""
    parts = [part for part in cookie.split("; ") if not part.lower().startswith("samesite=")]
    return "; ".join([*parts, "SameSite=Lax"])
