"""The task's models over HTTP: one endpoint a task, and on the page what to write to call it."""

import base64
import json
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.events import api
from gradio.route_utils import get_api_call_path, get_root_url

from engine.errors import DataError, EngineError
from engine.inputs import PICTURE, TEXT
from engine.library.listing import list_models
from engine.task import Task
from tabs.door.paths import without_paths
from tabs.reading.heavy import load_engine
from tabs.reading.models import models_of, predictor_of
from tabs.reading.pictures import SEND_PICTURE, read_packed, size_note
from tabs.wiring import POLL, PREDICT

if TYPE_CHECKING:
    from engine.serving.predictor import Predictor

MODELS = "models"
JSON_TYPES = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}
SEND_TEXT = "Send what is to be judged as a string."
NAME_MODEL = f"Send a model's name as a string, or leave it out for the page's first choice; /{MODELS} lists the names."
CURL, PYTHON, JAVASCRIPT, MCP = "curl", "Python", "JavaScript", "MCP"


def given(value: Any, name: str, advice: str) -> str:
    """A parameter's value as the text that it has to be; `DataError`, with the `advice`, for nothing and for anything else."""
    if value is None or value == "":
        raise DataError(f"There is no {name} in this call. {advice}")
    if not isinstance(value, str):
        raise DataError(f"The {name} came as {JSON_TYPES.get(type(value), 'something else')}. {advice}")
    return value


def answer(task: Task, model: Any, read: "Callable[[Predictor], tuple[Any, str]]") -> dict[str, Any]:
    """What a model makes of an input, ready for JSON; under "error" why there is no answer.

    `read` gives the input as the model takes it, and what has to be said of it, which stands under "note".
    """
    try:
        name = chosen_model(task, model)
        predictor = predictor_of(name)
        source, remark = read(predictor)
        prediction = predictor.predict(source)
        with tempfile.TemporaryDirectory() as scratch:
            file = prediction.save(Path(scratch) / "answer")
            picture = {"png": base64.b64encode(file.read_bytes()).decode()} if file.suffix == ".png" else {}
        return {"model": name, **prediction.summary(), **picture, **({"note": remark} if remark else {})}
    except EngineError as error:
        return {"error": without_paths(error)}


def chosen_model(task: Task, model: Any) -> str:
    """The name of the model that a call asks for, or of the page's first choice; `DataError` for one that does not answer it."""
    if model is None or model == "":
        return first_choice(task)
    name = given(model, "model", NAME_MODEL)
    known = next((known for known in list_models() if known.name == name), None)
    if known is None:
        raise DataError(f"There is no model {name[:100]!r} here. {NAME_MODEL}")
    if known.config.task != task.name:
        raise DataError(f"{name} is a model for {known.config.task}, not for {task.name}. {NAME_MODEL}")
    return name


def first_choice(task: Task) -> str:
    """The name of the first model that the page would list, of those that do what the task is about."""
    for model in models_of(task):
        if task.is_answered_by(model.config.objective):
            return model.name
    raise DataError(f"There is no model for {task.title} here yet. Train one first, or name another.")


def described(predict: Callable[..., dict[str, Any]], task: Task) -> Callable[..., dict[str, Any]]:
    """The endpoint with the name and the words by which programs and assistants know it."""
    parameter = f"{task.input_kind.name}: {task.input_kind.http.given}"
    predict.__name__ = task.name
    predict.__doc__ = (
        f"{task.question}\n\nArgs:\n    {parameter}\n    model: A model's name; without one, the page's first choice."
    )
    return predict


def judges_pictures(task: Task) -> Callable[..., dict[str, Any]]:
    """The endpoint of a task whose inputs are pictures."""

    def predict(picture: str, model: str = "") -> dict[str, Any]:
        load_engine()

        def read(predictor: "Predictor") -> tuple[Any, str]:
            found = read_packed(predictor, given(picture, "picture", SEND_PICTURE))
            return found.bands, size_note(found)

        return answer(task, model, read)

    return described(predict, task)


def judges_texts(task: Task) -> Callable[..., dict[str, Any]]:
    """The endpoint of a task whose inputs are texts."""

    def predict(text: str, model: str = "") -> dict[str, Any]:
        load_engine()
        return answer(task, model, lambda _: (given(text, "text", SEND_TEXT), ""))

    return described(predict, task)


# The names of a function's parameters are those of the endpoint's.
ENDPOINTS = {PICTURE.name: judges_pictures, TEXT.name: judges_texts}


def parameters_of(tasks: Iterable[Task]) -> dict[str, tuple[str, ...]]:
    """What each endpoint is given, in order."""
    return {MODELS: (), **{task.name: (task.input_kind.name, "model") for task in tasks}}


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


def build_http_api(task: Task, tab: gr.Tab) -> None:
    """A task's endpoint, and under a heading the programs that call it."""
    limits = {"concurrency_limit": PREDICT["concurrency_limit"], "concurrency_id": PREDICT["concurrency_id"]}
    api(ENDPOINTS[task.input_kind.name](task), api_name=task.name, **limits)
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
        return programs(task, address_of(request))

    tab.select(show, None, codes, **POLL)


def address_of(request: gr.Request) -> str:
    """Where whoever asks reaches the page, through a proxy or not, without a slash at its end."""
    asked = request.request
    assert asked is not None
    return get_root_url(asked, get_api_call_path(asked), asked.scope.get("root_path"))


def programs(task: Task, address: str) -> tuple[str, str, str, str]:
    """Programs in three languages that ask the page at `address`, and what an assistant's settings need to."""
    sent, url = task.input_kind.http, f"{address}/gradio_api/call/{task.name}"
    curl = (
        f"EVENT=$({sent.curl} |\n  curl -s {url} -H 'Content-Type: application/json' -d @- | cut -d'\"' -f4)\ncurl -sN "
        f"{url}/$EVENT"
    )
    python = (
        f'{sent.imports}from gradio_client import Client\n\nclient = Client("{address}")\n'
        f'print(client.predict({sent.python}, "", api_name="/{task.name}"))\n'
        f'print(client.predict(api_name="/{MODELS}"))'
    )
    javascript = (
        f'{sent.javascript}const url = "{url}";\n'
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
