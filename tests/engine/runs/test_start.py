"""What a run's model begins with: the backbone's own weights, or random ones where its recipe says so."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.errors import RecipeError
from engine.recipe import OFFLINE_BACKBONE, Recipe, Stage, recipe_from_dict, recipe_source, recipe_to_dict
from engine.runs.start import start_model
from engine.tasks.camvid import CAMVID

RECIPE = Recipe(name="one", backbone=OFFLINE_BACKBONE, stages=(Stage(image_size=32, batch_size=4),))


def weights(recipe: Recipe, streets: Path, seed: int) -> torch.Tensor:
    data = CAMVID.build_objective().open_data(streets)
    model = start_model(CAMVID, recipe, data, dataset=str(streets), seed=seed).model
    return next(parameter for parameter in model.parameters() if parameter.ndim == 4).detach()


def test_a_recipe_without_pretrained_weights_begins_at_random(streets: Path) -> None:
    pretrained, again = (weights(RECIPE, streets, seed) for seed in (1, 2))
    assert torch.equal(pretrained, again), "the first convolution is the backbone's, whatever the seed"
    bare = replace(RECIPE, pretrained=False)
    assert not torch.equal(weights(bare, streets, 1), weights(bare, streets, 2))
    assert torch.equal(weights(bare, streets, 1), weights(bare, streets, 1)), "the seed decides"


def test_it_is_written_down_and_read_back() -> None:
    bare = replace(RECIPE, pretrained=False)
    assert recipe_from_dict(recipe_to_dict(bare)) == bare and "pretrained=False" in recipe_source(bare)
    older = recipe_to_dict(RECIPE)
    del older["pretrained"]
    assert recipe_from_dict(older) == RECIPE and "pretrained" not in recipe_source(RECIPE)
    with pytest.raises(RecipeError, match="Give true or false"):
        recipe_from_dict({**older, "pretrained": "no"})
