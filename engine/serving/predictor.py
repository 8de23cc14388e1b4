"""A trained model ready for pictures of any kind and size."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from engine.data.images import open_picture
from engine.errors import BundleError, ModelError, RecipeError
from engine.hub.bundle import BundleConfig, load_weights, read_config, resolve_bundle
from engine.task import Objective
from engine.tasks.registry import get_task
from engine.training.checkpoint import CONFIG_FILE, MODEL_FILE

CACHED_MODELS = 3
# A panorama is shown to the network no longer than this many times its shorter side.
LONGEST_ASPECT = 4.0

_cached: "OrderedDict[tuple[str, int], Predictor]" = OrderedDict()
_cache_lock = threading.Lock()
_device_lock = threading.Lock()  # one forward pass at a time, whoever asks


@dataclass(frozen=True, slots=True)
class Predictor:
    """A model in evaluation mode and what its bundle says of it; safe to share between threads."""

    config: BundleConfig
    objective: Objective
    model: nn.Module = field(repr=False)
    device: torch.device

    @property
    def classes(self) -> tuple[str, ...]:
        """What the model tells apart."""
        return self.config.classes

    def predict(self, source: str | Path | Image.Image | np.ndarray) -> Any:
        """The objective's prediction for a picture: a file, a Pillow image, or an array (H, W[, 3 or 4]) uint8."""
        picture = open_picture(source)
        height, width = network_size((picture.height, picture.width), self.config.image_size)
        small = picture.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
        pixels = torch.from_numpy(np.array(small)).permute(2, 0, 1)[None]  # (1, 3, h, w)
        with _device_lock, torch.inference_mode():
            logits = self.model(pixels.to(self.device))[0].float().cpu()
        return self.objective.predict(logits, picture, self.classes)


def load_predictor(bundle_or_run: str | Path) -> Predictor:
    """The predictor of a bundle, or of a run's best checkpoint; the last few are kept in memory.

    Raises `BundleError` for anything that is not a whole and sound bundle.
    """
    bundle = resolve_bundle(bundle_or_run)
    try:
        return _load(bundle)
    except (BundleError, FileNotFoundError):
        newer = resolve_bundle(bundle_or_run)
        if newer == bundle:
            raise
        return _load(newer)  # the run saved a better checkpoint and deleted this one meanwhile


def _load(bundle: Path) -> Predictor:
    key = (str(bundle), (bundle / MODEL_FILE).stat().st_mtime_ns)
    with _cache_lock:
        if key in _cached:
            _cached.move_to_end(key)
            return _cached[key]
    predictor = _build_predictor(bundle)
    with _cache_lock:
        _cached[key] = predictor
        while len(_cached) > CACHED_MODELS:
            _cached.popitem(last=False)
    return predictor


def network_size(size: tuple[int, int], image_size: int) -> tuple[int, int]:
    """(height, width) that the network sees of a picture of `size`: the shorter side as trained, its own shape kept."""
    height, width = size
    scale = image_size / min(height, width)
    longest = round(image_size * LONGEST_ASPECT)
    return min(longest, max(1, round(height * scale))), min(longest, max(1, round(width * scale)))


def _build_predictor(bundle: Path) -> Predictor:
    config = read_config(bundle)
    try:
        objective = get_task(config.task).build_objective()
        model = objective.build_model(config.classes, backbone=config.backbone, pretrained=False)
    except (RecipeError, ModelError) as problem:
        raise BundleError(f"The model that {bundle / CONFIG_FILE} describes cannot be built: {problem}") from None
    load_weights(model, bundle)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return Predictor(config, objective, model.to(device).eval(), device)
