"""A class of thirty on one page, beside clients that mean no good; what each waits for, and what the server comes to hold.

    python -m benchmarks.class_of_thirty --minutes 30 --hostile 3 --pictures FOLDER

Students sign in, look at tasks, the data and the Train step, send pictures and texts to the models that come with the app, and
train for an epoch now and then. Hostile clients, signed in too, break off uploads, hold streams open, flood the queue, reload in
bursts and send the pictures of a folder. The server is `app.py` in a process of its own; the clients run on the same cores at the
lowest priority. Prints seconds in the middle and at the 95th percentile of each action, its errors, and every half minute what
the server and its processes hold; `--rest` minutes after the end once more.
"""

import argparse
import asyncio
import base64
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.held import Held
from tabs.door.register import Register, open_register
from tabs.page import build_page
from tabs.panels import dataset_picker, train

PORT = 7896
EXAMPLES = Path(__file__).parent.parent / "assets" / "examples"
HOST, CLASS = "the host's own password", "the class's own password"
PICTURES = {task: next((EXAMPLES / task).glob("*.jpg")) for task in ("planet", "camvid", "heads")}
LIMITS = httpx.Limits(max_connections=300)
KNOBS = {"Epochs": 1, "Resolution (px)": 32, "Batch size": 8, "Precision": "fp32"}


class Functions:
    """The numbers of what the page of CamVid calls."""

    def __init__(self) -> None:
        self.all = build_page().fns
        self.poll, self.start = self.of(train.poll_run, "select"), self.of(train.start_run, "click")
        opened = self.all[self.start].inputs[0]
        self.open = next(
            at
            for at, fn in self.all.items()
            if fn.fn is dataset_picker.dataset_status
            and opened in fn.outputs
            and any(event == "change" for _, event in fn.targets)
        )

    def of(self, handler: Callable[..., Any], event: str) -> int:
        return next(
            at
            for at, fn in self.all.items()
            if isinstance(fn.fn, partial)
            and fn.fn.func is handler
            and fn.fn.args[0].name == "camvid"
            and any(kind == event for _, kind in fn.targets)
        )

    def settings(self) -> list[Any]:
        """What is posted to start a training: the form as it stands, and a short stage."""
        components = self.all[self.start].inputs
        return [KNOBS.get(getattr(one, "label", ""), getattr(one, "value", None)) for one in components]


class Client:
    """A browser's page, as far as the server can tell: signed in, with a session."""

    def __init__(self, address: str, name: str, told: "Told") -> None:
        self.http = httpx.AsyncClient(base_url=address, timeout=120, limits=LIMITS)
        self.name, self.told, self.session = name, told, uuid.uuid4().hex

    async def sign_in(self) -> None:
        answer = await self.http.post("/login", data={"username": self.name, "password": CLASS})
        answer.raise_for_status()
        self.http.headers["Cookie"] = "; ".join(f"{key}={value}" for key, value in self.http.cookies.items())

    async def ask(self, fn_index: int, data: list[Any]) -> None:
        body = {
            "data": data,
            "fn_index": fn_index,
            "session_hash": self.session,
            "trigger_id": None,
            "event_data": None,
        }
        (await self.http.post("/gradio_api/queue/join", json=body)).raise_for_status()
        async with self.http.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.session}) as stream:
            async for line in stream.aiter_lines():
                if "process_completed" in line:
                    assert '"success":true' in line, line[:300]
                    return
        raise AssertionError("the stream ended before the answer")

    async def get(self, path: str) -> None:
        (await self.http.get(path)).raise_for_status()

    async def predict(self, task: str, given: str) -> None:
        joined = await self.http.post(f"/gradio_api/call/{task}", json={"data": [given, f"sample-{task}"]})
        joined.raise_for_status()
        heard = (await self.http.get(f"/gradio_api/call/{task}/{joined.json()['event_id']}")).text
        found = json.loads(heard.strip().splitlines()[-1].partition(": ")[2])
        assert found and "error" not in found[0], heard[:300]

    async def timed(self, what: str, action: Awaitable[None]) -> None:
        began = time.monotonic()
        try:
            await action
            self.told.seconds[what].append(time.monotonic() - began)
        except Exception as problem:
            self.told.errors[f"{what}: {type(problem).__name__} {str(problem)[:120]}"] += 1


class Told:
    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.errors: Counter[str] = Counter()
        self.hostile: Counter[str] = Counter()


async def beat(client: Client, until: float) -> None:
    """Say that the page is open, as long as it is."""
    try:
        async with client.http.stream("GET", f"/gradio_api/heartbeat/{client.session}") as stream:
            async for _ in stream.aiter_lines():
                if time.monotonic() > until:
                    return
    except httpx.HTTPError:
        return


async def student(number: int, address: str, functions: Functions, told: Told, until: float) -> None:
    client, chance = Client(address, f"student {number}", told), random.Random(number)
    await client.timed("sign in", client.sign_in())
    heart = asyncio.create_task(beat(client, until))
    await client.timed("open the data set", client.ask(functions.open, ["drawn-streets"]))
    packed = {task: base64.b64encode(path.read_bytes()).decode() for task, path in PICTURES.items()}
    trains = time.monotonic() + chance.uniform(5, 600)
    while time.monotonic() < until:
        task = chance.choice(["planet", "camvid", "heads", "imdb"])
        given = packed.get(task, "I liked this film, and my brother did not.")
        await client.timed("a page", client.get(f"/{task}"))
        for _ in range(5):
            await client.timed("the Train step", client.ask(functions.poll, [None, ""]))
            await asyncio.sleep(1)
        await client.timed(f"predict, {task}", client.predict(task, given))
        if time.monotonic() > trains:
            await client.timed("start a training", client.ask(functions.start, functions.settings()))
            trains += chance.uniform(600, 1200)
        await asyncio.sleep(chance.uniform(2, 6))
    heart.cancel()
    await client.http.aclose()


async def hostile(
    number: int, address: str, functions: Functions, told: Told, until: float, pictures: list[Path]
) -> None:
    client, chance = Client(address, f"nobody's friend {number}", told), random.Random(number)
    await client.sign_in()

    async def break_off() -> None:
        async def parts() -> AsyncIterator[bytes]:
            yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n' + bytes(3_000_000)
            raise OSError("broken off")

        await client.http.post(
            "/gradio_api/upload", content=parts(), headers={"Content-Type": "multipart/form-data; boundary=x"}
        )

    async def hold() -> None:
        async with client.http.stream("GET", "/gradio_api/queue/data", params={"session_hash": uuid.uuid4().hex}):
            await asyncio.sleep(20)

    async def flood() -> None:
        for _ in range(180):
            if time.monotonic() > until:
                return
            body = {"data": [base64.b64encode(PICTURES["camvid"].read_bytes()).decode(), "sample-camvid"]}
            answer = await client.http.post("/gradio_api/call/camvid", json=body)
            told.hostile[f"flood: {answer.status_code}"] += 1

    async def reload() -> None:
        await asyncio.gather(*(client.http.get("/planet") for _ in range(30)))

    async def send() -> None:
        await client.predict(
            chance.choice(list(PICTURES)), base64.b64encode(chance.choice(pictures).read_bytes()).decode()
        )

    ways = {
        "break off": break_off,
        "hold": hold,
        "flood": flood,
        "reload": reload,
        **({"picture": send} if pictures else {}),
    }

    async def one() -> None:
        while time.monotonic() < until:
            way = chance.choice(list(ways))
            try:
                await ways[way]()
                told.hostile[way] += 1
            except Exception as problem:
                told.hostile[f"{way}: {type(problem).__name__}"] += 1
                await asyncio.sleep(0.05)

    await asyncio.gather(*(one() for _ in range(4)))
    await client.http.aclose()


async def attend(given: argparse.Namespace, address: str, held: Held, functions: Functions) -> Told:
    told, until = Told(), time.monotonic() + 60 * given.minutes
    pictures = sorted(given.pictures.iterdir()) if given.pictures else []
    await asyncio.gather(
        held.watch(until),
        *(student(number, address, functions, told, until) for number in range(given.students)),
        *(hostile(number, address, functions, told, until, pictures) for number in range(given.hostile)),
    )
    return told


def serve(home: Path) -> subprocess.Popen:
    environment = {**os.environ, "LESSON_LAB_HOST_PASSWORD": HOST, "LESSON_LAB_PASSWORD": CLASS}
    with (home / "server.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "app.py", "--port", str(PORT)], stdout=log, stderr=log, env=environment
        )
    for _ in range(600):
        try:
            httpx.get(f"http://127.0.0.1:{PORT}", timeout=5)
            return server
        except httpx.TransportError:
            time.sleep(0.1)
    raise SystemExit("The server does not answer.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--hostile", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rest", type=float, default=5.0, help="minutes after the end, before the last look")
    parser.add_argument("--pictures", type=Path, help="a folder with pictures that hostile clients send")
    given = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="lesson-lab-class-"))
    os.environ |= {"LESSON_LAB_HOME": str(home), "GRADIO_TEMP_DIR": str(home / "uploads")}
    subprocess.run([sys.executable, "-m", "engine", "fetch", "drawn-streets"], check=True, stdout=subprocess.DEVNULL)
    open_register(Register(home / "people.json"))  # or the page would be another one, with other numbers
    functions, server = Functions(), serve(home)
    os.nice(19)
    try:
        time.sleep(20)  # until torch is there
        held = Held(psutil.Process(server.pid), home)
        told = asyncio.run(attend(given, f"http://127.0.0.1:{PORT}", held, functions))
        time.sleep(60 * given.rest)
        held.look()
    finally:
        server.terminate()
        server.wait()
        log = (home / "server.log").read_text(errors="replace")
        shutil.rmtree(home)
    print("\n| action | times | middle s | 95 % s | longest s |\n|---|---|---|---|---|")
    for what, seconds in sorted(told.seconds.items()):
        late = sorted(seconds)[int(0.95 * len(seconds))]
        print(f"| {what} | {len(seconds)} | {statistics.median(seconds):.2f} | {late:.2f} | {max(seconds):.2f} |")
    print(f"\nerrors of students: {dict(told.errors) or 'none'}\nhostile: {dict(told.hostile)}")
    crashes = Counter(line[:150] for line in log.splitlines() if re.match(r"\w+(\.\w+)*(Error|Exception)\b", line))
    print(f"errors in the server's log: {dict(crashes) or 'none'}")


if __name__ == "__main__":
    main()
