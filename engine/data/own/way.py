"""A way to read what somebody brought: the kind of data that it would be, what is left to be asked, how it is written down."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

Answers = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something that a person can put right, with what seems to be meant.

    name: by which it is answered. asked: in words.
    choices: each value's words; empty where `value` is a text of lines, to be edited.
    value: what is taken where nobody says otherwise.
    """

    name: str
    asked: str
    choices: Mapping[str, str]
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to read a folder.

    kind: of its targets: "mask", "tags", "label", "point", "number" or "text".
    name: by which it is told from the others of the same folder; "" until they are listed together.
    said: what is understood, in a few words.
    write(target, answers): fills the new folder `target` with the kind's plain layout (`engine.data.own.plain`), by the answers
        to the questions; what is not answered is as proposed. Returns notes, a sentence each. Raises `DataError`.
    """

    kind: str
    said: str
    write: Callable[[Path, Answers], tuple[str, ...]]
    questions: tuple[Question, ...] = ()
    name: str = ""

    def answered(self, answers: Answers) -> dict[str, str]:
        """Every question's answer: the given one where that is a choice, else the proposed one."""
        given = {one.name: answers.get(one.name, one.value) for one in self.questions}
        return {
            one.name: given[one.name] if not one.choices or given[one.name] in one.choices else one.value
            for one in self.questions
        }
