"""Open the page as on a Space, and be there as nobody, as a student and as the Space's owner; print what each could do, as JSON.

The Hub is one of our own on loopback; signing in there, and what Gradio makes of it, is real. A program of its own, as Gradio
reads the Space's settings when it is imported.
"""

import os
import time
import uuid
from typing import Any
from urllib.parse import urlsplit

import httpx
from hub_server import CLIENT, LIMITED, Hub, serving
from programs import tell


def sign_in(address: str) -> httpx.Client:
    """Whoever sits at the browser signs in; the browser is on https, as its cookies must be, and the server is not."""
    client = httpx.Client(base_url=address, timeout=60)
    url, cookie = "/login/huggingface", ""
    while url:
        own = urlsplit(url).netloc in ("", urlsplit(address).netloc)
        answer = client.get(url, headers={"Cookie": cookie} if own and cookie else {})
        cookie = answer.headers.get("set-cookie", cookie).partition(";")[0]
        url = answer.headers.get("location", "") if answer.is_redirect and answer.headers["location"] != "/?" else ""
    client.headers["Cookie"] = cookie
    return client


def main() -> None:
    with serving() as hub:
        os.environ |= {
            **CLIENT,
            "OPENID_PROVIDER_URL": hub.address,
            "SPACE_ID": "teacher/lab",
            "SYSTEM": "spaces",
            "HF_ENDPOINT": hub.address,
            "HF_HUB_OFFLINE": "0",
            "HF_TOKEN": "hf_TheSpacesOwn",
        }
        hub.accounts["hf_TheSpacesOwn"] = "teacher"
        tell(act(hub))


def act(hub: Hub) -> dict[str, Any]:
    from huggingface_hub.utils import _http
    from post_everything import CLICKED, inputs_of, make_run, post
    from untrained import contents

    import app
    from engine.hub.jobs import JOBS
    from engine.library.export import export_bundle
    from engine.library.trash import list_deleted
    from tabs.page import build_page

    _http.time.sleep = lambda seconds: None  # between tries
    app.set_door(app.read_settings([]), None)
    first, second = make_run(), make_run()
    bundle = export_bundle(app.home() / "runs" / first, app.home() / "bundle")
    for name, private in (("ben/open", False), ("ben/closed", True), ("student/theirs", True)):
        hub.create(name, private=private, files=contents(bundle))
    page = build_page()
    page.queue(api_open=False)
    page.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, ssr_mode=False, run_history=False)
    functions = {fn.name: (index, fn) for index, fn in page.fns.items() if fn.fn is not None}

    def click(client: httpx.Client, handler: str, value: str, *, model: str = first, session: str = "") -> str:
        session = session or uuid.uuid4().hex
        for index, fn in page.fns.items():
            if fn.name == CLICKED and fn.fn is not None:
                post(client, session, index, inputs_of(fn, model), model)
        index, fn = functions[handler]
        return post(client, session, index, inputs_of(fn, value), value)

    def ended(kind: str) -> str:
        """How the newest job of a kind ended."""
        key = [known for known, job in JOBS._states.items() if job.kind == kind][-1]
        end = time.monotonic() + 60
        while (state := JOBS.state(key)) is None or state.status == "running":
            assert time.monotonic() < end
            time.sleep(0.1)
        return state.message or state.result

    nobody = httpx.Client(base_url=page.local_url, timeout=60)
    student = sign_in(page.local_url)
    hub.signs_in = "teacher"
    teacher = sign_in(page.local_url)
    told: dict[str, Any] = {"nobody publishes": click(nobody, "start_publishing", "mine")}
    answer = click(student, "start_publishing", "mine")
    told["student publishes"] = ended("publish")
    told["who made it"] = sorted(name for name, made in hub.repositories.items() if made.made_with)
    click(student, "start_publishing", "student/theirs")
    told["student publishes to what the page did not make"] = ended("publish")
    click(nobody, "start_loading", "ben/open")
    told["nobody loads"] = ended("load")
    click(nobody, "start_loading", "ben/closed")
    told["nobody loads what is private"] = ended("load")
    click(student, "start_loading", "student/theirs")
    told["student loads their private one"] = ended("load")
    told["student deletes"] = click(student, "delete", first)
    told["one who poses as the owner deletes"] = click(nobody, "delete", first, session="account teacher")
    told["deleted before"] = [model.name for model in list_deleted()]
    click(teacher, "delete", second, model=second)
    told["deleted by the owner"] = [model.name for model in list_deleted()] == [second]
    written = [path for path in app.home().rglob("*") if path.is_file() and LIMITED.encode() in path.read_bytes()]
    told["token is in"] = [path.name for path in written] + [name for name in ("answer",) if LIMITED in answer]
    page.close()
    return told


if __name__ == "__main__":
    main()
