"""From samples to batches: which sample comes when, on which process, changed how."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from torchvision.transforms import v2

from engine.data.block import Data
from engine.data.cache import SampleCache, open_cache
from engine.data.seeding import derive_seed
from engine.data.transforms import augment, stack
from engine.recipe import Stage

Key = tuple[int, int]  # (epoch, sample)


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


class EpochBatches(Sampler[list[Key]]):
    """The keys of each batch of an epoch: a permutation of its own, or the order as it is for validation.

    With several processes each takes its share of every batch, so that together they see what one process would. `epoch`
    and `first_step` say where to go on: a resumed run skips the batches it has seen without loading them.
    """

    def __init__(
        self, count: int, batch_size: int, *, seed: int, is_training: bool, process: int = 0, processes: int = 1
    ) -> None:
        super().__init__()
        self.count, self.batch_size, self.seed, self.is_training = count, batch_size, seed, is_training
        self.process, self.processes = process, processes
        self.epoch, self.first_step = 1, 0

    def __len__(self) -> int:
        if self.is_training and self.count >= self.batch_size:
            return self.count // self.batch_size  # a last, smaller batch would give noisy BatchNorm statistics
        return -(-self.count // self.batch_size)

    def __iter__(self) -> Iterator[list[Key]]:
        order = torch.arange(self.count)
        if self.is_training:
            generator = torch.Generator().manual_seed(derive_seed(self.seed, "order", self.epoch))
            order = torch.randperm(self.count, generator=generator)
        for step in range(self.first_step, len(self)):
            batch = order[step * self.batch_size : (step + 1) * self.batch_size].tolist()
            share = batch[self.process :: self.processes]
            if share:  # the last validation batch may be too small for every process to get some
                yield [(self.epoch, index) for index in share]


@dataclass(frozen=True, slots=True)
class Loaders:
    """Batches of (images, targets); `train_batches` decides which samples come."""

    train: DataLoader
    valid: DataLoader
    train_batches: EpochBatches


def build_loaders(
    data: Data,
    stage: Stage,
    *,
    seed: int,
    process: int = 0,
    processes: int = 1,
    workers: int | None = None,
    pin_memory: bool = False,
) -> Loaders:
    """Training and validation batches for a stage; the caches must have been prepared.

    `workers` are the processes that change and stack samples beside the training; by default two, none on one core.
    """
    size = data.size_at(stage.image_size)
    workers = min(2, (os.cpu_count() or 1) - 1) if workers is None else workers
    train = Samples(open_cache(data, data.train, size), data.block.transforms(stage.augmentation), seed)
    valid = Samples(open_cache(data, data.valid, size), None, seed)
    shares = {"process": process, "processes": processes}
    train_batches = EpochBatches(len(train), stage.batch_size, seed=seed, is_training=True, **shares)
    valid_batches = EpochBatches(len(valid), stage.batch_size, seed=seed, is_training=False, **shares)

    def loader(samples: Samples, batches: EpochBatches, workers: int) -> DataLoader:
        return DataLoader(
            samples,
            batch_sampler=batches,
            collate_fn=stack,
            num_workers=workers,
            pin_memory=pin_memory,
            persistent_workers=workers > 0,
        )

    # Validation reads the cache and changes nothing: not worth processes of its own.
    return Loaders(loader(train, train_batches, workers), loader(valid, valid_batches, 0), train_batches)
