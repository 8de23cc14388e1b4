"""What the page asks of a browser: seconds until it can be used, and how busy it keeps one that only looks on.

    python -m benchmarks.page_cost [FOLDER …] [--slower 4] [--rounds 3]

FOLDERs are checkouts of the app, this one by default; they take turns. Each round starts in a fresh profile of headless Chromium,
slowed down as many times as asked: a school's laptop or a phone is about four times slower than a desk's processor.
"""

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import CDPSession, Locator, Page, sync_playwright

from benchmarks.first_prediction import PATIENCE, wait_for

WATCHED = 10_000  # milliseconds that a finished page is only looked at
SETTLED = 5_000


def work(session: CDPSession) -> float:
    """Seconds that the page's main thread has worked since it was opened."""
    return next(m["value"] for m in session.send("Performance.getMetrics")["metrics"] if m["name"] == "TaskDuration")


def way_to(page: Page, name: str) -> Locator:
    """The link to a task's page, or in older checkouts its tab."""
    return page.get_by_role("link", name=name, exact=True).or_(page.get_by_role("tab", name=name, exact=True)).first


def one_round(page: Page, session: CDPSession, address: str) -> dict[str, float]:
    told = {}

    def timed(what: str, action: Callable[..., object], seen: Locator) -> None:
        begun = time.perf_counter()
        action()
        seen.wait_for()
        told[what] = time.perf_counter() - begun

    timed("Home is there (s)", lambda: page.goto(address), way_to(page, "CamVid"))
    page.wait_for_timeout(SETTLED)
    data = page.get_by_label("Data set").locator("visible=true").first
    timed("a task opens (s)", way_to(page, "CamVid").click, data)
    page.wait_for_timeout(SETTLED)
    start = page.get_by_role("button", name="Start", exact=True).locator("visible=true")
    timed("a step opens (s)", page.get_by_role("tab", name="3 Train").locator("visible=true").click, start)
    page.wait_for_timeout(SETTLED)
    begun, before = time.perf_counter(), work(session)
    page.wait_for_timeout(WATCHED)
    told["busy while looked at (%)"] = 100 * (work(session) - before) / (time.perf_counter() - begun)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=[Path.cwd()])
    parser.add_argument("--slower", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--port", type=int, default=7990)
    chosen = parser.parse_args()
    address = f"http://127.0.0.1:{chosen.port}"
    found: dict[Path, list[dict[str, float]]] = {folder: [] for folder in chosen.folders}
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as home:
        browser = driver.chromium.launch(executable_path=chosen.chromium, args=["--no-sandbox", "--disable-gpu"])
        for folder in list(found) * chosen.rounds:
            command = [sys.executable, "app.py", "--port", str(chosen.port), "--home", home]
            app = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_for(address)
            time.sleep(SETTLED / 1000)  # torch comes in once the page is up
            profile = browser.new_context(viewport={"width": 1280, "height": 800})
            page = profile.new_page()
            page.set_default_timeout(PATIENCE)
            session = profile.new_cdp_session(page)
            session.send("Performance.enable")
            session.send("Emulation.setCPUThrottlingRate", {"rate": chosen.slower})
            found[folder].append(one_round(page, session, address))
            profile.close()
            app.send_signal(signal.SIGINT)
            app.wait()
        browser.close()
    for folder, rounds in found.items():
        middle = {what: statistics.median(told[what] for told in rounds) for what in rounds[0]}
        print(
            f"{folder.resolve().name}:", ", ".join(f"{what} {value:.2g}" for what, value in middle.items()), flush=True
        )


if __name__ == "__main__":
    main()
