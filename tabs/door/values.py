"""What a hand-made request gives to the page's functions is of the kind that the page itself would send.

Gradio hands on whatever came: a function that adds numbers would be given a list, and end in an error of the program's.
"""

import math
from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction

MOST_LETTERS = 2_000_000  # of one value; a text is judged up to far fewer
ONE = "a text or a number"
FILE = "a file that was uploaded"
# What a component's value is, by the component; of a state the server has its own, whatever is sent.
KINDS: dict[type, tuple[str, tuple[type, ...]]] = {
    gr.Textbox: ("a text", (str,)),
    gr.Number: ("a number", (int, float)),
    gr.Slider: ("a number", (int, float)),
    gr.Checkbox: ("true or false", (bool,)),
    gr.CheckboxGroup: (ONE, (str, int, float)),
    gr.Radio: (ONE, (str, int, float)),
    gr.Dropdown: (ONE, (str, int, float)),
    gr.BrowserState: (ONE, (str, int, float)),
    gr.File: (FILE, (dict,)),
    gr.Image: (FILE, (dict,)),
}


def wrong_value(function: BlockFunction, data: Sequence[Any]) -> str:
    """What is wrong with the values for a function, in a sentence; "" for nothing."""
    if len(data) != len(function.inputs):
        return f"This takes {len(function.inputs)} values; {len(data)} came."
    for place, (component, value) in enumerate(zip(function.inputs, data, strict=True), start=1):
        expected, kinds = KINDS.get(type(component), ("", ()))
        if not kinds or value is None:
            continue
        is_list = isinstance(component, gr.CheckboxGroup) or getattr(component, "multiselect", None)
        is_list = is_list or getattr(component, "file_count", "single") == "multiple"
        values = value if is_list and isinstance(value, list) else [value]
        if not all(_fits(one, kinds) for one in values):
            named = getattr(component, "label", None) or f"value {place}"
            return f"{named} has to be {expected}{', or a list of such' if is_list else ''}; something else came."
    return ""


def _fits(value: Any, kinds: tuple[type, ...]) -> bool:
    """Whether a value is of one of these kinds; true and false are no numbers here, and neither is infinity."""
    if isinstance(value, bool):
        return bool in kinds
    if isinstance(value, float):
        return float in kinds and math.isfinite(value)
    if isinstance(value, dict):
        return dict in kinds and isinstance(value.get("path"), str)
    return isinstance(value, kinds) and (not isinstance(value, str) or len(value) <= MOST_LETTERS)
