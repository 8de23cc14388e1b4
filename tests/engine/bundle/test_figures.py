"""Figures that are what they have to be are told from those that are not."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from engine.bundle.figures import is_evaluation

SAMPLES = Path(__file__).parents[3] / "assets" / "models"
MASK = {"metrics": {"mean_iou": 0.5}, "classes": ["sky", "road"], "iou": [0.5, None], "confusion": [[3, 1], [0, 4]]}
BINS = [[0.5, 0.4, 20], [0.9, 0.85, 20]]
ERRORS = dict.fromkeys(("temperature", "tried", "loss_before", "loss_after", "error_before", "error_after"), 0.1)
CALIBRATION = {**ERRORS, "before": BINS, "after": BINS, "sure_from": 0.75, "sure_share": 0.5, "sure_right": None}
TAG = {"count": 2, "precision": 0.5, "recall": 1.0, "f2": None, "average_precision": 0.7}


@pytest.mark.parametrize("file", sorted(SAMPLES.glob("*/evaluation.json")), ids=lambda file: file.parent.name)
def test_what_the_tasks_write_is_fine(file: Path) -> None:
    assert is_evaluation(json.loads(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"metrics": {}},
        {"metrics": {"mean_iou": math.nan}},
        {"classes": []},
        {"guesses": 0},
        {"calibration": CALIBRATION},
        {"calibration": {**ERRORS, "before": BINS, "after": BINS}},
        {"decision": {"temperature": 1.2, "sure_from": 0.8}},
        {"decision": {"within_80": [1, 2], "lowest": [0, 0], "highest": [1, 1]}},
        {"within": {"share": 0.8, "by": [1, 2], "covered": [0.8, 0.7]}},
        {"always": {"f2": 0.5}},
        {"more": "text"},
        {"iou": [0, 1]},
    ],
)
def test_what_may_be(changes: dict[str, Any]) -> None:
    values = MASK | changes
    assert is_evaluation({**values, "iou": [], "confusion": []} if not values["classes"] else values)


@pytest.mark.parametrize(
    "changes",
    [
        *(
            {"metrics": value}
            for value in (5, None, [], {"dice": "x"}, {"dice": None}, {"dice": [1]}, {"dice": 10**400})
        ),
        *({"classes": value} for value in ("ab", ["sky"], ["a", "a"], [1, 2], ["a\nb", "c"], None)),
        *({"iou": value} for value in ([0.5], "ab", [0.5, "x"], [0.5, 1e300], [0.5, [1]], {"sky": 1})),
        *({"confusion": value} for value in ([[1, 2]], [[1, 2], [3]], [[1, 2], 3], [[1, 2], [3, None]], None)),
        *(
            {"tags": value}
            for value in ([TAG], [TAG, 7], [TAG, {"count": 1}], [TAG, TAG | {"count": None}], [TAG, TAG | {"f2": "x"}])
        ),
        *({"curve": value} for value in (7, [7], [[1]], [[1, 2, 3]], [[1, "x"]])),
        *({"decision": value} for value in (None, {}, {"threshold": 0.2}, {"threshold": [1, 1], "thresholds": [1, 1]})),
        *({"decision": value} for value in ({"lowest": [1, 1]}, {"temperature": "x"}, {"within_80": [1]})),
        *(
            {"calibration": value}
            for value in (None, {}, 7, ERRORS, CALIBRATION | {"after": []}, CALIBRATION | {"after": [[1]]})
        ),
        *({"calibration": CALIBRATION | {name: value}} for name in CALIBRATION for value in ("x", 1e300)),
        *({"within": value} for value in (None, {"share": 0.8}, {"share": 0.8, "by": [1], "covered": [1]})),
        *({"reliability": value} for value in ([[1, 1]], [[1, 1, 0]], [[1, 1, math.nan]], [7], "x")),
        *({"always": value} for value in (0.5, [0.5], None, {"f2": "x"}, {"f2": None}, {"f2": 1e300})),
        *({"distances": value} for value in (["x"], 7, [None], [math.inf], [5e-324])),
        *({name: "x"} for name in ("samples", "guesses", "width", "height", "f2_tuned_by_tag")),
    ],
    ids=str,
)
def test_what_may_not_be(changes: dict[str, Any]) -> None:
    assert not is_evaluation(MASK | changes)


@pytest.mark.parametrize("values", [None, 7, "x", [], {}, {"a": 1}])
def test_what_is_no_evaluation_at_all(values: Any) -> None:
    assert not is_evaluation(values)
