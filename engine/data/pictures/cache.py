"""Samples decoded and resized once for a resolution, kept as memory-mapped arrays; epochs read those.

A cache is a folder of `.npy` files, one for each part of a sample, made under another name and renamed when it is whole. Its
name is a hash of the files' paths, sizes and times, so changed data gets a new cache and nobody has to clean up by hand.
"""

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors

from engine.data.pictures.block import Data, Sample
from engine.data.whole_folder import making_whole
from engine.errors import DataError
from engine.host.home import cache_folder
from engine.host.machine import usable_cores

FORMAT = 1


class SampleCache:
    """Samples of one split at one resolution, read from the memory-mapped arrays: `cache[i]` is (image, target)."""

    def __init__(self, folder: Path, example: Sample) -> None:
        self.folder = folder
        self.arrays = [np.load(folder / f"{part}.npy", mmap_mode="r") for part in range(len(example))]
        self.example = example

    def __reduce__(self) -> tuple:
        # A loader's worker process opens the files itself; it must not be sent all that is in them.
        return SampleCache, (self.folder, self.example)

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: int) -> Sample:
        image, target = (
            _typed(torch.from_numpy(np.array(array[index])), like)
            for array, like in zip(self.arrays, self.example, strict=True)
        )
        return image, target


def prepare_cache(data: Data, items: Sequence[Path], size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Make the cache of `items` at `size` unless it is there; yields (samples done, samples in all)."""
    folder = _cache_path(data, items, size)
    if folder.exists():
        return
    with making_whole(folder) as partial:
        yield from _write(data, items, size, partial)


def open_cache(data: Data, items: Sequence[Path], size: tuple[int, int]) -> SampleCache:
    """The cache that `prepare_cache` made."""
    return SampleCache(_cache_path(data, items, size), data.sample(items[0], size))


def _write(data: Data, items: Sequence[Path], size: tuple[int, int], folder: Path) -> Iterator[tuple[int, int]]:
    first = data.sample(items[0], size)
    needed = len(items) * sum(part.numel() * part.element_size() for part in first)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            f"The resized copies need {needed / 1e9:.1f} GB and the disk has {free / 1e9:.1f} GB free. "
            "Make room, or choose a smaller resolution."
        )
    arrays = [
        np.lib.format.open_memmap(
            folder / f"{part}.npy", mode="w+", dtype=tensor.numpy().dtype, shape=(len(items), *tensor.shape)
        )
        for part, tensor in enumerate(first)
    ]
    # Pillow decodes and resizes without Python's lock, so threads are enough.
    with ThreadPoolExecutor(max_workers=usable_cores()) as pool:
        for index, sample in enumerate(pool.map(lambda item: data.sample(item, size), items)):
            for array, tensor in zip(arrays, sample, strict=True):
                array[index] = tensor.numpy()
            if (index + 1) % 16 == 0 or index + 1 == len(items):
                yield index + 1, len(items)
    for array in arrays:
        array.flush()


def _cache_path(data: Data, items: Sequence[Path], size: tuple[int, int]) -> Path:
    digest = hashlib.blake2b(repr((FORMAT, size, data.classes, data.reading)).encode(), digest_size=8)
    # Files beside the folders of pictures, such as codes.txt, say what is in them.
    lists = sorted(path for path in data.root.iterdir() if path.is_file() and not path.name.startswith("."))
    for part in (*lists, *(part for item in items for part in (item, data.block.label(item)))):
        digest.update(repr(_state(part) if isinstance(part, Path) else part).encode())
    return cache_folder() / f"{data.root.name}-{size[0]}x{size[1]}-{digest.hexdigest()}"


def _state(file: Path) -> tuple[str, int, int]:
    try:
        state = file.stat()
    except FileNotFoundError:
        raise DataError(f"There is no file {file}.") from None
    return str(file.absolute()), state.st_size, state.st_mtime_ns


def _typed(tensor: Tensor, like: Tensor) -> Tensor:
    if not isinstance(like, tv_tensors.TVTensor):
        return tensor
    return tv_tensors.wrap(tensor, like=like)  # pyright: ignore[reportCallIssue] (torchvision hides its signature)
