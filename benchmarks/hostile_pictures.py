"""What the page answers to pictures that were made to hold or break it, everywhere where it takes pictures.

    python -m benchmarks.hostile_pictures FOLDER

Each file of the folder is sent to every endpoint of a task with pictures, as base64 and as a `data:` address; and to the
page's components: uploaded and then judged, as a file among many, and as a frame of the live camera. The server is `app.py` in
a process of its own, the models are those that come with the app. Then an ordinary picture is sent beside three of the slowest.
Prints how many were answered and refused, the slowest of them, and how much memory the server and its processes held.
"""

import argparse
import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from tabs.page import build_page

PORT = 7894
TASKS = ("planet", "camvid", "heads")
EXAMPLE = Path(__file__).parent.parent / "assets" / "examples" / "camvid" / "drawn-street.jpg"
AT_ONCE = 4
SLOWEST = ("png.9400rgb", "tif.bombdeflate", "png.9400rgba")


@dataclass
class Told:
    """What was said to a way of sending a picture: seconds and words for each file, a refusal's or "answered"."""

    said: dict[str, tuple[float, str]] = field(default_factory=dict)

    def row(self, way: str) -> str:
        seconds = sorted(second for second, _ in self.said.values())
        slowest = max(self.said, key=lambda name: self.said[name][0])
        words = [words for _, words in self.said.values()]
        answered, broken = words.count("answered"), [name for name, (_, words) in self.said.items() if words[:1] == "!"]
        late = seconds[int(0.99 * len(seconds))]
        return (
            f"| {way} | {answered} | {len(words) - answered - len(broken)} | {len(broken)} | {statistics.median(seconds):.2f} | "
            f"{late:.2f} | {seconds[-1]:.2f} ({slowest}) |"
            + (f" {broken[:3]} {self.said[broken[0]][1]}" if broken else "")
        )


class Page:
    """The page as a program speaks to it; one session."""

    def __init__(self, address: str) -> None:
        self.client, self.session = httpx.Client(base_url=address, timeout=120), uuid.uuid4().hex

    def ask(self, fn_index: int, data: list[Any], event_data: Any = None) -> Any:
        body = {"data": data, "fn_index": fn_index, "session_hash": self.session, "event_data": event_data}
        joined = self.client.post("/gradio_api/queue/join", json=body)
        if joined.status_code != 200:
            return {"error": joined.text}
        with self.client.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.session}) as stream:
            for line in stream.iter_lines():
                if "process_completed" in line:
                    return json.loads(line[6:])["output"]
        return {"error": "the stream ended"}

    def upload(self, file: Path) -> str:
        answer = self.client.post("/gradio_api/upload", files={"files": (file.name, file.read_bytes())})
        return str(answer.json()[0])

    def call(self, task: str, picture: str) -> Any:
        event = self.client.post(f"/gradio_api/call/{task}", json={"data": [picture, f"sample-{task}"]}).json()[
            "event_id"
        ]
        told = self.client.get(f"/gradio_api/call/{task}/{event}").text.strip().splitlines()
        return json.loads(told[-1].partition(": ")[2])[0] if "complete" in told[-2] else {"crashed": told[-2:]}


def judged(answer: Any) -> str:
    """ "answered", a refusal's words, or "!" and what else came."""
    found = json.dumps(answer, ensure_ascii=False)
    if isinstance(answer, dict) and "error" in answer:
        return str(answer["error"]) or "! nothing"
    if "lab-note bad" in found:
        return found.partition("lab-note bad")[2][:200]
    return "answered" if answer and "crashed" not in found else f"! {found[:200]}"


def in_component(page: Page, ids: dict[str, int], model: str, file: Path) -> Any:
    """A picture that was uploaded, judged by the Try-it step."""
    page.ask(ids["model"], [model])
    taken = page.ask(ids["upload"], [{"path": page.upload(file), "meta": {"_type": "gradio.FileData"}}])
    if "error" in taken:
        return taken
    page.ask(ids["predict"], [None, None])
    shown = page.ask(ids["draw"], [None] * ids["draw_inputs"])
    return {"error": str(shown["error"])} if "error" in shown else shown["data"]


def functions_of(task: str) -> dict[str, int]:
    """The numbers of the functions that a Try-it step calls."""
    functions = build_page().fns
    names = {"planet": "draw_picture", "camvid": "draw", "heads": "draw"}
    module = {"planet": "tags_try", "camvid": "mask_try", "heads": "point_try"}[task]

    def numbers(name: str, of: str) -> Iterable[int]:
        return (
            at
            for at, fn in functions.items()
            if getattr(fn.fn, "__name__", "") == name and getattr(fn.fn, "__module__", "") == f"tabs.views.{of}"
        )

    predict, draw = next(iter(numbers("predict", module))), next(iter(numbers(names[task], module)))
    model, source = functions[predict].inputs[:2]
    (setter,) = (at for at, fn in functions.items() if fn.outputs == [model])
    upload = next(at for at in numbers("take_upload", "offered") if functions[at].outputs == [source])
    found = {"predict": predict, "draw": draw, "model": setter, "upload": upload}
    found["draw_inputs"] = len(functions[draw].inputs)
    for name, of in (("frame_came", "point_try"), ("batch_clicked", "tags_try")):
        for at in numbers(name, of):
            found[name] = at
    return found


def ways(address: str) -> dict[str, Any]:
    """Every way in which the page takes a picture: what is called with a file."""
    made: dict[str, Any] = {}
    for task in TASKS:
        made[f"/call/{task}, base64"] = lambda file, task=task: Page(address).call(task, packed(file))
        made[f"/call/{task}, data:"] = lambda file, task=task: Page(address).call(
            task, f"data:image/png;base64,{packed(file)}"
        )
        ids = functions_of(task)
        made[f"{task}, uploaded"] = lambda file, task=task, ids=ids: in_component(
            Page(address), ids, f"sample-{task}", file
        )

    def frame(file: Path) -> Any:
        page = Page(address)
        page.ask(heads["model"], ["sample-heads"])
        return page.ask(heads["frame_came"], [None], {"frame": f"data:image/jpeg;base64,{packed(file)}"})["data"]

    def among_many(file: Path) -> Any:
        page = Page(address)
        page.ask(tags["model"], ["sample-planet"])
        given = {"path": page.upload(file), "meta": {"_type": "gradio.FileData"}}
        return page.ask(tags["batch_clicked"], [None, [given], 0.2])["data"]

    tags, heads = functions_of("planet"), functions_of("heads")
    return made | {"heads, camera": frame, "planet, among many": among_many}


def packed(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()


def watch(server: psutil.Process, peak: list[float], over: threading.Event) -> None:
    """The most megabytes that the server held, its processes held, and both together."""
    while not over.wait(0.05):
        own, others = server.memory_info().rss / 1e6, 0.0
        for process in server.children(recursive=True):
            with suppress(psutil.Error):
                others += process.memory_info().rss / 1e6
        peak[:] = map(max, peak, (own, others, own + others))


def timed(send: Any, file: Path) -> tuple[float, str]:
    began = time.monotonic()
    try:
        words = judged(send(file))
    except Exception as problem:
        words = f"! {problem!r}"
    return time.monotonic() - began, words


def beside(address: str, folder: Path) -> tuple[float, float]:
    """Seconds in the middle for an ordinary picture: alone, and beside three hostile ones."""

    def ordinary() -> float:
        return timed(lambda file: Page(address).call("camvid", packed(file)), EXAMPLE)[0]

    alone, over = statistics.median(ordinary() for _ in range(15)), threading.Event()

    def hostile(name: str) -> None:
        while not over.is_set():
            timed(lambda file: Page(address).call("planet", packed(file)), folder / name)

    threads = [threading.Thread(target=hostile, args=(name,)) for name in SLOWEST]
    for thread in threads:
        thread.start()
    time.sleep(2)
    crowded = statistics.median(ordinary() for _ in range(15))
    over.set()
    for thread in threads:
        thread.join()
    return alone, crowded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="the ways with this in their name")
    given = parser.parse_args()
    files, address = sorted(given.folder.iterdir()), f"http://127.0.0.1:{PORT}"
    told: dict[str, Told] = defaultdict(Told)
    with tempfile.TemporaryDirectory() as home, (Path(home) / "log").open("w") as log:
        environment = {**os.environ, "LESSON_LAB_HOME": home, "GRADIO_TEMP_DIR": str(Path(home) / "uploads")}
        command = [sys.executable, "app.py", "--port", str(PORT)]
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            sending = {way: send for way, send in ways(address).items() if given.only in way}
            for way, send in sending.items():  # the server is up, its models are in memory
                while timed(send, EXAMPLE)[1] != "answered":
                    time.sleep(1)
                print(f"{way} is there", file=sys.stderr)
            process, peak, over = psutil.Process(server.pid), [0.0, 0.0, 0.0], threading.Event()
            idle = process.memory_info().rss / 1e6
            threading.Thread(target=watch, args=(process, peak, over), daemon=True).start()
            print(
                "| way | answered | refused | broken | median s | 99 % s | slowest s |\n|---|---|---|---|---|---|---|"
            )
            for way, send in sending.items():
                with ThreadPoolExecutor(AT_ONCE) as senders:
                    said = senders.map(lambda file, send=send: timed(send, file), files)
                    told[way].said = dict(zip((file.name for file in files), said, strict=True))
                print(told[way].row(way), flush=True)
            alone, crowded = beside(address, given.folder)
            print(f"an ordinary picture: {alone:.2f} s alone, {crowded:.2f} s beside three hostile ones")
            over.set()
            held = f"{idle:.0f} MB idle, at most {peak[0]:.0f} MB, its processes {peak[1]:.0f} MB, together {peak[2]:.0f} MB"
            print(f"memory: {held}; the server is up: {server.poll() is None}")
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
