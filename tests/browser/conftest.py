"""The app as a process of its own, and a page in headless Chromium that is watched, for the tests that drive it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",  # a camera that shows a test card
    "--use-fake-ui-for-media-stream",
)
PATIENCE = 180_000  # milliseconds; a busy machine is no failure


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The page's address and the app's home; the app is a process of its own, and one for all tests, as for a class."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("app")
    home = folder / "home"
    command = [sys.executable, "app.py", "--port", str(port), "--home", str(home)]
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(folder / "uploads")}
    environment.pop("LESSON_LAB_MIRROR", None)
    with (folder / "app.log").open("w") as log:
        app = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=environment)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until_it_answers(address, app)
            yield address, home
        finally:
            app.terminate()  # not SIGINT: a shell's background jobs ignore it
            app.wait(timeout=30)


@pytest.fixture
def address(served: tuple[str, Path]) -> Iterator[str]:
    """The page's address; what a test starts, draws and trains is ended and gone after it."""
    address, home = served
    yield address
    end_workers(home)
    for folder in home.glob("*/*/"):  # the runner makes the folders above them anew at any moment
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for a module's tests, gone before others run: while it is there, Playwright's loop runs in this thread."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    playwright.expect.set_options(timeout=PATIENCE)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any, address: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A page in a fresh profile that is watched: what it asks for from outside, and what goes wrong in it.

    Its screen is a desk's, where a test asks for no other with an indirect parameter.
    """
    screen = getattr(request, "param", {"viewport": {"width": 1280, "height": 800}})
    profile = chromium.new_context(**screen, permissions=["camera"])
    page = profile.new_page()
    page.set_default_timeout(PATIENCE)
    page.outside, page.problems = [], []
    page.on("request", lambda asked: page.outside.append(asked.url) if is_outside(asked.url, address) else None)
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda said: page.problems.append(said.text) if said.type == "error" else None)
    page.goto(address)
    yield page
    if getattr(request.node, "failed", True):
        page.screenshot(path=tmp_path / "page.png", full_page=True)
        print(f"the page as it was: {tmp_path / 'page.png'}")
    profile.close()


def is_outside(url: str, address: str) -> bool:
    return not url.startswith((address, "data:", "blob:"))


def wait_until_it_answers(address: str, app: subprocess.Popen) -> None:
    for _ in range(3000):  # a busy machine is no failure
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            assert app.poll() is None, "the app ended before it answered"
            time.sleep(0.1)
    raise AssertionError("the app does not answer")


def end_workers(home: Path) -> None:
    """Workers outlive the app on purpose; a test that failed half-way must not leave one behind."""
    from engine.runs.store import read_worker, worker_alive

    for run_dir in (home / "runs").glob("*"):
        worker = read_worker(run_dir)
        if worker is not None and worker_alive(run_dir):
            os.kill(worker.pid, signal.SIGKILL)
