"""From opening the page to a prediction, on each task's page, on a machine that has never trained and has no network.

    sudo unshare -n bash -c "ip link set lo up; .venv/bin/python -m benchmarks.first_prediction --drop-caches"

Each tab has a server and a home of its own, started for it; with `--drop-caches` (root, Linux) nothing of Python's files is in
memory before. Chromium opens the page as soon as the server answers, and clicks the first example in "Try it". Seconds from
opening.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

# What is clicked on each task's page, and what is there once the model has answered.
PAGES = {
    "Planet": (".lab-offered button", ".lab-tag-bars"),
    "CamVid": (".lab-offered button", ".lab-classes button"),
    "Head centres": (".lab-offered button", "text=column"),
    "IMDB": (".lab-example", ".lab-verdict"),
}
PATIENCE = 120_000  # milliseconds
SETTLED = 300  # milliseconds until a click on what has just appeared is heard


def wait_for(address: str) -> None:
    while True:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.05)


def first_prediction(page: Page, address: str, task: str) -> float:
    click, seen = PAGES[task]
    begun = time.perf_counter()
    page.goto(address)
    page.get_by_role("navigation").get_by_role("link", name=task, exact=True).click()
    page.get_by_role("tab", name="5 Try it", exact=True).click()
    offered = page.locator(click).locator("visible=true").first
    offered.wait_for()
    page.wait_for_timeout(SETTLED)
    offered.click()
    page.locator(seen).locator("visible=true").first.wait_for()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description="From opening the page to a prediction.")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--port", type=int, default=7990)
    parser.add_argument("--drop-caches", action="store_true")
    chosen = parser.parse_args()
    address = f"http://127.0.0.1:{chosen.port}"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chosen.chromium, args=["--no-sandbox", "--disable-gpu"])
        for task in PAGES:
            if chosen.drop_caches:
                os.sync()
                Path("/proc/sys/vm/drop_caches").write_text("3")
            with tempfile.TemporaryDirectory() as home:
                begun = time.perf_counter()
                command = [sys.executable, "app.py", "--port", str(chosen.port), "--home", home]
                app = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                wait_for(address)
                answering = time.perf_counter() - begun
                page = browser.new_page()
                page.set_default_timeout(PATIENCE)
                seconds = first_prediction(page, address, task)
                print(f"{task}: server after {answering:.1f} s, prediction {seconds:.1f} s after opening", flush=True)
                page.close()
                app.send_signal(signal.SIGINT)
                app.wait()
        browser.close()


if __name__ == "__main__":
    main()
