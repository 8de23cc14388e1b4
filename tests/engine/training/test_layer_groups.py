import pytest
from toy import TinyClassifier

from engine.errors import RecipeError
from engine.training.layer_groups import first_trained, layer_groups, parameter_groups, set_train_mode, spread_rates


def test_rates_are_spread_by_a_factor() -> None:
    assert spread_rates((1e-5, 1e-3), 3) == pytest.approx((1e-5, 1e-4, 1e-3))
    assert spread_rates((1e-3, 1e-3), 3) == pytest.approx((1e-3,) * 3)
    assert spread_rates((1e-5, 1e-3), 1) == (1e-3,)


def test_norms_and_biases_do_not_decay() -> None:
    model = TinyClassifier(3)
    groups = parameter_groups(layer_groups(model), 0, 0.1)
    decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    for name, parameter in model.named_parameters():
        assert decay[id(parameter)] == (0.1 if parameter.ndim > 1 else 0.0), name


def test_only_learning_groups_reach_the_optimiser() -> None:
    groups = parameter_groups(layer_groups(TinyClassifier(3)), -1, 0.1)
    assert {group["layer_group"] for group in groups} == {1}


def test_frozen_groups_stay_in_evaluation_mode() -> None:
    model = TinyClassifier(3)
    set_train_mode(model, layer_groups(model), -1)
    assert not any(module.training for module in model.body.modules())
    assert all(module.training for module in model.head.modules())


def test_a_group_that_is_not_there_is_named() -> None:
    with pytest.raises(RecipeError, match="the model has 2 groups"):
        first_trained(layer_groups(TinyClassifier(3)), 5)
