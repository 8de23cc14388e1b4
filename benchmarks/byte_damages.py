"""Ways to damage the bytes of any file, for `data_damages`."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.hostile_values import BEGINNINGS

Do = Callable[[random.Random, Path], object]


def one_of(draw: random.Random, ways: Sequence[Do], file: Path) -> str:
    way = draw.choice(ways)
    way(draw, file)
    return way.__name__


def damage_bytes(draw: random.Random, file: Path) -> str:
    return one_of(draw, (flip, flip, cut, zero, insert, repeat, begin_otherwise, begin_otherwise), file)


def flip(draw: random.Random, file: Path) -> None:
    content = bytearray(file.read_bytes())
    for _ in range(draw.choice((1, 3, 20)) if content else 0):
        content[int(len(content) * draw.random() ** draw.choice((1, 3)))] ^= 1 << draw.randrange(8)
    file.write_bytes(content)


def cut(draw: random.Random, file: Path) -> None:
    content = file.read_bytes()
    at = int(len(content) * draw.random())
    file.write_bytes(content[:at] if draw.random() < 0.7 else content[at:])


def zero(draw: random.Random, file: Path) -> None:
    content = bytearray(file.read_bytes())
    at = int(len(content) * draw.random())
    length = min(len(content) - at, draw.choice((4, 100, 1_000_000)))
    content[at : at + length] = draw.choice((b"\0", b"\xff")) * length
    file.write_bytes(content)


def insert(draw: random.Random, file: Path) -> None:
    content = file.read_bytes()
    at = draw.choice((0, len(content), int(len(content) * draw.random())))
    file.write_bytes(content[:at] + draw.randbytes(draw.choice((1, 7, 300))) + content[at:])


def repeat(draw: random.Random, file: Path) -> None:
    content = file.read_bytes()
    first, last = sorted(int(len(content) * draw.random()) for _ in range(2))
    file.write_bytes(content[:last] + content[first:last] * draw.choice((1, 50)) + content[last:])


def begin_otherwise(draw: random.Random, file: Path) -> None:
    """The bytes of another format, before its own or instead of them."""
    file.write_bytes(draw.choice(BEGINNINGS) + (file.read_bytes() if draw.random() < 0.3 else b""))
