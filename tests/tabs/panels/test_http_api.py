"""The HTTP endpoints' functions: an answer for each kind of task, and a reason where there is none."""

import base64
import inspect
import io
import json
import shutil
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fastapi import Request
from PIL import Image
from programs import told_by
from untrained import BACKBONE, STREET_STAGE, save_untrained
from untrained_text import save as save_text

from engine.library.trash import delete_model
from engine.recipe import Recipe
from engine.runs.store import RunSpec, create_run
from engine.task import Task
from engine.tasks.camvid import CAMVID
from engine.tasks.imdb import CLASSIFIER, IMDB, LANGUAGE_MODEL
from engine.tasks.registry import TASKS
from tabs.panels.http_api import ENDPOINTS, address_of, judges_pictures, judges_texts, models, programs
from tabs.reading import pictures


def encoded(size: tuple[int, int] = (40, 30)) -> str:
    buffer = io.BytesIO()
    Image.new("RGB", size, "teal").save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def made(task: str, backbone: str) -> Path:
    return create_run(
        RunSpec(task=task, dataset="drawn", recipe=Recipe(name="t", backbone=backbone, stages=(STREET_STAGE,)))
    )


@pytest.fixture
def street_run(lab_home: Path) -> str:
    run = made("camvid", BACKBONE)
    save_untrained(run / "checkpoints", ("sky", "road"))
    return run.name


def test_a_picture_s_answer_is_json_with_its_mask(street_run: str) -> None:
    predict = judges_pictures(CAMVID)
    for given in (encoded(), f"data:image/png;base64,{encoded()}"):
        told = json.loads(json.dumps(predict(given)))
        assert told["model"] == street_run and (told["height"], told["width"]) == (30, 40)
        assert Image.open(io.BytesIO(base64.b64decode(told["png"]))).size == (40, 30)
    assert predict(encoded(), street_run)["shares"] == told["shares"]


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        ("", "There is no picture in this call. Encode the bytes"),
        (None, "There is no picture in this call. Encode the bytes"),
        (5, "The picture came as a number. Encode the bytes"),
        (True, "The picture came as true or false. Encode the bytes"),
        (["a"], "The picture came as a list. Encode the bytes"),
        ({"path": "/etc/passwd"}, "The picture came as an object. Encode the bytes"),
        ("###", "The picture is not valid base64. Encode the bytes"),
        ("aGVsbG8=", "is not a picture that can be read. Use JPEG"),
        ("/etc/passwd", "The picture is not valid base64. Encode the bytes"),
        ("ü", "The picture is not valid base64. Encode the bytes"),
    ],
)
def test_what_is_no_picture_is_told(street_run: str, picture: Any, message: str) -> None:
    told = judges_pictures(CAMVID)(picture)
    assert set(told) == {"error"} and message in told["error"]


def test_too_large_a_picture_is_not_even_decoded(street_run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOST_BYTES", 30)
    assert "Send a smaller one" in judges_pictures(CAMVID)(encoded())["error"]


def test_no_model_an_unknown_one_and_another_task_s(street_run: str, reviews: Path, tiny_bert: Path) -> None:
    assert "There is no model for IMDB here yet" in judges_texts(IMDB)("Good!")["error"]
    assert "There is no model 'gone'" in judges_pictures(CAMVID)(encoded(), "gone")["error"]
    assert (
        "is a model for camvid, not for imdb. Send a model's name" in judges_texts(IMDB)("Good!", street_run)["error"]
    )
    assert "There is no model" in judges_pictures(CAMVID)(encoded(), "/etc")["error"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "There is no text in this call. Send what is to be judged"),
        ("", "There is no text in this call. Send what is to be judged"),
        (3, "The text came as a number. Send what is to be judged"),
        (["a"], "The text came as a list. Send what is to be judged"),
        ("a " * 200_000, "The text has more than 200,000 characters. Take a part of it"),
        ("\n\n", "There is no text yet. Write a sentence"),
    ],
)
def test_what_is_no_text_is_told(lab_home: Path, reviews: Path, tiny_bert: Path, text: Any, message: str) -> None:
    run = made("imdb", str(tiny_bert))
    save_text(run / "checkpoints", str(tiny_bert), CLASSIFIER, IMDB.build_objective().open_data(reviews))
    told = judges_texts(IMDB)(text)
    assert set(told) == {"error"} and message in told["error"]


@pytest.mark.parametrize("model", [None, ""])
def test_a_model_that_is_left_out_is_the_page_s_first_choice(street_run: str, model: Any) -> None:
    assert judges_pictures(CAMVID)(encoded(), model)["model"] == street_run


@pytest.mark.parametrize(
    ("model", "came"), [(5, "a number"), (["a"], "a list"), ({}, "an object"), (False, "true or false")]
)
def test_a_model_that_is_no_name_is_told(street_run: str, model: Any, came: str) -> None:
    told = judges_pictures(CAMVID)(encoded(), model)["error"]
    assert told.startswith(f"The model came as {came}. ") and "/models lists the names" in told


@pytest.mark.parametrize(("aim", "key"), [(CLASSIFIER, "probabilities"), (LANGUAGE_MODEL, "next")])
def test_a_text_s_answer(lab_home: Path, reviews: Path, tiny_bert: Path, aim: str, key: str) -> None:
    run = made("imdb", str(tiny_bert))
    save_text(run / "checkpoints", str(tiny_bert), aim, IMDB.build_objective().open_data(reviews))
    told = judges_texts(IMDB)("this film is good", run.name)
    assert told["model"] == run.name and key in told
    assert "Write a sentence" in judges_texts(IMDB)(" ", run.name)["error"]
    (listed,) = models()
    assert listed["name"] == run.name and listed["objective"] == aim


def test_without_a_name_a_model_answers_that_does_what_the_task_is_about(
    lab_home: Path, reviews: Path, tiny_bert: Path
) -> None:
    runs = {}
    for aim in (CLASSIFIER, LANGUAGE_MODEL):  # the newest comes last
        runs[aim] = made("imdb", str(tiny_bert))
        save_text(runs[aim] / "checkpoints", str(tiny_bert), aim, IMDB.build_objective().open_data(reviews))
    assert judges_texts(IMDB)("this film is good")["model"] == runs[CLASSIFIER].name
    delete_model(runs[CLASSIFIER].name)
    assert "Train one first, or name another" in judges_texts(IMDB)("this film is good")["error"]


@pytest.mark.parametrize(
    ("scope", "address"),
    [
        ({}, "http://127.0.0.1:7951"),
        ({"headers": [(b"host", b"lab.local:8080")]}, "http://lab.local:8080"),
        (
            {"headers": [(b"x-forwarded-host", b"me-lab.hf.space"), (b"x-forwarded-proto", b"https")]},
            "https://me-lab.hf.space",
        ),
        ({"root_path": "/lab"}, "http://127.0.0.1:7951/lab"),
        ({"root_path": "/lab", "headers": [(b"x-forwarded-host", b"a.org")]}, "http://a.org/lab"),
    ],
)
def test_the_page_s_address_is_that_which_its_visitor_knows(scope: dict[str, Any], address: str) -> None:
    asked = {"type": "http", "scheme": "http", "server": ("127.0.0.1", 7951), "headers": [], "query_string": b""}
    request = Request({**asked, "path": "/gradio_api/queue/join", **scope})
    assert address_of(gr.Request(request)) == address


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_the_programs_name_the_page_and_the_task(task: Task) -> None:
    shown = programs(task, "https://class.example")
    assert all("https://class.example" in program for program in shown)
    assert all(task.name in program for program in shown[:-1])
    compile(shown[1], "program", "exec")
    assert json.loads(shown[-1])["mcpServers"]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_an_endpoint_s_parameter_is_called_as_its_kind_of_input(task: Task) -> None:
    predict = ENDPOINTS[task.input_kind.name](task)
    assert list(inspect.signature(predict).parameters) == [task.input_kind.name, "model"]
    assert predict.__doc__ and f"{task.input_kind.name}: {task.input_kind.http.given}" in predict.__doc__


# What is said of each call that `ask_the_page` makes.
CALLS = {
    "whole": "sample-camvid",
    "model left out": "sample-camvid",
    "model null": "sample-camvid",
    "by name, model left out": "sample-camvid",
    "unknown model": "There is no model 'nope' here. Send a model's name",
    "model of another task": "sample-imdb is a model for imdb, not for camvid. Send a model's name",
    "model a number": "The model came as a number. Send a model's name",
    "nothing": "There is no picture in this call. Encode the bytes",
    "picture null": "There is no picture in this call. Encode the bytes",
    "by name, nothing": "There is no picture in this call. Encode the bytes",
    "by name, a wrong name": "There is no picture in this call. Encode the bytes",
    "picture a number": "The picture came as a number. Encode the bytes",
    "picture a list": "The picture came as a list. Encode the bytes",
    "picture a file of the server": "The picture came as an object. Encode the bytes",
    "not base64": "The picture is not valid base64. Encode the bytes",
    "unreadable picture": "picture is not a picture that can be read. Use JPEG",
    "too large a picture": "The picture has more than 20 MB. Send a smaller one",
    "text, model left out": "sample-imdb",
    "text, by name": "sample-imdb",
    "text, nothing": "There is no text in this call. Send what is to be judged",
    "text a number": "The text came as a number. Send what is to be judged",
    "text an object": "The text came as an object. Send what is to be judged",
    "too long a text": "The text has more than 200,000 characters. Take a part",
}


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="needs bash and curl")
def test_the_programs_run_as_they_are_shown_and_assistants_find_the_models_and_nothing_else(lab_home: Path) -> None:
    told = told_by("ask_the_page", home=lab_home)
    for name, answered in told["calls"].items():
        status, event, content = answered
        assert (status, event) == (200, "complete"), f"{name}: {answered}"
        expected = CALLS[name]
        assert (content.get("model") or content["error"]).startswith(expected), name
    assert told["calls"].keys() == CALLS.keys()
    for name in ("curl", "Python"):
        assert "'model': 'sample-camvid'" in told["picture"][name].replace('"', "'"), name
        assert "'class': 'pos'" in told["text"][name].replace('"', "'"), name
    correct = ["given", "model", "right", "task"]
    of_pictures = ("planet", "camvid", "heads", "weather", "turns")
    tasks = {**dict.fromkeys(of_pictures, "picture"), "imdb": "text"}
    assert told["tools"] == {
        **{task: ["model", given] for task, given in tasks.items()},
        "models": [],
        "correct": correct,
    }
    assert "'class': 'pos'" in told["said"] and "Unknown tool" in told["hidden"]
