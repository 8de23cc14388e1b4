import dataclasses
import itertools
from pathlib import Path

import pytest
import torch
from toy import STAGE, TOY, draw_squares

from engine.errors import RecipeError, TrainingError
from engine.events import RatesSuggested, RateTried
from engine.task import ModelPlan
from engine.training.lr_finder import find_lr

pytestmark = pytest.mark.quick


@pytest.fixture
def squares(tmp_path: Path):
    return TOY.build_objective().open_data(draw_squares(tmp_path / "toy"))


@pytest.mark.parametrize("train_from", [0, -1])
@pytest.mark.parametrize("taken", [7, None])
def test_leaves_model_optimiser_and_random_state_bit_identical(squares, train_from: int, taken: int | None) -> None:
    objective = TOY.build_objective()
    model = objective.build_model(ModelPlan(backbone="tiny", classes=squares.classes))
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    model(torch.zeros(2, 3, 32, 38)).sum().backward()
    optimizer.step()
    model.body.eval()

    def state() -> list[torch.Tensor]:
        moments = [value for values in optimizer.state_dict()["state"].values() for value in values.values()]
        gradients = [p.grad for p in model.parameters()]
        tensors = [*model.state_dict().values(), *moments, *gradients, torch.get_rng_state()]
        return [tensor.clone() for tensor in tensors]

    before, flags = state(), [(m.training, [p.requires_grad for p in m.parameters()]) for m in model.modules()]
    stage = dataclasses.replace(STAGE, train_from=train_from, drop_mult=0.5)
    events = find_lr(objective, stage, model=model, data=squares, workers=0)
    for number, _ in enumerate(events, start=1):
        if number == taken:  # somebody closes the page in the middle
            events.close()
            break
    assert all(torch.equal(one, other) for one, other in zip(before, state(), strict=True))
    assert flags == [(m.training, [p.requires_grad for p in m.parameters()]) for m in model.modules()]
    assert model.head[2].p == 0.2


def test_the_curve_is_that_of_the_stage_s_own_samples_and_dropout(squares) -> None:
    objective, seen = TOY.build_objective(), []

    def losses(**changes) -> list[float]:
        torch.manual_seed(0)
        model = objective.build_model(ModelPlan(backbone="tiny", classes=squares.classes))
        model.register_forward_hook(lambda module, inputs, output: seen.append(module.head[2].p))
        stage = dataclasses.replace(STAGE, **changes)
        events = find_lr(objective, stage, model=model, data=squares, steps=11, workers=0)
        return [event.loss for event in events if isinstance(event, RateTried)]

    plain = losses()
    assert set(seen) == {0.2}
    seen.clear()
    assert losses(drop_mult=0.0) != plain and set(seen) == {0.0}
    few = losses(train_items=4, drop_mult=0.0, augmentation="none", momentum=(0.0, 0.0))
    assert few[0] == pytest.approx(few[1], abs=1e-5), "at first nothing is learnt from the only batch there is"


def test_rates_rise_by_a_factor_and_the_verdict_comes_last(squares) -> None:
    objective = TOY.build_objective()
    model = objective.build_model(ModelPlan(backbone="tiny", classes=squares.classes))
    events = list(find_lr(objective, STAGE, model=model, data=squares, steps=30, workers=0))
    tried = [event for event in events if isinstance(event, RateTried)]
    factors = [later.lr / earlier.lr for earlier, later in itertools.pairwise(tried)]
    assert factors == pytest.approx([1e8 ** (1 / 29)] * len(factors))
    assert isinstance(events[-1], RatesSuggested)
    assert set(events[-1].suggestions) == {"valley", "slide", "steep", "minimum/10"}


def test_steps_that_give_no_curve_are_refused(squares) -> None:
    objective = TOY.build_objective()
    model = objective.build_model(ModelPlan(backbone="tiny", classes=squares.classes))
    with pytest.raises(RecipeError, match=r"10 rates to try are too few .* Try 100 or more"):
        next(find_lr(objective, STAGE, model=model, data=squares, steps=10, workers=0))


def test_a_loss_that_is_no_number_from_the_start_is_told(squares) -> None:
    objective = TOY.build_objective()
    poisoned = dataclasses.replace(
        objective, loss=lambda logits, target: (logits.sum() * float("nan"), torch.tensor(1))
    )
    model = objective.build_model(ModelPlan(backbone="tiny", classes=squares.classes))
    with pytest.raises(TrainingError, match="at rate 1 of 100"):
        list(find_lr(poisoned, STAGE, model=model, data=squares, workers=0))
