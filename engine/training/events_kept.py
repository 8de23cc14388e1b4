"""A generator to loop over whose result is kept: for whoever has to look at its events on their way."""

from collections.abc import Generator, Iterator
from typing import Generic, TypeVar

E = TypeVar("E")
R = TypeVar("R")


class Kept(Generic[E, R]):
    """The events of a generator, once; `result` is what it returned, None before that."""

    def __init__(self, events: Generator[E, None, R]) -> None:
        self.events = events
        self.result: R | None = None

    def __iter__(self) -> Iterator[E]:
        self.result = yield from self.events
