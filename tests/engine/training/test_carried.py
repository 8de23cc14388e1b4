"""What a model has read is carried from batch to batch, and forgotten where a pass over the data begins."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_text import shrink_word_models
from torch import nn

from engine.data.texts.dataset import TextData
from engine.models.awd_lstm import LanguageModel
from engine.recipe import Recipe
from engine.task import Objective
from engine.tasks.imdb import IMDB, LANGUAGE_MODEL
from engine.training.carried import Carrying, carried, forget
from engine.training.loop import fit
from engine.training.lr_finder import find_lr
from engine.training.planning import plan_now

AIM = IMDB.aim(LANGUAGE_MODEL)
STAGE = dataclasses.replace(
    AIM.default_stage, epochs=2, batch_size=4, text_length=32, train_items=8, precision="fp32", max_lr=1e-3
)


@pytest.fixture
def objective() -> Objective:
    return AIM.build()


@pytest.fixture
def data(reviews: Path, objective: Objective) -> TextData:
    return objective.open_data(reviews)


@pytest.fixture
def model(objective: Objective, data: TextData, monkeypatch: pytest.MonkeyPatch) -> Any:
    recipe = Recipe(name="one", backbone=shrink_word_models(monkeypatch), stages=(STAGE,))
    torch.manual_seed(0)
    return objective.build_model(plan_now(objective, recipe, data))


def test_an_epoch_and_a_validation_begin_with_nothing_read(model: Any, objective: Objective, data: TextData) -> None:
    begun: list[tuple[bool, bool]] = []
    model.register_forward_pre_hook(lambda module, inputs: begun.append((module.training, module.state is None)))
    list(fit(objective, STAGE, model=model, data=data))
    passes = [at for at, (_, is_new) in enumerate(begun) if is_new]
    assert [begun[at][0] for at in passes] == [True, False, True, False]
    assert passes[0] == 0 and all(begun[at][0] != begun[at - 1][0] for at in passes[1:])
    assert len(begun) > 3 * len(passes), "a pass has several batches"


def test_a_model_goes_on_from_what_another_carried(model: Any) -> None:
    twin = LanguageModel(len(model.tokenizer), width=16, hidden=24)
    twin.load_state_dict(model.state_dict())
    model.eval(), twin.eval()
    tokens = torch.randint(5, 50, (3, 8))
    model(tokens[:, :5])
    state = carried(model)
    assert sorted(state) == [f"{layer}.{part}" for layer in range(3) for part in range(2)]
    twin.carry(state)
    assert torch.equal(twin(tokens[:, 5:]).logits, model(tokens[:, 5:]).logits)
    twin.carry({})
    assert carried(twin) == {} and twin.state is None


def test_the_rate_finder_leaves_nothing_read(model: Any, objective: Objective, data: TextData) -> None:
    list(find_lr(objective, STAGE, model=model, data=data, steps=12))
    assert carried(model) == {}


def test_models_that_carry_nothing_are_left_alone() -> None:
    plain = nn.Linear(2, 2)
    forget(plain)
    assert carried(plain) == {} and not isinstance(plain, Carrying)
