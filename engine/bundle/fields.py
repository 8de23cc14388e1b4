"""The checks that the fields of a bundle's config have to pass: whatever somebody wrote there, a refusal names it."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from engine.bundle.files import OURS
from engine.errors import BundleError, RecipeError

T = TypeVar("T")
MAX_CLASSES = 253
NUMBERS = "number"  # the objective whose outputs are numbers
MAX_FIGURES = 40  # by name: a card has a row or a column for each
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def read_values(path: Path) -> Any:
    """What a JSON file says; `ValueError` also for half a character ("\\ud800"), which could be written nowhere."""
    values = json.loads(path.read_text(encoding="utf-8"))
    json.dumps(values, ensure_ascii=False).encode()
    return values


def check(where: Path | str, values: dict[str, Any], name: str, fits: bool, expected: str) -> None:
    """`BundleError` that names a field unless it `fits`; `where` is the file, or the part of it."""
    if not fits:
        raise BundleError(f"{name} in {where} is {str(values.get(name))[:80]!r}; expected {expected}.")


def parsed(where: Path | str, values: dict[str, Any], name: str, parse: Callable[[Any], T], expected: str) -> T:
    """What `parse` makes of a field; `BundleError` that names it where that is nothing."""
    try:
        return parse(values[name])
    except (RecipeError, KeyError, TypeError, ValueError, AttributeError) as problem:
        found = str(values.get(name))[:80]
        raise BundleError(f"{name} in {where} is {found!r}; expected {expected}: {str(problem)[:200]}.") from None


def is_ours(values: Any) -> bool:
    """Whether what a `config.json` says is of this app; in format 1 the fields alone tell."""
    if not isinstance(values, dict):
        return False
    return OURS in values or (values.get("format") == 1 and {"task", "backbone", "classes", "recipe"} <= values.keys())


def fewest_classes(objective: Any) -> int:
    """How many outputs a model of an objective has at least: one number can be learnt, of one class nothing can."""
    return 1 if objective == NUMBERS else 2


def is_class_list(value: Any, objective: Any = "") -> bool:
    """Whether it is 2 to `MAX_CLASSES` different names; see `fewest_classes`."""
    return (
        isinstance(value, list)
        and fewest_classes(objective) <= len(value) <= MAX_CLASSES
        and all(is_name(name) and name for name in value)
        and len(set(value)) == len(value)
    )


def is_decision(value: Any, classes: int) -> bool:
    """Whether it is, by a few names, a finite number or one for each of so many classes."""

    def is_finite(part: Any) -> bool:
        return is_number(part) and math.isfinite(part)

    return _has_few_names(value) and all(
        is_finite(part) or (isinstance(part, list) and len(part) == classes and all(map(is_finite, part)))
        for part in value.values()
    )


def are_numbers(value: Any) -> bool:
    """Whether it is a few numbers by name; they may be infinite, or NaN."""
    return _has_few_names(value) and all(map(is_number, value.values()))


def _has_few_names(value: Any) -> bool:
    return isinstance(value, dict) and len(value) <= MAX_FIGURES and all(map(is_name, value))


def is_number(value: Any) -> bool:
    """One that computers count with: Python's whole numbers have no end, and many of them fit no float."""
    return isinstance(value, float) or (type(value) is int and abs(value) < 2**63)


def is_name(value: Any) -> bool:
    """Whether it is a short text in one line."""
    return is_line(value) and len(value) < 200


def is_line(value: Any) -> bool:
    """Whether it is a text in one line."""
    return isinstance(value, str) and not CONTROL.search(value)
