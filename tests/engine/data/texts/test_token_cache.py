"""Texts' numbers are made once for a tokenizer and read from the disk ever after."""

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tiny_text import WORD_LIST, piece_tokenizer, write_texts

from engine.data.texts import token_cache
from engine.data.texts.dataset import TextData, open_texts
from engine.data.texts.token_cache import open_tokens, prepare_tokens
from engine.data.texts.tokenizers import PieceTokenizer, WordTokenizer
from engine.errors import DataError
from engine.host.home import cache_folder

TEXTS = ["This film is good.", "bad", "The plot was bad, and the music – é – was not."]


@pytest.fixture(scope="module")
def pieces() -> PieceTokenizer:
    return PieceTokenizer(piece_tokenizer())


def opened(root: Path) -> TextData:
    return open_texts(write_texts(root, train=TEXTS, valid=["a film"]))


def tables() -> set[str]:
    return {path.name for path in cache_folder().glob("*-tokens-*")}


def test_the_table_has_what_the_tokenizer_gives(tmp_path: Path, pieces: PieceTokenizer, monkeypatch) -> None:
    monkeypatch.setattr(token_cache, "AT_ONCE", 2)
    data = opened(tmp_path / "texts")
    items = (2, 0, 1)
    assert list(prepare_tokens(data, items, pieces)) == [(2, 3), (3, 3)]
    table = open_tokens(data, items, pieces)
    expected = pieces.encode(data.texts(items))
    assert len(table) == 3 and len(expected[0]) > len(expected[1]) > len(expected[2]) > 0
    assert [table[index].tolist() for index in range(3)] == [text.tolist() for text in expected]
    assert table.lengths().tolist() == [len(text) for text in expected]
    assert isinstance(table.numbers, np.memmap) and table.numbers.dtype == np.int32


def test_the_second_time_nothing_is_read(tmp_path: Path, pieces: PieceTokenizer) -> None:
    data = opened(tmp_path / "texts")
    list(prepare_tokens(data, data.train, pieces))
    encode = SimpleNamespace(fingerprint=pieces.fingerprint)  # which cannot encode
    assert list(prepare_tokens(data, data.train, encode)) == []  # pyright: ignore[reportArgumentType]


def test_other_words_other_items_and_a_changed_file_have_tables_of_their_own(
    tmp_path: Path, pieces: PieceTokenizer
) -> None:
    data = opened(tmp_path / "texts")
    longer = piece_tokenizer()
    longer.add_tokens(["plot was"])
    kinds = [pieces, PieceTokenizer(longer), WordTokenizer(WORD_LIST), WordTokenizer((*WORD_LIST, "–"))]
    for count, tokenizer in enumerate(kinds, start=1):
        list(prepare_tokens(data, data.train, tokenizer))
        assert len(tables()) == count
    for tokenizer in kinds:
        expected = tokenizer.encode(data.texts(data.train))
        assert [text.tolist() for text in open_tokens(data, data.train, tokenizer)] == [t.tolist() for t in expected]
    list(prepare_tokens(data, data.train[:1], pieces))
    list(prepare_tokens(data, data.train[::-1], pieces))
    assert len(tables()) == len(kinds) + 2
    path = tmp_path / "texts" / "texts.csv"
    path.write_text(path.read_text().replace("good", "zzzz"))
    os.utime(path, (1, 1))
    changed = open_texts(tmp_path / "texts")
    list(prepare_tokens(changed, changed.train, pieces))
    assert len(tables()) == len(kinds) + 3
    before, after = (open_tokens(one, one.train, pieces).lengths().sum() for one in (data, changed))
    assert after - before == len(pieces.encode(["zzzz"])[0]) - len(pieces.encode(["good"])[0]) > 0


@pytest.mark.parametrize("texts", [["", " ", "film"], ["", ""]])
def test_empty_texts_have_no_numbers(tmp_path: Path, pieces: PieceTokenizer, monkeypatch, texts: list[str]) -> None:
    data = opened(tmp_path / "texts")
    monkeypatch.setattr(TextData, "texts", lambda self, rows: [texts[row] for row in rows])
    items = range(len(texts))
    list(prepare_tokens(data, items, pieces))
    table = open_tokens(data, items, pieces)
    assert [len(table[index]) for index in items] == table.lengths().tolist() == [0, 0, 1][: len(texts)]


def test_who_is_stopped_over_it_leaves_nothing(tmp_path: Path, pieces: PieceTokenizer) -> None:
    data = opened(tmp_path / "texts")
    making = prepare_tokens(data, data.train, pieces)
    next(making)
    making.close()
    assert tables() == set()


def test_a_full_disk_is_told(tmp_path: Path, pieces: PieceTokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    data = opened(tmp_path / "texts")
    monkeypatch.setattr(token_cache.np, "save", full)
    with pytest.raises(DataError, match=r"No space left on device.*Make room"):
        list(prepare_tokens(data, data.train, pieces))
    assert tables() == set()


def test_somebody_else_s_table_is_as_good(tmp_path: Path, pieces: PieceTokenizer) -> None:
    data = opened(tmp_path / "texts")
    first, second = prepare_tokens(data, data.train, pieces), prepare_tokens(data, data.train, pieces)
    next(first), next(second)
    assert [*first, *second] == []
    assert len(tables()) == 1
    assert len(open_tokens(data, data.train, pieces)) == len(TEXTS)
