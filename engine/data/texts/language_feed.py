"""Texts as a language model reads them: one behind the other, cut into stretches, each token to be guessed from others.

A model that carries what it has read gets streams: the texts are one long row, laid out as B rows side by side, and every batch
goes on where the last one ended. Other models get blocks of a fixed length in any order. A masked one gets blocks in which some
tokens are hidden.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from engine.data.loaders import ALONE, Feed, Key, Loaders, Share
from engine.data.seeding import derive_seed
from engine.data.texts.dataset import TextData
from engine.data.texts.token_cache import open_tokens, prepare_tokens
from engine.data.texts.token_row import TokenRow
from engine.data.texts.tokenizers import Tokenizer
from engine.errors import DataError
from engine.recipe import Stage

IGNORED = -100  # a place in a target where nothing is to be guessed
# BERT hides 15 %; Wettig et al. (2023) found that more teach faster.
HIDDEN_SHARE = 0.2
JITTER = 8  # a stretch of a stream ends up to an eighth of its length early or late

Reading = Literal["stream", "blocks", "masked"]
Batch = tuple[Tensor, Tensor]
Arrange = Callable[[np.ndarray, Tokenizer, np.random.Generator], Batch]  # blocks (B, T + 1) int64


class Streams(Dataset[Batch]):
    """B texts side by side, read in stretches: numbers (B, T) and the numbers after them (B, T).

    Where a stretch ends is drawn anew each epoch, so that not always the same words lose what came before them (Merity et al.
    2017 draw the length; here the ends move, and their number stays).
    """

    def __init__(self, source: TokenRow, streams: int, length: int) -> None:
        self.source, self.streams, self.length = source, streams, length
        self.each = source.count // streams
        if self.each < 2:
            raise DataError(
                f"{source.count} tokens are too few for {streams} streams. Take a smaller batch, or more texts."
            )

    def __len__(self) -> int:
        return max(1, (self.each - 1) // self.length)

    def rows(self, step: int) -> int:
        """How many rows a batch has."""
        return self.streams

    def __getitem__(self, key: Key) -> Batch:
        epoch, step = key
        rows = self.source.flat(epoch)[: self.streams * self.each].reshape(self.streams, self.each)
        start, end = self.ends(epoch)[step : step + 2]
        part = torch.from_numpy(rows[:, start : end + 1].astype(np.int64))
        return part[:, :-1], part[:, 1:]

    def ends(self, epoch: int) -> list[int]:
        """Where the stretches of an epoch begin, and where the last one ends."""
        inner = np.arange(1, len(self)) * self.length
        if self.source.is_training and self.length >= JITTER:
            most = self.length // JITTER
            draw = np.random.default_rng(derive_seed(self.source.seed, "ends", epoch))
            inner = inner + draw.integers(-most, most + 1, len(inner))
        return [0, *inner.tolist(), self.each - 1]


class Blocks(Dataset[Batch]):
    """Blocks of a fixed length, of which `arrange` makes inputs and targets: `following`, or `hidden`."""

    def __init__(self, source: TokenRow, batch_size: int, length: int, arrange: Arrange) -> None:
        self.source, self.batch_size, self.length, self.arrange = source, batch_size, length, arrange
        self.blocks = (source.count - 1) // length
        if self.blocks < 1:
            raise DataError(
                f"{source.count} tokens are too few for a block of {length}. Take a smaller length, or more texts."
            )

    def __len__(self) -> int:
        whole = self.blocks // self.batch_size if self.source.is_training else -(-self.blocks // self.batch_size)
        return max(1, whole)

    def rows(self, step: int) -> int:
        """How many rows a batch has."""
        return min(self.batch_size, self.blocks - step * self.batch_size)

    def __getitem__(self, key: Key) -> Batch:
        epoch, step = key
        order = np.arange(self.blocks)
        if self.source.is_training:
            np.random.default_rng(derive_seed(self.source.seed, "blocks", epoch)).shuffle(order)
        chosen = order[step * self.batch_size : (step + 1) * self.batch_size]
        flat = self.source.flat(epoch)
        blocks = np.stack([flat[at * self.length : (at + 1) * self.length + 1] for at in chosen]).astype(np.int64)
        drawn_anew = epoch if self.source.is_training else 0
        draw = np.random.default_rng(derive_seed(self.source.seed, "hide", drawn_anew, step))
        return self.arrange(blocks, self.source.tokenizer, draw)


def following(blocks: np.ndarray, tokenizer: Tokenizer, draw: np.random.Generator) -> Batch:
    """Numbers (B, T), and the numbers after them (B, T); nothing is drawn."""
    numbers = torch.from_numpy(blocks)
    return numbers[:, :-1], numbers[:, 1:]


def hidden(blocks: np.ndarray, tokenizer: Tokenizer, draw: np.random.Generator) -> Batch:
    """(B, 2, T), the numbers and 1 where a guess is asked for; and the hidden ones (B, T)."""
    return hide(blocks[:, :-1], tokenizer, draw)


def hide(numbers: np.ndarray, tokenizer: Tokenizer, draw: np.random.Generator) -> Batch:
    """Hide a share of the tokens (B, T), as BERT does: eight of ten become the mask, one another token, one stays as it is."""
    assert tokenizer.mask is not None
    chance, how = draw.random(numbers.shape), draw.random(numbers.shape)
    words = ~np.isin(numbers, tokenizer.framing)
    # As many in every block: matrices of one size all through an epoch are multiplied faster, and take less memory.
    count = max(1, round(HIDDEN_SHARE * numbers.shape[1]))
    chance = np.where(words, chance, 2.0)
    asked = words & (chance <= np.sort(chance, axis=1)[:, count - 1 : count])
    hidden = np.where(asked & (how < 0.8), tokenizer.mask, numbers)
    others = draw.integers(0, len(tokenizer), numbers.shape)
    hidden = np.where(asked & (how >= 0.9), others, hidden)
    targets = np.where(asked, numbers, IGNORED)
    return torch.from_numpy(np.stack([hidden, asked.astype(np.int64)], axis=1)), torch.from_numpy(targets)


class StretchBatches(Sampler[Key]):
    """The keys of an epoch's batches, one after the other; each is a whole batch."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps, self.epoch, self.first_step = steps, 1, 0

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[Key]:
        yield from ((self.epoch, step) for step in range(self.first_step, self.steps))


class _Shared(Dataset[Batch]):
    """The rows of every batch that one of several processes trains on."""

    def __init__(self, batches: Streams | Blocks, share: Share) -> None:
        self.batches, self.share = batches, share

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, key: Key) -> Batch:
        numbers, targets = self.batches[key]
        return self.share.of(numbers), self.share.of(targets)


def language_size(data: TextData, stage: Stage) -> str:
    """How much of the texts is read at a time."""
    return f"{stage.text_length} tokens at a time"


def prepare_language(data: TextData, items: Sequence[int], stage: Stage, model: Any) -> Iterator[tuple[int, int]]:
    """The numbers of `items`, if they are not there."""
    return prepare_tokens(data, items, model.tokenizer)


def build_batches(
    data: TextData, items: Sequence[int], model: Any, *, batch_size: int, length: int, seed: int, is_training: bool
) -> Streams | Blocks:
    """What the model reads of `items`, as it wants to read it."""
    tokenizer: Tokenizer = model.tokenizer
    source = TokenRow(open_tokens(data, items, tokenizer), tokenizer, seed=seed, is_training=is_training)
    reading: Reading = model.reading
    if reading == "stream":
        return Streams(source, batch_size, length)
    return Blocks(source, batch_size, length, hidden if reading == "masked" else following)


def build_loaders(data: TextData, stage: Stage, model: Any, *, seed: int, share: Share = ALONE) -> Loaders:
    """Training and validation batches; they are cut from memory, so that no process of their own is worth it."""

    def loader(items: Sequence[int], *, is_training: bool) -> tuple[DataLoader, StretchBatches]:
        batches = build_batches(
            data,
            items,
            model,
            batch_size=stage.batch_size,
            length=stage.text_length,
            seed=seed,
            is_training=is_training,
        )
        # The last validation batch may be too small for every process to get some.
        order = StretchBatches(len(batches) - (not is_training and batches.rows(len(batches) - 1) <= share.process))
        shared = _Shared(batches, share)
        return DataLoader(shared, sampler=order, batch_size=None, pin_memory=share.pin_memory), order

    train, train_batches = loader(data.train, is_training=True)
    valid, _ = loader(data.valid, is_training=False)
    return Loaders(train, valid, train_batches)


def build_loader(data: TextData, items: Sequence[int], stage: Stage, model: Any, *, batch_size: int) -> DataLoader:
    """Batches of `items` in their order."""
    batches = build_batches(
        data, items, model, batch_size=batch_size, length=stage.text_length, seed=0, is_training=False
    )
    return DataLoader(batches, sampler=StretchBatches(len(batches)), batch_size=None)


def no_batch(data: TextData, items: Sequence[int], stage: Stage, model: Any) -> Batch:
    """A language model is measured on all texts in a row, never on one."""
    raise DataError("A language model has no answer that could be right or wrong for one text. Choose a classifier.")


TEXT_STREAM: Feed[TextData] = Feed(
    size=language_size,
    prepare=prepare_language,
    build_loaders=build_loaders,
    build_loader=build_loader,
    batch=no_batch,
)


def guesses(output: Any, target: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (N, V) of the places that are to be guessed, and what stands there (N,).

    A model gives (B, T, V) for all places of a target (B, T), or (N, V) for those alone that are not `IGNORED`.
    """
    logits = getattr(output, "logits", output)
    return logits.reshape(-1, logits.shape[-1]), target[target != IGNORED]
