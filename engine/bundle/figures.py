"""The checks that a bundle's figures have to pass: they are only shown, but somebody else may have written them.

What each kind of task writes, the `details` of its metrics say.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from engine.bundle.fields import NUMBERS, are_numbers, is_class_list, is_number

OF_A_TAG = ("precision", "recall", "f2", "average_precision")
OF_ALL_ANSWERS = ("temperature", "tried", "loss_before", "loss_after", "error_before", "error_after")
OF_SURE_ANSWERS = ("sure_from", "sure_share", "sure_right")
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
            and bool(part)
            and all(_is_figure(one) or is_by_class(one) for one in part.values())
            and _has_both(part, "threshold", "thresholds", _is_figure, is_by_class)
            and _has_both(part, "lowest", "highest", is_by_class, is_by_class)
        ),
        "calibration": _is_calibration,
        "within": lambda part: (
            isinstance(part, dict)
            and _is_figure(part.get("share"))
            and all(_is_list(part.get(name), _is_figure) for name in ("by", "covered"))
            and len(part["by"]) == len(part["covered"]) == max(1, classes)
        ),
        "reliability": lambda part: _is_list(part, _is_bin),
        "distances": lambda part: _is_list(part, _is_figure),
        "numbers": lambda part: _is_list(part, partial(_has_figures, names=OF_A_NUMBER)) and len(part) == classes,
        "answers": lambda part: _is_list(part, lambda some: _is_list(some, _is_pair)) and len(part) == classes,
        "always": lambda part: isinstance(part, dict) and all(map(_is_figure, part.values())),
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


def _has_both(
    values: dict[str, Any], one: str, other: str, fits_one: Callable[[Any], bool], fits_other: Callable[[Any], bool]
) -> bool:
    """Whether it has both of two figures that go together, or neither."""
    return not {one, other} & values.keys() or (fits_one(values.get(one)) and fits_other(values.get(other)))


def _is_calibration(value: Any) -> bool:
    """Errors and bins before and after; of kinds that have one answer, from where on that is sure, and how many are."""
    return (
        isinstance(value, dict)
        and all(_is_figure(value.get(name)) for name in OF_ALL_ANSWERS)
        and all(_is_list(value.get(name), _is_bin) and value[name] for name in ("before", "after"))
        and all(_is_figure_or_none(value.get(name)) for name in OF_SURE_ANSWERS)
    )


def _is_bin(value: Any) -> bool:
    """How sure the answers were, how many of them right, and their number, which is not 0."""
    return _is_list(value, _is_figure) and len(value) == 3 and value[2] >= 1
