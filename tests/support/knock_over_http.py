"""Start `app.py` as people do, and knock at each of its doors over raw HTTP; print what came of it, as JSON.

Somebody's page elsewhere calls the server by a name of its own; a visitor asks for what is another's or the host's, by name, by
path and by session; people sign in under names that look like others'.
"""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
from post_everything import PASSWORDS, inputs_of, post, post_all
from programs import SUPPORT, tell
from untrained import BACKBONE, STREET_STAGE, save_untrained

from engine.data.sources.fetching import fetch
from engine.host.home import home
from engine.recipe import Recipe
from engine.runs.store import RunSpec, create_run
from tabs.door.register import Register, open_register
from tabs.page import build_page
from tabs.panels.train import poll_flat

CANARY = "zz-canary"  # a class of the hidden folder's, and of nothing else
LOOK_ALIKES = ["Host", "HOST", " host", "host\u200b", "hóst", "ｈｏｓｔ", "h\u043est", "ho\u00adst"]
ANNAS = ["Anna", "anna ", "аnna", "a\u0301nna", "ANNA", "anna\u2060"]  # the third begins with a Cyrillic letter
APP = SUPPORT.parents[1]


def open_app(*arguments: str, **environment: str) -> tuple[subprocess.Popen, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(APP / "app.py"), "--port", str(port), *arguments]
    server = subprocess.Popen(
        command, env={**os.environ, **environment}, cwd=APP, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            httpx.get(address, timeout=5)
            return server, address
        except httpx.TransportError:
            time.sleep(0.1)
    raise SystemExit("The server does not answer.")


def hide_data() -> Path:
    """A data set of the host's own, outside of the home."""
    hidden = Path(shutil.copytree(fetch("drawn-streets"), home().parent / "nobody-knows-where" / "streets"))
    codes = hidden / "codes.txt"
    codes.write_text(codes.read_text().replace("Road", CANARY, 1))
    return hidden


def signed_in(address: str, name: str, password: str) -> httpx.Client:
    client = httpx.Client(base_url=address, timeout=120)
    client.post("/login", data={"username": name, "password": password}).raise_for_status()
    return client


def is_let_in(address: str, name: str, password: str) -> bool:
    return httpx.post(f"{address}/login", data={"username": name, "password": password}, timeout=60).status_code == 200


def rebind() -> dict[str, Any]:
    """Call each route by a name elsewhere, with each method that it takes; the statuses, and that by its own name."""
    server, address = open_app()
    try:
        routes = httpx.get(f"{address}/openapi.json").status_code, all_routes()
        told = {
            f"{method} {path}": httpx.request(method, f"{address}{path}", headers={"Host": "evil.example"}).status_code
            for path, methods in routes[1].items()
            for method in methods
        }
        as_host = httpx.post(f"{address}/gradio_api/queue/join", json={}, headers={"Origin": "http://evil.example"})
        return {"routes": told, "origin": as_host.status_code, "own name": httpx.get(address).status_code}
    finally:
        server.terminate()
        server.wait()


def all_routes() -> dict[str, set[str]]:
    """Each path of the server, with something for each of its parameters, and the methods that it takes."""
    import re

    from gradio.routes import App

    page = build_page()
    page.queue()
    found: dict[str, set[str]] = {}

    def walk(routes: Any, before: str) -> None:
        for route in routes:
            path = before + getattr(route, "path", "")
            if getattr(route, "methods", None):
                found.setdefault(re.sub(r"\{[^}]*\}", "x", path), set()).update(route.methods)
            inner = getattr(route, "original_router", None) or getattr(route, "app", None)
            walk(getattr(inner, "routes", ()), path)

    walk(App.create_app(page).routes, "")
    return found


def steal(page: Any, address: str, ben: httpx.Client, anna: httpx.Client) -> dict[str, int]:
    """What anna is answered who knows the session of ben's page."""
    at, fn = next((at, fn) for at, fn in page.fns.items() if getattr(fn.fn, "func", None) is poll_flat)
    session, beats = uuid.uuid4().hex, []

    def beat() -> None:
        with ben.stream("GET", f"/gradio_api/heartbeat/{session}", timeout=3) as stream:
            beats.append(stream.status_code)

    threading.Thread(target=beat).start()
    own = post(ben, session, at, inputs_of(fn, ""), "")
    body = {"data": inputs_of(fn, ""), "fn_index": at, "session_hash": session, "trigger_id": None, "event_data": None}
    return {
        "ben's own": int("process_completed" in own),
        "join": anna.post("/gradio_api/queue/join", json=body).status_code,
        "listen": anna.get("/gradio_api/queue/data", params={"session_hash": session}).status_code,
        "heartbeat": anna.get(f"/gradio_api/heartbeat/{session}").status_code,
    }


def main() -> None:
    told: dict[str, Any] = rebind()
    hidden = hide_data()
    recipe = Recipe(name="t", backbone=BACKBONE, stages=(STREET_STAGE,))
    run = create_run(RunSpec(task="camvid", dataset=str(hidden), recipe=recipe))
    save_untrained(run / "checkpoints", ("sky", "road"), dataset=str(hidden))
    open_register(Register(home() / "people.json"))
    page = build_page()
    server, address = open_app(LESSON_LAB_HOST_PASSWORD=PASSWORDS.host, LESSON_LAB_PASSWORD=PASSWORDS.visitors)
    try:
        host, anna, ben = (
            signed_in(address, name, PASSWORDS.host if name == "host" else PASSWORDS.visitors)
            for name in ("host", "anna", "ben")
        )
        told["look-alikes let in"] = [
            name
            for name in LOOK_ALIKES
            for word in (PASSWORDS.visitors, PASSWORDS.host)
            if (word, name.strip()) != (PASSWORDS.host, "host") and is_let_in(address, name, word)
        ]
        told["annas let in"] = [name for name in ANNAS if is_let_in(address, name, PASSWORDS.visitors)]
        told["others let in"] = is_let_in(address, "joanna", PASSWORDS.visitors)
        told["stolen"] = steal(page, address, ben, anna)
        by_path = [str(hidden), f"own/../../../{hidden.parent.name}/{hidden.name}"]
        for person, client in (("anna", anna), ("host", host)):
            by_name = post_all(page, client, [run.name])
            read = post_all(page, client, by_path)
            told[f"{person} asks"] = len(read)
            told[f"{person} is told the place"] = sorted(
                name for name, said in by_name.items() if hidden.parent.name in said
            )
            told[f"{person} reads it"] = sorted(name for name, said in read.items() if CANARY in said)
            told[f"{person} breaks"] = sorted(
                name for name, said in (read | by_name).items() if "Internal Server Error" in said
            )
    finally:
        server.terminate()
        server.wait()
    tell(told)


if __name__ == "__main__":
    main()
