"""Texts as a classifier reads them: shortened to a length, those of like length together, padded to the longest of a batch."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from engine.data.loaders import ALONE, EpochBatches, Feed, Key, Loaders, Share
from engine.data.seeding import derive_seed
from engine.data.texts.dataset import TextData
from engine.data.texts.token_cache import TokenTable, open_tokens, prepare_tokens
from engine.data.texts.tokenizers import Tokenizer
from engine.recipe import Stage

WIDTH_STEP = 8
WINDOW = 50  # batches whose texts are sorted by length together


class Texts(Dataset[tuple[Tensor, Tensor]]):
    """Texts as numbers (T,) with their class."""

    def __init__(self, table: TokenTable, labels: Sequence[int], tokenizer: Tokenizer, length: int) -> None:
        self.table, self.labels, self.tokenizer, self.length = table, labels, tokenizer, length

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, key: Key) -> tuple[Tensor, Tensor]:
        _, index = key
        numbers = self.tokenizer.frame(self.table[index], self.length)
        # A copy, since the table on disk cannot be written to.
        return torch.tensor(numbers), torch.tensor(self.labels[index])


class LengthBatches(Sampler[list[Key]]):
    """The batches of `order`, with texts of like length in one, so that little is padded.

    In training the texts come in a new order every epoch: stretches of some batches are sorted by length and cut, and the
    batches mixed again, the first of them one of the longest texts: if memory does not suffice, that shows at once. For
    validation all texts are sorted.
    """

    def __init__(self, order: EpochBatches, lengths: np.ndarray) -> None:
        super().__init__()
        self.order, self.lengths = order, lengths
        self.epoch, self.first_step = 1, 0

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[list[Key]]:
        order = self.order
        indices = order.indices(self.epoch)
        window = WINDOW * order.batch_size if order.is_training else max(1, len(indices))
        batches = [
            batch
            for start in range(0, len(indices), window)
            for batch in self._by_length(indices[start : start + window])
        ]
        if order.is_training:
            batches = [batch for batch in batches if len(batch) == len(batches[0])][: len(order)]
            generator = torch.Generator().manual_seed(derive_seed(order.seed, "batches", self.epoch))
            mixed = torch.randperm(len(batches), generator=generator).tolist()
            longest = max(mixed, key=lambda number: self.lengths[batches[number][0]])
            mixed.remove(longest)
            batches = [batches[number] for number in (longest, *mixed)]
        for batch in batches[self.first_step :]:
            mine = order.share.of(batch)
            if mine:
                yield [(self.epoch, index) for index in mine]

    def _by_length(self, indices: list[int]) -> list[list[int]]:
        longest_first = sorted(indices, key=lambda index: -self.lengths[index])
        size = self.order.batch_size
        return [longest_first[start : start + size] for start in range(0, len(longest_first), size)]


def pad_texts(samples: Sequence[tuple[Tensor, Tensor]], pad: int) -> tuple[Tensor, Tensor]:
    """Texts (T,) and classes as numbers (B, T), padded, and classes (B,)."""
    return pad_numbers([text for text, _ in samples], pad), torch.stack([label for _, label in samples])


def pad_numbers(texts: Sequence[Tensor], pad: int) -> Tensor:
    """The numbers of texts (T,) as one batch (B, T) int64, padded behind; T becomes a multiple of 8.

    So there are few different sizes, for each of which a CPU's library prepares itself anew, and a GPU likes eights.
    """
    batch = torch.nn.utils.rnn.pad_sequence(list(texts), batch_first=True, padding_value=pad)
    more = -batch.shape[1] % WIDTH_STEP if batch.shape[1] else WIDTH_STEP  # all may be empty, and nothing frames them
    return torch.nn.functional.pad(batch, (0, more), value=pad).long()


def text_size(data: TextData, stage: Stage) -> str:
    """How much of a text is read."""
    return f"up to {stage.text_length} tokens"


def prepare_texts(data: TextData, items: Sequence[int], stage: Stage, model: Any) -> Iterator[tuple[int, int]]:
    """The numbers of `items`, if they are not there."""
    return prepare_tokens(data, items, model.tokenizer)


def build_loaders(data: TextData, stage: Stage, model: Any, *, seed: int, share: Share = ALONE) -> Loaders:
    """Training and validation batches of labelled texts. They are made in no time: no process of their own is worth it."""

    def loader(items: Sequence[int], *, is_training: bool) -> tuple[DataLoader, LengthBatches]:
        order = EpochBatches(len(items), stage.batch_size, seed=seed, is_training=is_training, share=share)
        return _loader(data, items, stage, model, order)

    train, train_batches = loader(data.train, is_training=True)
    valid, _ = loader(data.valid, is_training=False)
    return Loaders(train, valid, train_batches)


def build_loader(data: TextData, items: Sequence[int], stage: Stage, model: Any, *, batch_size: int) -> DataLoader:
    """Batches of `items`, the longest first."""
    return _loader(data, items, stage, model, EpochBatches(len(items), batch_size, seed=0, is_training=False))[0]


def _loader(
    data: TextData, items: Sequence[int], stage: Stage, model: Any, order: EpochBatches
) -> tuple[DataLoader, LengthBatches]:
    texts = Texts(open_tokens(data, items, model.tokenizer), data.labels(items), model.tokenizer, stage.text_length)
    batches = LengthBatches(order, np.minimum(texts.table.lengths(), stage.text_length))
    collate = _Padding(model.tokenizer.pad)
    return DataLoader(texts, batch_sampler=batches, collate_fn=collate, pin_memory=order.share.pin_memory), batches


def batch_texts(data: TextData, items: Sequence[int], stage: Stage, model: Any) -> tuple[Tensor, Tensor]:
    """Some texts as one batch (B, T), in their order, and their classes (B,)."""
    tokenizer: Tokenizer = model.tokenizer
    framed = [tokenizer.frame(numbers, stage.text_length) for numbers in tokenizer.encode(data.texts(items))]
    labels = data.labels(items)
    samples = [(torch.from_numpy(text), torch.tensor(label)) for text, label in zip(framed, labels, strict=True)]
    return pad_texts(samples, tokenizer.pad)


def arrange_texts(data: TextData, items: Sequence[int]) -> list[int]:
    """The longest texts first."""
    lengths = [len(text) for text in data.texts(items)]
    return [items[place] for place in sorted(range(len(items)), key=lambda place: -lengths[place])]


class _Padding:
    """`pad_texts` as something that can be sent to another process."""

    def __init__(self, pad: int) -> None:
        self.pad = pad

    def __call__(self, samples: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        return pad_texts(samples, self.pad)


LABELLED_TEXTS: Feed[TextData] = Feed(
    size=text_size,
    prepare=prepare_texts,
    build_loaders=build_loaders,
    build_loader=build_loader,
    batch=batch_texts,
    arrange=arrange_texts,
)
