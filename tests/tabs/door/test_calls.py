"""Calls over HTTP that leave something out, as they reach the endpoint."""

import asyncio
import json
from typing import Any

import pytest

from engine.tasks.registry import TASKS
from tabs.door.calls import MOST_BYTES, complete_calls, completed
from tabs.panels.http_api import parameters_of

NAMES = ("picture", "model")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["p", "m"], ["p", "m"]),
        (["p"], ["p", None]),
        ([], [None, None]),
        (["p", "m", "more"], ["p", "m", "more"]),
        ([{"path": "/etc/passwd"}], [{}, None]),
        ([[{"path": "/etc/passwd"}], 5], [[], 5]),
    ],
)
def test_what_is_left_out_of_a_list_of_values_is_none(values: list[Any], expected: list[Any]) -> None:
    assert completed({"data": values, "more": 1}, NAMES, by_name=False) == {"data": expected, "more": 1}


def test_what_is_left_out_by_name_is_none_and_other_names_go() -> None:
    assert completed({"picture": "p"}, NAMES, by_name=True) == {"picture": "p", "model": None}
    assert completed({"foto": "p", "model": "m"}, NAMES, by_name=True) == {"picture": None, "model": "m"}


@pytest.mark.parametrize("body", [None, 5, "x", ["p"], {}, {"data": "x"}])
def test_a_body_of_another_form_is_left_for_gradio_to_refuse(body: Any) -> None:
    assert completed(body, NAMES, by_name=False) == body
    assert not isinstance(body, dict) or completed(body, (), by_name=True) == {}


def test_the_endpoints_are_the_tasks_and_the_list_of_models() -> None:
    parameters = parameters_of(TASKS)
    assert parameters["planet"] == ("picture", "model") and parameters["imdb"] == ("text", "model")
    assert parameters.keys() == {"models", *(task.name for task in TASKS)}


def heard(path: str, parts: list[bytes], *, method: str = "POST", length: int | None = None) -> tuple[bytes, bytes]:
    """What a server behind `complete_calls` reads, and the length that it is told."""
    told: dict[str, bytes] = {}

    async def server(scope: Any, receive: Any, send: Any) -> None:
        body, goes_on = b"", True
        while goes_on:
            message = await receive()
            body, goes_on = body + message["body"], message.get("more_body", False)
        told["body"], told["length"] = body, dict(scope["headers"])[b"content-length"]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        raise AssertionError("nothing is sent here")

    waiting = list(parts)
    size = sum(map(len, parts)) if length is None else length
    scope = {"type": "http", "method": method, "path": path, "headers": [(b"content-length", str(size).encode())]}
    asyncio.run(complete_calls(server, {"planet": NAMES})(scope, receive, send))
    return told["body"], told["length"]


def test_a_call_is_completed_on_its_way_in_however_its_body_comes() -> None:
    for path in ("/gradio_api/call/planet", "/lab/gradio_api/call/planet/"):
        body, length = heard(path, [b'{"data":', b' ["p"]}'])
        assert json.loads(body) == {"data": ["p", None]} and int(length) == len(body)
    assert json.loads(heard("/gradio_api/call/v2/planet", [b'{"picture": "p"}'])[0]) == {"picture": "p", "model": None}
    broken = b'{"data": ['
    assert heard("/gradio_api/call/planet", [broken]) == (broken, str(len(broken)).encode())


@pytest.mark.parametrize(
    ("path", "method", "length"),
    [
        ("/gradio_api/call/other", "POST", None),
        ("/gradio_api/call/planet/EVENT", "POST", None),
        ("/gradio_api/queue/join", "POST", None),
        ("/gradio_api/call/planet", "PUT", None),
        ("/gradio_api/call/planet", "POST", MOST_BYTES + 1),
    ],
)
def test_everything_else_passes_untouched(path: str, method: str, length: int | None) -> None:
    assert heard(path, [b'{"data": ["p"]}'], method=method, length=length)[0] == b'{"data": ["p"]}'
