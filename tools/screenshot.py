"""Make README.md's picture again: six views of the page, on drawn data and sentences of our own.

    python -m tools.screenshot

Trains a first look at three tasks on drawn data, opens the page in headless Chromium, and puts what it shows side by side.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "assets" / "screenshot.png"
PORT = 7897
VIEW, GAP, COLUMNS = (1160, 870), 8, 2
SHRUNK = 0.66
DRAWN = {"camvid": "drawn-streets", "planet": "drawn-chips", "heads": "drawn-heads"}


def open_step(page: Page, task: str, step: str) -> None:
    page.get_by_role("tab", name=task, exact=True).locator("visible=true").first.click()
    if step:
        page.get_by_role("tab", name=step).locator("visible=true").first.click()
    page.wait_for_timeout(6000)


def first_example(page: Page) -> None:
    page.locator(".lab-offered:visible button").first.click()


def first_sentence(page: Page) -> None:
    page.locator(".lab-example:visible").first.click()


def first_model(page: Page) -> None:
    page.locator(".lab-model").first.click()
    page.get_by_role("button", name="Its card").click()


# A tab, its step, and what is clicked there.
VIEWS: tuple[tuple[str, str, Callable[[Page], None] | None], ...] = (
    ("CamVid", "3 Train", None),
    ("CamVid", "5 Try it", first_example),
    ("Planet", "5 Try it", first_example),
    ("Head centres", "4 Results", None),
    ("IMDB", "5 Try it", first_sentence),
    ("Models", "", first_model),
)


def wait_for(address: str) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("The page does not open.")


def take(address: str) -> list[Image.Image]:
    """The views, one after the other."""
    shots = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": VIEW[0], "height": VIEW[1]}, color_scheme="light")
        page.goto(address)
        page.wait_for_timeout(5000)
        for tab, step, click in VIEWS:
            open_step(page, tab, step)
            if click:
                click(page)
                page.wait_for_timeout(6000)
            page.evaluate("scrollTo(0, 0)")
            shots.append(Image.open(BytesIO(page.screenshot())))
        browser.close()
    return shots


def montage(shots: list[Image.Image]) -> Image.Image:
    """Side by side, `COLUMNS` in a row."""
    size = round(SHRUNK * VIEW[0]), round(SHRUNK * VIEW[1])
    rows = -(-len(shots) // COLUMNS)
    whole = Image.new("RGB", (COLUMNS * (size[0] + GAP) + GAP, rows * (size[1] + GAP) + GAP), "#d9d4cd")
    for number, shot in enumerate(shots):
        down, across = divmod(number, COLUMNS)
        place = (GAP + across * (size[0] + GAP), GAP + down * (size[1] + GAP))
        whole.paste(shot.convert("RGB").resize(size, Image.Resampling.LANCZOS), place)
    return whole


def main() -> None:
    home = tempfile.mkdtemp(prefix="lesson-lab-picture-")
    environment = {**os.environ, "LESSON_LAB_HOME": home}
    engine = [sys.executable, "-m", "engine"]
    for task, dataset in DRAWN.items():
        subprocess.run([*engine, "fetch", dataset], env=environment, cwd=ROOT, check=True)
        command = [*engine, "train", task, "--dataset", dataset, "--recipe", "quick"]
        subprocess.run(command, env=environment, cwd=ROOT, check=True)
    server = subprocess.Popen([sys.executable, "app.py", "--port", str(PORT)], env=environment, cwd=ROOT)
    try:
        wait_for(f"http://127.0.0.1:{PORT}")
        montage(take(f"http://127.0.0.1:{PORT}")).quantize(256).save(TARGET, optimize=True)
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(home)
    print(f"{TARGET}: {TARGET.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
