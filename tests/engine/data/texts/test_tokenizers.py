"""Both tokenizers read what anybody writes, give it back, and are refused where their files are damaged."""

import json
from pathlib import Path

import numpy as np
import pytest
from tiny_text import NAMES, WORD_LIST, byte_tokenizer, piece_tokenizer

from engine.data.texts.tokenizers import (
    PIECES_FILE,
    WORDS_FILE,
    PieceTokenizer,
    Tokenizer,
    WordTokenizer,
    clean,
    open_tokenizer,
    shortened,
)
from engine.data.texts.word_rules import BOS, MAJ, PAD, REP, UNK, UP, WREP
from engine.errors import BundleError, ModelError

REVIEW = "This film is GOOD, and the music is lovely.<br /><br />It wasn't bad!"


@pytest.fixture
def words() -> WordTokenizer:
    return WordTokenizer(WORD_LIST)


@pytest.fixture(scope="module")
def pieces() -> PieceTokenizer:
    return PieceTokenizer(piece_tokenizer())


@pytest.fixture(scope="module")
def bytes_() -> PieceTokenizer:
    return PieceTokenizer(byte_tokenizer())


def numbers(tokenizer: Tokenizer, text: str) -> list[int]:
    (found,) = tokenizer.encode([text])
    assert found.dtype == np.int32
    return found.tolist()


def names(tokenizer: PieceTokenizer, text: str) -> list[str]:
    return tokenizer.pretrained.convert_ids_to_tokens(numbers(tokenizer, text))


@pytest.mark.parametrize("kind", ["words", "pieces", "bytes_"])
def test_a_tokenizer_is_the_same_when_it_is_opened_again(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    tokenizer: Tokenizer = request.getfixturevalue(kind)
    tokenizer.save(tmp_path)
    again = open_tokenizer(tmp_path)
    assert type(again) is type(tokenizer)
    for name in ("pad", "mask", "framing", "never_written", "fingerprint"):
        assert getattr(again, name) == getattr(tokenizer, name), name
    assert len(again) == len(tokenizer)
    assert numbers(again, REVIEW) == numbers(tokenizer, REVIEW)
    assert again.explain(REVIEW) == tokenizer.explain(REVIEW)


def test_words_are_numbered_by_their_place_and_unknown_ones_are_told(words: WordTokenizer) -> None:
    expected = [BOS, MAJ, "this", UNK, "is", UP, "good", "!"]
    assert [WORD_LIST[number] for number in numbers(words, "This masterpiece is GOOD!")] == expected
    told = {token.text: token.kind for token in words.explain("This masterpiece is GOOD!")}
    assert told == dict.fromkeys((BOS, MAJ, UP), "special") | dict.fromkeys(("this", "is", "good", "!"), "word") | {
        "masterpiece": "unknown"
    }
    assert numbers(words, "") == [words.index[BOS]]


def test_a_review_in_words_reads_as_it_was_written(words: WordTokenizer) -> None:
    written = "This film is GOOD, and it is not bad!\nIt was not a good plot."
    assert words.decode(numbers(words, written)) == written
    assert words.decode([words.pad, *numbers(words, "It wasn't bad."), words.pad]) == "It wasn't bad."


def test_repetitions_are_written_out_and_marks_without_their_word_are_left_alone(words: WordTokenizer) -> None:
    longer = WordTokenizer((*WORD_LIST, "3", "4", "x"))
    assert longer.decode(numbers(longer, "good good good film!!!!")) == "good good good film!!!!"
    index = longer.index
    assert longer.decode([index["film"], index[REP]]) == "film"
    assert longer.decode([index[WREP], index["film"], index[MAJ]]) == "film"
    assert longer.decode([index[REP], index["film"], index[REP], index["3"]]) == "film", "a model may stop anywhere"
    assert longer.decode(numbers(longer, "Good. GOOD GOOD GOOD")) == "Good. GOOD GOOD GOOD"


def test_special_names_that_somebody_types_are_plain_text(pieces: PieceTokenizer, bytes_: PieceTokenizer) -> None:
    for name in NAMES.values():
        assert "".join(names(pieces, name)).replace("##", "") == name.lower()
        assert not set(numbers(pieces, f"a {name} film{name}")) & pieces.specials
    assert not set(numbers(bytes_, "a <|endoftext|> film<|endoftext|>")) & bytes_.specials
    kinds = [token.kind for token in pieces.explain("[SEP]")]
    assert kinds == ["special", *["word"] * (len(kinds) - 2), "special"]


@pytest.mark.parametrize("length", [16, 17, 40])
def test_a_long_text_keeps_its_first_quarter_and_its_last_three(
    words: WordTokenizer, pieces: PieceTokenizer, length: int
) -> None:
    text = np.arange(10, 1010, dtype=np.int32)
    framed = pieces.frame(text, length)
    assert framed.dtype == np.int32 and len(framed) == length
    assert (framed[0], framed[-1]) == (pieces.pretrained.cls_token_id, pieces.pretrained.sep_token_id)
    inner = framed[1:-1].tolist()
    head = (length - 2) // 4
    assert inner == [*range(10, 10 + head), *range(1010 - (length - 2 - head), 1010)]
    head = length // 4
    assert words.frame(text, length).tolist() == [*range(10, 10 + head), *range(1010 - (length - head), 1010)]


def test_a_text_that_fits_is_read_whole(pieces: PieceTokenizer, bytes_: PieceTokenizer) -> None:
    text = np.arange(10, 24, dtype=np.int32)
    assert pieces.frame(text, 16)[1:-1].tolist() == text.tolist()
    assert pieces.frame(text[:0], 16).tolist() == list(pieces.framing)
    assert bytes_.frame(text, 14).tolist() == text.tolist(), (
        "its end token is its padding, and cannot end a text as well"
    )
    assert shortened(text, 14) is text


def test_a_packed_tokenizer_neither_cuts_nor_pads(tmp_path: Path) -> None:
    packed = piece_tokenizer()
    packed.backend_tokenizer.enable_truncation(4)
    packed.backend_tokenizer.enable_padding(length=6, pad_id=packed.pad_token_id, pad_token="[PAD]")
    assert [len(one.ids) for one in packed.backend_tokenizer.encode_batch(["a", "a film is good and bad"])] == [6, 6]
    packed.save_pretrained(tmp_path)
    assert json.loads((tmp_path / PIECES_FILE).read_text())["truncation"]["max_length"] == 4
    tokenizer = open_tokenizer(tmp_path)
    assert [len(text) for text in tokenizer.encode(["a", "a film is good and bad"])] == [1, 6]


def test_markup_becomes_what_it_stands_for() -> None:
    assert clean("one<br /><br />two &amp; &quot;three&quot; &eacute;") == 'one\n\ntwo & "three" é'
    assert clean(f"&#{'9' * 5000};end").endswith("end"), "a number that Python does not read"


def test_pieces_are_put_together_to_words(pieces: PieceTokenizer, bytes_: PieceTokenizer) -> None:
    assert names(pieces, "Lovely!") == ["love", "##ly", "!"]
    framed = pieces.frame(pieces.encode(["This film is lovely"])[0], 40)
    assert pieces.decode(framed.tolist()) == "this film is lovely"
    assert bytes_.decode(numbers(bytes_, "Dull – but 🎬!")) == "Dull – but 🎬!"


@pytest.mark.parametrize("kind", ["words", "pieces"])
def test_what_follows_has_a_space_where_one_belongs(request: pytest.FixtureRequest, kind: str) -> None:
    tokenizer: Tokenizer = request.getfixturevalue(kind)
    before = numbers(tokenizer, "the film")
    assert tokenizer.follow(before, numbers(tokenizer, "is good")[-2:]) == " is good"
    assert tokenizer.follow(before, numbers(tokenizer, "good !")[-1:]) == "!"
    assert tokenizer.follow(before, []) == ""


def test_what_is_never_written_stands_for_no_word(words: WordTokenizer, pieces: PieceTokenizer) -> None:
    assert {words.index[BOS], words.index[PAD], words.index[UNK]} < words.never_written
    assert not {words.index[MAJ], words.index[UP]} & words.never_written, "marks are how a capital is written"
    assert pieces.never_written == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    "content",
    [
        "{",
        '"words"',
        json.dumps([*WORD_LIST, 7]),
        json.dumps(WORD_LIST[1:]),
        json.dumps([*WORD_LIST, "film"]),
        "[" * 100_000,
        "\udcff",
    ],
    ids=["cut", "text", "number", "no specials", "twice", "deep", "no UTF-8"],
)
def test_a_damaged_list_of_words_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / WORDS_FILE).write_text(content, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(BundleError, match=r"The tokenizer in .* cannot be read"):
        open_tokenizer(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "{}", '{"version": "1.0", "model": {"type": "?"}}', "[" * 100_000])
def test_a_damaged_tokenizer_is_refused(tmp_path: Path, content: str) -> None:
    piece_tokenizer().save_pretrained(tmp_path)
    (tmp_path / PIECES_FILE).write_text(content)
    with pytest.raises(BundleError, match=r"The tokenizer in .* cannot be read"):
        open_tokenizer(tmp_path)


def test_a_folder_without_a_tokenizer_says_so(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"has no tokenizer: neither words\.json nor tokenizer\.json"):
        open_tokenizer(tmp_path)


def test_a_tokenizer_that_has_nothing_to_pad_with_is_refused() -> None:
    plain = piece_tokenizer()
    for name in ("pad_token", "sep_token", "eos_token"):
        setattr(plain, name, None)
    with pytest.raises(ModelError, match="no token to pad with"):
        PieceTokenizer(plain)
    with pytest.raises(ModelError, match="Choose another"):
        PieceTokenizer(object())


def test_no_number_depends_on_the_texts_beside_it(pieces: PieceTokenizer) -> None:
    texts = ["a film", "", "the plot is bad and the music is good", "I"]
    together = pieces.encode(texts)
    assert [text.tolist() for text in together] == [numbers(pieces, text) for text in texts]
