"""Dropout is scaled from what a model was built with, however often a stage scales it."""

import pytest
import torch
from torch import nn
from toy import TinyClassifier

from engine.errors import RecipeError
from engine.models.awd_lstm import LanguageModel
from engine.training.dropout import dropouts, scale_dropout


def values(model: nn.Module) -> list[float]:
    return [p for _, _, p in dropouts(model)]


def test_twice_a_half_is_a_half_and_once_is_as_built() -> None:
    model = nn.Sequential(nn.Dropout(0.2), nn.Linear(2, 2), nn.Dropout2d(0.4))
    scale_dropout(model, 1.0)
    assert values(model) == [0.2, 0.4]
    for _ in range(2):
        scale_dropout(model, 0.5)
        assert values(model) == [0.1, 0.2]
    scale_dropout(model, 0.0)
    assert values(model) == [0, 0]
    scale_dropout(model, 1.0)
    assert values(model) == [0.2, 0.4]


def test_an_awd_lstm_is_as_if_it_were_built_so() -> None:
    scaled, built = (LanguageModel(20, width=4, hidden=6, drop_mult=factor) for factor in (1.0, 0.3))
    scale_dropout(scaled, 0.3)
    assert values(scaled) == pytest.approx(values(built))
    assert len(values(scaled)) == 8, "of words, of the output, and two of each layer"


def test_what_would_leave_nothing_is_refused_and_changes_nothing() -> None:
    model = nn.Sequential(nn.Dropout(0.2), nn.Dropout(0.5))
    with pytest.raises(RecipeError, match=r"Dropout times 2 makes 0\.5 to 1\. Give less than 2\."):
        scale_dropout(model, 2.0)
    assert values(model) == [0.2, 0.5]
    scale_dropout(model, 1.9)
    assert values(model) == pytest.approx([0.38, 0.95])


def test_a_model_without_dropout_has_none_at_any_factor() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    scale_dropout(model, 2.0)
    assert values(model) == []


def test_no_dropout_makes_training_repeat_itself() -> None:
    model, pictures = TinyClassifier(3).train(), torch.rand(2, 3, 32, 32)
    assert not torch.equal(model(pictures), model(pictures))
    scale_dropout(model, 0.0)
    assert torch.equal(model(pictures), model(pictures))
