"""Pictures as training reads them: resized once for a stage's resolution, then changed anew for every epoch."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from engine.data.loaders import ALONE, EpochBatches, Feed, Key, Loaders, Share, worker_count
from engine.data.pictures.block import Data
from engine.data.pictures.cache import SampleCache, open_cache, prepare_cache
from engine.data.pictures.transforms import augment, stack
from engine.data.seeding import derive_seed
from engine.recipe import Stage


class Samples(Dataset[tuple[Tensor, ...]]):
    """Cached samples, each changed by `transform` with a randomness of its own for every epoch."""

    def __init__(self, cache: SampleCache, transform: v2.Transform | None, seed: int) -> None:
        self.cache, self.transform, self.seed = cache, transform, seed

    def __len__(self) -> int:
        return len(self.cache)

    def __getitem__(self, key: Key) -> tuple[Tensor, ...]:
        epoch, index = key
        sample = self.cache[index]
        if self.transform is None:
            return sample
        return augment(self.transform, sample, derive_seed(self.seed, epoch, index))


def input_size(data: Data, stage: Stage) -> str:
    """Height and width."""
    height, width = data.size_at(stage.image_size)
    return f"{height}×{width} px"


def prepare_pictures(data: Data, items: Sequence[Path], stage: Stage, model: Any) -> Iterator[tuple[int, int]]:
    """The resized copies of `items`, if they are not there."""
    return prepare_cache(data, items, data.size_at(stage.image_size))


def build_loaders(data: Data, stage: Stage, model: Any = None, *, seed: int, share: Share = ALONE) -> Loaders:
    """Training and validation batches for a stage; the copies must have been prepared."""
    size = data.size_at(stage.image_size)
    train = Samples(open_cache(data, data.train, size), data.block.transforms(stage.augmentation), seed)
    valid = Samples(open_cache(data, data.valid, size), None, seed)
    train_batches = EpochBatches(len(train), stage.batch_size, seed=seed, is_training=True, share=share)
    valid_batches = EpochBatches(len(valid), stage.batch_size, seed=seed, is_training=False, share=share)

    def loader(samples: Samples, batches: EpochBatches, workers: int) -> DataLoader:
        return DataLoader(
            samples,
            batch_sampler=batches,
            collate_fn=stack,
            num_workers=workers,
            pin_memory=share.pin_memory,
            persistent_workers=workers > 0,
        )

    # Validation reads the copies and changes nothing: not worth processes of its own.
    return Loaders(
        loader(train, train_batches, worker_count(share.workers)), loader(valid, valid_batches, 0), train_batches
    )


def build_loader(data: Data, items: Sequence[Path], stage: Stage, model: Any = None, *, batch_size: int) -> DataLoader:
    """Batches of `items` in their order; the copies must have been prepared."""
    samples = Samples(open_cache(data, items, data.size_at(stage.image_size)), None, seed=0)
    order = EpochBatches(len(samples), batch_size, seed=0, is_training=False)
    return DataLoader(samples, batch_sampler=order, collate_fn=stack)


def batch_pictures(data: Data, items: Sequence[Path], stage: Stage, model: Any) -> tuple[Tensor, Tensor]:
    """Some samples as one batch, opened from their files."""
    pictures, targets = stack([data.sample(item, data.size_at(stage.image_size)) for item in items])
    return pictures, targets


PICTURES: Feed[Data] = Feed(
    size=input_size,
    prepare=prepare_pictures,
    build_loaders=build_loaders,
    build_loader=build_loader,
    batch=batch_pictures,
    changes=lambda stage: stage.augmentation != "none",
    has_one_size=True,
)
