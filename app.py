"""Lesson 3 Lab: `python app.py` builds the page, starts the runner and opens the server.

Settings come from the command line, or from the environment where they are not given there.
"""

import argparse
import os
import sys
import threading
from typing import TYPE_CHECKING

from engine.data.mirror import MIRROR_VARIABLE
from engine.home import HOME_VARIABLE

if TYPE_CHECKING:
    import gradio as gr

MAX_UPLOAD = "40mb"
MAX_WAITING = 200


def read_settings(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options; `--home` and `--mirror` are handed on through the environment, which the workers see too."""
    parser = argparse.ArgumentParser(description="fast.ai's lesson 3, done in the browser.")
    parser.add_argument(
        "--host", default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"), help="0.0.0.0 lets others in"
    )
    parser.add_argument("--port", type=int, default=int(os.environ.get("GRADIO_SERVER_PORT", "7860")))
    parser.add_argument("--home", default=os.environ.get(HOME_VARIABLE), help="where data, runs and models live")
    parser.add_argument("--mirror", default=os.environ.get(MIRROR_VARIABLE), help="folder or URL with the archives")
    parser.add_argument("--open", action="store_true", help="open the page in a browser")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Serve until interrupted; runs that are under way go on without the server."""
    settings = read_settings(arguments)
    for variable, value in ((HOME_VARIABLE, settings.home), (MIRROR_VARIABLE, settings.mirror)):
        if value:
            os.environ[variable] = value
    # Read by Gradio when it is imported.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

    from engine.runs.runner import Runner
    from tabs.page import build_page

    page = build_page()
    page.queue(max_size=MAX_WAITING, default_concurrency_limit=8, api_open=False)
    runner = Runner()
    serve(page, settings)
    runner.start()
    # The page is up; what the first click needs comes in meanwhile.
    threading.Thread(target=preload, name="preload", daemon=True).start()
    try:
        page.block_thread()
    finally:
        runner.close()


def serve(page: "gr.Blocks", settings: argparse.Namespace) -> None:
    """Open the server; a port that is taken ends with a message."""
    from tabs.theme import STYLE_SHEET, build_theme

    try:
        page.launch(
            server_name=settings.host,
            server_port=settings.port,
            inbrowser=settings.open,
            theme=build_theme(),
            css_paths=STYLE_SHEET,
            footer_links=[],
            run_history=False,
            max_file_size=MAX_UPLOAD,
            allowed_paths=[],
            share=False,
            ssr_mode=False,
            prevent_thread_lock=True,
        )
    except OSError as problem:  # Gradio's own words for it are long
        if "port" not in str(problem).lower():
            raise
        sys.exit(
            f"Port {settings.port} of {settings.host} is taken, perhaps by this app already: look at "
            f"http://{settings.host}:{settings.port}, or choose another one with --port."
        )
    except ValueError as problem:
        if "localhost" not in str(problem):
            raise
        sys.exit(
            f"The server runs, but this machine does not reach it at http://{settings.host}:{settings.port}. If HTTP_PROXY is "
            "set, add localhost and 127.0.0.1 to NO_PROXY; if the machine is very busy, try again."
        )


def preload() -> None:
    """Import torch and what predictions need, so that the first visitor does not wait for it."""
    import engine.machine
    import engine.serving.inspect

    engine.machine.describe_machine()


if __name__ == "__main__":
    main()
