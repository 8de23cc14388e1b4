"""Text → tokens → numbers and back, in two ways: the lesson's words, and the pieces of a Hugging Face tokenizer."""

import hashlib
import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from engine.data.texts.word_rules import BOS, EOS, FLD, MAJ, NUMBER_OF_NO_CHARACTER, PAD, REP, SPECIALS, UNK, UP, WREP
from engine.data.texts.words import index_words, numericalise, tokenize
from engine.errors import BundleError, ModelError

WORDS_FILE = "words.json"
PIECES_FILE = "tokenizer.json"
SETTINGS_FILE = "tokenizer_config.json"
MAX_WORDS = 500_000
MAX_NUMBER = 4_000_000  # the largest vocabularies have a million
MAX_BYTES = 40_000_000  # of one file; the largest vocabularies that are published take 33 MB
TRIAL = "A text, of 1 kind or another: \u2603."  # with words that hardly any vocabulary has
HEAD_SHARE = 4  # of a text that is too long, one part in so many is kept from its beginning, the rest from its end


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token of a text: as it is written, its number, whether it stands for itself, and whether a model reads it."""

    text: str
    number: int
    kind: Literal["word", "special", "unknown"] = "word"
    is_read: bool = True


class Tokenizer(Protocol):
    """What a text model reads with. `pad` fills up a batch; `mask` hides a token that is to be guessed, if there is one;
    `framing` are those that begin or end a text.

    encode(texts): the numbers of each whole text, int32.
    frame(numbers, length): a text as a model reads it: shortened to `length`, between the tokens that begin and end one.
    in_row(numbers): a whole text as one of many in a row, so that one sees where it ends.
    explain(text, length): every token of a text; some are not read by a model that reads `length`, if that is given.
    decode(numbers): as text that people can read.
    follow(before, after): what `after` adds to a text that ends with `before`, with the space between where one belongs.
    never_written: numbers that stand for no word of a text.
    save(folder): files that `open_tokenizer` reads.
    """

    pad: int
    mask: int | None
    framing: tuple[int, ...]
    never_written: frozenset[int]
    fingerprint: str

    def __len__(self) -> int: ...
    def encode(self, texts: Sequence[str]) -> list[np.ndarray]: ...
    def frame(self, numbers: np.ndarray, length: int) -> np.ndarray: ...
    def in_row(self, numbers: np.ndarray) -> np.ndarray: ...
    def explain(self, text: str, length: int | None = None) -> list[Token]: ...
    def decode(self, numbers: Sequence[int]) -> str: ...
    def follow(self, before: Sequence[int], after: Sequence[int]) -> str: ...
    def save(self, folder: Path) -> None: ...


class WordTokenizer:
    """The lesson's: whole words by its rules, and a vocabulary. What is not in it is `xxunk`."""

    mask: int | None = None

    def __init__(self, words: Sequence[str]) -> None:
        self.words, self.index = tuple(words), index_words(words)
        self.pad, self.unknown = self.index[PAD], self.index[UNK]
        self.framing = (self.index[BOS],)
        # Marks for capitals and repetitions are part of how a text is written here.
        self.never_written = frozenset(self.index[word] for word in (UNK, PAD, BOS, EOS, FLD))
        self.fingerprint = _digest("\n".join(words).encode("utf-8", "surrogatepass"))

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        return [np.array(numericalise(tokenize(text), self.index), dtype=np.int32) for text in texts]

    def frame(self, numbers: np.ndarray, length: int) -> np.ndarray:
        return shortened(numbers, length)  # the rules have put xxbos in front

    def in_row(self, numbers: np.ndarray) -> np.ndarray:
        return numbers  # the same

    def explain(self, text: str, length: int | None = None) -> list[Token]:
        return read_in_part([self._token(word) for word in tokenize(text)], length)

    def decode(self, numbers: Sequence[int]) -> str:
        return _as_prose(self.words[number] for number in numbers)

    def follow(self, before: Sequence[int], after: Sequence[int]) -> str:
        return _added(self.decode(before), self.decode([*before, *after]))

    def save(self, folder: Path) -> None:
        (folder / WORDS_FILE).write_text(json.dumps(self.words), encoding="utf-8")

    def _token(self, word: str) -> Token:
        number = self.index.get(word, self.unknown)
        kind = "special" if word in SPECIALS else "unknown" if number == self.unknown else "word"
        return Token(text=word, number=number, kind=kind)


class PieceTokenizer:
    """A Hugging Face tokenizer. Names of special tokens that somebody writes into a text are plain text to it.

    `ModelError` for one that is written in Python, or has no token that texts could be filled up with. `largest` is the largest
    number that a model gets to read.
    """

    def __init__(self, pretrained: Any) -> None:
        self.pretrained = pretrained
        self.backend: Any = getattr(pretrained, "backend_tokenizer", None)
        if self.backend is None:
            raise ModelError("This model's tokenizer is not one of the library tokenizers. Choose another text model.")
        self.backend.no_truncation()  # a packed one may bring both
        self.backend.no_padding()
        self.backend.encode_special_tokens = True
        begin = pretrained.cls_token_id if pretrained.cls_token_id is not None else pretrained.bos_token_id
        end = pretrained.sep_token_id if pretrained.sep_token_id is not None else pretrained.eos_token_id
        # A model that was never padded, as GPT-2, is with its end token, which then cannot end a text as well.
        self.pad = pretrained.pad_token_id if pretrained.pad_token_id is not None else end
        if self.pad is None:
            raise ModelError(
                "This model's tokenizer has no token to pad with, and none that ends a text. Choose another."
            )
        self.begin = [begin] if begin not in (None, self.pad) else []
        self.end = [end] if end not in (None, self.pad) else []
        self.parting = self.end or [self.pad]  # between texts in a row, where nothing is padded
        self.framing = (*self.begin, *self.parting)
        self.mask: int | None = pretrained.mask_token_id
        self.specials = self.never_written = frozenset(pretrained.all_special_ids)
        self.unknown: int | None = pretrained.unk_token_id
        # Special tokens that a model does not know are harmless where they are not used.
        used = (self.pad, self.mask, self.unknown, *self.framing)
        written = set(pretrained.get_vocab().values()) - self.never_written
        self.largest = max(written.union(number for number in used if number is not None))
        if self.largest > MAX_NUMBER:  # the library would count up to it
            raise ModelError(f"This model's tokenizer numbers up to {self.largest:,}. Choose another text model.")
        self.fingerprint = _digest(self.backend.to_str().encode())

    def __len__(self) -> int:
        return len(self.pretrained)

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        found = self.backend.encode_batch([clean(text) for text in texts], add_special_tokens=False)
        return [np.array(encoding.ids, dtype=np.int32) for encoding in found]

    def frame(self, numbers: np.ndarray, length: int) -> np.ndarray:
        inner = shortened(numbers, length - len(self.begin) - len(self.end))
        return np.concatenate([self.begin, inner, self.end]).astype(np.int32)

    def in_row(self, numbers: np.ndarray) -> np.ndarray:
        return np.concatenate([self.begin, numbers, self.parting]).astype(np.int32)

    def explain(self, text: str, length: int | None = None) -> list[Token]:
        begin, inner, end = (
            [self._token(number) for number in part] for part in (self.begin, self.encode([text])[0].tolist(), self.end)
        )
        room = None if length is None else length - len(begin) - len(end)
        return [*begin, *read_in_part(inner, room), *end]

    def decode(self, numbers: Sequence[int]) -> str:
        return self.pretrained.decode(list(numbers), skip_special_tokens=True)

    def follow(self, before: Sequence[int], after: Sequence[int]) -> str:
        return _added(self.decode(before), self.decode([*before, *after]))

    def save(self, folder: Path) -> None:
        self.pretrained.save_pretrained(folder)

    def _token(self, number: int) -> Token:
        kind = "unknown" if number == self.unknown else "special" if number in self.specials else "word"
        return Token(text=self.pretrained.convert_ids_to_tokens(number), number=number, kind=kind)


def open_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer whose files are in `folder`, a bundle or a model's folder; `BundleError` where there is none."""
    for name in (WORDS_FILE, PIECES_FILE, SETTINGS_FILE):
        if (folder / name).is_file() and (folder / name).stat().st_size > MAX_BYTES:
            raise BundleError(f"{folder / name} is larger than {MAX_BYTES // 1_000_000} MB: that is no tokenizer's.")
    try:
        if (folder / WORDS_FILE).is_file():
            return WordTokenizer(_read_words(folder / WORDS_FILE))
        if (folder / PIECES_FILE).is_file():
            from transformers import AutoTokenizer

            _check_settings(folder / SETTINGS_FILE)
            pieces = PieceTokenizer(
                AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            )
            pieces.encode([TRIAL])
            return pieces
    except ModelError:
        raise
    except BaseException as problem:
        # Whatever transformers and tokenizers make of such files: bare exceptions, and panics, which are none to Python.
        if isinstance(problem, Exception) or type(problem).__name__ == "PanicException":
            raise BundleError(f"The tokenizer in {folder} cannot be read ({str(problem)[:200]}).") from None
        raise
    raise BundleError(f"{folder} has no tokenizer: neither {WORDS_FILE} nor {PIECES_FILE} is there.")


def shortened(numbers: np.ndarray, length: int) -> np.ndarray:
    """`numbers` without their middle, where there are more than `length`.

    A review says what it is about first and what it thinks of it last (Sun et al. 2019 found both ends better than one).
    """
    if len(numbers) <= length:
        return numbers
    head = length // HEAD_SHARE
    return np.concatenate([numbers[:head], numbers[len(numbers) - (length - head) :]])


def read_in_part(tokens: list[Token], length: int | None) -> list[Token]:
    """The tokens, of which those that `shortened` would leave out are not read."""
    if length is None or len(tokens) <= length:
        return tokens
    kept = set(shortened(np.arange(len(tokens)), length).tolist())
    return [replace(token, is_read=at in kept) for at, token in enumerate(tokens)]


def clean(text: str) -> str:
    """A review without its markup: line breaks for `<br />`, characters for HTML's names of them."""
    return html.unescape(NUMBER_OF_NO_CHARACTER.sub("\ufffd", text.replace("<br />", "\n")))


def _read_words(path: Path) -> list[str]:
    words = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(words, list) or len(words) > MAX_WORDS or not all(isinstance(word, str) for word in words):
        raise ValueError(f"{path.name} is no list of at most {MAX_WORDS} words")
    if words[: len(SPECIALS)] != list(SPECIALS) or len(set(words)) < len(words):
        raise ValueError(f"{path.name} does not begin with the special tokens, or has a word twice")
    return words


def _check_settings(path: Path) -> None:
    """`ValueError` for settings by which the library would read pieces that lie in another folder."""
    settings = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for name in settings.get("fast_tokenizer_files", []):
        if Path(name).name != name:
            raise ValueError(f"{path.name} names {name[:80]!r}, which is no file of this folder")


def _as_prose(words: Iterable[str]) -> str:
    """Words put together again: the rules' marks undone, punctuation close to what it belongs to."""
    prose, case, mark, count = "", "", "", 0
    for word in words:
        if word in (MAJ, UP):
            case = word
        elif word in (REP, WREP):
            mark = word
        elif mark and not count and word.isdecimal() and len(word) < 4:
            count = int(word)
        elif word not in (BOS, PAD):
            written = word.capitalize() if case == MAJ else word.upper() if case == UP else word.replace("▁", " ")
            written = ("" if mark == REP else " ").join([written] * max(count, 1))
            case, mark, count = "", "", 0
            closes = written[:1] in ",.!?;:)'\n" or written in ("n't", "…") or not prose or prose[-1:] in "( \n"
            prose += written if closes else f" {written}"
    return prose


def _added(before: str, whole: str) -> str:
    """What `whole` has behind `before`, where it begins with that; else all of it behind a space."""
    return whole.removeprefix(before) if whole.startswith(before) else f" {whole}"


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()
