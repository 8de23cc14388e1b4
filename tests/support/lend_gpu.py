"""Open the page as on a ZeroGPU Space, predict and train there, and print what came of it, as JSON.

The `spaces` package is the real one, with its forked processes; the machine that lends GPUs is one of our own on loopback, and
what is lent is the CPU. A program of its own: the package changes torch for good.
"""

import http.server
import json
import os
import threading
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

from programs import tell


class LendsGpus(http.server.BaseHTTPRequestHandler):
    """Speaks as the machine does that lends GPUs; once `is_empty`, nobody has any time left."""

    asked: list[tuple[str, dict[str, str]]] = []
    is_empty = False

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        self.asked.append((parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}))
        answer: dict[str, Any] = {}
        if parts.path == "/schedule":
            answer = {"idle": True, "nvidiaIndex": 0, "nvidiaUUID": "none", "allowToken": "one"}
            if self.is_empty:
                answer = {"left": 3, "wait": "PT1H"}
        body = json.dumps(answer).encode()
        self.send_response(429 if parts.path == "/schedule" and self.is_empty else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def seconds_asked() -> str:
    """For how long a GPU was wanted the last time."""
    return [query["durationSeconds"] for path, query in LendsGpus.asked if path == "/schedule"][-1]


def main() -> None:
    machine = http.server.ThreadingHTTPServer(("127.0.0.1", 0), LendsGpus)
    threading.Thread(target=machine.serve_forever, daemon=True).start()
    os.environ |= {
        "SPACES_ZERO_GPU": "true",
        "SPACES_ZERO_DEVICE_API_URL": f"http://127.0.0.1:{machine.server_port}",
        "SPACE_ID": "me/lab",
    }
    import app
    from engine.host.lent import borrow_from
    from tabs.door.zero_gpu import build_lender, is_zero_gpu

    settings = app.read_settings(["--host", "127.0.0.1"])
    told: dict[str, Any] = {"is zero": is_zero_gpu(), "minutes": settings.visitor_minutes}
    borrow_from(build_lender(settings.visitor_minutes))
    import spaces.zero.torch
    import torch

    spaces.zero.torch.init = spaces.zero.torch.move = lambda *_, **__: None  # there is no GPU to go to
    told["cuda is pretended"] = torch.cuda.is_available()
    app.set_door(settings, None)

    import psutil
    from filelock import FileLock
    from gradio_client import Client
    from untrained import STREET_STAGE

    from engine.data.sources.fetching import fetch
    from engine.recipe import Recipe
    from engine.runs.queue import submit
    from engine.runs.runner import Runner
    from engine.runs.store import LOCK_FILE, STARTING_FILE, RunSpec, create_run, read_events
    from engine.runs.watch import load_snapshot
    from engine.tasks.camvid import CAMVID
    from tabs.page import build_page

    page = build_page()
    page.queue(api_open=False)
    page.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, ssr_mode=False, run_history=False)
    client = Client(page.local_url, verbose=False)
    told["said"] = client.predict("A wonderful film.", "", api_name="/imdb")["class"]
    told["asked"] = [path for path, _ in LendsGpus.asked]
    told["seconds to predict"] = seconds_asked()

    fetch("drawn-streets")
    runner = Runner(slots=())

    def train(is_killed: bool = False) -> list[Any]:
        recipe = Recipe(name="tiny", backbone=CAMVID.backbones[0], stages=(STREET_STAGE,))
        run = create_run(RunSpec(task="camvid", dataset="drawn-streets", recipe=recipe))
        end = time.monotonic() + 120
        if is_killed:  # between taking the run and claiming it
            with FileLock(run / LOCK_FILE):
                submit(run)
                while not (run / STARTING_FILE).exists():
                    assert time.monotonic() < end
                    time.sleep(0.01)
                for process in psutil.Process().children():
                    process.kill()
        else:
            submit(run)
        while load_snapshot(run).status not in ("finished", "stopped", "failed", "died"):
            assert time.monotonic() < end, read_events(run)
            runner.tick()
            time.sleep(0.2)
        return [load_snapshot(run).status, getattr(read_events(run)[0][-1], "message", "")]

    told["trained"] = train()
    told["seconds to train"] = seconds_asked()
    told["killed at the start"] = train(is_killed=True)
    LendsGpus.is_empty = True
    told["no time left"] = train()
    tell(told)


if __name__ == "__main__":
    main()
