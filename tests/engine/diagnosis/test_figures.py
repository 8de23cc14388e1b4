"""What the best model's figures tell, on figures that were made up, and what they cannot tell."""

from typing import Any

import pytest
from made_cases import Made, falling, made_case

from engine.diagnosis.case import Case
from engine.diagnosis.figures import baseline, never_predicted, no_better_than_always, threshold_far_off
from engine.diagnosis.finding import Finding, Unclear
from engine.recipe import Stage

HEAD = Stage(name="head", epochs=4, max_lr=1e-2, train_from=-1)
CURVE = Made(stage=HEAD, loss=falling(1.4, 0.5), valid=(0.8, 0.6, 0.55, 0.52))
CLASSES = ["clear", "cloudy", "haze"]
GOOD = [[100, 5, 5], [4, 40, 6], [2, 3, 35]]
MISSING = [[100, 0, 5], [14, 0, 36], [5, 0, 35]]


def judged(evaluation: dict[str, Any] | None, task: str = "weather", **changed: Any) -> Case:
    return made_case(CURVE, task=task, evaluation=evaluation, **changed)


def labels(confusion: list[list[int]], accuracy: float) -> dict[str, Any]:
    return {"metrics": {"accuracy": accuracy}, "classes": CLASSES, "confusion": confusion}


def tags(
    f2: float, tuned: float, threshold: float, always: float | None = 0.6, given: float | None = 0.5
) -> dict[str, Any]:
    return {
        "metrics": {"f2": f2, "f2_tuned": tuned},
        "classes": ["road", "water"],
        "tags": [{"count": 30, "precision": 0.5}, {"count": 12, "precision": given}],
        "decision": {"threshold": threshold, "thresholds": [threshold, threshold]},
        **({} if always is None else {"always": {"f2": always}}),
    }


NUMBERS = {
    "metrics": {"mean_error": 8.0},
    "numbers": [{"mean_error": 4.0, "error_of_mean": 8.0}, {"mean_error": 12.0, "error_of_mean": 24.0}],
}


@pytest.mark.parametrize(
    ("task", "evaluation", "always"),
    [
        ("weather", labels(GOOD, 0.875), 110 / 200),
        ("camvid", {"metrics": {"pixel_accuracy": 0.7}, "classes": CLASSES, "confusion": GOOD}, 110 / 200),
        ("planet", tags(0.8, 0.8, 0.2), 0.6),
        ("heads", {"metrics": {"mean_pixels": 9.0}, "always": {"mean_pixels": 40.0}}, 40.0),
        ("turns", NUMBERS, 16.0),
    ],
)
def test_the_baseline_of_each_kind_and_a_model_that_beats_it(
    task: str, evaluation: dict[str, Any], always: float
) -> None:
    case = judged(evaluation, task)
    found = baseline(case)
    assert found and found.always == pytest.approx(always)
    assert no_better_than_always(case) is None


@pytest.mark.parametrize(
    ("task", "evaluation"),
    [
        ("weather", labels([[108, 1, 1], [49, 1, 0], [39, 0, 1]], 0.56)),
        ("planet", tags(0.61, 0.61, 0.2)),
        ("heads", {"metrics": {"mean_pixels": 39.0}, "always": {"mean_pixels": 40.0}}),
        ("turns", NUMBERS | {"metrics": {"mean_error": 16.0}, "numbers": [{"mean_error": 8.0, "error_of_mean": 8.0}]}),
    ],
)
def test_a_model_that_is_no_better(task: str, evaluation: dict[str, Any]) -> None:
    found = no_better_than_always(judged(evaluation, task))
    assert isinstance(found, Finding) and found.where == (20, 20) and "Always" in found.seen


def test_no_baseline_is_no_verdict() -> None:
    for task, evaluation in (
        ("planet", tags(0.3, 0.3, 0.2, always=None)),
        ("heads", {"metrics": {"mean_pixels": 90.0}}),
        ("weather", None),
        ("weather", {"metrics": {"accuracy": float("nan")}, "classes": CLASSES, "confusion": GOOD}),
    ):
        assert isinstance(no_better_than_always(judged(evaluation, task)), Unclear)
    assert isinstance(no_better_than_always(judged(labels(GOOD, 0.1), is_over=False)), Unclear)
    few = no_better_than_always(judged(labels(GOOD, 0.1), valid_items=12))
    assert isinstance(few, Unclear) and "12 validation samples" in few.reason


def test_a_class_that_is_never_predicted_is_named_with_its_count() -> None:
    found = never_predicted(judged(labels(MISSING, 0.7)))
    assert isinstance(found, Finding) and "cloudy (50 samples)" in found.seen
    assert found.remedy and len(found.remedy.recipe.stages) == 2, "the head alone was trained"
    assert never_predicted(judged(labels(GOOD, 0.9))) is None


def test_a_tag_that_is_never_given() -> None:
    found = never_predicted(judged(tags(0.8, 0.8, 0.2, given=None), "planet"))
    assert isinstance(found, Finding) and "water (12 samples)" in found.seen
    assert never_predicted(judged(tags(0.8, 0.8, 0.2), "planet")) is None


def test_a_rare_class_is_not_told_by_its_few_samples() -> None:
    rare = [[150, 0, 5], [3, 0, 2], [5, 0, 35]]
    unclear = never_predicted(judged(labels(rare, 0.9)))
    assert isinstance(unclear, Unclear) and "cloudy" in unclear.reason


def test_masks_count_pixels() -> None:
    street = {
        "metrics": {"pixel_accuracy": 0.9},
        "classes": CLASSES,
        "confusion": [[900, 0, 0], [40, 0, 10], [0, 0, 50]],
    }
    found = never_predicted(judged(street, "camvid"))
    assert isinstance(found, Finding) and "cloudy (5.0% of the pixels)" in found.seen


@pytest.mark.parametrize("task", ["heads", "turns"])
def test_what_has_no_classes_has_none_that_are_never_predicted(task: str) -> None:
    assert never_predicted(judged(None, task)) is None
    assert never_predicted(judged(None, task, is_over=False)) is None


@pytest.mark.parametrize("threshold", [0.06, 0.5])
def test_a_threshold_far_off(threshold: float) -> None:
    found = threshold_far_off(judged(tags(0.7, 0.8, threshold), "planet"))
    assert isinstance(found, Finding) and f"{threshold:.2g}" in found.seen and not found.remedy


@pytest.mark.parametrize(("tuned", "threshold"), [(0.8, 0.25), (0.71, 0.5)], ids=["near", "worth nothing"])
def test_a_threshold_that_is_fine(tuned: float, threshold: float) -> None:
    assert threshold_far_off(judged(tags(0.7, tuned, threshold), "planet")) is None


def test_thresholds_are_of_tags_alone_and_need_figures() -> None:
    assert threshold_far_off(judged(labels(GOOD, 0.9))) is None
    assert threshold_far_off(judged(None)) is None
    assert isinstance(threshold_far_off(judged(None, "planet")), Unclear)
    assert isinstance(threshold_far_off(judged(tags(0.7, 0.8, 0.5), "planet", valid_items=9)), Unclear)
