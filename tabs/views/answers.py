"""An answer with what was asked: it is shown only while that still stands beside it.

Somebody may choose another model, picture or text at any time, also while an answer to the one before is on its way.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

import gradio as gr

from tabs.drawing.markup import empty_state, note
from tabs.views.offered import NO_MODEL

Shown = TypeVar("Shown", bound=tuple[Any, ...])  # a `NamedTuple` of what is shown
LOOKING = empty_state("Looking at it …", "The first answer of a model takes a few seconds longer.")


# Compared by identity: Gradio asks for a hash to see whether a state has changed, and arrays have none.
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer:
    """What was asked, such as a model's name and a picture's path, and what came of it: in words where it was a refusal."""

    asked: tuple[Any, ...]
    said: Any

    def is_to(self, *asked: Any) -> bool:
        """Whether this is what was asked."""
        return self.asked == asked


def stand_in(model: str | None, source: str, answer: Answer | None, nothing_yet: str) -> str:
    """The HTML in place of an answer about a picture, while there is none or it is one to something else; else ""."""
    if not model:
        return NO_MODEL
    if not source:
        return nothing_yet
    if answer is None or not answer.is_to(model, source):
        return LOOKING
    return note(answer.said, "bad") if isinstance(answer.said, str) else ""


def keep_only(nothing: Shown, asked: Any, *now: Any) -> Shown:
    """What is shown stays while what was asked is what would be asked now; else there is `nothing`."""
    return type(nothing)(*[gr.skip()] * len(nothing)) if asked in (None, now) else nothing
