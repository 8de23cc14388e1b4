"""Open the page for assistants, and be one: list its tools and use some over the Model Context Protocol; print that as JSON."""

import asyncio
import json
import os
from typing import Any

from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client

os.environ["HF_HUB_OFFLINE"] = "1"


async def ask(address: str) -> dict[str, Any]:
    async with (
        streamablehttp_client(f"{address}gradio_api/mcp/") as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        tools = {tool.name: sorted(tool.inputSchema["properties"]) for tool in (await session.list_tools()).tools}
        said = await session.call_tool("imdb", {"text": "A wonderful film."})
        hidden = await session.call_tool("delete", {"name": "sample-imdb"})
    return {"tools": tools, "said": said.content[0].text, "hidden": hidden.content[0].text}  # type: ignore[union-attr]


def main() -> None:
    import app
    from tabs.page import build_page

    page = build_page()
    page.queue(api_open=False)
    app.serve(page, app.read_settings(["--mcp", "--port", "0"]))
    print(json.dumps(asyncio.run(ask(page.local_url))))
    page.close()


if __name__ == "__main__":
    main()
