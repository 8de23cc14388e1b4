"""A rate too high is seen by jumps, one too low by a straight line; a healthy curve is neither."""

import pytest
from made_cases import Made, falling, made_case, straight

from engine.diagnosis.finding import Finding, Unclear
from engine.diagnosis.rates import rate_too_high, rate_too_low
from engine.recipe import Stage

HEAD = Stage(name="head", epochs=4, max_lr=1e-2, train_from=-1)
HEALTHY = Made(stage=HEAD, loss=falling(1.4, 0.5), valid=(0.8, 0.6, 0.55, 0.52))


def bump(start: float, top: float, end: float):
    """Up from where the rate is highest, and down to the end."""
    return lambda share: falling(start, end)(share) + max(0.0, top - start) * (0.2 < share < 0.5)


def test_a_healthy_curve_has_neither() -> None:
    case = made_case(HEALTHY)
    assert rate_too_high(case) is None and rate_too_low(case) is None


def test_a_loss_that_is_no_number_is_sure_and_the_remedy_is_lower() -> None:
    found = rate_too_high(
        made_case(Made(stage=HEAD, loss=falling(1.4, 0.5), valid=(0.8,)), diverged=True, is_over=False)
    )
    assert isinstance(found, Finding) and found.sure == "sure" and found.where == (20, 20)
    assert found.remedy and found.remedy.recipe.stages[0].max_lr == pytest.approx(1e-3)


def test_a_jump_is_found_where_it_is_and_names_the_stage() -> None:
    hot = Made(stage=Stage(name="full", epochs=4, max_lr=(1e-3, 0.3)), loss=bump(0.6, 3.0, 0.8), valid=(2, 3, 1, 0.9))
    found = rate_too_high(made_case(HEALTHY, hot))
    assert isinstance(found, Finding) and "stage 2" in found.seen and "0.3" not in found.advice
    assert 80 < found.where[0] < found.where[1] <= 80 + 0.55 * 80
    assert found.remedy and found.remedy.recipe.stages[0] == HEAD, "only the stage in question is changed"
    assert found.remedy.recipe.stages[1].max_lr == pytest.approx((1e-3 * 2e-3 / 0.3, 2e-3)), "the usual for all layers"


@pytest.mark.parametrize("top", [0.5, 0.65, 0.9])
def test_a_small_bump_where_the_rate_is_highest_is_as_the_lesson_wants_it(top: float) -> None:
    mild = Made(stage=HEAD, loss=bump(0.6, top, 0.3), valid=(0.5, 0.5, 0.4, 0.3))
    assert rate_too_high(made_case(mild)) is None


def test_another_stage_may_begin_at_a_higher_loss() -> None:
    """New transforms, samples or sizes: between stages nothing is compared."""
    begun = Made(stage=Stage(name="full", epochs=4, max_lr=2e-3), loss=falling(2.9, 0.4), valid=(0.6, 0.5, 0.45, 0.44))
    assert rate_too_high(made_case(HEALTHY, begun)) is None


def test_a_stage_that_learns_nothing_at_a_rate_far_above_the_usual() -> None:
    flat = Made(stage=Stage(name="full", epochs=4, max_lr=0.1), loss=straight(1.38, 1.39), valid=(1.4, 1.4, 1.4, 1.4))
    found = rate_too_high(made_case(flat))
    assert isinstance(found, Finding) and found.sure == "likely" and "did not fall" in found.seen
    usual = Made(stage=Stage(name="full", epochs=4, max_lr=2e-3), loss=straight(1.38, 1.39), valid=(1.4, 1.4, 1.4, 1.4))
    assert rate_too_high(made_case(usual)) is None


def test_a_validation_loss_that_goes_far_up_needs_samples_enough() -> None:
    shaken = Made(stage=HEAD, loss=straight(0.5, 0.52), valid=(0.5, 2.5, 0.6, 0.5))
    found = rate_too_high(made_case(shaken))
    assert isinstance(found, Finding) and found.where == (20, 40) and found.sure == "likely"
    assert rate_too_high(made_case(shaken, valid_items=6)) is None


def test_before_there_are_steps_it_cannot_tell() -> None:
    empty = Made(stage=HEAD, loss=falling(1, 1), valid=())
    assert isinstance(rate_too_high(made_case(empty, is_over=False)), Unclear)


@pytest.mark.parametrize(
    ("rate", "loss"), [(1e-4, straight(1.4, 1.1)), (1e-5, straight(1.4, 1.39)), (1e-5, straight(1.4, 1.4))]
)
def test_a_slow_straight_line_at_a_low_rate(rate: float, loss) -> None:
    found = rate_too_low(
        made_case(Made(stage=Stage(epochs=4, max_lr=rate, train_from=-1), loss=loss, valid=(1.4, 1.3, 1.3, 1.2)))
    )
    assert isinstance(found, Finding)
    assert found.remedy and found.remedy.recipe.stages[0].max_lr == pytest.approx(1e-2), "weather's own"


@pytest.mark.parametrize(
    ("rate", "loss"),
    [(1e-2, straight(1.4, 1.1)), (1e-4, falling(1.4, 0.9)), (1e-4, straight(1.4, 0.3)), (3e-3, straight(1.4, 1.1))],
    ids=["a usual rate", "it levels off", "it falls far", "not far below"],
)
def test_what_is_no_rate_too_low(rate: float, loss) -> None:
    made = Made(stage=Stage(epochs=4, max_lr=rate, train_from=-1), loss=loss, valid=(1.4, 1.3, 1.3, 1.2))
    assert rate_too_low(made_case(made)) is None


def test_a_run_under_way_cannot_be_called_slow() -> None:
    made = Made(stage=Stage(epochs=4, max_lr=1e-5, train_from=-1), loss=straight(1.4, 1.39), valid=(1.4, 1.4))
    assert isinstance(rate_too_low(made_case(made, is_over=False)), Unclear)


def test_where_not_even_a_usual_rate_teaches_anything_no_rate_is_to_blame() -> None:
    usual = Made(stage=Stage(epochs=10, max_lr=1e-2, train_from=-1), loss=straight(0.7, 0.69), valid=(0.69,) * 10)
    far = Made(stage=Stage(name="full", epochs=10, max_lr=0.3), loss=straight(0.69, 0.69), valid=(0.69,) * 10)
    assert isinstance(rate_too_high(made_case(far)), Finding)
    assert rate_too_high(made_case(usual, far)) is None
