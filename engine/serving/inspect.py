"""What there is to see in a data set of pictures and in a model's predictions on it, as arrays; the same for every kind."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from engine.data.dataset import DataSet, Item
from engine.data.pictures.bands import as_colors, band_picture_size
from engine.data.pictures.block import Data, Sample
from engine.data.pictures.transforms import augment
from engine.data.seeding import derive_seed
from engine.errors import DataError
from engine.recipe import Stage
from engine.serving.predictor import Predictor

JUDGED_AT_ONCE = 16
MOST_RANKED = 4000  # inputs; of a larger split, this many are judged, spread over it


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A picture (H, W, 3) uint8 with its target as the kind has it: a mask (H, W), tags (K,), a point (1, 2) in pixels."""

    name: str
    picture: np.ndarray
    target: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A labelled picture with what the model makes of it, and the loss of that."""

    item: Path
    picture: np.ndarray
    target: np.ndarray
    prediction: Any
    loss: float

    @property
    def name(self) -> str:
        """The file's name."""
        return self.item.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One input's loss with the model's figures for it and its target as the loss sees it."""

    item: Item
    loss: float
    logits: Tensor
    target: Tensor


def show_samples(data: Data, split: str = "train", *, count: int = 9, start: int = 0) -> list[Shown]:
    """Samples of a split as they are on disk."""
    return [_shown(item.name, _own_sample(data, item)) for item in data.items(split)[start : start + count]]


def show_augmented(data: Data, stage: Stage, *, index: int = 0, count: int = 6, seed: int = 0) -> list[Shown]:
    """One training sample at the stage's resolution: first untouched, then changed as training may see it."""
    item = data.train[index % len(data.train)]
    sample = data.sample(item, data.size_at(stage.image_size))
    transform = data.block.transforms(stage.augmentation)
    changed = (augment(transform, sample, derive_seed(seed, number)) for number in range(1, count))
    return [_shown(item.name, sample), *(_shown(item.name, one) for one in changed)]


def compare_predictions(predictor: Predictor, data: Data, items: Sequence[Path]) -> list[Case]:
    """Labelled inputs with what the model makes of them, in the pictures' own size."""
    cases = []
    for judged in judge(predictor, data, items):
        own = _shown(judged.item.name, _own_sample(data, judged.item))
        prediction = predictor.answer(judged.logits, Image.fromarray(own.picture))
        cases.append(
            Case(item=judged.item, picture=own.picture, target=own.target, prediction=prediction, loss=judged.loss)
        )
    return cases


def rank_by_loss(
    predictor: Predictor, data: DataSet, *, split: str = "valid", on_progress: Callable[[int, int], None] | None = None
) -> list[tuple[Item, float]]:
    """The inputs of a split with their losses, the worst first."""
    items = data.items(split)
    items = predictor.objective.feed.arrange(data, items[:: -(-len(items) // MOST_RANKED)])
    ranked = []
    for judged in judge(predictor, data, items):
        ranked.append((judged.item, judged.loss))
        if on_progress:
            on_progress(len(ranked), len(items))
    return sorted(ranked, key=lambda pair: -pair[1])


def judge(predictor: Predictor, data: DataSet, items: Sequence[Item]) -> Iterator[Judged]:
    """Each input's loss at the resolution that the model was trained at; the classes must be the model's own."""
    if predictor.classes != data.classes:
        raise DataError(
            f"{data.root.name} has other classes than the model was trained on. Choose the data set of its run."
        )
    feed = predictor.objective.feed
    for start in range(0, len(items), JUDGED_AT_ONCE):
        some = items[start : start + JUDGED_AT_ONCE]
        inputs, targets = feed.batch(data, some, predictor.config.stage, predictor.model)
        logits = predictor.logits(inputs)
        for item, row, target in zip(some, logits, targets, strict=True):
            loss, count = predictor.objective.loss(row[None], target[None])
            yield Judged(item=item, loss=loss.item() / max(1, int(count)), logits=row, target=target)


def _own_sample(data: Data, item: Path) -> Sample:
    return data.sample(item, band_picture_size(item))


def _shown(name: str, sample: Sample) -> Shown:
    picture, target = sample
    bands = np.ascontiguousarray(picture.permute(1, 2, 0).numpy())  # (C, H, W) → (H, W, C)
    return Shown(name=name, picture=as_colors(bands), target=target.as_subclass(torch.Tensor).numpy())
