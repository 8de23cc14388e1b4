"""Open the page for programs and assistants, and be both; print what they were told, as JSON.

The programs are run as the page shows them, with a picture that no command line takes as an argument. An assistant lists the
page's tools and uses some over the Model Context Protocol.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

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


def run_shown(task: str, parameter: str, address: str) -> dict[str, str]:
    """What the shell's and Python's programs print."""
    from tabs.components.http_api import programs

    shell, python, *_ = programs(task, parameter, address)
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


def main() -> None:
    import app
    from tabs.page import build_page

    page = build_page()
    page.queue(api_open=False)
    app.serve(page, app.read_settings(["--mcp", "--port", "0"]))
    address = page.local_url.rstrip("/")
    told: dict[str, Any] = asyncio.run(ask(address))
    told["picture"] = run_shown("camvid", "picture", address)
    told["text"] = run_shown("imdb", "text", address)
    tell(told)


if __name__ == "__main__":
    main()
