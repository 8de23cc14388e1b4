"""A visitor's session in headless Chromium: seven ways in, each to a trained model and a prediction; a second visitor sees none.

    LESSON_LAB_MIRROR=… python -m benchmarks.seven_ways_in [--shots FOLDER]

The app runs with passwords in a home of its own. Class folders come as a zip, tags as a table, masks in colours, points,
numbers and texts as one would have them, all of real samples; the camera is a test card. Each is kept, trained by the recipe
"A first look", and asked about one of its own validation samples. Prints seconds for each, and what a second visitor finds.
"""

# pyright: reportMissingImports=false
# (playwright is for tests)

import argparse
import colorsys
import csv
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from engine.data.sources.fetching import fetch
from engine.tasks.weather import WEATHER

PORT = 7991
HOST_PASSWORD, PASSWORD = "the-hosts-own", "the-class's-own"
PATIENCE = 240_000  # milliseconds
SECRET = "Anna"


def write(file: Path, names: list[str], rows: list[list[Any]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as opened:
        csv.writer(opened).writerows([names, *rows])


def chips() -> list[tuple[Path, list[str]]]:
    root = fetch("planet_sample")
    with (root / "labels.csv").open(encoding="utf-8") as file:
        rows = [(root / "train" / f"{row['image_name']}.jpg", row["tags"].split()) for row in csv.DictReader(file)]
    random.Random(1).shuffle(rows)
    return rows


def heads() -> list[tuple[Path, tuple[str, str, str], tuple[str, str]]]:
    """Photographs with person, tilt and pan, and the face's place."""
    found = []
    for path in sorted(fetch("pointing04").rglob("*.jpg"))[::15]:
        named = re.search(r"person(\d\d)\d\d\d([+-]\d+)([+-]\d+)", path.stem)
        words = path.with_suffix(".txt").read_text().split()
        at = words.index("Face") + 1
        if named:
            found.append((path, named.groups(), (words[at], words[at + 1])))
    return found


def class_folders(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "weather.zip", "w") as archive:
        for path, tags in chips()[:200]:
            archive.write(path, f"{next(tag for tag in tags if tag in WEATHER)}/{path.name}")
    return folder / "weather.zip"


def tags(folder: Path) -> Path:
    rows = chips()[:60]
    for path, _ in rows:
        shutil.copy(path, folder)
    write(folder / "seen.csv", ["picture", "what is seen"], [[path.name, "; ".join(some)] for path, some in rows])
    return folder


def masks(folder: Path) -> Path:
    root = fetch("camvid-tiramisu")
    codes = [line.partition(" ")[2] or line for line in (root / "codes.txt").read_text().splitlines() if line.strip()]
    colours = [[int(255 * part) for part in colorsys.hsv_to_rgb(at / len(codes), 0.8, 0.9)] for at in range(len(codes))]
    table = np.zeros((256, 3), np.uint8)
    table[: len(codes)] = colours
    for name in ("images", "masks"):
        (folder / name).mkdir()
    for path in sorted((root / "train").iterdir())[:40]:
        mask = np.asarray(Image.open(next((root / "trainannot").glob(f"{path.stem}*"))))
        Image.open(path).resize((240, 180)).save(folder / "images" / f"{path.stem}.jpg")
        Image.fromarray(table[mask]).resize((240, 180), Image.Resampling.NEAREST).save(
            folder / "masks" / f"{path.stem}.png"
        )
    write(
        folder / "class_dict.csv",
        ["name", "r", "g", "b"],
        [[name, *colour] for name, colour in zip(codes, colours, strict=True)],
    )
    return folder


def points(folder: Path) -> Path:
    rows = []
    for path, (who, _, _), place in heads():
        shutil.copy(path, folder)
        rows.append([path.name, *place, who])
    write(folder / "faces.csv", ["file", "x", "y", "person"], rows)
    return folder


def numbers(folder: Path) -> Path:
    rows = []
    for path, (who, _, pan), _ in heads():
        shutil.copy(path, folder)
        rows.append([path.name, pan, who])
    write(folder / "turned.csv", ["file", "degrees", "person"], rows)
    return folder


def texts(folder: Path) -> Path:
    file = next(fetch("imdb_sample").rglob("*.csv"))
    with file.open(encoding="utf-8") as opened:
        rows = [[row["label"], row["text"]] for row in csv.DictReader(opened)][:200]
    write(folder / "reviews.csv", ["mood", "words"], rows)
    return folder / "reviews.csv"


WAYS: dict[str, Callable[[Path], Path]] = {
    "class folders as a zip": class_folders,
    "tags in a table": tags,
    "masks in colours": masks,
    "points in a table": points,
    "numbers in a table": numbers,
    "texts in a table": texts,
}


def sign_in(browser: Any, name: str, address: str) -> Any:
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.locator("input").first.fill(name)
    page.locator("input[type=password]").fill(PASSWORD)
    page.get_by_role("button", name="Login").click()
    page.wait_for_selector(".lab-teach")
    page.wait_for_timeout(1500)
    return page


def go_through(page: Any, address: str, way: str, what: Path) -> str:
    """Bring it, keep it, train it, ask it; the answer in words."""
    page.goto(f"{address}/own")
    page.wait_for_timeout(2500)
    page.locator("input.folder" if what.is_dir() else "input.files").set_input_files(str(what))
    page.wait_for_selector(".lab-account")
    page.get_by_label("Its name").first.fill(f"{SECRET}'s {way}")
    page.get_by_role("button", name="Keep it as a data set").click()
    page.wait_for_selector(".lab-card a.lab-go")
    page.wait_for_timeout(1500)
    page.locator(".lab-card a.lab-go").first.click()
    page.wait_for_selector(".lab-account")
    page.reload()
    page.get_by_text(f"{SECRET}'s {way}", exact=False).first.wait_for()
    page.get_by_role("tab", name="3 Train").click()
    page.get_by_label("What to train").click()
    page.get_by_role("option", name="Recipe: A first look").click()
    page.wait_for_timeout(2000)
    page.get_by_role("button", name="Start", exact=True).click()
    page.locator(".lab-pill.finished:visible").first.wait_for()
    page.get_by_role("tab", name="5 Try it").click()
    page.wait_for_timeout(2500)
    if what.suffix == ".csv":
        page.get_by_label("A text of your own").fill("I loved every minute of this wonderful film.")
        return " ".join(page.locator(".lab-verdict:visible").first.inner_text(timeout=PATIENCE).split())[:80]
    page.locator(".lab-offered button:visible").first.click()
    answered = page.locator(
        ".lab-stack.large:visible, .lab-pointed.large:visible, .lab-numbers:visible, .lab-facts:visible"
    ).first
    answered.wait_for()
    page.wait_for_timeout(1500)
    return " ".join(page.locator(".lab-classes:visible, .lab-small:visible").last.inner_text().split())[:80]


def teach(page: Any, address: str) -> str:
    """Two recordings of the test card, and a live answer."""
    page.goto(address)
    page.wait_for_selector(".lab-box")
    page.wait_for_timeout(1500)
    for at in (0, 1):
        record = page.locator(".lab-box").nth(at).locator("[data-record]")
        record.scroll_into_view_if_needed()
        place = record.bounding_box()
        page.mouse.move(place["x"] + 20, place["y"] + 10)
        page.mouse.down()
        page.wait_for_timeout(1800)
        page.mouse.up()
        page.wait_for_function(f"/^\\d+ pictures$/.test(document.querySelectorAll('.lab-count')[{at}].textContent)")
    page.wait_for_timeout(1500)
    page.locator("[data-teach]").click()
    page.locator(".lab-note", has_text="Taught").wait_for()
    page.locator("[data-live]").click()
    page.locator(".lab-teach-bars button").first.wait_for()
    return " ".join(page.locator(".lab-teach-bars").first.inner_text().split())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shots", type=Path, help="a folder for a picture of each page")
    given = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as place:
        made = {}
        for number, (way, make) in enumerate(WAYS.items()):
            (Path(place) / f"{number}").mkdir()
            made[way] = make(Path(place) / f"{number}")
        known = {"LESSON_LAB_HOST_PASSWORD": HOST_PASSWORD, "LESSON_LAB_PASSWORD": PASSWORD}
        command = [sys.executable, "app.py", "--port", str(PORT), "--home", str(Path(place) / "home")]
        app = subprocess.Popen(command, env=os.environ | known, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        address = f"http://localhost:{PORT}"
        try:
            _wait(address)
            with sync_playwright() as played:
                chromium = shutil.which("chromium")
                media = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
                browser = played.chromium.launch(executable_path=chromium, args=["--no-sandbox", *media])
                return _run(browser, address, made, given.shots)
        finally:
            app.terminate()
            app.wait()


def _run(browser: Any, address: str, made: dict[str, Path], shots: Path | None) -> int:
    page, lost = sign_in(browser, "anna", address), 0
    for way, what in {**made, "the camera": None}.items():
        began = time.perf_counter()
        try:
            said = go_through(page, address, way, what) if what else teach(page, address)
        except Exception as problem:
            said, lost = f"LOST: {str(problem)[:300]}", lost + 1
        if shots:
            shots.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=shots / f"{way}.png", full_page=True)
        print(f"{way}: {time.perf_counter() - began:.0f} s; {said}", flush=True)
    other = sign_in(browser, "ben", address)
    for path in ("", "own", "models", "weather", "planet", "camvid", "heads", "turns", "imdb"):
        other.goto(f"{address}/{path}")
        other.wait_for_timeout(2500)
        seen = SECRET in other.locator("body").inner_text()
        print(f"a second visitor at /{path}: {'SEES IT' if seen else 'sees none of it'}", flush=True)
        lost += seen
    return int(lost > 0)


def _wait(address: str) -> None:
    for _ in range(120):
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except OSError:
            time.sleep(0.5)
    raise RuntimeError("The app does not answer.")


if __name__ == "__main__":
    sys.exit(main())
