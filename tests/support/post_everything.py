"""Open the shared page and post to each of its endpoints, as a visitor, as nobody and as the host; print what that did, as JSON.

A program of its own: a server inside a test leaves sockets behind that the next test is blamed for.
"""

import os
import sys
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gradio as gr
import httpx
from programs import tell
from untrained import BACKBONE, STREET_STAGE, save_untrained

from engine.data.sources import fetching as sources
from engine.errors import EngineError
from engine.host.access import identify_by
from engine.host.home import home
from engine.hub import publish, remote
from engine.library import trash
from engine.recipe import Recipe
from engine.runs import queue
from engine.runs.store import RunSpec, create_run
from tabs.door.people import Passwords, SignIn
from tabs.door.register import Register, open_register
from tabs.page import build_page

CLICKED = "row_clicked"  # chooses a model
PASSWORDS = Passwords(host="the host's own", visitors="the class's own")


def watch(seen: set[str]) -> None:
    """Note what is done that is the host's alone, each at its last step, and let it fail there."""

    def note(what: str) -> Callable[..., Any]:
        def noted(*args: Any, **kwargs: Any) -> Any:
            seen.add(what)
            raise EngineError(f"not in this test: {what}")

        return noted

    make = sources._make

    def fetches(source: sources.Source, *rest: Any) -> None:
        return make(source, *rest) if source.is_drawn else note("fetch")()

    watched = [(trash, "_move", "move"), (publish, "build_api", "publish")]
    watched += [(remote, "build_api", "load"), (queue, "request_stop", "stop")]
    sources._make = fetches
    for module, name, what in watched:
        setattr(module, name, note(what))
    queue.is_under_way = lambda run_dir: True


def open_page(door: SignIn) -> gr.Blocks:
    page = build_page()
    page.queue(default_concurrency_limit=8, api_open=False)
    page.launch(
        server_name="127.0.0.1",
        auth=door.check,  # type: ignore[arg-type]
        prevent_thread_lock=True,
        quiet=True,
        ssr_mode=False,
        run_history=False,
    )
    return page


def sign_in(page: gr.Blocks, name: str, password: str) -> httpx.Client:
    client = httpx.Client(base_url=page.local_url, timeout=120)
    client.post("/login", data={"username": name, "password": password}).raise_for_status()
    return client


def post(client: httpx.Client, session: str, fn_index: int, data: list[Any], choice: str) -> str:
    """Post to an endpoint as the page does, whatever it is called, as if `choice` had been clicked; what came back."""
    event = {"choice": choice, "index": 0, "value": choice}
    body = {"data": data, "fn_index": fn_index, "session_hash": session, "trigger_id": None, "event_data": event}
    joined = client.post("/gradio_api/queue/join", json=body)
    if joined.status_code != 200:
        return joined.text
    told = []
    with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
        for line in stream.iter_lines():
            told.append(line)
            if "process_completed" in line or "close_stream" in line:
                break
    return "\n".join(told)


def inputs_of(fn: Any, value: str) -> list[Any]:
    """What to post: `value` for whatever holds a text, each component's own value for the rest; and no token."""

    def filled(component: Any) -> Any:
        own = getattr(component, "value", None)
        if isinstance(component, gr.Textbox) and component.type == "password":
            return ""
        takes_any = isinstance(component, gr.Textbox | gr.State | gr.HTML) or getattr(
            component, "allow_custom_value", False
        )
        return value if takes_any and not isinstance(own, list | dict) else own

    return [filled(component) for component in fn.inputs]


def wait_for_jobs(deadline: float = 30.0) -> None:
    end = time.monotonic() + deadline
    while any(thread.name.startswith(("fetch-", "load-", "publish-")) for thread in threading.enumerate()):
        assert time.monotonic() < end
        time.sleep(0.05)


def make_run() -> str:
    recipe = Recipe(name="t", backbone=BACKBONE, stages=(STREET_STAGE,))
    made = create_run(RunSpec(task="camvid", dataset="drawn-streets", recipe=recipe))
    save_untrained(made / "checkpoints", ("sky", "road"))
    return made.name


def post_all(page: gr.Blocks, client: httpx.Client, values: list[str], names: set[str] | None = None) -> dict[str, str]:
    """Each endpoint's answers in one, by its function's name; each value has a session, as states belong to one."""

    def sets_state(fn: Any) -> bool:
        return any(isinstance(component, gr.State) for component in fn.outputs)

    # What is clicked is first, so that whatever acts on it finds it.
    found = [(index, fn) for index, fn in page.fns.items() if fn.fn is not None]
    chosen = [
        (index, fn)
        for index, fn in sorted(found, key=lambda pair: (pair[1].name != CLICKED, not sets_state(pair[1])))
        if names is None or fn.name in names or fn.name == CLICKED
    ]

    def in_one_session(value: str) -> list[tuple[str, str]]:
        session = uuid.uuid4().hex
        return [(str(fn.name), post(client, session, index, inputs_of(fn, value), value)) for index, fn in chosen]

    answers: dict[str, str] = {}
    with ThreadPoolExecutor(len(values)) as pool:
        for told in pool.map(in_one_session, values):
            for name, answer in told:
                answers[name] = answers.get(name, "") + answer
    wait_for_jobs()
    return answers


def main(hosts: set[str]) -> None:
    if hasattr(
        os, "sched_setaffinity"
    ):  # server and client share one interpreter: on two cores they only wait for its lock
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    run, done = make_run(), set[str]()
    register = Register(home() / "people.json")
    door = SignIn(PASSWORDS, register)
    open_register(register)
    identify_by(door.who)
    watch(done)
    page, values = open_page(door), [run, "camvid_tiny"]
    more = [*values, "me/streets"]  # what the known ones need to get as far as they can
    told: dict[str, Any] = {"endpoints": len(page.fns)}
    visitor = sign_in(page, "anna", PASSWORDS.visitors)
    answers = post_all(page, visitor, values)
    for name, answer in post_all(page, visitor, more, hosts).items():
        answers[name] = answers.get(name, "") + answer
    told["by a visitor"] = sorted(done)
    told["refused"] = sorted(
        name
        for name, answer in answers.items()
        if name in hosts and ("Only the host of this page may" in answer or "somebody else" in answer)
    )
    answers = post_all(page, httpx.Client(base_url=page.local_url, timeout=60), more, hosts)
    told["by nobody"] = sorted(done)
    told["to nobody"] = sorted(name for name, answer in answers.items() if "Not authenticated" not in answer)
    try:
        sign_in(page, "host", PASSWORDS.visitors)
        told["wrong password"] = "let in"
    except httpx.HTTPStatusError as refusal:
        told["wrong password"] = refusal.response.status_code
    post_all(page, sign_in(page, "host", PASSWORDS.host), more, hosts)
    told["by the host"] = sorted(done)
    tell(told)


if __name__ == "__main__":
    main(set(sys.argv[1:]))
