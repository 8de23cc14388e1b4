"""The mean of the weights: what it is, that it is what is judged and kept, and that a run with one is resumed bit for bit."""

import dataclasses
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn
from toy import STAGE, TOY, TinyClassifier, draw_squares, train_in_stretches

from engine.bundle.files import latest_checkpoint
from engine.bundle.tensors import own_tensors
from engine.recipe import Recipe
from engine.training.loop import fit
from engine.training.mean_weights import MeanOfWeights
from engine.training.recipe_loop import train_recipe

AVERAGED = dataclasses.replace(STAGE, epochs=4, ema=0.9)


@pytest.fixture
def squares(tmp_path: Path):
    return TOY.build_objective().open_data(draw_squares(tmp_path / "toy"))


def test_each_step_leaves_its_share_and_the_first_weights_fade_faster() -> None:
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(0.0)
    mean, expected = MeanOfWeights(model, 0.5), 0.0
    for step in range(1, 30):
        with torch.no_grad():
            model.weight.fill_(float(step))
        mean.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
        assert mean.mean[0].item() == pytest.approx(expected)


def test_only_what_learns_is_averaged_and_the_model_gets_its_own_back() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))
    model[0].requires_grad_(False)
    mean = MeanOfWeights(model, 0.9)
    assert set(mean.names) == {"1.weight", "1.bias", "2.weight", "2.bias", "1.running_mean", "1.running_var"}
    before = model[2].weight.detach().clone()
    with torch.no_grad():
        model[2].weight.add_(1.0)
    with mean.in_place() as own:
        assert torch.equal(model[2].weight, before) and torch.equal(own["2.weight"], before + 1)
    assert torch.equal(model[2].weight, before + 1)


def test_the_mean_is_what_a_stage_ends_with_and_what_is_kept(squares, tmp_path: Path) -> None:
    def trained(stage, folder: Path) -> dict[str, torch.Tensor]:
        torch.manual_seed(1)
        model = TinyClassifier(3)
        recipe = Recipe(name="toy", backbone="tiny", stages=(stage,))
        for _ in train_recipe(TOY.build_objective(), recipe, model=model, data=squares, folder=folder, workers=0):
            pass
        return {name: tensor.clone() for name, tensor in own_tensors(model).items()}

    last, mean = (
        trained(dataclasses.replace(AVERAGED, ema=0.0), tmp_path / "last"),
        trained(AVERAGED, tmp_path / "mean"),
    )
    assert any(not torch.equal(last[name], mean[name]) for name in last)
    from safetensors.torch import load_file

    checkpoint = latest_checkpoint(tmp_path / "mean")
    assert checkpoint
    kept, beside = load_file(checkpoint / "model.safetensors"), load_file(checkpoint / "optimizer.safetensors")
    assert all(torch.equal(kept[name], mean[name]) for name in mean)
    own = {key.removeprefix("own:"): value for key, value in beside.items() if key.startswith("own:")}
    assert own and all(torch.equal(own[name], last[name]) for name in own), "steps are those of a run without a mean"


def test_a_run_is_resumed_bit_for_bit(squares, tmp_path: Path) -> None:
    recipe = Recipe(name="toy", backbone="tiny", stages=(AVERAGED, dataclasses.replace(AVERAGED, epochs=2)))
    train = partial(train_in_stretches, recipe, lambda: TinyClassifier(3), squares)
    whole = train(tmp_path / "whole")
    for stops in ((3, 9), (4,), (16, 18)):
        broken = train(tmp_path / f"broken{stops}", *stops)
        assert all(torch.equal(whole[name], broken[name]) for name in whole), stops


def test_a_stage_that_is_broken_off_leaves_the_mean(squares) -> None:
    model = TinyClassifier(3)
    stage = fit(TOY.build_objective(), AVERAGED, model=model, data=squares, workers=0)
    for event in stage:
        if type(event).__name__ == "EpochFinished":
            break
    stage.close()
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())
