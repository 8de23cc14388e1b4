"""What comes next: what a language model reads to say so, and what is made of its figures."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tiny_text import WORD_LIST, byte_tokenizer, piece_tokenizer, write_texts
from torch.nn import functional

from engine.data.texts.tokenizers import PieceTokenizer, WordTokenizer
from engine.errors import DataError
from engine.kinds import language
from engine.kinds.language import (
    LIKELIEST,
    Start,
    build_language_objective,
    next_input,
    open_language,
    predict_next,
    prepare_start,
)
from engine.recipe import Stage
from engine.task import ModelPlan

BEGIN, END, MASK, FILM, GOOD = 2, 3, 4, 6, 9


@pytest.fixture(scope="module")
def pieces() -> PieceTokenizer:
    return PieceTokenizer(piece_tokenizer())


@pytest.fixture(scope="module")
def words() -> WordTokenizer:
    return WordTokenizer(WORD_LIST)


def reader(tokenizer: Any, reading: str) -> Any:
    return SimpleNamespace(tokenizer=tokenizer, reading=reading)


def test_a_masked_model_is_asked_for_one_token_behind_the_text(pieces: PieceTokenizer) -> None:
    (batch,) = next_input(reader(pieces, "masked"), [FILM, GOOD], 16)
    assert batch.tolist() == [[BEGIN, FILM, GOOD, MASK, MASK, MASK], [0, 0, 0, 1, 0, 0]]
    (batch,) = next_input(reader(pieces, "masked"), list(range(10, 60)), 16)
    assert batch[0].tolist() == [BEGIN, *range(48, 60), MASK, MASK, MASK]
    assert batch[1].tolist() == [0] * 13 + [1, 0, 0]
    (batch,) = next_input(reader(pieces, "masked"), [], 16)
    assert batch.tolist() == [[BEGIN, MASK, MASK, MASK], [0, 1, 0, 0]]


@pytest.mark.parametrize("reading", ["stream", "blocks"])
def test_other_models_read_the_end_of_the_text(pieces: PieceTokenizer, reading: str) -> None:
    begin = [BEGIN] if reading == "blocks" else []  # in a block every text began so
    assert next_input(reader(pieces, reading), [FILM, GOOD], 16).tolist() == [[*begin, FILM, GOOD]]
    assert next_input(reader(pieces, reading), list(range(10, 60)), 16).tolist() == [list(range(44, 60))]
    assert next_input(reader(pieces, reading), [], 16).tolist() == [begin or [pieces.pad]], (
        "nothing is read as something"
    )


def test_the_beginning_of_a_text_is_read_as_it_was_written(words: WordTokenizer) -> None:
    stage, plan = Stage(text_length=16), ModelPlan(backbone="tiny", classes=("neg", "pos"))
    start, numbers = prepare_start("This film", stage, plan, reader(words, "stream"))
    assert start.text == "This film"
    assert [WORD_LIST[number] for number in numbers[0].tolist()] == ["xxbos", "xxmaj", "this", "film"]
    with pytest.raises(DataError, match="There is no text yet"):
        prepare_start(" ", stage, plan, reader(words, "stream"))


def logits(shares: dict[int, float], size: int) -> torch.Tensor:
    row = torch.full((size,), 1e-9)
    for number, share in shares.items():
        row[number] = share
    return row.log()


def test_the_likeliest_come_first(words: WordTokenizer, tmp_path: Path) -> None:
    index = words.index
    row = logits({index["film"]: 0.2, index["good"]: 0.7, index["xxmaj"]: 0.1}, len(words))
    for figures in (row, torch.stack([row.flip(0), row])):  # of several places the last one counts
        answer = predict_next(figures, Start("a", words), (), {})
        assert list(answer.words)[:3] == ["good", "film", "·"]
        assert list(answer.words.values())[:3] == pytest.approx([0.7, 0.2, 0.1], abs=1e-4)
    assert answer.in_words().startswith("good 70%, film 20%, · 10%")
    assert len(answer.words) <= LIKELIEST
    assert json.loads(answer.save(tmp_path / "x").read_text()) == answer.summary()
    assert answer.table_row() == {"next": " ".join(answer.words)}


def test_tokens_that_look_alike_are_one_word() -> None:
    tokenizer = PieceTokenizer(byte_tokenizer())
    with_space, without = (tokenizer.encode([text])[0].tolist() for text in (" a", "a"))
    assert len(with_space) == len(without) == 1 and with_space != without
    row = logits({with_space[0]: 0.3, without[0]: 0.25, tokenizer.encode(["b"])[0][0]: 0.45}, len(tokenizer))
    answer = predict_next(row, Start("", tokenizer), (), {})
    assert list(answer.words)[:2] == ["a", "b"]
    assert answer.words["a"] == pytest.approx(0.55, abs=1e-4)


def test_a_vocabulary_of_few_words_has_no_ten_likeliest(words: WordTokenizer) -> None:
    assert len(predict_next(torch.zeros(3), Start("", words), (), {}).words) <= 3


@pytest.mark.parametrize("reads_test", [False, True])
def test_it_reads_what_is_unlabelled_and_the_test_texts_only_when_told(tmp_path: Path, reads_test: bool) -> None:
    root = write_texts(tmp_path / "texts", train=["a"] * 6, valid=["b"] * 2, unlabelled=["c"] * 3)
    (root / "test.csv").write_text("label,text\nneg,d\npos,d\n")
    data = open_language(root, reads_test=reads_test)
    read = data.texts(data.train)
    assert sorted(read) == ["a"] * 6 + ["c"] * 3 + (["d"] * 2 if reads_test else [])
    assert data.texts(data.valid) == ["b", "b"] and data.texts(data.test) == ["d", "d"] and data.unlabelled == ()
    assert ("and the test texts" in data.title) == reads_test
    name = "language_model_transductive" if reads_test else "language_model"
    assert build_language_objective(reads_test=reads_test).name == name


def test_a_loss_in_pieces_is_the_loss_with_its_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    logits, target = torch.randn(50, 40, requires_grad=True), torch.randint(0, 40, (50,))
    whole = functional.cross_entropy(logits, target, reduction="sum")
    (expected,) = torch.autograd.grad(whole, logits)
    monkeypatch.setattr(language, "PIECE", 7 * 40)
    seen: list[int] = []
    real = functional.cross_entropy

    def score(some: torch.Tensor, *rest: Any, **more: Any) -> torch.Tensor:
        seen.append(len(some))
        return real(some, *rest, **more)

    monkeypatch.setattr(language.functional, "cross_entropy", score)
    loss = language.summed_surprise(logits, target)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert torch.allclose(loss, whole, rtol=1e-6) and torch.allclose(gradient, expected, atol=1e-6)
    assert max(seen) == 7 and len(seen) == 2 * 8, "each piece is made again for its gradients"
    with torch.no_grad():
        assert torch.allclose(language.summed_surprise(logits.bfloat16(), target), whole, rtol=1e-2)
