"""Under- and overfitting and a plateau, on curves that were made up: found, not found, and not to be told yet."""

import pytest
from made_cases import Made, falling, made_case, straight

from engine.diagnosis.finding import Finding, Unclear
from engine.diagnosis.fit import overfitting, plateau, underfitting
from engine.recipe import Stage

FULL = Stage(name="full", epochs=4, max_lr=2e-3)


def made(stage: Stage, train: tuple[float, float], valid: tuple[float, ...], figure: tuple[float, ...] = ()) -> Made:
    return Made(stage=stage, loss=straight(*train), valid=valid, figure=figure)


def long_stage(epochs: int, **knobs) -> Stage:
    return Stage(**{"name": "long", "epochs": epochs, "max_lr": 2e-3, **knobs})


def test_a_training_loss_above_and_still_falling_wants_more_epochs() -> None:
    found = underfitting(made_case(made(FULL, (1.5, 1.0), (1.1, 1.0, 0.9, 0.8))))
    assert isinstance(found, Finding) and found.remedy
    assert (
        found.remedy.recipe.stages[0].epochs == 8 and "transformed" in found.why and "mean over an epoch" in found.why
    )


@pytest.mark.parametrize(
    ("knob", "value", "better"),
    [("augmentation", "strong", "standard"), ("drop_mult", 2.0, 1.0), ("weight_decay", 0.3, 1e-2)],
)
def test_what_holds_the_training_loss_up_is_named_and_taken_away(knob: str, value, better) -> None:
    stage = long_stage(4, **{knob: value})
    found = underfitting(made_case(made(stage, (1.5, 1.0), (0.9, 0.82, 0.81, 0.81))))
    assert isinstance(found, Finding) and found.remedy
    (changed,) = found.remedy.recipe.stages
    assert getattr(changed, knob) == better and changed.epochs == 4, "one thing is changed"


@pytest.mark.parametrize(
    ("train", "valid"),
    [((1.5, 0.8), (1.0, 0.9, 0.83, 0.82)), ((1.5, 1.0), (0.82, 0.81, 0.81, 0.81))],
    ids=["no gap", "a gap, and nothing falls any more: the transforms"],
)
def test_what_is_no_underfitting(train, valid) -> None:
    assert underfitting(made_case(made(FULL, train, valid))) is None


def test_underfitting_cannot_be_told_while_it_runs_or_from_few_samples() -> None:
    curve = made(FULL, (1.5, 1.0), (1.1, 1.0, 0.9, 0.8))
    assert isinstance(underfitting(made_case(curve, is_over=False)), Unclear)
    few = underfitting(made_case(curve, valid_items=8))
    assert isinstance(few, Unclear) and "8 validation samples" in few.reason
    assert isinstance(underfitting(made_case(made(FULL, (1, 1), ()))), Unclear)


RISING = (0.8, 0.6, 0.5, 0.55, 0.62, 0.7)


def test_a_validation_loss_that_rises_while_the_training_loss_falls() -> None:
    worse = (0.7, 0.8, 0.85, 0.8, 0.75, 0.7)
    found = overfitting(made_case(made(long_stage(6), (1.0, 0.1), RISING, worse)))
    assert isinstance(found, Finding) and found.sure == "sure" and found.where == (60, 120)
    assert "from 0.85 to 0.7" in found.seen
    assert found.remedy and found.remedy.recipe.stages[0].epochs == 3, (
        "standard augmentation, all samples: it stops earlier"
    )
    steady = overfitting(made_case(made(long_stage(6), (1.0, 0.1), RISING, (0.7, 0.8, 0.85, 0.85, 0.85, 0.85))))
    assert isinstance(steady, Finding) and steady.sure == "likely" and "not become worse" in steady.seen


def test_more_data_comes_before_augmentation_and_that_before_an_earlier_end() -> None:
    few = long_stage(6, train_items=50, augmentation="none")
    found = overfitting(made_case(made(few, (1.0, 0.1), RISING)))
    assert isinstance(found, Finding) and found.remedy and found.remedy.recipe.stages[0].train_items == 0
    plain = overfitting(made_case(made(long_stage(6, augmentation="none"), (1.0, 0.1), RISING)))
    assert isinstance(plain, Finding) and plain.remedy and plain.remedy.recipe.stages[0].augmentation == "standard"
    assert plain.remedy.recipe.stages[0].epochs == 6
    text = overfitting(made_case(made(long_stage(6, augmentation="none"), (1.0, 0.1), RISING), task="imdb"))
    assert isinstance(text, Finding) and text.remedy and text.remedy.recipe.stages[0].epochs == 3, (
        "no picture to change"
    )


@pytest.mark.parametrize(
    ("train", "valid"),
    [
        ((1.0, 0.1), (0.8, 0.6, 0.5, 0.5, 0.51, 0.52)),
        ((1.0, 1.0), RISING),
        ((1.0, 0.1), (0.9, 1.4, 0.8, 0.7, 0.6, 0.55)),
    ],
    ids=["it hardly rises", "training does not fall", "a bump where the rate is highest"],
)
def test_what_is_no_overfitting(train, valid) -> None:
    assert overfitting(made_case(made(long_stage(6), train, valid))) is None


def test_overfitting_cannot_be_told_from_few_epochs_or_samples_or_at_a_high_rate() -> None:
    assert isinstance(overfitting(made_case(made(long_stage(6), (1.0, 0.1), (0.5, 0.9)))), Unclear)
    assert isinstance(overfitting(made_case(made(long_stage(6), (1.0, 0.1), RISING), valid_items=10)), Unclear)
    early = made(long_stage(20), (1.0, 0.1), RISING)
    assert isinstance(overfitting(made_case(early, is_over=False)), Unclear)
    assert isinstance(overfitting(made_case(early)), Finding), "it was stopped: nothing comes after"


LEVEL = (0.7, 0.6, 0.55, 0.52, 0.51, 0.5, *[0.5] * 6)


def test_a_second_half_that_brought_nothing() -> None:
    found = plateau(made_case(made(long_stage(12, train_from=-1, max_lr=1e-2), (1.0, 0.5), LEVEL)))
    assert isinstance(found, Finding) and found.remedy and "Unfreeze" in found.advice and found.where == (120, 240)
    head, added = found.remedy.recipe.stages
    assert head.epochs == 12 and added.train_from == 0 and added.max_lr == pytest.approx((1e-4, 2e-3))
    all_layers = plateau(made_case(made(long_stage(12, image_size=64), (1.0, 0.5), LEVEL)))
    assert isinstance(all_layers, Finding) and all_layers.remedy
    assert all_layers.remedy.recipe.stages[1].image_size == 96
    text = plateau(made_case(made(long_stage(12), (1.0, 0.5), LEVEL), task="imdb"))
    assert isinstance(text, Finding) and text.remedy and text.remedy.recipe.stages[0].epochs == 6


@pytest.mark.parametrize(
    ("valid", "figure"),
    [
        (tuple(1.0 - 0.04 * epoch for epoch in range(12)), ()),
        (LEVEL, (*[0.7] * 6, *[0.9] * 6)),
        ((*[0.5] * 6, *[0.6] * 6), ()),
    ],
    ids=["it falls", "the figure gains", "it gets worse: another rule's"],
)
def test_what_is_no_plateau(valid, figure) -> None:
    assert plateau(made_case(made(long_stage(12), (1.0, 0.5), valid, figure))) is None


def test_a_plateau_needs_a_long_stage_and_its_epochs() -> None:
    assert plateau(made_case(made(long_stage(4), (1.0, 0.5), LEVEL[-4:]))) is None
    assert isinstance(plateau(made_case(made(long_stage(12), (1.0, 0.5), LEVEL[:5]), is_over=False)), Unclear)


def test_inputs_of_another_size_begin_anew() -> None:
    small = made(long_stage(4, image_size=64), (1.0, 0.5), (0.6, 0.5, 0.4, 0.3))
    large = made(long_stage(4, image_size=128), (0.5, 0.2), (0.6, 0.58, 0.57, 0.56))
    assert overfitting(made_case(small, large)) is None
    same = made(long_stage(4, image_size=64), (0.5, 0.2), (0.6, 0.58, 0.57, 0.56))
    assert isinstance(overfitting(made_case(small, same)), Finding)


def test_a_healthy_curve_has_none_of_them() -> None:
    healthy = Made(stage=long_stage(6), loss=falling(1.4, 0.45), valid=(0.8, 0.6, 0.55, 0.51, 0.5, 0.49))
    assert [rule(made_case(healthy)) for rule in (underfitting, overfitting, plateau)] == [None] * 3
