"""The finder's four suggestions, each a button that carries its rate."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import gradio as gr

from engine.recipe import rate_text


class Suggested(NamedTuple):
    """The suggestions in the order in which they are offered."""

    valley: Any
    slide: Any
    steep: Any
    tenth_of_minimum: Any


NAMES = Suggested(
    valley="valley", slide="slide", steep="steep", tenth_of_minimum="minimum/10"
)  # as the finder has them


def suggestion_buttons(suggestions: Mapping[str, float]) -> Suggested:
    """Each button with its rate; not seen where the finder gave no such suggestion."""
    return Suggested(*(_button(name, suggestions.get(name)) for name in NAMES))


def build_suggested() -> Suggested:
    """The buttons, before anything was suggested."""
    return Suggested(*(gr.Button(name, size="sm", visible=False, min_width=120) for name in NAMES))


def rate_of(rates: tuple[float, ...]) -> float | tuple[float, float]:
    """The lesson's reading as a stage wants it: one rate, or a slice."""
    return (rates[0], rates[-1]) if len(rates) > 1 else (rates[0] if rates else 0.0)


def _button(name: str, rate: float | None) -> Any:
    return gr.update(visible=rate is not None, value=f"{name} · {rate_text(rate)}" if rate else name)
