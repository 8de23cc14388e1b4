"""Confident learning on probabilities that are written down here."""

import math

import pytest
import torch

from engine.noise.confident import FEWEST, judge_classes, judge_tags


def test_a_label_is_off_where_another_class_reaches_its_own_usual_confidence() -> None:
    # Class 0 usually gets 0.9, class 1 only 0.6: for class 1, 0.62 is much.
    shares = torch.tensor([[0.9, 0.1]] * 5 + [[0.4, 0.6]] * 5 + [[0.38, 0.62], [0.55, 0.45]])
    given = torch.tensor([0] * 5 + [1] * 5 + [0, 1])
    judged = judge_classes(shares, given)
    assert judged.is_off.tolist() == [False] * 10 + [True, False]
    assert judged.proposed[10] == 1
    assert judged.margin[10].item() == pytest.approx(0.62 - 0.38)
    assert judged.loss[10].item() == pytest.approx(-math.log(0.38))


def test_of_several_classes_the_likeliest_that_reaches_its_threshold_is_proposed() -> None:
    sure = [[0.8, 0.1, 0.1]] * 5 + [[0.1, 0.8, 0.1]] * 5 + [[0.3, 0.3, 0.4]] * 5
    shares = torch.tensor(
        [*sure, [0.05, 0.5, 0.45]]
    )  # class 1 is likelier, but not as usual; class 2 is more than usual
    given = torch.tensor([0] * 5 + [1] * 5 + [2] * 5 + [0])
    judged = judge_classes(shares, given)
    assert bool(judged.is_off[-1]) and judged.proposed[-1] == 2


def test_a_class_with_too_few_samples_is_neither_suspected_nor_proposed_with_confidence() -> None:
    few = FEWEST - 1
    shares = torch.tensor([[0.9, 0.1]] * 6 + [[0.95, 0.05]] * few + [[0.01, 0.99]])
    given = torch.tensor([0] * 6 + [1] * few + [0])
    assert not judge_classes(shares, given).is_off.any()


def test_each_tag_is_judged_for_itself_and_all_that_are_off_are_proposed_turned() -> None:
    shares = torch.tensor([[0.9, 0.1, 0.1]] * 6 + [[0.1, 0.1, 0.9]] * 6 + [[0.02, 0.1, 0.97]])
    given = torch.tensor([[1.0, 0, 0]] * 6 + [[0.0, 0, 1]] * 6 + [[1.0, 0, 0]])
    judged = judge_tags(shares, given)
    assert judged.is_off.tolist() == [False] * 12 + [True]
    assert judged.proposed[-1].tolist() == [False, False, True]
    assert judged.doubt[-1].item() == pytest.approx(0.98)
    assert judged.proposed[0].tolist() == [False, False, False], (
        "where nothing is off, the least likely tag is in question"
    )
