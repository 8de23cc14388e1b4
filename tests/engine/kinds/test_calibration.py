"""Probabilities that are too sure are told and put straight, and what is reported is measured on samples that were not fitted."""

import math

import pytest
import torch
from torch import Tensor

from engine.bundle.fields import is_decision
from engine.bundle.figures import is_evaluation
from engine.errors import BundleError
from engine.kinds import calibration
from engine.kinds.calibration import (
    FEWEST,
    alternating,
    calibrate_classes,
    calibrate_tags,
    calibration_error,
    first_half,
    fit_temperature,
    reliability,
    safe_spread,
    softmax,
    spread,
    spread_on_halves,
    sure_level,
)
from engine.kinds.class_metrics import ClassMetrics
from engine.kinds.classes import ONNX_ANSWER, predict_class
from engine.kinds.mask_metrics import PixelMetrics
from engine.kinds.sureness import SURE, same_threshold, temperature_of
from engine.kinds.tag_metrics import TagMetrics
from engine.kinds.tags import predict_tags

CLASSES = ("a", "b", "c", "d")


def drawn(count: int, *, too_sure: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits (N, 4) that are so many times too large, and truths drawn by the right ones: a made model."""
    drawing = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(count, 4, generator=drawing)
    truth = torch.multinomial(logits.softmax(1), 1, generator=drawing).flatten()
    return logits * too_sure, truth


def drawn_tags(count: int, *, too_sure: float) -> tuple[Tensor, Tensor]:
    drawing = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(count, 4, generator=drawing) - 1
    return logits * too_sure, torch.bernoulli(logits.sigmoid(), generator=drawing)


@pytest.mark.parametrize("too_sure", [0.5, 1.0, 2.5])
def test_a_temperature_finds_by_how_much_logits_are_too_large(too_sure: float) -> None:
    logits, truth = drawn(8000, too_sure=too_sure)
    found = fit_temperature(logits, torch.nn.functional.one_hot(truth, 4), softmax)
    assert found == pytest.approx(too_sure, rel=0.06)
    logits, there = drawn_tags(4000, too_sure=too_sure)
    assert fit_temperature(logits, there, torch.sigmoid) == pytest.approx(too_sure, rel=0.06)


def test_it_has_the_least_log_loss_there_is() -> None:
    logits, truth = drawn(500, too_sure=2.0)
    wanted = torch.nn.functional.one_hot(truth, 4)
    found = fit_temperature(logits, wanted, softmax)
    tried = {
        at: calibration.log_loss(logits / at, wanted, softmax).mean().item()
        for at in (found * 0.97, found, found * 1.03)
    }
    assert min(tried, key=tried.__getitem__) == found


def test_error_on_halves_falls_and_the_bins_are_of_all_answers() -> None:
    logits, truth = drawn(2000, too_sure=3.0)
    found = calibrate_classes(logits, truth, alternating)
    told = found.told
    assert found.decision["temperature"] == told["temperature"] == told["tried"] == pytest.approx(3, rel=0.15)
    assert told["error_before"] > 0.1 and told["error_after"] < 0.04 and told["loss_after"] < told["loss_before"]
    assert sum(number for _, _, number in told["before"]) == sum(number for _, _, number in told["after"]) == 2000
    assert is_decision(found.decision, 4) and is_evaluation(
        {"metrics": {}, "calibration": told, "decision": found.decision}
    )


def test_each_half_is_judged_with_what_the_other_gave() -> None:
    """The first half is three times too sure, the second just right: fitted on its own half each would be without error."""
    (wrong, one), (right, other) = drawn(3000, too_sure=3.0), drawn(3000, too_sure=1.0, seed=1)
    told = calibrate_classes(torch.cat([wrong, right]), torch.cat([one, other]), first_half).told
    alone = calibrate_classes(wrong, one, alternating).told
    assert alone["error_after"] < 0.05 < 0.1 < told["error_after"]


def test_what_helps_no_more_than_chance_is_tried_and_not_kept() -> None:
    logits, truth = drawn(400, too_sure=1.0)
    found = calibrate_classes(logits, truth, alternating)
    assert found.decision["temperature"] == 1.0 != found.told["tried"]


def test_pixels_of_one_picture_are_no_samples_of_their_own() -> None:
    """Every other of 12 pictures is too sure, the others not sure enough: much to 12,000 pixels, to a dozen pictures a toss."""
    drawings = [drawn(1000, too_sure=(1.5, 0.8)[picture % 2], seed=picture) for picture in range(12)]
    logits, truth = (torch.cat(parts) for parts in zip(*drawings, strict=True))
    pictures = torch.arange(12).repeat_interleave(1000)
    assert calibrate_classes(logits, truth, first_half).decision["temperature"] > 1.1
    assert calibrate_classes(logits, truth, first_half, pictures).decision["temperature"] == 1


def test_of_masks_a_bounded_sample_of_pixels_is_kept() -> None:
    metrics = PixelMetrics(CLASSES, 12)
    for picture in range(12):
        logits, truth = drawn(64 * 64, too_sure=2.0, seed=picture)
        metrics.update(logits.T.reshape(1, 4, 64, 64), truth.reshape(1, 64, 64).byte())
    details = metrics.details()
    told = details["calibration"]
    assert (
        details["decision"]["temperature"] == pytest.approx(2, rel=0.1) and told["error_after"] < told["error_before"]
    )
    assert sum(number for _, _, number in told["after"]) == 12 * 1000, "a bounded sample"
    assert PixelMetrics(CLASSES, 100_000).sampled.each == 4, "of many pictures few of each"


def test_void_pixels_say_nothing_and_few_pictures_neither() -> None:
    metrics = PixelMetrics(CLASSES, 12)
    for picture in range(12):
        logits, truth = drawn(32 * 32, too_sure=2.0, seed=picture)
        mask = truth.reshape(1, 32, 32).byte()
        mask[:, 16:] = 255
        metrics.update(logits.T.reshape(1, 4, 32, 32), mask)
        if picture == 8:
            assert not {"calibration", "decision"} & metrics.details().keys()
    counted = sum(number for _, _, number in metrics.details()["calibration"]["after"])
    assert 12 * 400 < counted < 12 * 600


def test_few_samples_give_no_temperature_and_nothing_is_said() -> None:
    logits, truth = drawn(FEWEST - 1, too_sure=3.0)
    assert calibrate_classes(logits, truth, alternating) == calibration.NONE
    metrics = ClassMetrics(CLASSES)
    metrics.update(logits, truth)
    assert not {"calibration", "decision"} & metrics.details().keys()
    assert calibrate_tags(*drawn_tags(FEWEST - 1, too_sure=3.0), alternating) == calibration.NONE


def test_answers_that_are_all_right_do_not_become_endlessly_sure() -> None:
    truth = torch.arange(200) % 4
    logits = 3.0 * torch.nn.functional.one_hot(truth, 4)
    found = calibrate_classes(logits, truth, alternating)
    assert (logits / found.decision["temperature"]).softmax(1).amax() < 0.9999


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_run_that_diverged_has_figures_that_can_be_kept(value: float) -> None:
    logits, truth = drawn(200, too_sure=1.0)
    logits[::3] = value
    found = calibrate_classes(logits, truth, alternating)
    assert found.decision["temperature"] == 1 and is_decision(found.decision, 4)


def test_argmax_answers_do_not_change_and_tags_above_their_thresholds_neither() -> None:
    logits, _ = drawn(500, too_sure=3.0)
    for row in logits:
        plain, calibrated = (predict_class(row, "", CLASSES, decision) for decision in ({}, {"temperature": 3.1}))
        assert plain.answer == calibrated.answer and calibrated.probability < plain.probability
        for threshold in (0.02, 0.2, 0.5, 0.79):
            decision = {"threshold": threshold}
            tags = [predict_tags(row, None, CLASSES, {**decision, **more}) for more in ({}, {"temperature": 2.2})]  # type: ignore
            assert tags[0].tags() == tags[1].tags()
    assert same_threshold(0.2, 1.0) == 0.2 and same_threshold(0.0, 3.0) == 0 and same_threshold(1.0, 3.0) == 1


def test_tag_thresholds_and_f2_are_of_the_figures_as_the_model_gives_them() -> None:
    logits, there = drawn_tags(300, too_sure=2.5)
    metrics = TagMetrics(CLASSES)
    metrics.update(logits, there)
    decision = metrics.details()["decision"]
    assert decision["temperature"] == pytest.approx(2.5, rel=0.15)
    plain = TagMetrics(CLASSES)
    plain.update(logits[: FEWEST - 1], there[: FEWEST - 1])
    assert plain.details()["decision"].keys() == {"threshold", "thresholds"}
    from engine.kinds.thresholds import best_threshold, lesson_f2

    assert decision["threshold"] == round(best_threshold(logits.sigmoid(), there).item(), 4)
    assert metrics.compute()["f2"] == lesson_f2(logits.sigmoid(), there)


@pytest.mark.parametrize("value", [0, -1.0, 0.01, 1e9, math.nan, "1", [1, 1, 1, 1]])
def test_a_temperature_that_can_be_none_is_refused(value: object) -> None:
    with pytest.raises(
        BundleError, match=r"temperature in the model's decision is .*expected a number from 0\.1 to 10"
    ):
        temperature_of({"temperature": value})


def test_bins_have_as_many_answers_each_and_the_error_is_by_hand() -> None:
    sure = torch.tensor([0.9] * 20 + [0.6] * 20)
    right = torch.tensor([True] * 15 + [False] * 5 + [True] * 12 + [False] * 8)
    rows = reliability(sure, right)
    assert rows == [pytest.approx([0.6, 0.6, 20]), pytest.approx([0.9, 0.75, 20])]
    assert calibration_error(rows) == pytest.approx(0.15 / 2)
    assert len(reliability(torch.rand(5), torch.ones(5) > 0)) == 1


def test_an_answer_is_sure_from_where_95_of_100_are_right() -> None:
    sure = torch.linspace(0.99, 0.7, 200)
    right = torch.ones(200, dtype=torch.bool)
    right[100:] = torch.arange(100) % 2 == 0
    level = sure_level(sure, right)
    above = right[sure >= level].double().mean().item()
    assert above >= 0.95 > right[sure >= level - 0.02].double().mean().item()
    assert sure_level(sure, torch.ones(200) > 0) == SURE, "a coin's toss is never sure, however right it was"
    assert sure_level(sure, torch.zeros(200) > 0) == 0.95, "where none is right it takes as much itself"
    assert sure_level(sure[:99], right[:99]) == SURE, "too few to tell"


def test_a_review_at_59_percent_is_not_positive() -> None:
    leaning = predict_class(torch.tensor([0.0, 0.364]), "so so", ("neg", "pos"), {})
    assert (leaning.answer, leaning.is_sure) == ("pos", False)
    assert leaning.summary()["class"] == "pos" and leaning.summary()["is_sure"] is False
    assert leaning.in_words() == "not sure, leaning pos 59.0%"
    assert predict_class(torch.tensor([0.0, 0.364]), "", ("neg", "pos"), {"sure_from": 0.55}).is_sure


def test_a_card_s_program_gives_calibrated_probabilities(capsys: pytest.CaptureFixture[str]) -> None:
    logits, decision = torch.tensor([2.0, -1.0, 0.5, 0.0]), {"temperature": 2.5, "sure_from": 0.8}
    import numpy as np

    exec(ONNX_ANSWER, {"np": np, "logits": logits[None].numpy(), "config": {"classes": CLASSES, "decision": decision}})
    said = eval(capsys.readouterr().out.replace("np.float32", ""))
    assert said == pytest.approx(predict_class(logits, "", CLASSES, decision).probabilities, abs=1e-3)


def test_a_spread_holds_for_80_of_100_and_halves_that_differ_are_told() -> None:
    distances = torch.arange(1.0, 100.0)
    assert spread(distances) == 80, "the next one lies within it in 80 of 100 cases"
    torch.manual_seed(0)
    alike = torch.rand(4000)
    assert spread_on_halves(alike) == pytest.approx(0.8, abs=0.02)
    apart = torch.cat([torch.rand(100), 10 + torch.rand(100)])
    assert spread_on_halves(apart) == 0.5 and safe_spread(apart) > 10
    assert (apart[100:] <= safe_spread(apart)).double().mean() >= 0.8
