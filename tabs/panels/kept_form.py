"""What a form holds is kept while other pages are looked at, in one tab of one browser: who comes next finds it fresh."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from engine.errors import EngineError
from tabs.scripts import called
from tabs.wiring import POLL

UNREADABLE = (EngineError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError)


def note_form(key: str, changes: Sequence[Any], inputs: Sequence[Component]) -> gr.Textbox:
    """Note the `inputs` at every one of the `changes`, in the browser alone; what is given back changes with them.

    Whoever needs the server at a change listens to that: an event that waits for its answer would hold up the noting.
    """
    noted = gr.Textbox(visible="hidden", container=False)
    gr.on(list(changes), None, list(inputs), noted, js=called("note-form", key), **POLL)
    return noted


def keep_form(page: gr.Blocks, key: str, outputs: Sequence[Component], restore: Callable[..., list[Any]]) -> None:
    """Give what was noted to `restore` when the page is loaded again.

    `restore` gets the values one by one and gives the `outputs`'. It raises where they do not go together; then, and where
    nothing was noted, the form stays as it is.
    """

    def restored(noted: str) -> list[Any]:
        try:
            return restore(*json.loads(noted))
        except UNREADABLE:
            return [gr.skip() for _ in outputs]

    page.load(restored, gr.Textbox(visible=False), list(outputs), js=called("noted-form", key), **POLL)
