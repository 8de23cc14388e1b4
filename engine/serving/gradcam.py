"""Where a model looks: Grad-CAM (Selvaraju et al. 2017) over the last feature maps of a picture model."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from engine.errors import ModelError
from engine.models.classifier import PictureModel
from engine.serving.predictor import DEVICE_LOCK, Predictor


def grad_cam(predictor: Predictor, source: str | Path | Image.Image | np.ndarray, output: int) -> np.ndarray:
    """How much each place of a picture speaks for one output, (h, w) float32 in 0..1, in the picture's own size.

    The gradient of the output says how much each of the last feature maps matters; the maps are added up with these
    weights, and what speaks against the output is left out. `ModelError` for a model that has no such maps.
    """
    model = predictor.model
    if not isinstance(model, PictureModel):
        raise ModelError(f"Grad-CAM needs a model of whole pictures; this one is a {type(model).__name__}.")
    shown, batch = predictor.prepare(source)
    with DEVICE_LOCK, torch.no_grad():
        maps = model.features(batch.to(predictor.device)).float()  # (1, F, h, w)
    with DEVICE_LOCK, torch.enable_grad():
        maps.requires_grad_()
        (gradient,) = torch.autograd.grad(model.answer(maps)[0, output], maps)
    weights = gradient.mean((2, 3), keepdim=True)
    heat = (weights * maps).sum(1)[0].relu().detach().cpu()  # (h, w)
    heat = heat / heat.max().clamp(min=1e-8)
    enlarged = Image.fromarray(heat.numpy()).resize(shown.size, Image.Resampling.BICUBIC)
    return np.asarray(enlarged).clip(0, 1)
