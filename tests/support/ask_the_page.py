"""Open the page for programs and assistants, and be both; print what they were told, as JSON.

The programs are run as the page shows them, with a picture that no command line takes as an argument. An assistant lists the
page's tools and uses some over the Model Context Protocol.
"""

import asyncio
import base64
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from PIL import Image
from programs import tell

os.environ["HF_HUB_OFFLINE"] = "1"
LARGE = 200_000  # bytes


async def ask(address: str) -> dict[str, Any]:
    async with (
        streamablehttp_client(f"{address}/gradio_api/mcp/") as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        tools = {tool.name: sorted(tool.inputSchema["properties"]) for tool in (await session.list_tools()).tools}
        said = await session.call_tool("imdb", {"text": "A wonderful film."})
        hidden = await session.call_tool("delete", {"name": "sample-imdb"})
    return {"tools": tools, "said": said.content[0].text, "hidden": hidden.content[0].text}  # type: ignore[union-attr]


def run_shown(task: str, address: str) -> dict[str, str]:
    """What the shell's and Python's programs print."""
    from engine.tasks.registry import get_task
    from tabs.panels.http_api import programs

    shell, python, *_ = programs(get_task(task), address)
    with tempfile.TemporaryDirectory() as here:
        picture = Path(here) / "picture.jpg"
        noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
        Image.fromarray(noise).save(picture, quality=95)
        assert picture.stat().st_size > LARGE
        commands = {"curl": ["bash", "-c", shell], "Python": [sys.executable, "-c", python]}
        ended = {
            name: subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=300)
            for name, command in commands.items()
        }
    return {name: program.stdout + program.stderr[-2000:] for name, program in ended.items()}


def call_all(address: str) -> dict[str, Any]:
    """Calls as a program makes them that leaves something out or sends something wrong: status, event and what came of each."""
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(buffer, "PNG")
    picture = base64.b64encode(buffer.getvalue()).decode()
    file = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
    streets: dict[str, list[Any]] = {
        "whole": [picture, ""],
        "model left out": [picture],
        "model null": [picture, None],
        "unknown model": [picture, "nope"],
        "model of another task": [picture, "sample-imdb"],
        "model a number": [picture, 5],
        "nothing": [],
        "picture null": [None],
        "picture a number": [5],
        "picture a list": [["a"]],
        "picture a file of the server": [file, ""],
        "not base64": ["###"],
        "unreadable picture": ["aGVsbG8="],
        "too large a picture": ["A" * 28_000_000],
    }
    texts: dict[str, list[Any]] = {
        "text, model left out": ["Not bad at all!"],
        "text, nothing": [],
        "text a number": [3],
        "text an object": [file],
        "too long a text": ["good film " * 25_000],
    }
    named = {
        "by name, model left out": ("camvid", {"picture": picture}),
        "by name, nothing": ("camvid", {}),
        "by name, a wrong name": ("camvid", {"foto": picture}),
        "text, by name": ("imdb", {"text": "Not bad at all!"}),
    }
    told = {name: call(address, "camvid", {"data": values}) for name, values in streets.items()}
    told |= {name: call(address, "imdb", {"data": values}) for name, values in texts.items()}
    return told | {name: call(address, task, values, "v2/") for name, (task, values) in named.items()}


def call(address: str, task: str, body: dict[str, Any], version: str = "") -> tuple[int, str, Any]:
    """One call of an endpoint."""
    asked = httpx.post(f"{address}/gradio_api/call/{version}{task}", json=body, timeout=300)
    if asked.status_code != 200:
        return asked.status_code, "", asked.text
    heard = httpx.get(f"{address}/gradio_api/call/{task}/{asked.json()['event_id']}", timeout=300).text
    event, data = (line.partition(": ")[2] for line in heard.strip().splitlines()[-2:])
    answer = json.loads(data)
    content = answer[0] if isinstance(answer, list) else answer
    return asked.status_code, event, {key: value for key, value in content.items() if key in ("model", "error")}


def main() -> None:
    import app
    from tabs.page import build_page

    page = build_page()
    page.queue(api_open=False)
    app.serve(page, app.read_settings(["--mcp", "--port", "0"]))
    address = page.local_url.rstrip("/")
    told: dict[str, Any] = asyncio.run(ask(address))
    told["calls"] = call_all(address)
    told["picture"] = run_shown("camvid", address)
    told["text"] = run_shown("imdb", address)
    tell(told)


if __name__ == "__main__":
    main()
