"""The examples that the Try-it steps offer, from assets/examples: what is given, what is true, and what a model gets wrong."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tabs.door.paths import APP

EXAMPLES = APP / "assets" / "examples"
EXAMPLES_FILE = "examples.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """An input to try a model on. `given` is a picture's path or a text, `truth` what a right answer is.

    `wrong` says what the sample model gets wrong about it and where to look; "" where it is right.
    """

    given: Path | str
    truth: Any
    wrong: str = ""

    @property
    def title(self) -> str:
        """A picture's name; a text is its own."""
        return self.given.stem if isinstance(self.given, Path) else self.given


@lru_cache
def examples_of(task: str) -> tuple[Example, ...]:
    """A task's examples, in the order in which they are offered; none for a task that has none."""
    listed = EXAMPLES / task / EXAMPLES_FILE
    if not listed.is_file():
        return ()
    rows = json.loads(listed.read_text(encoding="utf-8"))
    return tuple(Example(given=_given(task, row["given"]), truth=row["truth"], wrong=row["wrong"]) for row in rows)


def _given(task: str, name: str) -> Path | str:
    picture = EXAMPLES / task / name
    return picture if name.endswith(".jpg") else name
