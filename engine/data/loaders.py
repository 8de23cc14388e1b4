"""From samples to batches: which sample comes when, on which process; and what training asks of any kind of input."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from engine.data.dataset import D, Item
from engine.data.seeding import derive_seed
from engine.host.machine import usable_cores
from engine.recipe import Stage

Key = tuple[int, int]  # (epoch, sample)
Rows = TypeVar("Rows", list[Any], Tensor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The part of the loading that one process does; by default all of it, since most often one process trains.

    process, processes: this process's number, from 0, and how many train together on every batch.
    workers: how many further processes prepare this one's batches; see `worker_count` for None.
    pin_memory: whether batches wait in memory from which a GPU copies them quickly.
    """

    process: int = 0
    processes: int = 1
    workers: int | None = None
    pin_memory: bool = False

    def of(self, batch: Rows) -> Rows:
        """This process's rows of a batch; all processes together have each row once."""
        return batch[self.process :: self.processes]


ALONE = Share()  # of one process that trains by itself


class Batches(Protocol):
    """The order of an epoch's batches. `epoch` and `first_step` say where the next pass over the loader begins."""

    epoch: int
    first_step: int

    def __len__(self) -> int: ...


class EpochBatches(Sampler[list[Key]]):
    """The keys of each batch of an epoch: a permutation of its own, or the order as it is for validation.

    With several processes each takes its share of every batch, so that together they see what one process would. `epoch`
    and `first_step` say where to go on: a resumed run skips the batches it has seen without loading them.
    """

    def __init__(self, count: int, batch_size: int, *, seed: int, is_training: bool, share: Share = ALONE) -> None:
        super().__init__()
        self.count, self.batch_size, self.seed, self.is_training = count, batch_size, seed, is_training
        self.share = share
        self.epoch, self.first_step = 1, 0

    def __len__(self) -> int:
        if self.is_training and self.count >= self.batch_size:
            return self.count // self.batch_size  # a last, smaller batch would give noisy BatchNorm statistics
        return -(-self.count // self.batch_size)

    def indices(self, epoch: int) -> list[int]:
        """The samples in the order in which they come."""
        if not self.is_training:
            return list(range(self.count))
        generator = torch.Generator().manual_seed(derive_seed(self.seed, "order", epoch))
        return torch.randperm(self.count, generator=generator).tolist()

    def __iter__(self) -> Iterator[list[Key]]:
        order = self.indices(self.epoch)
        for step in range(self.first_step, len(self)):
            batch = order[step * self.batch_size : (step + 1) * self.batch_size]
            mine = self.share.of(batch)
            if mine:  # the last validation batch may be too small for every process to get some
                yield [(self.epoch, index) for index in mine]


@dataclass(frozen=True, slots=True)
class Loaders:
    """Batches of (inputs, targets); `train_batches` decides which samples come."""

    train: DataLoader
    valid: DataLoader
    train_batches: Batches


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed(Generic[D]):
    """How one kind of data set comes to a model. Each function is given the model, since a text's numbers are the model's own.

    size(data, stage): an input's size in words, such as "180×240 px".
    prepare(data, items, stage, model): makes what is made once, before the first epoch; yields (done, in all).
    build_loaders(data, stage, model, seed=, share=): a stage's `Loaders`, or this process's share of them.
    build_loader(data, items, stage, model, batch_size=): a loader over `items` in some order, for measuring.
    batch(data, items, stage, model): a few samples as one batch, in their order; nothing has to be prepared for it.
    arrange(data, items): the items in the order in which they are batched best.
    has_one_size: whether all of a stage's batches have the same shape: then it pays to look for the fastest way to compute them.
    changes(stage): whether a training sample is another in every epoch, as where pictures are augmented.
    """

    size: Callable[[D, Stage], str]
    prepare: Callable[[D, Sequence[Item], Stage, Any], Iterator[tuple[int, int]]]
    build_loaders: Callable[..., Loaders]
    build_loader: Callable[..., DataLoader]
    batch: Callable[[D, Sequence[Item], Stage, Any], tuple[Tensor, Tensor]]
    arrange: Callable[[D, Sequence[Item]], Sequence[Item]] = lambda data, items: items
    changes: Callable[[Stage], bool] = lambda stage: False
    has_one_size: bool = False


def worker_count(workers: int | None) -> int:
    """How many processes change and stack samples beside the training: by default two, none on one core.

    None also in a daemonic process, which Python lets have no children.
    """
    if multiprocessing.current_process().daemon:
        return 0
    return min(2, usable_cores() - 1) if workers is None else workers
