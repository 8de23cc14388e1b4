"""Texts turned into numbers once for a tokenizer, kept as two memory-mapped arrays; epochs read those.

All numbers lie one behind the other in one array, and another says where each text begins. Whole texts are kept: how much of
them a stage reads is decided batch by batch.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from engine.data.texts.dataset import TextData
from engine.data.texts.tokenizers import Tokenizer
from engine.data.whole_folder import making_whole
from engine.errors import DataError
from engine.host.home import cache_folder

FORMAT = 1
AT_ONCE = 1000  # texts


class TokenTable:
    """The numbers of texts, read from memory-mapped arrays: `table[i]` is text i, (T,) int32."""

    def __init__(self, folder: Path) -> None:
        self.numbers = np.load(folder / "numbers.npy", mmap_mode="r")
        self.starts = np.load(folder / "starts.npy")

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, index: int) -> np.ndarray:
        return np.asarray(self.numbers[self.starts[index] : self.starts[index + 1]])

    def lengths(self) -> np.ndarray:
        """How many numbers each text has (N,)."""
        return np.diff(self.starts)


def prepare_tokens(data: TextData, items: Sequence[int], tokenizer: Tokenizer) -> Iterator[tuple[int, int]]:
    """Make the table of `items` unless it is there; yields (texts done, texts in all)."""
    folder = _path(data, items, tokenizer)
    if folder.exists():
        return
    try:
        with making_whole(folder) as partial:
            lengths = [0]
            with (partial / "raw").open("wb") as raw:
                for start in range(0, len(items), AT_ONCE):
                    some = items[start : start + AT_ONCE]
                    for numbers in tokenizer.encode(data.texts(some)):
                        raw.write(numbers.astype(np.int32).tobytes())
                        lengths.append(len(numbers))
                    yield start + len(some), len(items)
            starts = np.cumsum(lengths, dtype=np.int64)
            flat = np.memmap(partial / "raw", dtype=np.int32, mode="r", shape=(int(starts[-1]),)) if starts[-1] else []
            np.save(partial / "numbers.npy", np.asarray(flat, dtype=np.int32))
            np.save(partial / "starts.npy", starts)
            del flat  # Windows deletes no file that is mapped
            (partial / "raw").unlink()
    except OSError as problem:
        raise DataError(f"The texts' numbers cannot be kept in {folder.parent} ({problem}). Make room.") from None


def open_tokens(data: TextData, items: Sequence[int], tokenizer: Tokenizer) -> TokenTable:
    """The table that `prepare_tokens` made."""
    return TokenTable(_path(data, items, tokenizer))


def _path(data: TextData, items: Sequence[int], tokenizer: Tokenizer) -> Path:
    digest = hashlib.blake2b(repr((FORMAT, data.fingerprint, tokenizer.fingerprint)).encode(), digest_size=8)
    digest.update(np.asarray(items, dtype=np.int64).tobytes())
    return cache_folder() / f"{data.root.name}-tokens-{digest.hexdigest()}"
