"""What makes charts interactive is brought once, from here, and is light."""

import asyncio
import gzip
from typing import Any

import pytest

from tabs.chart_files import CHARTS, FILES, LIBRARY, VENDOR, address, loader, serve_charts
from tabs.scripts import script

MOST_BYTES = 60_000  # of all of them, compressed


def get(path: str, *, encoding: str = "gzip", root: str = "") -> tuple[dict[str, str], bytes]:
    """What is answered at a path; nothing where it is left to the app behind."""
    heads: dict[str, str] = {}
    body = b""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        heads["behind"] = scope["path"]

    async def send(message: Any) -> None:
        nonlocal body
        heads.update({key.decode(): value.decode() for key, value in message.get("headers", [])})
        body += message.get("body", b"")

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "root_path": root,
        "headers": [(b"accept-encoding", encoding.encode())],
    }
    asyncio.run(serve_charts(app)(scope, lambda: None, send))  # pyright: ignore[reportArgumentType] (nothing is received)
    return heads, body


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_answered_compressed_or_as_it_is_and_kept(name: str) -> None:
    heads, packed = get(f"/{address(name)}")
    assert heads["content-encoding"] == "gzip" and "immutable" in heads["cache-control"]
    plain_heads, plain = get(f"/{address(name)}", encoding="identity")
    assert "content-encoding" not in plain_heads and gzip.decompress(packed) == plain != b""


def test_behind_a_proxy_that_hands_its_prefix_on_it_is_found_too() -> None:
    assert get(f"/lab-3/{address(CHARTS)}", root="/lab-3")[1]


def test_everything_else_is_the_app_s() -> None:
    assert get("/lab/other.js") == ({"behind": "/lab/other.js"}, b"")
    assert get("/planet") == ({"behind": "/planet"}, b"")


def test_all_of_it_is_light_and_names_change_with_what_is_in_it() -> None:
    assert sum(len(get(f"/{address(name)}")[1]) for name in FILES) < MOST_BYTES
    assert len({address(name).partition("-")[0] for name in FILES}) == len(FILES)


def test_the_loader_asks_for_the_library_before_what_uses_it_and_nobody_outside() -> None:
    told = loader()
    assert told.index(address(LIBRARY)) < told.index(address(CHARTS)) and "//cdn" not in told and "http" not in told
    assert "http" not in script("charts")


def test_what_was_taken_over_has_its_licence_beside_it() -> None:
    assert "MIT License" in (VENDOR / "LICENSE").read_text("utf-8")
    assert FILES[LIBRARY][1]().startswith("/*! https://github.com/leeoniya/uPlot")
