"""Grad-CAM points at what speaks for an output, on a model of which one knows what that is."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from untrained_tags import save_untrained_tags

from engine.bundle.config import BundleConfig
from engine.errors import ModelError
from engine.models.classifier import ConcatPool, PictureModel
from engine.recipe import Stage
from engine.serving.gradcam import grad_cam
from engine.serving.predictor import Predictor, load_predictor
from engine.task import ModelPlan
from engine.tasks.planet import PLANET

CLASSES = ("red", "green, no red")
SIDE = 32


def colour_predictor(shrink: int = 1) -> Predictor:
    """Its last maps are red and green, `shrink` times smaller; its outputs are the mean of red, and of green minus red."""
    linear = nn.Linear(6, 2, bias=False)  # of three maxima and three means
    linear.weight.data = torch.tensor([[0.0, 0, 0, 1, 0, 0], [0, 0, 0, -1, 1, 0]])
    head = nn.Sequential(ConcatPool(), linear)
    model = PictureModel(nn.AvgPool2d(shrink), head, mean=(0.0,) * 3, std=(1.0,) * 3).eval()
    config = BundleConfig(
        task="planet",
        objective="tags",
        plan=ModelPlan(backbone="none", classes=CLASSES),
        stage=Stage(image_size=SIDE),
        metrics={},
        decision={},
        dataset="",
        recipe=PLANET.recipes[0],
        seed=0,
    )
    return Predictor(config, PLANET.build_objective(), model, torch.device("cpu"))


def picture(height: int = SIDE, width: int = SIDE) -> np.ndarray:
    """Black, red in the upper left quarter and dark green in the lower right one."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[: height // 2, : width // 2, 0] = 200
    pixels[height // 2 :, width // 2 :, 1] = 80
    return pixels


def test_it_is_exactly_what_speaks_for_the_output() -> None:
    pixels = picture()
    pixels[0, 0, 0] = 50
    heat = grad_cam(colour_predictor(), pixels, 0)
    assert np.allclose(heat, pixels[..., 0] / 200, atol=1e-6)
    against_red = grad_cam(colour_predictor(), pixels, 1)
    assert np.allclose(against_red, pixels[..., 1] / 80, atol=1e-6), "what speaks against it is left out"


@pytest.mark.parametrize("size", [(32, 32), (48, 96), (101, 40), (20, 24)])
def test_it_has_the_picture_s_own_size_and_points_at_the_right_quarter(size: tuple[int, int]) -> None:
    height, width = size
    for output, rows, columns in (
        (0, slice(height // 2), slice(width // 2)),
        (1, slice(height // 2, None), slice(width // 2, None)),
    ):
        heat = grad_cam(colour_predictor(shrink=4), picture(*size), output)
        assert (heat.shape, heat.dtype) == (size, np.float32)
        assert 0 <= heat.min() < 0.01
        assert 0.99 < heat.max() <= 1
        assert heat[rows, columns].sum() > 0.85 * heat.sum()


def test_where_nothing_speaks_for_the_output_it_is_dark() -> None:
    pixels = picture()
    pixels[..., 1] = 0
    assert not grad_cam(colour_predictor(), pixels, 1).any()


def test_a_real_model_is_left_as_it_was(tmp_path: Path) -> None:
    predictor = load_predictor(save_untrained_tags(tmp_path / "checkpoints", ("a", "b", "c"), decision={}))
    pixels = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    before = predictor.predict(pixels).probabilities
    heats = [grad_cam(predictor, pixels, output) for output in range(3)]
    for heat in heats:
        assert heat.shape == (60, 90)
        assert 0 <= heat.min() <= heat.max() <= 1
    assert not np.array_equal(heats[0], heats[1])
    assert predictor.predict(pixels).probabilities == before
    assert all(parameter.grad is None for parameter in predictor.model.parameters())
    assert not any(module.training for module in predictor.model.modules())


def test_a_model_of_pixels_is_refused(street_bundle: Path) -> None:
    with pytest.raises(ModelError, match="Grad-CAM needs a model of whole pictures; this one is a UNet"):
        grad_cam(load_predictor(street_bundle), picture(), 0)
