"""Pictures that are not RGB go the whole way: trained, kept, measured and predicted."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from engine.bundle.config import build_config
from engine.data.drawn.chips import draw_chips
from engine.errors import DataError
from engine.recipe import Recipe, Stage
from engine.serving.predictor import load_predictor
from engine.task import plan_model
from engine.tasks.planet import PLANET
from engine.training.evaluate import evaluate
from engine.training.recipe_loop import train_recipe

STAGE = Stage(epochs=1, max_lr=1e-3, image_size=32, batch_size=4, precision="fp32")


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("new_channels", ["zeros", "mean"])
def test_from_training_to_a_prediction(tmp_path: Path, channels: int, new_channels: str) -> None:
    folder = tmp_path / "chips"
    draw_chips(folder, count=12, size=40, bands=4, seed=1)
    if channels == 2:
        for chip in (folder / "train").iterdir():
            tifffile.imwrite(chip, tifffile.imread(chip)[..., :2], photometric="minisblack", planarconfig="contig")
    objective = PLANET.build_objective()
    data = objective.open_data(folder)
    recipe = Recipe(
        name="tiny",
        backbone="tf_efficientnet_lite0",
        stages=(dataclasses.replace(STAGE, train_from=-1), STAGE),
        new_channels=new_channels,
    )
    plan = plan_model(recipe, data)
    assert (data.channels, plan.channels, plan.new_channels) == (channels, channels, new_channels)
    torch.manual_seed(0)
    model = objective.build_model(plan)
    config = build_config(task="planet", objective=objective.name, recipe=recipe, plan=plan, dataset="drawn", seed=0)
    run = tmp_path / "run"
    kept = {"folder": run / "checkpoints", "config": config}
    for _ in train_recipe(objective, recipe, model=model, data=data, workers=0, **kept):
        pass
    predictor = load_predictor(run)
    measured = evaluate(objective, predictor.model, data=data, items=data.valid, stage=predictor.config.stage)
    assert measured.metrics == {name: predictor.config.metrics[name] for name in measured.metrics}
    prediction = predictor.predict(data.valid[0])
    assert set(prediction.probabilities) == set(data.classes) and prediction.picture.size == (40, 40)
    with pytest.raises(DataError, match=f"{channels} are expected"):
        predictor.predict(np.zeros((40, 40, 3), np.uint8))
