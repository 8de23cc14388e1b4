"""Every function of the page, given by hand what the page would not send: a sentence says what is wrong."""

from typing import Any

import gradio as gr
import pytest

from tabs.door.values import KINDS, wrong_value
from tabs.page import build_page

UPLOADED = {"path": "/somewhere/a.png", "meta": {"_type": "gradio.FileData"}}
LONG = "x" * 3_000_000
CHOICE = (True, {}, [[]], float("nan"), LONG)
NUMBER = ("1", True, [1], {}, float("nan"), float("inf"))
FILE = ("/etc/passwd", 1, True, {}, {"path": 7}, [{}], ["/etc/passwd"])
WRONG: dict[type, tuple[Any, ...]] = {
    gr.Textbox: (1, 2.5, True, ["x"], {}, LONG),
    gr.Number: NUMBER,
    gr.Slider: NUMBER,
    gr.Checkbox: (1, "true", [True], {}),
    gr.Radio: CHOICE,
    gr.Dropdown: CHOICE,
    gr.BrowserState: CHOICE,
    gr.File: FILE,
    gr.Image: FILE,
}
RIGHT: dict[type, tuple[Any, ...]] = {
    gr.Textbox: ("", "x"),
    gr.Number: (1, 2.5, -1),
    gr.Slider: (1, 2.5),
    gr.Checkbox: (True, False),
    gr.Radio: ("x", 1),
    gr.Dropdown: ("x", 1),
    gr.BrowserState: ("x",),
    gr.File: (UPLOADED,),
    gr.Image: (UPLOADED,),
}


@pytest.fixture(scope="module")
def functions() -> list[Any]:
    import asyncio

    async def inside() -> list[Any]:
        return list(build_page().fns.values())

    return asyncio.run(inside())


def test_what_the_page_sends_goes_through(functions: list[Any]) -> None:
    for function in functions:
        data = [RIGHT.get(type(component), (None,))[0] for component in function.inputs]
        assert wrong_value(function, data) == "" == wrong_value(function, [None] * len(data))


def test_every_component_is_of_a_kind_that_is_known(functions: list[Any]) -> None:
    found = {type(component) for function in functions for component in function.inputs}
    assert {kind.__name__ for kind in found - set(KINDS)} == {"State", "Api"}, (
        "states are the server's, Api has its own words"
    )


def test_nothing_else_does(functions: list[Any]) -> None:
    tried = 0
    for function in functions:
        assert "values" in wrong_value(function, [None] * (len(function.inputs) + 1))
        for place, component in enumerate(function.inputs):
            for value in WRONG.get(type(component), ()):
                data = [None] * len(function.inputs)
                data[place] = value
                assert "has to be" in wrong_value(function, data), (function.name, component, str(value)[:20])
                tried += 1
    assert tried > 3000
