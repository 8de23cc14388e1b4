"""The figures for tags are those worked out by hand, whole or in parts."""

import json

import pytest
import torch
from torch import Tensor

from engine.kinds.tag_metrics import TagMetrics, usual_tags
from engine.kinds.thresholds import GRID, fbeta

CLASSES = ("forest", "water", "road", "snow")
#                       forest water road snow
TRUTH = torch.tensor([[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 0]], dtype=torch.uint8)
PROBABILITIES = torch.tensor(
    [
        [0.90, 0.70, 0.10, 0.05],  # given at 0.2: forest, and water too many
        [0.80, 0.10, 0.30, 0.05],  # forest, and road instead of water
        [0.15, 0.60, 0.40, 0.05],  # road, and water instead of forest
        [0.30, 0.90, 0.05, 0.05],  # water, and forest too many
    ]
)


def measured(*batches: tuple[Tensor, Tensor], classes: tuple[str, ...] = CLASSES) -> TagMetrics:
    metrics = TagMetrics(classes)
    for probabilities, truth in batches:
        metrics.update(probabilities.logit(), truth)
    return metrics


def test_figures_worked_out_by_hand() -> None:
    figures = measured((PROBABILITIES, TRUTH)).compute()
    # F2 = 5 hits / (given + 4 there), sample by sample
    assert figures["f2"] == pytest.approx((5 / (2 + 4) + 5 / (2 + 8) + 5 / (2 + 8) + 5 / (2 + 4)) / 4)
    assert figures["accuracy_thresh"] == pytest.approx(1 - (1 + 2 + 2 + 1) / 16)
    # forest by rank: yes, yes, no, yes. water: yes, no, no, yes. road: yes, no, no, no. Nobody has snow: it is left out.
    forest, water, road = (1 + 2 / 2 + 3 / 4) / 3, (1 + 2 / 4) / 2, 1
    assert figures["mean_average_precision"] == pytest.approx((forest + water + road) / 3)
    assert set(figures) == {"f2", "f2_tuned", "accuracy_thresh", "mean_average_precision"}


def test_the_tuned_figure_is_cross_fitted() -> None:
    # Told apart at 0.10 in one half and at 0.50 in the other: see test_thresholds
    probabilities, truth = (
        torch.tensor([[0.515, 0.095], [0.895, 0.495]]).repeat(5, 1),
        torch.tensor([[1, 0]]).repeat(10, 1),
    )
    metrics = measured((probabilities, truth), classes=CLASSES[:2])
    assert metrics.compute()["f2_tuned"] == pytest.approx((1 + 5 / 6) / 2)
    assert metrics.details()["f2_tuned_by_tag"] < 1
    decided = metrics.details()["decision"]["threshold"]
    assert fbeta(probabilities, truth, threshold=decided) == 1, "the bundle gets what all samples say"


def test_batches_add_up() -> None:
    whole = measured((PROBABILITIES, TRUTH))
    parts = measured(*((PROBABILITIES[i : i + 3], TRUTH[i : i + 3]) for i in (0, 3)))
    assert parts.compute() == whole.compute()
    assert parts.details() == whole.details()


def test_figures_by_tag() -> None:
    forest, water, road, snow = measured((PROBABILITIES, TRUTH)).details()["tags"]
    # Given 3 times, 2 of them rightly, there 3 times: F2 = 5·2 / (3 + 4·3)
    assert (forest["count"], forest["precision"], forest["recall"]) == (3, pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert forest["f2"] == pytest.approx(10 / 15)
    assert forest["average_precision"] == pytest.approx((1 + 2 / 2 + 3 / 4) / 3)
    assert (water["count"], water["precision"], water["recall"]) == (2, pytest.approx(1 / 3), pytest.approx(1 / 2))
    assert (road["count"], road["precision"], road["recall"]) == (1, pytest.approx(1 / 2), 1)
    assert road["f2"] == pytest.approx(5 / (2 + 4))
    assert snow == {"count": 0, "precision": None, "recall": None, "f2": None, "average_precision": None}


def test_a_tag_that_nobody_has_but_that_is_given_has_a_precision_of_0() -> None:
    probabilities = PROBABILITIES.clone()
    probabilities[0, 3] = 0.9
    snow = measured((probabilities, TRUTH)).details()["tags"][3]
    assert snow == {"count": 0, "precision": 0, "recall": None, "f2": 0, "average_precision": None}


def test_which_tags_are_missed_where_which_others_are_given() -> None:
    missed_and_given = measured((PROBABILITIES, TRUTH)).details()["missed_and_given"]
    # Water was missed where road was given, forest where water was; what was only too many replaced nothing.
    assert missed_and_given == [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_details_can_be_written_as_json_even_where_figures_are_undefined() -> None:
    details = measured((PROBABILITIES, TRUTH)).details()
    assert json.loads(json.dumps(details, allow_nan=False)) == details
    assert (details["classes"], details["samples"]) == (list(CLASSES), 4)


def test_the_curve_is_f2_against_the_threshold() -> None:
    metrics = measured((PROBABILITIES, TRUTH))
    curve = metrics.details()["curve"]
    assert [t for t, _ in curve] == pytest.approx([0.02 * step for step in range(1, 40)])
    assert {round(t, 4): f2 for t, f2 in curve}[0.2] == metrics.compute()["f2"]
    assert {round(t, 4): f2 for t, f2 in curve}[0.02] == pytest.approx((5 / 8 + 10 / 12 + 10 / 12 + 5 / 8) / 4)


def test_the_decision_has_a_common_threshold_and_one_for_each_class() -> None:
    decision = measured((PROBABILITIES, TRUTH)).details()["decision"]
    assert set(decision) == {"threshold", "thresholds"}
    assert len(decision["thresholds"]) == len(CLASSES)
    by_tag = fbeta(PROBABILITIES, TRUTH, threshold=torch.tensor(decision["thresholds"]))
    common = fbeta(PROBABILITIES, TRUTH, threshold=decision["threshold"])
    assert common == pytest.approx(max(fbeta(PROBABILITIES, TRUTH, threshold=t) for t in GRID.tolist()))
    assert by_tag >= common


def test_the_usual_tags_are_as_many_as_make_the_best_answer() -> None:
    samples = [("forest", "water"), ("forest", "water"), ("forest",), ("road",)]
    # always forest: (5/(1+8))·2 + 5/5; with water too: 10/(2+8)·2 + 5/(2+4); with road as well: (10/11)·2 + 5/7 + 5/7
    assert usual_tags(samples) == ("forest", "water", "road")
    assert usual_tags([("forest",)] * 6 + [("road",)]) == ("forest",)  # 6 of 7 right, against 7 · 5/6
    assert usual_tags([]) == ()


def test_always_the_same_tags_are_judged_beside() -> None:
    metrics = TagMetrics(CLASSES, ("forest",))
    metrics.update(PROBABILITIES.logit(), TRUTH)
    # Right for three of four: of one tag, of two, of two.
    assert metrics.details()["always"]["f2"] == pytest.approx((5 / 5 + 5 / 9 + 5 / 9 + 0) / 4)
    assert "always" not in measured((PROBABILITIES, TRUTH)).details()
