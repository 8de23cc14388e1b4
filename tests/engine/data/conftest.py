"""A web server on localhost that misbehaves as it is told, and a home folder of the test's own."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@dataclass
class Server:
    """What the server has and how it behaves; `asked` is what it was asked for: (path, Range, Authorization)."""

    port: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    cut_after: list[int] = field(default_factory=list)  # bytes sent before the connection closes, one entry a request
    knows_ranges: bool = True
    knows_if_range: bool = True
    validators: bool = True
    says_length: bool = True
    errors: list[int] = field(default_factory=list)  # status codes for the next requests of archives
    redirect: str = ""
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ranges_of(self, path: str) -> list[str]:
        return [range_ for asked, range_, _ in self.asked if asked == path]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            range_ = self.headers.get("Range", "")
            state.asked.append((path, range_, self.headers.get("Authorization", "")))
            content = state.files.get(path)
            if state.redirect:
                self.send_response(302)
                self.send_header("Location", state.redirect + self.path)
                self.end_headers()
                return
            if content is None or state.errors:
                self.send_error(404 if content is None else state.errors.pop(0))
                return
            etag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
            start = int(range_.removeprefix("bytes=").removesuffix("-")) if range_ and state.knows_ranges else 0
            if state.knows_if_range and self.headers.get("If-Range", etag) != etag:
                start = 0
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            if state.validators:
                self.send_header("ETag", etag)
            if state.says_length:
                self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            end = start + state.cut_after.pop(0) if state.cut_after else len(content)
            self.wfile.write(content[start:end])

        def log_message(self, format: str, *args: object) -> None:
            pass

    class QuietServer(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            pass  # a client that hangs up early is part of the tests

    web = QuietServer(("127.0.0.1", 0), Handler)
    state.port = web.server_port
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield state
    web.shutdown()
    web.server_close()
    thread.join()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty LESSON_LAB_HOME, and no mirror."""
    folder = tmp_path / "home"
    monkeypatch.setenv("LESSON_LAB_HOME", str(folder))
    monkeypatch.delenv("LESSON_LAB_MIRROR", raising=False)
    return folder
