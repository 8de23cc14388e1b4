"""What there is to see in a segmentation data set and in a model's predictions on it, as arrays."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from engine.data.block import Data, Sample
from engine.data.images import open_picture
from engine.data.seeding import derive_seed
from engine.data.transforms import VOID, augment
from engine.errors import DataError
from engine.recipe import Stage
from engine.serving.predictor import Predictor

FREQUENCY_SAMPLES = 100
FREQUENCY_SIZE = 96  # pixels; shares of pixels do not need more


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSample:
    """A picture (H, W, 3) uint8 with its mask (H, W) uint8 of class indices, 255 where there is no class."""

    name: str
    picture: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A picture with its true and its predicted mask; `accuracy` is over the pixels that have a class."""

    name: str
    picture: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray
    accuracy: float


def show_samples(data: Data, split: str = "train", *, count: int = 9, start: int = 0) -> list[ShownSample]:
    """Samples of a split as they are on disk."""
    return [_shown(item.name, data.sample(item, _own_size(item))) for item in data.items(split)[start : start + count]]


def show_augmented(data: Data, stage: Stage, *, index: int = 0, count: int = 6, seed: int = 0) -> list[ShownSample]:
    """One training sample at the stage's resolution: first untouched, then changed as training may see it."""
    item = data.train[index % len(data.train)]
    sample = data.sample(item, data.size_at(stage.image_size))
    transform = data.block.transforms(stage.augmentation)
    changed = (augment(transform, sample, derive_seed(seed, number)) for number in range(1, count))
    return [_shown(item.name, sample), *(_shown(item.name, one) for one in changed)]


def class_frequencies(data: Data, *, limit: int = FREQUENCY_SAMPLES) -> dict[str, float]:
    """Each class's share of the pixels that have one, over `limit` training masks spread over the split."""
    counts = np.zeros(256, dtype=np.int64)
    for item in data.train[:: max(1, len(data.train) // limit)][:limit]:
        mask = data.sample(item, data.size_at(FREQUENCY_SIZE))[1]
        counts += np.bincount(mask.numpy().ravel(), minlength=256)
    shares = counts[: len(data.classes)] / max(1, counts[:VOID].sum())
    return dict(zip(data.classes, shares.tolist(), strict=True))


def compare_predictions(predictor: Predictor, data: Data, *, count: int = 4, start: int = 0) -> list[Comparison]:
    """Validation samples with what the model makes of them; the classes must be the model's own."""
    if predictor.classes != data.classes:
        raise DataError(
            f"{data.root.name} has other classes than the model was trained on. Choose the data set of its run."
        )
    comparisons = []
    for item in data.valid[start : start + count]:
        truth = data.sample(item, _own_size(item))[1].numpy()
        prediction = predictor.predict(item)
        counted = truth != VOID
        right = (prediction.mask == truth)[counted]
        comparisons.append(
            Comparison(
                name=item.name,
                picture=np.asarray(prediction.picture),
                truth=truth,
                prediction=prediction.mask,
                accuracy=float(right.mean()) if right.size else float("nan"),
            )
        )
    return comparisons


def _own_size(item) -> tuple[int, int]:
    picture = open_picture(item)
    return picture.height, picture.width


def _shown(name: str, sample: Sample) -> ShownSample:
    picture, mask = sample
    return ShownSample(name=name, picture=_as_picture(picture), mask=mask.numpy())


def _as_picture(pixels: Tensor) -> np.ndarray:
    return np.ascontiguousarray(pixels.permute(1, 2, 0).numpy())  # (3, H, W) → (H, W, 3)
