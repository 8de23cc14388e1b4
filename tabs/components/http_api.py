"""The task's models over HTTP: one endpoint a task, and on the page what to write to call it."""

import base64
import binascii
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import api
from gradio.route_utils import get_api_call_path, get_root_url

from engine.errors import DataError, EngineError
from engine.hub.library import list_models
from engine.task import Task
from tabs.components.heavy import load_engine
from tabs.components.models import models_of, predictor_of
from tabs.components.paths import without_paths
from tabs.components.wiring import POLL, PREDICT

MOST_BYTES = 20_000_000  # of a picture
MODELS = "models"
CURL, PYTHON, JAVASCRIPT, MCP = "curl", "Python", "JavaScript", "MCP"
NOT_BAD = "Not bad at all!"
# By a pipe: an argument has no room for a picture.
SENT_PICTURE = r"""{ printf '{"data": ["'; base64 < picture.jpg; printf '", ""]}'; } | tr -d '\n'"""
SENT_TEXT = f"""echo '{{"data": ["{NOT_BAD}", ""]}}'"""


def decoded(picture: str) -> bytes:
    """The bytes of a picture that came as base64, with or without `data:image/…;base64,` in front."""
    packed = picture.rpartition(",")[2]
    if len(packed) > MOST_BYTES * 4 / 3:
        raise DataError(f"The picture has more than {MOST_BYTES // 1_000_000} MB. Send a smaller one.")
    try:
        return base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        raise DataError("The picture is no base64. Send the file's bytes, encoded so, as a string.") from None


def answer(task: Task, source: Any, model: str) -> dict[str, Any]:
    """What a model makes of an input, ready for JSON; under "error" why there is no answer."""
    try:
        name = model or first_choice(task)
        predictor = predictor_of(name)
        if predictor.config.task != task.name:
            raise DataError(f"{name} is a model for {predictor.config.task}, not for {task.name}.")
        prediction = predictor.predict(source)
        with tempfile.TemporaryDirectory() as scratch:
            file = prediction.save(Path(scratch) / "answer")
            picture = {"png": base64.b64encode(file.read_bytes()).decode()} if file.suffix == ".png" else {}
        return {"model": name, **prediction.summary(), **picture}
    except EngineError as error:
        return {"error": without_paths(error)}


def first_choice(task: Task) -> str:
    """The name of the first model that the page would list, of those that do what the task is about."""
    for model in models_of(task):
        if model.config.objective == task.aims[0].name:
            return model.name
    raise DataError(f"There is no model for {task.title} here yet. Train one first, or name another.")


def described(predict: Callable[..., dict[str, Any]], task: Task, given: str) -> Callable[..., dict[str, Any]]:
    """The endpoint with the name and the words by which programs and assistants know it."""
    predict.__name__ = task.name
    predict.__doc__ = (
        f"{task.question}\n\nArgs:\n    {given}\n    model: A model's name; without one, the page's first choice."
    )
    return predict


def judges_pictures(task: Task) -> Callable[..., dict[str, Any]]:
    """The endpoint of a task whose inputs are pictures."""

    def predict(picture: str, model: str = "") -> dict[str, Any]:
        load_engine()
        try:
            content = decoded(picture)
        except DataError as error:
            return {"error": without_paths(error)}
        # By a file, so that it is opened with the checks of every other file.
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "picture"
            file.write_bytes(content)
            return answer(task, file, model)

    return described(predict, task, "picture: The file's bytes as base64.")


def judges_texts(task: Task) -> Callable[..., dict[str, Any]]:
    """The endpoint of a task whose inputs are texts."""

    def predict(text: str, model: str = "") -> dict[str, Any]:
        load_engine()
        return answer(task, text, model)

    return described(predict, task, "text: What to judge.")


ENDPOINTS = {"picture": judges_pictures, "text": judges_texts}


def models() -> list[dict[str, Any]]:
    """The models in reach: names, tasks, figures on validation, bytes."""
    return [
        {
            "name": model.name,
            "task": model.config.task,
            "objective": model.config.objective,
            "classes": list(model.config.plan.classes),
            "metrics": model.config.metrics,
            "bytes": model.size,
        }
        for model in list_models()
    ]


def build_models_api() -> None:
    """The endpoint that lists the models."""
    api(models, api_name=MODELS, concurrency_limit=None)


def build_http_api(task: Task, endpoint: Callable[..., dict[str, Any]], parameter: str, tab: gr.Tab) -> None:
    """A task's endpoint, and under a heading the programs that call it; `parameter` is what its input is called."""
    limits = {"concurrency_limit": PREDICT["concurrency_limit"], "concurrency_id": PREDICT["concurrency_id"]}
    api(endpoint, api_name=task.name, **limits)
    with gr.Accordion("Use it from a program", open=False, elem_classes="lab-code"):
        gr.HTML(
            '<p class="lab-small">The same answers as JSON over HTTP. A page with passwords wants a sign-in first: '
            '<code>auth=("name", "password")</code> in Python, <code>-c jar -d username=… -d password=… URL/login</code>, then '
            "<code>-b jar</code> in curl. Assistants that know the Model Context Protocol can ask a page that was started with "
            "<code>--mcp</code>, which has no passwords.</p>"
        )
        with gr.Tabs():
            codes = []
            for name in (CURL, PYTHON, JAVASCRIPT, MCP):
                with gr.Tab(name):
                    codes.append(gr.Code(language=_highlighting(name), interactive=False, show_label=False))

    def show(request: gr.Request) -> tuple[str, ...]:
        return programs(task.name, parameter, address_of(request))

    tab.select(show, None, codes, **POLL)


def address_of(request: gr.Request) -> str:
    """Where whoever asks reaches the page, through a proxy or not, without a slash at its end."""
    asked = request.request
    assert asked is not None
    return get_root_url(asked, get_api_call_path(asked), asked.scope.get("root_path"))


def programs(task: str, parameter: str, address: str) -> tuple[str, str, str, str]:
    """Programs in three languages that ask the page at `address`, and what an assistant's settings need to."""
    is_picture = parameter == "picture"
    url = f"{address}/gradio_api/call/{task}"
    curl = (
        f"EVENT=$({SENT_PICTURE if is_picture else SENT_TEXT} |\n"
        f"  curl -s {url} -H 'Content-Type: application/json' -d @- | cut -d'\"' -f4)\n"
        f"curl -sN {url}/$EVENT"
    )
    read = 'base64.b64encode(open("picture.jpg", "rb").read()).decode()' if is_picture else f'"{NOT_BAD}"'
    python = (
        ("import base64\n" if is_picture else "")
        + f'from gradio_client import Client\n\nclient = Client("{address}")\n'
        + f'print(client.predict({read}, "", api_name="/{task}"))\nprint(client.predict(api_name="/{MODELS}"))'
    )
    taken = (
        "const bytes = new Uint8Array(await file.arrayBuffer());  // a File from an <input>\n"
        'const input = btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(""));\n'
        if is_picture
        else f'const input = "{NOT_BAD}";\n'
    )
    javascript = (
        f'{taken}const url = "{url}";\n'
        'const asked = await fetch(url, {method: "POST", headers: {"Content-Type": "application/json"},\n'
        '  body: JSON.stringify({data: [input, ""]})});\n'
        "const {event_id} = await asked.json();\n"
        "const told = await (await fetch(`${url}/${event_id}`)).text();\n"
        'const [answer] = JSON.parse(told.split("data: ").pop());\nconsole.log(answer);'
    )
    server = {"mcpServers": {"lesson-3-lab": {"url": f"{address}/gradio_api/mcp/"}}}
    return curl, python, javascript, json.dumps(server, indent=2)


def _highlighting(language: str) -> Any:
    return {CURL: "shell", PYTHON: "python", JAVASCRIPT: "javascript", MCP: "json"}[language]
