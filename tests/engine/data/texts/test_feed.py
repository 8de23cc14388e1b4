"""A classifier's batches: every text once an epoch, like lengths together, whoever shares the work."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tiny_text import piece_tokenizer, write_texts
from torch import Tensor

from engine.data.loaders import Loaders, Share
from engine.data.texts import feed as text_feed
from engine.data.texts.dataset import TextData, open_texts
from engine.data.texts.feed import LABELLED_TEXTS, WINDOW, pad_texts
from engine.data.texts.tokenizers import PieceTokenizer
from engine.recipe import Stage

FILM, FRAME = 6, 2  # the number of "film", and how many tokens frame a text
STAGE = Stage(batch_size=4, text_length=32)
BY_LENGTH = [(at, at - 1, at - 2, at - 3) for at in range(26, 2, -4)]


@pytest.fixture(scope="module")
def model() -> Any:
    tokenizer = PieceTokenizer(piece_tokenizer())
    assert tokenizer.encode(["film film"])[0].tolist() == [FILM, FILM]
    return SimpleNamespace(tokenizer=tokenizer)


def film(length: int) -> str:
    return " ".join(["film"] * length)


@pytest.fixture
def data(tmp_path: Path) -> TextData:
    """Training texts of 1 to 26 words in a mixed order, and 7 validation texts."""
    lengths = np.random.default_rng(0).permutation(26) + 1
    valid = [film(length) for length in (3, 9, 1, 20, 50, 2, 8)]
    return open_texts(write_texts(tmp_path / "texts", train=[film(length) for length in lengths], valid=valid))


def loaders(data: TextData, model: Any, stage: Stage = STAGE, **more: Any) -> Loaders:
    for items in (data.train, data.valid):
        list(LABELLED_TEXTS.prepare(data, items, stage, model))
    return LABELLED_TEXTS.build_loaders(data, stage, model, **{"seed": 1, **more})


def epoch(loaders: Loaders, number: int = 1, first_step: int = 0) -> list[tuple[Tensor, Tensor]]:
    loaders.train_batches.epoch, loaders.train_batches.first_step = number, first_step
    return list(loaders.train)


def lengths(batch: tuple[Tensor, Tensor]) -> list[int]:
    """How many words each text has."""
    return ((batch[0] != 1).sum(1) - FRAME).tolist()


def same(one: list[tuple[Tensor, Tensor]], other: list[tuple[Tensor, Tensor]]) -> bool:
    pairs = zip(one, other, strict=True)
    return all(torch.equal(mine, its) for first, second in pairs for mine, its in zip(first, second, strict=True))


def test_every_text_comes_once_an_epoch_in_a_new_order(data: TextData, model: Any) -> None:
    feed = loaders(data, model)
    first, second = epoch(feed, 1), epoch(feed, 2)
    for batches in (first, second):
        assert len(batches) == len(feed.train_batches) == 6
        seen = [length for batch in batches for length in lengths(batch)]
        assert sorted(seen) == list(range(3, 27)), "all but the two shortest, which fill no batch"
    assert [lengths(batch) for batch in first] != [lengths(batch) for batch in second]
    assert same(first, epoch(feed, 1))
    assert not same(first, epoch(loaders(data, model, seed=2)))


def test_texts_come_with_their_own_class(data: TextData, model: Any) -> None:
    count = {
        len(text.split()): label for text, label in zip(data.texts(data.train), data.labels(data.train), strict=True)
    }
    for batch in (*epoch(loaders(data, model)), LABELLED_TEXTS.batch(data, data.train[:5], STAGE, model)):
        assert batch[1].tolist() == [count[length] for length in lengths(batch)]


def test_like_lengths_are_together_and_the_longest_come_first(data: TextData, model: Any) -> None:
    batches = [lengths(batch) for batch in epoch(loaders(data, model))]
    assert sorted(map(tuple, batches), reverse=True) == BY_LENGTH
    assert batches[0] == [26, 25, 24, 23]
    assert batches[1:] != sorted(batches[1:], reverse=True)


def test_no_length_is_sorted_over_a_whole_large_epoch(data: TextData, model: Any, monkeypatch) -> None:
    """Else the same texts would always be together."""
    monkeypatch.setattr(text_feed, "WINDOW", 2)
    assert WINDOW > 2
    batches = [lengths(batch) for batch in epoch(loaders(data, model))]
    assert len(batches) == 6 and len({length for batch in batches for length in batch}) == 24
    assert max(batches[0]) == max(map(max, batches))
    assert sorted(map(tuple, batches), reverse=True) != BY_LENGTH


def test_texts_are_framed_shortened_and_padded_behind(data: TextData, model: Any) -> None:
    stage = replace(STAGE, text_length=16)
    tokenizer = model.tokenizer
    texts, target = next(iter(loaders(data, model, stage).valid))
    assert (texts.dtype, target.dtype) == (torch.int64, torch.int64)
    assert texts.tolist() == [
        [2, *[FILM] * 14, 3],
        [2, *[FILM] * 14, 3],
        [2, *[FILM] * 9, 3, *[tokenizer.pad] * 5],
        [2, *[FILM] * 8, 3, *[tokenizer.pad] * 6],
    ]


def test_every_validation_text_is_judged_the_longest_first(data: TextData, model: Any) -> None:
    feed = loaders(data, model)
    valid = [lengths(batch) for batch in feed.valid]
    assert valid == [[30, 20, 9, 8], [3, 2, 1]]
    assert same(list(feed.valid), list(loaders(data, model, seed=5).valid))
    measured = LABELLED_TEXTS.build_loader(data, data.valid, STAGE, model, batch_size=3)
    assert [lengths(batch) for batch in measured] == [[30, 20, 9], [8, 3, 2], [1]]


@pytest.mark.parametrize("processes", [2, 3])
def test_several_processes_see_together_what_one_sees(data: TextData, model: Any, processes: int) -> None:
    whole = loaders(data, model)
    shares = [loaders(data, model, share=Share(process=process, processes=processes)) for process in range(processes)]
    for batches, parts in (
        (epoch(whole, 3), [epoch(share, 3) for share in shares]),
        (list(whole.valid), [list(share.valid) for share in shares]),
    ):
        for at, batch in enumerate(batches):
            together = [length for part in parts if at < len(part) for length in lengths(part[at])]
            assert sorted(together) == sorted(lengths(batch))
    assert [len(epoch(share)) for share in shares] == [6] * processes


def test_a_resumed_epoch_skips_what_it_has_seen(data: TextData, model: Any) -> None:
    feed = loaders(data, model)
    assert same(epoch(feed, 2, first_step=4), epoch(feed, 2)[4:])


def test_a_data_set_smaller_than_a_batch_is_one_batch(data: TextData, model: Any) -> None:
    feed = loaders(data, model, replace(STAGE, batch_size=64))
    (batch,) = epoch(feed)
    assert len(feed.train_batches) == 1 and sorted(lengths(batch)) == list(range(1, 27))


def test_a_batch_of_some_texts_keeps_their_order(data: TextData, model: Any) -> None:
    items = [data.train[at] for at in (5, 0, 9)]
    batch = LABELLED_TEXTS.batch(data, items, STAGE, model)
    assert lengths(batch) == [len(text.split()) for text in data.texts(items)]


def test_texts_are_arranged_from_long_to_short(data: TextData) -> None:
    arranged = LABELLED_TEXTS.arrange(data, data.train[:9])
    assert sorted(arranged) == sorted(data.train[:9])
    found = [len(text) for text in data.texts(arranged)]
    assert found == sorted(found, reverse=True)


def test_an_empty_text_is_read_as_its_frame(tmp_path: Path, model: Any) -> None:
    data = open_texts(write_texts(tmp_path / "texts", train=["\x01", "film", "\x02", "a"], valid=["\x01", "\x02"]))
    feed = loaders(data, model)
    assert sorted(lengths(epoch(feed)[0])) == [0, 0, 1, 1]
    assert next(iter(feed.valid))[0].tolist() == 2 * [[2, 3, 1, 1, 1, 1, 1, 1]]


def test_the_size_of_a_text_in_words(data: TextData) -> None:
    assert LABELLED_TEXTS.size(data, STAGE) == "up to 32 tokens"


@pytest.mark.parametrize(("longest", "width"), [(1, 8), (8, 8), (9, 16), (0, 8)])
def test_a_batch_is_a_multiple_of_eight_wide(longest: int, width: int) -> None:
    short = torch.full((min(longest, 1),), 5, dtype=torch.int32)
    samples = [(short, torch.tensor(0)), (torch.full((longest,), 5, dtype=torch.int32), torch.tensor(1))]
    numbers, labels = pad_texts(samples, 9)
    assert numbers.shape == (2, width) and numbers.dtype == torch.int64 and labels.tolist() == [0, 1]
    assert (numbers == 5).sum(1).tolist() == [len(short), longest] and set(numbers.flatten().tolist()) <= {5, 9}
