"""A pickled list of words is read, and whatever else a pickle can do is refused before it is done."""

import os
import pickle
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from engine.data.pickles import word_list
from engine.data.pickles.word_list import read_word_list
from engine.errors import DataError

WORDS = ["xxunk", "xxpad", "the", "naïve", "日本", "", "x" * 300, "xxfake", "xxfake"]
LIST, APPEND, STOP = b"\x80\x04]", b"a", b"."


class Calls:
    """Unpickling it calls `function` with `arguments`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "itos_wt103.pkl"


def write(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    return file


def word(text: str) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text.encode()


@pytest.mark.parametrize("protocol", range(1, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("count", [1, 9, 3500])
def test_a_list_of_words(file: Path, protocol: int, count: int) -> None:
    words = [*WORDS, *(f"word{index}" for index in range(3500))][:count]
    assert read_word_list(write(file, pickle.dumps(words, protocol))) == words


@pytest.mark.parametrize("protocol", range(1, pickle.HIGHEST_PROTOCOL + 1))
def test_words_that_come_again(file: Path, protocol: int) -> None:
    """Pickle writes the same object once, and its number from then on."""
    words = [f"word{index}" for index in range(400)] * 2
    content = pickle.dumps(words, protocol)
    assert content.count(b"word7") == 11, "once: word7, and word70 to word79"
    assert read_word_list(write(file, content)) == words


def test_python_s_own_pickler_in_python(file: Path) -> None:
    """It writes a list of one in another way than the one in C does."""
    for words in (["one"], ["one", "two"]):
        with file.open("wb") as opened:
            pickle._Pickler(opened, 2).dump(words)  # pyright: ignore[reportAttributeAccessIssue]
        assert read_word_list(file) == words


@pytest.mark.parametrize("place", ["alone", "in the list", "behind the list", "as a state"])
@pytest.mark.parametrize("protocol", [2, 4])
def test_what_runs_something_is_refused_before_it_runs(file: Path, tmp_path: Path, place: str, protocol: int) -> None:
    marker = tmp_path / "it_ran"
    call = Calls(os.system, f"touch {marker}")
    content: Any = {
        "alone": call,
        "in the list": [*WORDS, call],
        "behind the list": (WORDS, call),
        "as a state": Calls(exec, f"open({str(marker)!r}, 'w').close()", {}),
    }[place]
    with pytest.raises(DataError, match=r"itos_wt103\.pkl is refused: .* at byte \d+ is no part of a list of strings"):
        read_word_list(write(file, pickle.dumps(content, protocol)))
    assert not marker.exists()


def test_a_persistent_name_a_global_and_an_extension_are_refused(file: Path) -> None:
    for content in (
        b"cos\nsystem\n.",
        b"Pname\n.",
        LIST + b"cos\nsystem\na.",
        LIST + b"\x82\x01a.",
        b"(ios\nsystem\n.",
    ):
        with pytest.raises(DataError, match="is refused"):
            read_word_list(write(file, content))


@pytest.mark.parametrize(
    "content",
    [
        {"a": 1},
        ("a", "b"),
        {"a"},
        "a",
        None,
        7,
        b"bytes",
        bytearray(b"bytes"),
        ["a", 7],
        ["a", None],
        ["a", b"bytes"],
        ["a", ["b"]],
        [["a"], ["b"]],
        ["a", ("b",)],
        [2**70],
    ],
)
@pytest.mark.parametrize("protocol", [2, 5])
def test_anything_but_a_list_of_strings_is_refused(file: Path, content: Any, protocol: int) -> None:
    with pytest.raises(DataError, match=r"is refused: .* is no part of a list of strings"):
        read_word_list(write(file, pickle.dumps(content, protocol)))


def test_a_list_inside_of_itself_is_refused(file: Path) -> None:
    words: list[Any] = ["a"]
    words.append(words)
    with pytest.raises(DataError, match=r"BINGET at byte .* is no part"):
        read_word_list(write(file, pickle.dumps(words)))


def test_an_empty_list_holds_no_words(file: Path) -> None:
    with pytest.raises(DataError, match="holds no words"):
        read_word_list(write(file, pickle.dumps([])))


@pytest.mark.parametrize("protocol", [2, 5])
def test_a_file_that_ends_too_early_cannot_be_read(file: Path, protocol: int) -> None:
    whole = pickle.dumps(WORDS, protocol)
    for length in range(len(whole)):
        with pytest.raises(DataError, match=r"itos_wt103\.pkl cannot be read as a list of words"):
            read_word_list(write(file, whole[:length]))


@pytest.mark.parametrize(
    "content",
    [
        b"not a pickle",
        LIST + b"X\x01\x00\x00\x00\xff" + APPEND + STOP,  # no UTF-8
        LIST + b"X\x03\x00\x00\x00\xed\xa0\x80" + APPEND + STOP,  # half of a surrogate pair
        LIST + b"J\x01" + STOP,
    ],
)
def test_damaged_files_cannot_be_read(file: Path, content: bytes) -> None:
    with pytest.raises(DataError, match=r"itos_wt103\.pkl (cannot be read|is refused)"):
        read_word_list(write(file, content))


@pytest.mark.parametrize(
    "content",
    [
        word("a") + STOP,  # a word, no list
        LIST + word("a") + STOP,  # a word that never joins the list
        LIST + b"h\x05a" + STOP,  # a word that was never noted
        LIST + b"]" + STOP,  # a second list
        word("a") + LIST + APPEND + STOP,
    ],
)
def test_instructions_in_a_wrong_order_are_refused(file: Path, content: bytes) -> None:
    with pytest.raises(DataError, match="is refused"):
        read_word_list(write(file, content))


def test_there_is_no_file(file: Path) -> None:
    for path in (file, file.parent):
        with pytest.raises(DataError, match="cannot be read as a list of words"):
            read_word_list(path)


def test_a_length_that_a_file_claims_sets_nothing_aside(file: Path) -> None:
    claims = {
        "string": b"X" + struct.pack("<I", 2**31 - 1),
        "long string": b"\x8d" + struct.pack("<Q", 2**40),
        "longest string": b"\x8d" + struct.pack("<Q", 2**63 - 1),
        "impossible string": b"\x8d" + struct.pack("<Q", 2**64 - 1),
        "bytes": b"\x8e" + struct.pack("<Q", 2**40),
        "bytearray": b"\x96" + struct.pack("<Q", 2**40),
        "frame": b"\x95" + struct.pack("<Q", 2**40),
        "number": b"\x8b" + struct.pack("<i", 2**31 - 1),
        "place": b"a" * 0 + word("a") + b"r" + struct.pack("<I", 2**32 - 1),
    }
    for claim in claims.values():
        write(file, LIST + claim)
        tracemalloc.start()
        try:
            with pytest.raises(DataError, match="cannot be read"):
                read_word_list(file)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        # read() asks for room for the largest file that is allowed, and gives back what the file does not fill
        assert most < 2 * word_list.MAX_BYTES


def test_files_words_and_repeats_have_limits(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(file, pickle.dumps(WORDS))
    monkeypatch.setattr(word_list, "MAX_BYTES", file.stat().st_size)
    assert read_word_list(file) == WORDS
    monkeypatch.setattr(word_list, "MAX_BYTES", file.stat().st_size - 1)
    with pytest.raises(DataError, match="is refused: it is larger than"):
        read_word_list(file)

    monkeypatch.setattr(word_list, "MAX_BYTES", 1000)
    repeats = LIST + word("a" * 100) + b"\x94" + APPEND + b"h\x00a" * 10 + STOP
    with pytest.raises(DataError, match="its words are longer than the file"):
        read_word_list(write(file, repeats))

    monkeypatch.setattr(word_list, "MAX_WORDS", 20)
    words = [str(index) for index in range(21)]
    assert read_word_list(write(file, pickle.dumps(words[:20]))) == words[:20]
    with pytest.raises(DataError, match="goes on for more than 20 words"):
        read_word_list(write(file, pickle.dumps(words)))
    with pytest.raises(DataError, match="goes on for more than 20 words"):
        read_word_list(write(file, LIST + b"\x94" * 100 + STOP))


def test_a_special_file_without_an_end_is_refused() -> None:
    if not Path("/dev/zero").exists():
        pytest.skip("no /dev/zero here")
    with pytest.raises(DataError, match="is refused: it is larger than 20 MB"):
        read_word_list(Path("/dev/zero"))
