"""Whose turn it is, where several people wait for the same thing."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
REMEMBERED = 1000  # people


class Turns:
    """Serves whoever has the fewest requests under way, and of these whoever was served longest ago, in the order of coming."""

    def __init__(self) -> None:
        self._served: OrderedDict[str, int] = OrderedDict()  # the last of them at the end
        self._count = 0

    def first(self, waiting: Iterable[T], under_way: Iterable[str], person_of: Callable[[T], str]) -> T:
        """Of those who wait, in the order in which they came, the one whose turn it is; `under_way` names people."""
        busy = Counter(under_way)

        def place(one: T) -> tuple[int, int]:
            person = person_of(one)
            return busy[person], self._served.get(person, 0)

        return min(waiting, key=place)

    def serve(self, person: str) -> None:
        """Note that it was somebody's turn."""
        self._count += 1
        self._served[person] = self._count
        self._served.move_to_end(person)
        while len(self._served) > REMEMBERED:
            self._served.popitem(last=False)
