"""Bytes as text: Unicode is seen, and nothing else is guessed.

A file that says by a byte order mark what it is, or that is UTF-8 from its first byte to its last, is read as that. Of any other
nobody can tell which letters are meant, as each of a dozen tables gives some: so somebody has to say it, from what each would
give.
"""

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from engine.errors import DataError, LettersError

# What programs write that do not write Unicode, the commonest first.
CHOICES = {
    "cp1252": "Western Europe, Windows",
    "latin-1": "Western Europe, older systems",
    "cp1250": "Central Europe, Windows",
    "cp1251": "Cyrillic, Windows",
    "koi8-r": "Cyrillic, older systems",
    "mac-roman": "Western Europe, old Macs",
    "cp850": "Western Europe, DOS",
    "shift_jis": "Japanese",
    "euc-kr": "Korean",
    "gb18030": "Chinese",
    "big5": "Chinese, traditional",
}
UNICODE = ("utf-8", "utf-16", "utf-32")
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_AROUND = 24  # letters before and after what is shown of a file
_BLOCK = 1 << 20


def decode(content: bytes, name: str, encoding: str = "") -> str:
    """A file's bytes as text; `encoding` is what somebody has said that they are, where they are no Unicode.

    Raises `DataError` where they are no Unicode and nobody has said it, with what each choice would give.
    """
    return "".join(_decoded(io.BytesIO(content), name, encoding))


def read_text(path: Path, encoding: str = "") -> str:
    """A file's text, as `decode` has it; `DataError` for one that cannot be read."""
    with _opened(path) as content:
        return "".join(_decoded(content, path.name, encoding))


@contextmanager
def opened_text(path: Path, encoding: str = "") -> Iterator[TextIO]:
    """A file to be read line by line, with its line ends as they are; looked through first, so that nothing fails on the way."""
    with _opened(path) as content:
        found = encoding_of(content, path.name, encoding)
    with path.open(encoding=found, newline="") as text:
        yield text


def encoding_of(content: BinaryIO, name: str, encoding: str = "") -> str:
    """By which table a file's bytes are letters: what its mark says, UTF-8, or what somebody has said; see `decode`."""
    table = _table(content, encoding)
    for _ in _letters(content, name, table):
        pass
    return table


def previews(content: bytes, at: int) -> dict[str, str]:
    """What the letters around a place would be, by each choice that gives any; those that give the same stand once."""
    start = max(content.rfind(b"\n", 0, at) + 1, at - _AROUND)
    part = re.sub(rb"[\x00-\x1f\x7f]", b"", re.split(rb"[\r\n]", content[start : at + _AROUND])[0])
    found: dict[str, str] = {}
    for name in CHOICES:
        try:
            text = part.decode(name)
        except UnicodeDecodeError:  # cut in the middle of a letter, perhaps
            try:
                text = part[:-1].decode(name)
            except UnicodeDecodeError:
                continue
        if text.isprintable() and text not in found.values():
            found[name] = text
    return found


def _table(content: BinaryIO, encoding: str) -> str:
    """The table by which all of `content` is read, from its beginning on."""
    content.seek(0)
    marked = _marked(content.read(4))
    table = marked or ("utf-8" if not encoding or _is_utf8(content) else encoding)
    content.seek(0)
    return table


def _decoded(content: BinaryIO, name: str, encoding: str) -> Iterator[str]:
    return _letters(content, name, _table(content, encoding))


def _letters(content: BinaryIO, name: str, table: str) -> Iterator[str]:
    try:
        decoder = codecs.getincrementaldecoder(table)()
        if not codecs.lookup(table)._is_text_encoding:  # such as hex: bytes again  # pyright: ignore[reportAttributeAccessIssue]
            raise LookupError
    except (LookupError, ValueError):
        raise DataError(f"There is no encoding {table!r}. Choose one of: {', '.join((*UNICODE, *CHOICES))}.") from None
    done = b""
    while block := content.read(_BLOCK):
        if table.startswith("utf-8") and block.count(0) > max(4, len(block) // 4):
            raise DataError(f"{name} has zeros between its letters, as UTF-16 without its mark has. Save it as UTF-8.")
        try:
            text = decoder.decode(block)
            text.encode()  # half a letter, which some tables can write, is none
            yield text
        except UnicodeDecodeError as problem:
            seen = done[-100:] + block
            raise _refused(name, seen, len(seen) - len(block) + min(problem.start, len(block) - 1), table) from None
        except UnicodeError as problem:
            raise DataError(f"{name} is not {table} ({problem}). Choose another encoding.") from None
        done = block
    try:
        yield decoder.decode(b"", final=True)
    except UnicodeError:
        raise DataError(f"{name} ends in the middle of a letter: it is cut short. Get it again, whole.") from None


def _is_utf8(content: BinaryIO) -> bool:
    """Whether all of it is UTF-8: with other letters than those of ASCII, hardly anything else ever is."""
    content.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while block := content.read(_BLOCK):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    finally:
        content.seek(0)
    return True


def _marked(start: bytes) -> str:
    return next((name for mark, name in _MARKS if start.startswith(mark)), "")


def _refused(name: str, content: bytes, at: int, table: str) -> DataError:
    if table.startswith("utf-16") or table.startswith("utf-32"):
        return DataError(f"{name} begins as {table.upper()} does and is not that. Save it as UTF-8.")
    if table != "utf-8" and table != "utf-8-sig":
        return DataError(
            f"{name} is not {table}: the byte {content[at]:#04x} is no letter there. Choose another encoding."
        )
    if content[:200].count(0) > 20:
        return DataError(f"{name} is no text: it has bytes of zeros. Save it as UTF-8 text.")
    choices = previews(content, at)
    shown = "; ".join(f"{choice} gives “{text}”" for choice, text in choices.items())
    return LettersError(
        f"{name} is not UTF-8, and nothing in it says what else it is. Save it as UTF-8; or bring texts with `python -m "
        f"engine add-texts`, with --encoding and what reads right: {shown}.",
        choices,
    )


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as content:
            yield content
    except OSError as problem:
        raise DataError(f"{path.name} cannot be read ({problem.strerror or problem}).") from None
