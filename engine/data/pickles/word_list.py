"""Reads the one pickled vocabulary that the lesson needs, `itos_wt103.pkl`, without unpickling it.

A pickle is a program. This reader follows the few instructions that a list of strings is written with, and stops at any other:
nothing can be built here but that list, and nothing can be called. Python's own lister of instructions (`pickletools`) reads
them from bytes already in memory, so a length that a file claims sets nothing aside.
"""

import pickletools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.errors import DataError

MAX_BYTES = 20_000_000  # the real ones have 60,000 or 240,000 words, in 1 to 4 MB
MAX_WORDS = 500_000


def read_word_list(path: Path) -> list[str]:
    """The words in their order; `DataError` for a file that is anything but a pickled list of strings."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise _Refused(f"it is larger than {MAX_BYTES // 1_000_000} MB")
        words = _follow(content)
        if sum(map(len, words)) > MAX_BYTES:  # a long string can come again and again at two bytes each
            raise _Refused("its words are longer than the file")
        "".join(words).encode()  # half of a surrogate pair could not be written again
    except (OSError, ValueError) as problem:
        raise DataError(f"{path.name} cannot be read as a list of words ({problem}): fetch it again.") from None
    except _Refused as problem:
        raise DataError(f"{path.name} is refused: {problem}. Take the vocabulary from the lesson's archive.") from None
    if not words:
        raise DataError(f"{path.name} holds no words: fetch it again.")
    return words


class _Refused(Exception):
    """No list of words needs this."""


def _follow(content: bytes) -> list[str]:
    words: list[str] = []
    waiting: list[str] = []  # strings that are not in the list yet
    memo: dict[int, str | None] = {}  # strings that may come again; None is the list, which may not come into itself
    has_list = False
    instructions: Iterator[tuple[pickletools.OpcodeInfo, Any, int | None]] = pickletools.genops(content)
    for count, (instruction, argument, place) in enumerate(instructions):
        # A string takes up to two instructions, and each thousand of them three.
        if len(words) + len(waiting) > MAX_WORDS or count > 3 * MAX_WORDS:
            raise _Refused(f"it goes on for more than {MAX_WORDS:,} words")
        match instruction.name:
            case "PROTO" | "FRAME" | "MARK":
                pass
            case "EMPTY_LIST" if not has_list:
                has_list = True
            case "SHORT_BINUNICODE" | "BINUNICODE" | "BINUNICODE8" if has_list:
                waiting.append(argument)
            case "BINGET" | "LONG_BINGET" if (word := memo.get(argument)) is not None:
                waiting.append(word)
            case "BINPUT" | "LONG_BINPUT" | "MEMOIZE":
                memo[len(memo) if argument is None else argument] = waiting[-1] if waiting else None
            case "APPEND" | "APPENDS":
                words += waiting
                waiting.clear()
            case "STOP" if has_list and not waiting:
                break
            case name:
                raise _Refused(f"{name} at byte {place} is no part of a list of strings")
    return words
