"""How long thirty students on one page wait, while one run trains and two hundred older ones lie in the home.

    python -m benchmarks.class_of_thirty

Each client does what an open page does: once a second it asks for the Train step of CamVid, and reads the answer from its
stream; some of them also send a picture to the sample model every ten seconds. The server is `app.py` in a process of its own;
the clients share this machine with it, so a real class waits less. Prints seconds in the middle and at the 95th percentile.
"""

import argparse
import asyncio
import base64
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from functools import partial
from pathlib import Path

import httpx
import psutil

from engine.events import RunFinished, RunStarted, StepFinished
from engine.recipe import Recipe, Stage
from engine.runs.store import RunSpec, append_event, create_run, write_worker
from engine.tasks.camvid import CAMVID
from tabs.page import build_page
from tabs.panels.train import poll_run

PORT = 7896
EXAMPLE = Path(__file__).parent.parent / "assets" / "examples"


def step(number: int) -> StepFinished:
    return StepFinished(
        stage=0, epoch=1, step=number, loss=100 / (100 + number), lr=(1e-3,), momentum=0.9, seconds=0.05
    )


def make_run(number: int, *, is_live: bool) -> Path:
    recipe = Recipe(name="r", backbone=CAMVID.backbones[0], stages=(Stage(name="head", epochs=4, image_size=64),))
    run = create_run(RunSpec(task="camvid", dataset="drawn-streets", recipe=recipe, title=f"Run {number}"))
    append_event(
        run, RunStarted(device="cpu", device_name="a CPU", processes=1, backbone=recipe.backbone, parameters=1)
    )
    for at in range(50):
        append_event(run, step(at))
    if not is_live:
        append_event(run, RunFinished(seconds=10.0))
    return run


def live(run: Path, over: threading.Event) -> None:
    """A run that trains, as far as anybody can see: twenty steps a second by this process."""
    write_worker(run, os.getpid(), slots=("host",), events_size=0, log_size=0)
    number = 50
    while not over.wait(0.05):
        append_event(run, step(number))
        number += 1


async def ask(client: httpx.AsyncClient, fn_index: int, data: list, session: str) -> float:
    began = time.monotonic()
    body = {"data": data, "fn_index": fn_index, "session_hash": session, "trigger_id": None, "event_data": None}
    (await client.post("/gradio_api/queue/join", json=body)).raise_for_status()
    async with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
        async for line in stream.aiter_lines():
            if "process_completed" in line:
                assert '"success":true' in line, line[:300]
                return time.monotonic() - began
    raise AssertionError("the stream ended before the answer")


async def student(address: str, poll: int, predict: int, run: str, picture: str, until: float, told: dict) -> None:
    async with httpx.AsyncClient(base_url=address, timeout=120) as client:
        session = uuid.uuid4().hex  # of the open page: the first question of a session is a slow one
        next_picture = time.monotonic() + 10 * (hash(uuid.uuid4()) % 100) / 100
        while time.monotonic() < until:
            told["poll"].append(await ask(client, poll, [run, ""], session))
            if time.monotonic() > next_picture:
                told["predict"].append(await ask(client, predict, [picture, "sample-camvid"], session))
                next_picture += 10
            await asyncio.sleep(max(0.0, 1 - told["poll"][-1]))


async def warm_up(address: str, predict: int, picture: str) -> None:
    """Wait for the server, and for its first answer."""
    async with httpx.AsyncClient(base_url=address, timeout=120) as client:
        for _ in range(600):
            try:
                await client.get("/")
                break
            except httpx.TransportError:
                await asyncio.sleep(0.1)
        await ask(client, predict, [picture, "sample-camvid"], uuid.uuid4().hex)


async def attend(students: int, seconds: float, **asked: object) -> dict[str, list[float]]:
    told: dict[str, list[float]] = {"poll": [], "predict": []}
    until = time.monotonic() + seconds
    await asyncio.gather(*(student(until=until, told=told, **asked) for _ in range(students)))  # type: ignore[arg-type]
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=40.0)
    given = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="lesson-lab-class-"))
    os.environ["LESSON_LAB_HOME"] = str(home)
    runs = [make_run(number, is_live=number == given.runs - 1) for number in range(given.runs)]
    functions = build_page().fns
    (poll,) = (
        index
        for index, fn in functions.items()
        if isinstance(fn.fn, partial)
        and fn.fn.func is poll_run
        and fn.fn.args[0] is CAMVID
        and any(event == "select" for _, event in fn.targets)
    )
    (predict,) = (index for index, fn in functions.items() if fn.api_name == "camvid")
    picture = base64.b64encode(next(EXAMPLE.glob("camvid/*.*")).read_bytes()).decode()
    server = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(PORT)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    over, address = threading.Event(), f"http://127.0.0.1:{PORT}"
    threading.Thread(target=live, args=(runs[-1], over), daemon=True).start()
    try:
        asyncio.run(warm_up(address, predict, picture))
        asked = {"address": address, "poll": poll, "predict": predict, "run": runs[-1].name, "picture": picture}
        process = psutil.Process(server.pid)
        before = sum(process.cpu_times()[:2])
        told = asyncio.run(attend(given.students, given.seconds, **asked))
        used = (sum(process.cpu_times()[:2]) - before) / given.seconds
    finally:
        over.set()
        server.terminate()
        server.wait()
        shutil.rmtree(home)
    print(f"{given.students} students, {given.runs} runs; the server used {used:.2f} cores")
    for what, found in told.items():
        late = sorted(found)[int(0.95 * len(found))]
        print(
            f"{what:8} {len(found)} times: {statistics.median(found):.2f} s in the middle, {late:.2f} s at the 95th percentile"
        )


if __name__ == "__main__":
    main()
