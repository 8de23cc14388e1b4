"""What the frozen offline body makes of each picture, computed once: pooled for what it shows, as a map for where."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.data.pictures.block import Data
from engine.host.machine import usable_cores
from engine.models.backbones import build_pyramid, feature_maps, normalisation
from engine.models.classifier import ConcatPool, build_picture_model
from engine.recipe import OFFLINE_BACKBONE
from engine.serving.predictor import DEVICE_LOCK
from engine.task import ModelPlan
from engine.training.arriving import GRID

SIZE = 128  # pixels of a picture's sides, where it does not matter where something is; `benchmarks.label_noise` measures it
MAP_SIZE = 192  # pixels of a picture's shorter side, where it does
REDUCTION = 16  # of the map on which points are placed
AT_ONCE = 32

Told = Callable[[int, int], None]


def pooled(data: Data, items: Sequence[Path], on_progress: Told) -> Tensor:
    """The mean and the maximum of each of the last maps (N, 2F) float16."""
    model = build_picture_model(
        ModelPlan(backbone=OFFLINE_BACKBONE, classes=data.classes, channels=data.channels)
    ).eval()
    return _computed(data, items, (SIZE, SIZE), lambda batch: ConcatPool()(model.features(batch)), on_progress)


def gridded(data: Data, items: Sequence[Path], on_progress: Told) -> Tensor:
    """The last maps averaged on a small grid (N, F · GRID²) float16: of which way somebody turns, the place says most."""
    model = build_picture_model(
        ModelPlan(backbone=OFFLINE_BACKBONE, classes=data.classes, channels=data.channels)
    ).eval()

    def grid(batch: Tensor) -> Tensor:
        return functional.adaptive_avg_pool2d(model.features(batch), GRID).flatten(1)

    return _computed(data, items, (SIZE, SIZE), grid, on_progress)


def mapped(data: Data, items: Sequence[Path], on_progress: Told) -> Tensor:
    """The map of reduction 16 (N, F, h, w) float16, each feature about 1 wide: fine enough for places."""
    body = build_pyramid(OFFLINE_BACKBONE, channels=data.channels).eval()
    mean, std = (255 * torch.tensor(part).view(1, -1, 1, 1) for part in normalisation(OFFLINE_BACKBONE, data.channels))
    level = [reduction for _, reduction in feature_maps(body)].index(REDUCTION)
    maps = _computed(data, items, data.size_at(MAP_SIZE), lambda batch: body((batch - mean) / std)[level], on_progress)
    some = maps[:: max(1, len(maps) // 500)].float()
    mean, spread = some.mean((0, 2, 3)), some.std((0, 2, 3)).clamp(min=1e-3)
    for start in range(0, len(maps), AT_ONCE):
        part = maps[start : start + AT_ONCE].float()
        maps[start : start + AT_ONCE] = ((part - mean[:, None, None]) / spread[:, None, None]).half()
    return maps


def _computed(
    data: Data, items: Sequence[Path], size: tuple[int, int], body: nn.Module | Callable[[Tensor], Tensor], told: Told
) -> Tensor:
    """A body's answers (N, …) float16; the pictures are opened beside it, and whoever predicts may do so in between."""
    found: Tensor | None = None
    with ThreadPoolExecutor(max_workers=usable_cores()) as pool:
        for start, batch in _batches(data, items, size, pool):
            with DEVICE_LOCK, torch.inference_mode():
                answer = body(batch.float()).half()
            if found is None:
                found = torch.empty(len(items), *answer.shape[1:], dtype=torch.float16)
            found[start : start + len(batch)] = answer
            told(start + len(batch), len(items))
    assert found is not None
    return found


def _batches(
    data: Data, items: Sequence[Path], size: tuple[int, int], pool: ThreadPoolExecutor
) -> Iterator[tuple[int, Tensor]]:
    for start in range(0, len(items), AT_ONCE):
        some = items[start : start + AT_ONCE]
        yield start, torch.stack(list(pool.map(lambda item: data.sample(item, size)[0].as_subclass(Tensor), some)))
