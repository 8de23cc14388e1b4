"""Whatever somebody gives as a text is read, or refused in words."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tiny_text import byte_tokenizer, piece_tokenizer

from engine.data.texts.tokenizers import PieceTokenizer
from engine.errors import DataError
from engine.kinds.classes import ClassPrediction, class_counts, class_cross_entropy, predict_class
from engine.kinds.text import (
    MAX_CHARACTERS,
    build_text_objective,
    prepare_text,
    read_column,
    read_text,
    texts_in,
)
from engine.recipe import Stage
from engine.task import ModelPlan

PLAN = ModelPlan(backbone="tiny", classes=("neg", "pos"))
STAGE = Stage(text_length=16)
FAMILY = "👩\u200d👧 🎬 café – نه\u200cخوب"


@pytest.fixture(scope="module")
def model() -> Any:
    return SimpleNamespace(tokenizer=PieceTokenizer(piece_tokenizer()))


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("A good film.\n\tReally", "A good film.\n\tReally"),
        (FAMILY, FAMILY),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("a\x00b\x1b[0m\x07", "ab[0m"),
        ("half \ud83d of it", "half ? of it"),
        (" spaces stay ", " spaces stay "),
    ],
    ids=["plain", "joined emoji", "line ends", "controls", "surrogate", "spaces"],
)
def test_a_text_is_read_as_those_that_models_learn_from(tmp_path: Path, written: str, read: str) -> None:
    assert read_text(written) == read
    if "\ud83d" not in written:
        assert read_text(write(tmp_path / "text.txt", written)) == read


def test_a_file_may_have_a_mark_in_front_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    assert read_text(write(tmp_path / "a.txt", b"\xef\xbb\xbfgood")) == "good"
    with pytest.raises(DataError, match=r"b\.txt is not UTF-8.* cp1252 gives “café ÿþ”"):
        read_text(write(tmp_path / "b.txt", b"caf\xe9 \xff\xfe"))


@pytest.mark.parametrize("nothing", ["", "   ", "\n\t\r", "\x00\x07", "\u200b\ufeff", "\u00a0"])
def test_nothing_is_no_text(tmp_path: Path, nothing: str) -> None:
    for source in (nothing, write(tmp_path / "empty.txt", nothing)):
        with pytest.raises(DataError, match=r"There is no text yet. Write a sentence"):
            read_text(source)


def test_five_megabytes_are_refused_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    huge = "x" * 5_000_000
    with pytest.raises(DataError, match=r"The text has more than 200,000 characters. Take a part of it"):
        read_text(huge)
    path = write(tmp_path / "huge.txt", huge)
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("it was read"))
    with pytest.raises(DataError, match=r"huge\.txt has more than 200,000 characters"):
        read_text(path)


def test_the_longest_text_is_read_whole(tmp_path: Path) -> None:
    longest = "é" * MAX_CHARACTERS
    assert read_text(longest) == read_text(write(tmp_path / "long.txt", longest)) == longest
    with pytest.raises(DataError, match="more than 200,000"):
        read_text(longest + "é")


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.txt cannot be read \(No such file"):
        read_text(tmp_path / "nowhere.txt")
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory\)"):
        read_text(tmp_path)
    with pytest.raises(DataError, match="A text is needed, or a file with one; this is a int"):
        read_text(7)  # pyright: ignore[reportArgumentType]


def test_a_text_is_prepared_as_in_training(tmp_path: Path, model: Any) -> None:
    text, numbers = prepare_text("this film [SEP] is good " * 20, STAGE, PLAN, model)
    assert text.startswith("this film [SEP]")
    assert numbers.shape == (1, 16) and numbers.dtype == torch.int64
    assert (numbers[0, 0], numbers[0, -1]) == (2, 3) and not torch.isin(numbers[0, 1:-1], torch.arange(5)).any()
    _, from_file = prepare_text(write(tmp_path / "text.txt", text), STAGE, PLAN, model)
    assert torch.equal(from_file, numbers)


def test_a_text_that_leaves_nothing_to_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a tokenizer that frames no text."""
    tokenizer = PieceTokenizer(byte_tokenizer())
    monkeypatch.setattr(tokenizer, "encode", lambda texts: [torch.zeros(0).int().numpy()])
    with pytest.raises(DataError, match="nothing in this text that the model could read"):
        prepare_text("?", STAGE, PLAN, SimpleNamespace(tokenizer=tokenizer))


def test_an_answer_in_figures_and_in_words(tmp_path: Path) -> None:
    answer = predict_class(torch.tensor([0.0, torch.log(torch.tensor(3.0))]), "fine", PLAN.classes, {})
    assert isinstance(answer, ClassPrediction)
    assert answer.probabilities == pytest.approx({"neg": 0.25, "pos": 0.75})
    assert (answer.answer, answer.in_words()) == ("pos", "pos 75.0%")
    assert answer.table_row() == {"class": "pos", "is_sure": True, **answer.probabilities}
    saved = answer.save(tmp_path / "review")
    assert saved.name == "review_class.json" and json.loads(saved.read_text()) == answer.summary()


def test_the_loss_is_a_sum_and_its_count() -> None:
    logits = torch.tensor([[0.0, 0.0], [2.0, 0.0]])
    loss, count = class_cross_entropy(logits, torch.tensor([0, 1]))
    assert loss.item() == pytest.approx(torch.log(torch.tensor(2.0)) + torch.log1p(torch.tensor(2.0).exp()))
    assert count.item() == 2
    assert class_cross_entropy(logits.bfloat16(), torch.tensor([0, 1]))[0].dtype == torch.float32


def test_texts_of_a_table_are_inputs_of_their_own(tmp_path: Path) -> None:
    table = write(tmp_path / "Reviews.CSV", '\ufefflabel,Review\npos,"good, ""really"""\nneg,"two\nlines"\n\n')
    assert texts_in(table) == [(f"{table}#1", 'good, "really"'), (f"{table}#2", "two\nlines")]
    with pytest.raises(DataError, match="from line 3 on: it has 1 columns, where 2 are expected"):
        texts_in(write(tmp_path / "short.csv", "label,text\npos,good\nalone\n"))
    plain = write(tmp_path / "one.txt", "text\nnot a table")
    assert texts_in(plain) == [(str(plain), plain)]


@pytest.mark.parametrize("content", ["a,b\n1,2\n", "\na,b\n"])
def test_a_table_without_texts_names_the_columns(tmp_path: Path, content: str) -> None:
    with pytest.raises(DataError, match=r"none is called text or review or sentence or content|is empty"):
        read_column(write(tmp_path / "t.csv", content))
    with pytest.raises(DataError, match=r"nowhere\.csv cannot be read \(No such file"):
        read_column(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "t.csv is empty"),
        (b" \n\n", "t.csv is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is a picture, and no table"),
    ],
)
def test_what_is_no_table_is_told_as_what_it_is(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_column(write(tmp_path / "t.csv", content))


def test_how_many_texts_each_class_has() -> None:
    assert class_counts(("neg", "pos"), [1, 0, 1, -1]) == {"neg": 1, "pos": 2}


def test_the_objective_is_judged_by_accuracy() -> None:
    objective = build_text_objective()
    assert (objective.name, objective.main_metric, objective.is_better(0.9, 0.8)) == ("classifier", "accuracy", True)
