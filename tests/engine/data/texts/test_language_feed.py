"""A language model's batches: what it reads goes on without a gap, and what it has to guess is what stands there."""

import itertools
from collections import Counter
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
from engine.data.texts.dataset import TextData, open_texts
from engine.data.texts.language_feed import HIDDEN_SHARE, IGNORED, JITTER, TEXT_STREAM, hide
from engine.data.texts.tokenizers import PieceTokenizer
from engine.errors import DataError
from engine.recipe import Stage

STAGE = Stage(batch_size=4, text_length=16)
BEGIN, END, MASK = 2, 3, 4
READINGS = ("stream", "blocks", "masked")
Batch = tuple[Tensor, Tensor]


@pytest.fixture(scope="module")
def tokenizer() -> PieceTokenizer:
    return PieceTokenizer(piece_tokenizer())


@pytest.fixture
def data(tmp_path: Path) -> TextData:
    """Texts of different letters, so that a place can be told from the others; each becomes as many tokens and two more."""
    draw = np.random.default_rng(0)
    texts = [" ".join(draw.choice(list("bcdefghjklmnopqrstuvwxyz"), 20 + at)) for at in range(30)]
    return open_texts(write_texts(tmp_path / "texts", train=texts[:24], valid=texts[24:]))


def loaders(data: TextData, tokenizer: PieceTokenizer, reading: str, stage: Stage = STAGE, **more: Any) -> Loaders:
    model = SimpleNamespace(tokenizer=tokenizer, reading=reading)
    for items in (data.train, data.valid):
        list(TEXT_STREAM.prepare(data, items, stage, model))
    return TEXT_STREAM.build_loaders(data, stage, model, **{"seed": 1, **more})


def epoch(loaders: Loaders, number: int = 1, first_step: int = 0) -> list[Batch]:
    loaders.train_batches.epoch, loaders.train_batches.first_step = number, first_step
    return list(loaders.train)


def counted(data: TextData, tokenizer: PieceTokenizer, items: Any) -> Counter[int]:
    """How often each token comes in some texts as they are read."""
    return Counter(
        number for text in tokenizer.encode(data.texts(items)) for number in tokenizer.frame(text, 1000).tolist()
    )


def same(one: list[Batch], other: list[Batch]) -> bool:
    pairs = zip(one, other, strict=True)
    return all(torch.equal(mine, its) for first, second in pairs for mine, its in zip(first, second, strict=True))


@pytest.mark.parametrize("split", ["train", "valid"])
def test_a_stream_goes_on_where_the_last_batch_ended(data: TextData, tokenizer: PieceTokenizer, split: str) -> None:
    feed = loaders(data, tokenizer, "stream")
    batches = epoch(feed) if split == "train" else list(feed.valid)
    assert len(batches) > 3
    for numbers, targets in batches:
        assert numbers.shape == targets.shape and len(numbers) == 4
        assert torch.equal(numbers[:, 1:], targets[:, :-1])
    for (_, targets), (numbers, _) in itertools.pairwise(batches):
        assert torch.equal(targets[:, -1], numbers[:, 0])


@pytest.mark.parametrize("number", [1, 2])
def test_the_rows_of_a_stream_are_the_texts_one_behind_the_other(
    data: TextData, tokenizer: PieceTokenizer, number: int
) -> None:
    feed = loaders(data, tokenizer, "stream")
    batches = epoch(feed, number)
    rows = torch.cat([batches[0][0][:, :1], *(targets for _, targets in batches)], dim=1)
    whole = counted(data, tokenizer, data.train)
    assert rows.numel() == sum(whole.values()) // 4 * 4
    left_out = whole - Counter(rows.flatten().tolist())
    assert sum(left_out.values()) == sum(whole.values()) % 4
    read = "".join(chr(number) for number in rows.flatten().tolist())
    texts = ["".join(map(chr, tokenizer.frame(text, 1000))) for text in tokenizer.encode(data.texts(data.train))]
    assert sum(text in read for text in texts) >= len(texts) - 1, "the last one may have lost its end"


def test_the_texts_come_in_a_new_order_every_epoch_and_validation_in_its_own(
    data: TextData, tokenizer: PieceTokenizer
) -> None:
    feed = loaders(data, tokenizer, "stream")
    assert not torch.equal(epoch(feed, 1)[0][0][:, :8], epoch(feed, 2)[0][0][:, :8])
    assert same(epoch(feed, 2), epoch(feed, 2))
    first = tokenizer.frame(tokenizer.encode(data.texts(data.valid[:1]))[0], 1000)
    assert next(iter(feed.valid))[0][0].tolist() == first[:16].tolist()
    assert same(list(feed.valid), list(loaders(data, tokenizer, "stream", seed=9).valid))


def test_stretches_end_elsewhere_each_epoch_and_are_as_many(data: TextData, tokenizer: PieceTokenizer) -> None:
    feed = loaders(data, tokenizer, "stream", replace(STAGE, text_length=32))
    widths = [[numbers.shape[1] for numbers, _ in epoch(feed, number)] for number in range(1, 9)]
    assert {len(row) for row in widths} == {len(feed.train_batches)}
    assert len({sum(row) for row in widths}) == 1
    assert len(set(map(tuple, widths))) > 4
    assert all(abs(width - 32) <= 2 * 32 // JITTER for row in widths for width in row[:-1])
    plain = [numbers.shape[1] for numbers, _ in feed.valid]
    assert plain[:-1] == [32] * (len(plain) - 1) and 32 <= plain[-1] < 64


def test_blocks_follow_each_other_without_overlap(data: TextData, tokenizer: PieceTokenizer) -> None:
    feed = loaders(data, tokenizer, "blocks")
    whole = counted(data, tokenizer, data.valid)
    valid = list(feed.valid)
    numbers, targets = (torch.cat([batch[part] for batch in valid]).flatten().tolist() for part in (0, 1))
    assert numbers[1:] == targets[:-1], "a block's target ends where the next one begins"
    assert len(numbers) == (sum(whole.values()) - 1) // 16 * 16
    assert not Counter(numbers) - whole
    texts = [tokenizer.frame(text, 1000) for text in tokenizer.encode(data.texts(data.valid))]
    assert numbers == np.concatenate(texts)[: len(numbers)].tolist()


@pytest.mark.parametrize("reading", ["blocks", "masked"])
def test_an_epoch_reads_each_block_once_in_a_new_order(data: TextData, tokenizer: PieceTokenizer, reading: str) -> None:
    feed = loaders(data, tokenizer, reading)
    whole = counted(data, tokenizer, data.train)

    def inputs(number: int) -> list[int]:
        batches = epoch(feed, number)
        assert [len(numbers) for numbers, _ in batches] == [4] * len(feed.train_batches)
        if reading == "blocks":
            return torch.cat([numbers for numbers, _ in batches]).flatten().tolist()
        shown = [torch.where(targets == IGNORED, numbers[:, 0], targets) for numbers, targets in batches]
        return torch.cat(shown).flatten().tolist()

    first, second = inputs(1), inputs(2)
    assert len(first) == len(second) == (sum(whole.values()) - 1) // 16 // 4 * 4 * 16
    assert not Counter(first) - whole and not Counter(second) - whole
    assert first != second


def test_every_validation_block_is_read_the_last_few_too(data: TextData, tokenizer: PieceTokenizer) -> None:
    blocks = (sum(counted(data, tokenizer, data.valid).values()) - 1) // 16
    assert blocks % 4
    for reading in ("blocks", "masked"):
        assert sum(len(numbers) for numbers, _ in loaders(data, tokenizer, reading).valid) == blocks


def test_hidden_tokens_are_asked_for_and_nothing_else(data: TextData, tokenizer: PieceTokenizer) -> None:
    feed = loaders(data, tokenizer, "masked")
    plain = torch.cat([numbers for numbers, _ in loaders(data, tokenizer, "blocks").valid])
    inputs, targets = (torch.cat([batch[part] for batch in feed.valid]) for part in (0, 1))
    shown, asked = inputs[:, 0], inputs[:, 1].bool()
    assert inputs.shape == (*plain.shape[:1], 2, 16) and asked.any(1).all()
    assert torch.equal(targets != IGNORED, asked)
    assert torch.equal(targets[asked], plain[asked])
    assert torch.equal(shown[~asked], plain[~asked])
    assert not torch.isin(plain[asked], torch.tensor(tokenizer.framing)).any()


def test_a_fifth_is_hidden_as_bert_hides(tokenizer: PieceTokenizer) -> None:
    draw = np.random.default_rng(0)
    numbers = draw.integers(5, len(tokenizer), (1000, 50))
    numbers[:, ::10] = BEGIN
    inputs, targets = hide(numbers, tokenizer, draw)
    plain, shown, asked = torch.from_numpy(numbers), inputs[:, 0], targets != IGNORED
    assert (asked.sum(1) == round(50 * HIDDEN_SHARE)).all(), "as many in every block"
    assert (shown[asked] == MASK).float().mean().item() == pytest.approx(0.8, abs=0.02)
    is_kept = shown[asked] == plain[asked]
    assert is_kept.float().mean().item() == pytest.approx(0.1, abs=0.02)
    others = shown[asked][~is_kept & (shown[asked] != MASK)]
    assert len(others.unique()) > 90, "another token may be any"


def test_a_block_asks_for_something_and_never_for_what_frames_a_text(tokenizer: PieceTokenizer) -> None:
    """Short blocks, of which many would have nothing hidden by chance."""
    draw = np.random.default_rng(0)
    numbers = np.tile([END, BEGIN, 7, 8], (500, 1))
    _, targets = hide(numbers, tokenizer, draw)
    assert (targets != IGNORED).any(1).all()
    assert (targets[:, :2] == IGNORED).all()


def test_masks_are_drawn_anew_in_training_and_stay_for_validation(data: TextData, tokenizer: PieceTokenizer) -> None:
    feed = loaders(data, tokenizer, "masked")
    assert same(list(feed.valid), list(feed.valid))
    first, second = (torch.cat([inputs[:, 1] for inputs, _ in epoch(feed, number)]) for number in (1, 2))
    assert first.shape == second.shape and not torch.equal(first, second)


@pytest.mark.parametrize("reading", READINGS)
def test_several_processes_read_together_what_one_reads(
    data: TextData, tokenizer: PieceTokenizer, reading: str
) -> None:
    whole = loaders(data, tokenizer, reading)
    shares = [loaders(data, tokenizer, reading, share=Share(process=process, processes=2)) for process in range(2)]
    for batches, parts in (
        (epoch(whole, 3), [epoch(share, 3) for share in shares]),
        (list(whole.valid), [list(share.valid) for share in shares]),
    ):
        for process, part in enumerate(parts):
            shared = [(numbers[process::2], targets[process::2]) for numbers, targets in batches]
            assert same(part, [batch for batch in shared if len(batch[0])])


@pytest.mark.parametrize("reading", ["blocks", "masked"])
def test_a_process_gets_no_batch_without_rows(data: TextData, tokenizer: PieceTokenizer, reading: str) -> None:
    """Of the last one, which may be smaller; a model need not know what to do with nothing."""
    blocks = sum(len(numbers) for numbers, _ in loaders(data, tokenizer, reading).valid)
    stage = replace(STAGE, batch_size=blocks - 1)
    first, second = (
        loaders(data, tokenizer, reading, stage, share=Share(process=process, processes=2)) for process in range(2)
    )
    assert [len(numbers) for numbers, _ in first.valid] == [blocks // 2, 1]
    assert [len(numbers) for numbers, _ in second.valid] == [(blocks - 1) // 2]


@pytest.mark.parametrize("reading", READINGS)
def test_a_resumed_epoch_reads_on(data: TextData, tokenizer: PieceTokenizer, reading: str) -> None:
    feed = loaders(data, tokenizer, reading)
    assert same(epoch(feed, 2, first_step=3), epoch(feed, 2)[3:])


@pytest.mark.parametrize("reading", READINGS)
def test_measuring_reads_all_there_is(data: TextData, tokenizer: PieceTokenizer, reading: str) -> None:
    model = SimpleNamespace(tokenizer=tokenizer, reading=reading)
    list(TEXT_STREAM.prepare(data, data.valid, STAGE, model))
    batches = list(TEXT_STREAM.build_loader(data, data.valid, STAGE, model, batch_size=3))
    count = sum(counted(data, tokenizer, data.valid).values())
    expected = count // 3 * 3 - 3 if reading == "stream" else (count - 1) // 16 * 16
    assert sum(targets.numel() for _, targets in batches) == expected
    assert same(batches, list(TEXT_STREAM.build_loader(data, data.valid, STAGE, model, batch_size=3)))


@pytest.mark.parametrize(
    ("reading", "changes", "message"),
    [
        ("stream", {"batch_size": 256}, "tokens are too few for 256 streams. Take a smaller batch"),
        ("blocks", {"text_length": 4096}, "tokens are too few for a block of 4096. Take a smaller length"),
        ("masked", {"text_length": 4096}, "tokens are too few for a block of 4096. Take a smaller length"),
    ],
)
def test_too_few_tokens_are_told(tokenizer: PieceTokenizer, tmp_path: Path, reading, changes, message: str) -> None:
    data = open_texts(write_texts(tmp_path / "texts", train=["a good film"] * 9, valid=["a bad film"]))
    with pytest.raises(DataError, match=message):
        loaders(data, tokenizer, reading, replace(STAGE, **changes))


def test_one_text_has_no_right_answer(data: TextData, tokenizer: PieceTokenizer) -> None:
    with pytest.raises(DataError, match="Choose a classifier"):
        TEXT_STREAM.batch(data, data.valid[:1], STAGE, SimpleNamespace(tokenizer=tokenizer))
    assert TEXT_STREAM.size(data, STAGE) == "16 tokens at a time"
