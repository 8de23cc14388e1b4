"""Lesson 3 Lab: `python app.py` builds the page, starts the runner and opens the server.

Settings come from the command line, or from the environment where they are not given there.
"""

import argparse
import dataclasses
import getpass
import importlib.util
import ipaddress
import os
import sys
import tempfile
import threading
from typing import TYPE_CHECKING

from engine.data.sources.mirror import MIRROR_VARIABLE
from engine.host.home import HOME_NOTE, HOME_VARIABLE, home, is_writable
from engine.host.lent import borrow_from, lender
from engine.host.machine import fit_threads

if TYPE_CHECKING:
    import gradio as gr

    from tabs.door.people import Passwords, SignIn

MAX_UPLOAD = "40mb"
MAX_WAITING = 200
# For which a connection is kept that asks nothing: longer than browsers and proxies keep theirs, who would ask as it is closed.
KEEP_ALIVE_SECONDS = 75
MINUTES, LENT_MINUTES = 10.0, 1.0  # of a visitor's training; where a GPU is lent for as long as it takes, anybody's
SPACE_MODEL_BYTES = 300_000_000  # of a model that a visitor of a Space may load from the Hub
HOST_PASSWORD, VISITORS_PASSWORD = "LESSON_LAB_HOST_PASSWORD", "LESSON_LAB_PASSWORD"
PEOPLE_FILE = "people.json"  # in the home; see `tabs.door.register`
FEWEST_LETTERS = 8  # of a password
# Read by Gradio when it is imported and when a page is made. After each call it would summarise all calls so far, for a page
# of its own that nobody opens: with hundreds of functions that takes longer than most of the calls.
GRADIO_SETTINGS = {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000"}


def read_settings(arguments: list[str] | None = None) -> argparse.Namespace:
    """The options; `--home` and `--mirror` are handed on through the environment, which the workers see too."""
    return build_parser().parse_args(arguments)


def build_parser() -> argparse.ArgumentParser:
    """All options, with what the environment says as their defaults."""
    from engine.data.pictures.readers import SECONDS
    from tabs.door.zero_gpu import is_zero_gpu

    parser = argparse.ArgumentParser(description="fast.ai's lesson 3, done in the browser.")
    parser.add_argument(
        "--host", default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"), help="0.0.0.0 lets others in"
    )
    parser.add_argument(
        "--port",
        type=int,
        default=int(os.environ.get("GRADIO_SERVER_PORT", "7860")),
        help="0: the first free one from 7860",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name that a page without passwords answers to",
    )
    parser.add_argument("--home", default=os.environ.get(HOME_VARIABLE), help="where data, runs and models live")
    parser.add_argument("--mirror", default=os.environ.get(MIRROR_VARIABLE), help="folder or URL with the archives")
    parser.add_argument("--share", action="store_true", help="a public link, with passwords, for as long as this runs")
    parser.add_argument(
        "--visitor-minutes",
        type=float,
        default=LENT_MINUTES if is_zero_gpu() else MINUTES,
        help="how long a visitor's training may take; on ZeroGPU, anybody's",
    )
    parser.add_argument(
        "--visitor-pixels", type=int, default=224, help="how large a visitor's pictures may be trained at"
    )
    parser.add_argument(
        "--visitor-tokens", type=int, default=256, help="how long the texts of a visitor's training may be"
    )
    parser.add_argument("--visitor-runs", type=int, default=2, help="how many runs of a visitor may train or wait")
    parser.add_argument(
        "--visitor-queue", type=int, default=12, help="how many runs may wait in all before a visitor's is refused"
    )
    parser.add_argument(
        "--picture-seconds", type=float, default=SECONDS, help="how long reading one picture that was sent may take"
    )
    parser.add_argument(
        "--mcp", action="store_true", help="offer the models to assistants, over the Model Context Protocol"
    )
    parser.add_argument("--open", action="store_true", help="open the page in a browser")
    return parser


def main(arguments: list[str] | None = None) -> None:
    """Serve until interrupted; runs that are under way go on without the server."""
    settings = read_settings(arguments)
    for variable, value in ((HOME_VARIABLE, settings.home), (MIRROR_VARIABLE, settings.mirror)):
        if value:
            os.environ[variable] = value
    os.environ.update(GRADIO_SETTINGS)

    fit_threads()
    note = settle_home()
    if note:
        print(note)

    from tabs.door.zero_gpu import build_lender, is_zero_gpu

    if is_zero_gpu():  # before anything else imports torch
        borrow_from(build_lender(settings.visitor_minutes))

    from engine.runs.runner import Runner
    from tabs.door.turns import serve_in_turn
    from tabs.page import build_page
    from tabs.reading.pictures import READERS

    passwords = read_passwords(settings)
    if settings.mcp:
        check_mcp(passwords)
    sign_in = set_door(settings, passwords)
    page = build_page()
    page.queue(max_size=MAX_WAITING, default_concurrency_limit=8, api_open=False)
    serve_in_turn(page, READERS.leave)
    READERS.seconds = settings.picture_seconds
    runner = Runner(slots=() if lender() else None)
    serve(page, settings, sign_in)
    runner.start()
    # The page is up; what the first click needs comes in meanwhile.
    threading.Thread(target=preload, name="preload", daemon=True).start()
    try:
        page.block_thread()
    finally:
        runner.close()
        READERS.close()


def settle_home() -> str:
    """Make sure that there is a home to write to, and return what people should know of it; "" where it is an ordinary one.

    Where the chosen one cannot be written to, as on some servers, a temporary one has to do.
    """
    from tabs.door.space import is_space

    note = ""
    if not is_writable(home()):
        refused, fallback = home(), tempfile.mkdtemp(prefix="lesson-3-lab-")
        os.environ[HOME_VARIABLE] = fallback
        note = (
            f"{refused} cannot be written to. Data, runs and models are kept in {fallback} and may be gone after a restart: set "
            f"{HOME_VARIABLE} to a folder that stays, or download what you want to keep."
        )
    elif is_space():
        note = "This Space forgets data, runs and models when it restarts: publish or download what you want to keep."
    os.environ[HOME_NOTE] = note
    return note


def read_passwords(settings: argparse.Namespace) -> "Passwords | None":
    """The host's password and the class's, from the environment or typed in; None for a page that has none.

    A public link needs both, and they have no default. In a local network they may be left out.
    """
    from tabs.door.people import Passwords

    names = {"host": HOST_PASSWORD, "visitors": VISITORS_PASSWORD}
    given = {role: os.environ.pop(name, "") for role, name in names.items()}  # workers need not know them
    if not settings.share and not any(given.values()):
        return None
    for role, name in names.items():
        if not given[role] and sys.stdin.isatty():
            given[role] = getpass.getpass(f"Password for {'the host' if role == 'host' else 'visitors'}: ")
        if len(given[role]) < FEWEST_LETTERS:
            sys.exit(f"{name} needs {FEWEST_LETTERS} letters or more: set it, or type it when asked.")
    if given["host"] == given["visitors"]:
        sys.exit("The host's password must be another one than the visitors'.")
    return Passwords(**given)


def check_mcp(passwords: "Passwords | None") -> None:
    """End with a message where assistants could not be served."""
    if passwords:
        sys.exit("--mcp needs a page without passwords: assistants cannot sign in. Leave out one of them.")
    if not importlib.util.find_spec("mcp"):
        sys.exit('--mcp needs one more package: python -m pip install "gradio[mcp]".')


def set_door(settings: argparse.Namespace, passwords: "Passwords | None") -> "SignIn | None":
    """Say who is the host and what visitors may, and return what lets people in, where they have to sign in.

    A page that only this machine reaches has no visitors.
    """
    from engine.host.access import Limits, identify_by
    from tabs.door.people import SignIn, by_address
    from tabs.door.register import Register, open_register
    from tabs.door.space import by_account, is_space

    limits = Limits(
        minutes=settings.visitor_minutes,
        image_size=settings.visitor_pixels,
        text_length=settings.visitor_tokens,
        runs=settings.visitor_runs,
        waiting=settings.visitor_queue,
    )
    if passwords:
        register = Register(home() / PEOPLE_FILE)
        sign_in = SignIn(passwords, register)
        open_register(register)
        identify_by(sign_in.who, limits)
        return sign_in
    if is_space():
        identify_by(by_account, dataclasses.replace(limits, model_bytes=SPACE_MODEL_BYTES))
    elif not is_loopback(settings.host):
        identify_by(by_address, limits)
    return None


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def serve(page: "gr.Blocks", settings: argparse.Namespace, sign_in: "SignIn | None" = None) -> None:
    """Open the server; a port that is taken ends with a message."""
    from tabs.door.people import HOST_NAME
    from tabs.door.sessions import bound_sessions
    from tabs.front import stand_before
    from tabs.theme import STYLE_SHEET, build_theme

    try:
        page.launch(
            server_name=settings.host,
            server_port=settings.port or None,
            inbrowser=settings.open,
            theme=build_theme(),
            css_paths=STYLE_SHEET,
            footer_links=[],
            run_history=False,
            max_file_size=MAX_UPLOAD,
            allowed_paths=[],
            share=settings.share,
            auth=sign_in.check if sign_in else None,  # pyright: ignore[reportArgumentType] (it may be asynchronous)
            auth_message=(
                "Your own name and the class's password. Whoever has been here before puts a blank and their code after the "
                f"password. The host is “{HOST_NAME}”, with the host's password."
            ),
            ssr_mode=False,
            app_kwargs={
                "middleware": stand_before(page, settings.host, settings.allow_host, is_signed_in=bool(sign_in))
            },
            mcp_server=settings.mcp or None,  # None: as GRADIO_MCP_SERVER says
            prevent_thread_lock=True,
        )
        bound_sessions(page)
        page.server.config.timeout_keep_alive = KEEP_ALIVE_SECONDS
        if settings.share and not page.share_url:
            print(
                f"No public link could be made. The page is open at http://{settings.host}:{settings.port}; in the class's own "
                "network `--host 0.0.0.0` does without a link."
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
    from tabs.reading.heavy import load_engine
    from tabs.reading.pictures import READERS

    READERS.prepare()
    load_engine()
    from engine.host.machine import describe_machine

    describe_machine()
    if lender():
        import engine.kinds.mask_metrics  # noqa: F401  (trainings are forked from here, and the minute that is lent runs)


if __name__ == "__main__":
    main()
