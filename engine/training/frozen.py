"""Cached activations: what a frozen body makes of a sample is computed once, and the epochs of a frozen stage read that.

A frozen body is a fixed function: without augmentation, what the head is shown is the same in every epoch, and keeping it changes
nothing but the time. With augmentation a few changed views of each sample are kept, and epochs take turns with them.
"""

import shutil
import uuid
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from engine.data.loaders import Key, Loaders
from engine.events import CacheProgressed
from engine.host.home import cache_folder
from engine.recipe import Stage
from engine.training.layer_groups import Groups, first_trained
from engine.training.precision import in_precision

VIEWS = 2  # of an augmented sample that are kept
MOST_BYTES = 4_000_000_000
FOLDER = "activations"


@runtime_checkable
class Cut(Protocol):
    """A model in two parts: `forward` is `answer` of `features`, and the last layer group is all that `answer` uses."""

    def features(self, inputs: Tensor, /) -> Tensor: ...
    def answer(self, features: Tensor, /) -> Tensor: ...


class Rest(nn.Module):
    """What learns behind a frozen body, as a model of activations."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        assert isinstance(model, Cut)
        self.model = model

    def forward(self, features: Tensor) -> Tensor:
        return self.model.answer(features)


class Views(Dataset[tuple[Tensor, Tensor]]):
    """The activations (F, …) and targets of some views of each sample; an epoch reads one view, the next epoch the next."""

    def __init__(self, views: Sequence[tuple[Tensor, Tensor]]) -> None:
        self.views = views

    def __len__(self) -> int:
        return len(self.views[0][0])

    def __getitem__(self, key: Key) -> tuple[Tensor, Tensor]:
        epoch, index = key
        features, targets = self.views[(epoch - 1) % len(self.views)]
        return features[index], targets[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activations:
    """A frozen stage's batches as activations, the model of them, how many views there are, and the folder that holds them."""

    loaders: Loaders
    model: Rest
    views: int
    folder: Path

    def release(self) -> None:
        """Give the disk back."""
        shutil.rmtree(self.folder, ignore_errors=True)


def kept_views(model: nn.Module, groups: Groups, stage: Stage, *, is_changed: bool) -> int:
    """How many views of a sample are kept: one that nothing changes, or a few.

    0 where that is not done: more than the last layer group learns, the model cannot be cut in front of it, or the epochs are
    too few to gain by it.
    """
    is_head_alone = first_trained(groups, stage.train_from) == len(groups) - 1 > 0
    views = VIEWS if is_changed else 1
    return views if isinstance(model, Cut) and is_head_alone and stage.epochs > views else 0


def keep_activations(
    model: nn.Module, stage: Stage, loaders: Loaders, *, views: int, device: torch.device, precision: str
) -> Generator[CacheProgressed, None, Activations | None]:
    """Run the body over all samples once for each view; None where what it gives has no room on the disk.

    `model` is in the mode in which it trains: its body as in evaluation.
    """
    assert isinstance(model, Cut)
    train, valid = loaders.train.dataset, loaders.valid.dataset
    first = next(_computed(model, loaders.valid, [[(0, 0)]], device, precision))[0][0]
    size = first.numel() * first.element_size() * (views * len(train) + len(valid))  # pyright: ignore[reportArgumentType]
    base = cache_folder() / FOLDER
    base.mkdir(parents=True, exist_ok=True)
    if size > min(MOST_BYTES, shutil.disk_usage(base).free / 2):
        return None
    folder = base / uuid.uuid4().hex
    folder.mkdir()
    done, total = 0, views * len(train) + len(valid)  # pyright: ignore[reportArgumentType]
    try:
        kept: list[tuple[Tensor, Tensor]] = []
        for loader, epoch in (*((loaders.train, view + 1) for view in range(views)), (loaders.valid, 0)):
            count = len(loader.dataset)  # pyright: ignore[reportArgumentType]
            keys = [
                [(epoch, at) for at in range(start, min(start + stage.batch_size, count))]
                for start in range(0, count, stage.batch_size)
            ]
            features, targets = _file(folder / f"{len(kept)}", count, first), list[Tensor]()
            place = 0
            for computed, target in _computed(model, loader, keys, device, precision):
                features[place : place + len(computed)] = computed
                place += len(computed)
                targets.append(target)
                done += len(computed)
                yield CacheProgressed(done=done, total=total)
            kept.append((features, torch.cat(targets)))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    *trained, judged = kept
    return Activations(
        loaders=Loaders(
            DataLoader(Views(trained), batch_sampler=loaders.train_batches),  # pyright: ignore[reportArgumentType]
            DataLoader(Views([judged]), batch_sampler=loaders.valid.batch_sampler),
            loaders.train_batches,
        ),
        model=Rest(model),
        views=views,
        folder=folder,
    )


def _computed(
    model: Cut, loader: DataLoader, keys: list[list[Key]], device: torch.device, precision: str
) -> Iterator[tuple[Tensor, Tensor]]:
    """The body's activations of some batches of samples, on the host, with their targets."""
    batches = DataLoader(
        loader.dataset,
        batch_sampler=keys,
        collate_fn=loader.collate_fn,
        num_workers=loader.num_workers if len(keys) > 1 else 0,
    )
    for inputs, target in batches:
        with torch.inference_mode(), in_precision(device, precision):
            features = model.features(inputs.to(device))
        yield features.cpu(), target


def _file(path: Path, count: int, like: Tensor) -> Tensor:
    """A tensor (count, …) of the kind of `like` that lies in a file, so that it need not fit in memory."""
    flat = torch.from_file(str(path), shared=True, size=count * like.numel(), dtype=like.dtype)
    with suppress(OSError):  # a system that lets go of the name at once gives the room back even where a run is killed
        path.unlink()
    return flat.view(count, *like.shape)
