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

from engine.errors import DataError, EngineError
from engine.hub.library import list_models
from engine.task import Task
from tabs.components.heavy import load_engine
from tabs.components.models import models_of, predictor_of
from tabs.components.wiring import POLL, PREDICT

MOST_BYTES = 20_000_000  # of a picture
MODELS = "models"
CURL, PYTHON, JAVASCRIPT, MCP = "curl", "Python", "JavaScript", "MCP"
ORIGIN = "() => window.location.origin"


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
        name = model or next(iter(models_of(task)), "")
        if not name:
            raise DataError(f"There is no model for {task.title} here yet. Train one first.")
        predictor = predictor_of(name)
        if predictor.config.task != task.name:
            raise DataError(f"{name} is a model for {predictor.config.task}, not for {task.name}.")
        prediction = predictor.predict(source)
        with tempfile.TemporaryDirectory() as scratch:
            file = prediction.save(Path(scratch) / "answer")
            picture = {"png": base64.b64encode(file.read_bytes()).decode()} if file.suffix == ".png" else {}
        return {"model": name, **prediction.summary(), **picture}
    except EngineError as error:
        return {"error": str(error)}


def described(predict: Callable[..., dict[str, Any]], task: Task, given: str) -> Callable[..., dict[str, Any]]:
    """The endpoint with the name and the words by which programs and assistants know it."""
    predict.__name__ = task.name
    predict.__doc__ = (
        f"{task.question}\n\nArgs:\n    {given}\n    model: A model's name; without one, the newest of the task."
    )
    return predict


def judges_pictures(task: Task) -> Callable[..., dict[str, Any]]:
    """The endpoint of a task whose inputs are pictures."""

    def predict(picture: str, model: str = "") -> dict[str, Any]:
        load_engine()
        try:
            content = decoded(picture)
        except DataError as error:
            return {"error": str(error)}
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
    origin = gr.State("")
    tab.select(lambda found: programs(task.name, parameter, found), origin, codes, js=ORIGIN, **POLL)


def programs(task: str, parameter: str, origin: str) -> tuple[str, str, str, str]:
    """Programs in three languages that ask the page at `origin`, and what an assistant's settings need to."""
    is_picture = parameter == "picture"
    shell = "$(base64 -w0 picture.jpg)" if is_picture else "Not bad at all!"
    curl = (
        f'EVENT=$(curl -s {origin}/gradio_api/call/{task} -H "Content-Type: application/json" \\\n'
        f'  -d "{{\\"data\\": [\\"{shell}\\", \\"\\"]}}" | cut -d\'"\' -f4)\n'
        f"curl -sN {origin}/gradio_api/call/{task}/$EVENT"
    )
    given = 'base64.b64encode(open("picture.jpg", "rb").read()).decode()' if is_picture else '"Not bad at all!"'
    python = (
        ("import base64\n" if is_picture else "")
        + f'from gradio_client import Client\n\nclient = Client("{origin}")\n'
        + f'print(client.predict({given}, "", api_name="/{task}"))\nprint(client.predict(api_name="/{MODELS}"))'
    )
    taken = (
        "const bytes = new Uint8Array(await file.arrayBuffer());  // a File from an <input>\n"
        'const input = btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(""));\n'
        if is_picture
        else 'const input = "Not bad at all!";\n'
    )
    javascript = (
        f'{taken}const url = "{origin}/gradio_api/call/{task}";\n'
        'const asked = await fetch(url, {method: "POST", headers: {"Content-Type": "application/json"},\n'
        '  body: JSON.stringify({data: [input, ""]})});\n'
        "const {event_id} = await asked.json();\n"
        "const told = await (await fetch(`${url}/${event_id}`)).text();\n"
        'const [answer] = JSON.parse(told.split("data: ").pop());\nconsole.log(answer);'
    )
    server = {"mcpServers": {"lesson-3-lab": {"url": f"{origin}/gradio_api/mcp/"}}}
    return curl, python, javascript, json.dumps(server, indent=2)


def _highlighting(language: str) -> Any:
    return {CURL: "shell", PYTHON: "python", JAVASCRIPT: "javascript", MCP: "json"}[language]
