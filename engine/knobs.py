"""How one knob of a stage is declared, checked and read: its label, range, scale and help text, in one place.

The form in the browser, the command line's options and the checks of a recipe are all made from these declarations;
`engine.recipe` has the knobs themselves.
"""

import dataclasses
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast

from engine.errors import RecipeError


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """How one field of a stage is shown, typed and checked.

    `pair` says whether a field may hold two numbers: "always" (a momentum's high and low), "may" (a rate, or a slice from
    the earliest layers' rate to the head's) or "never". `zero` says that 0 is allowed beside a logarithmic range.
    """

    label: str
    help: str
    kind: Literal["whole", "number", "choice"]
    minimum: float = 0.0
    maximum: float = 0.0
    step: float = 1.0
    scale: Literal["linear", "log"] = "linear"
    unit: str = ""
    choices: tuple[str, ...] = ()
    pair: Literal["never", "may", "always"] = "never"
    zero: bool = False


def knob(default: Any, **declaration: Any) -> Any:
    """A dataclass field with its `Knob` in the metadata."""
    return dataclasses.field(default=default, metadata={"knob": Knob(**declaration)})


def checked_value(name: str, declared: Knob, value: Any) -> Any:
    """`value` in the field's own type, or a `RecipeError` that names the value and the range."""
    if declared.kind == "choice":
        if value not in declared.choices:
            raise RecipeError(f"{declared.label} is {value!r}. Choose one of: {', '.join(declared.choices)}.")
        return value
    if isinstance(value, list | tuple):
        parts = tuple(cast(Iterable[Any], value))
        if declared.pair == "never" or len(parts) != 2:
            expected = "one number" if declared.pair == "never" else "two numbers"
            raise RecipeError(f"{declared.label} is {value!r}; {name} takes {expected}.")
        return tuple(_checked_number(declared, part) for part in parts)
    if declared.pair == "always":
        raise RecipeError(f"{declared.label} is {value!r}; {name} takes two numbers.")
    return _checked_number(declared, value)


def _checked_number(declared: Knob, value: Any) -> float | int:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) < sys.float_info.max:  # nor is it NaN, nor a whole number that fits no float
        raise RecipeError(f"{declared.label} is {value!r}. Give a number from {_range(declared)}.")
    if declared.kind == "whole" and value != int(value):
        raise RecipeError(f"{declared.label} is {value!r}. Give a whole number from {_range(declared)}.")
    allowed_zero = declared.zero and value == 0
    if not allowed_zero and not declared.minimum <= value <= declared.maximum:
        raise RecipeError(f"{declared.label} is {value:g}. Give a number from {_range(declared)}.")
    return int(value) if declared.kind == "whole" else float(value)


def parsed_value(name: str, declared: Knob, text: str) -> Any:
    """A knob's value from what somebody typed: `1e-3`, or `1e-5,1e-3` for a slice."""
    if declared.kind == "choice":
        return checked_value(name, declared, text.strip())
    try:
        parts = [float(part) for part in text.split(",")]
    except ValueError:
        raise RecipeError(f"{declared.label} is {text!r}. Give a number from {_range(declared)}.") from None
    return checked_value(name, declared, parts[0] if len(parts) == 1 else tuple(parts))


def _range(declared: Knob) -> str:
    unit = f" {declared.unit}" if declared.unit else ""
    zero = " (or 0)" if declared.zero else ""
    return f"{declared.minimum:g} to {declared.maximum:g}{unit}{zero}"
