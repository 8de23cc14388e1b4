"""The checks that a bundle's figures have to pass: they are only shown, but somebody else may have written them.

What each kind of task writes, the `details` of its metrics say.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from engine.bundle.fields import NUMBERS, are_numbers, is_class_list, is_number

OF_A_TAG = ("precision", "recall", "f2", "average_precision")
OF_A_NUMBER = ("mean_error", "error_of_mean", "r2", "mean", "spread")
SMALLEST, LARGEST = 1e-15, 1e15  # of what is drawn


def is_evaluation(values: Any) -> bool:
    """Whether it is figures by name, and details that fit each other as far as there are any."""
    if not isinstance(values, dict) or not are_numbers(values.get("metrics")):
        return False
    classes = values.get("classes", [])
    if classes != [] and not is_class_list(classes, NUMBERS if "numbers" in values else ""):
        return False
    checks = _checks(len(classes))
    return all(name not in checks or checks[name](part) for name, part in values.items())


def _checks(classes: int) -> dict[str, Callable[[Any], bool]]:
    """What each detail has to be, with so many classes."""

    def is_by_class(part: Any) -> bool:
        return _is_list(part, _is_figure) and len(part) == classes

    def is_matrix(part: Any) -> bool:
        return _is_list(part, is_by_class) and len(part) == classes

    return {
        "iou": lambda part: _is_list(part, _is_figure_or_none) and len(part) == classes,
        "confusion": is_matrix,
        "missed_and_given": is_matrix,
        "tags": lambda part: _is_list(part, partial(_has_figures, names=OF_A_TAG)) and len(part) == classes,
        "curve": lambda part: _is_list(part, _is_pair),
        "decision": lambda part: (
            isinstance(part, dict)
            and (
                (_is_figure(part.get("threshold")) and is_by_class(part.get("thresholds")))
                or (is_by_class(part.get("lowest")) and is_by_class(part.get("highest")))
            )
        ),
        "reliability": lambda part: _is_list(part, _is_bin),
        "distances": lambda part: _is_list(part, _is_figure),
        "numbers": lambda part: _is_list(part, partial(_has_figures, names=OF_A_NUMBER)) and len(part) == classes,
        "answers": lambda part: _is_list(part, lambda some: _is_list(some, _is_pair)) and len(part) == classes,
        **dict.fromkeys(("f2_tuned_by_tag", "samples", "guesses", "width", "height"), _is_figure),
    }


def _is_list(value: Any, is_part: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(map(is_part, value))


def _is_figure(value: Any) -> bool:
    """NaN is one; of others a chart can still tell two apart."""
    return is_number(value) and not (0 < abs(value) < SMALLEST or abs(value) > LARGEST)


def _is_figure_or_none(value: Any) -> bool:
    return value is None or _is_figure(value)


def _is_pair(value: Any) -> bool:
    """A place in a drawing."""
    return _is_list(value, _is_figure) and len(value) == 2


def _has_figures(value: Any, names: Sequence[str]) -> bool:
    """How many there are, such as pictures with a tag, and figures that may be undefined."""
    return (
        isinstance(value, dict)
        and _is_figure(value.get("count"))
        and all(name in value and _is_figure_or_none(value[name]) for name in names)
    )


def _is_bin(value: Any) -> bool:
    """How sure the answers were, how many of them right, and their number, which is not 0."""
    return _is_list(value, _is_figure) and len(value) == 3 and value[2] >= 1
