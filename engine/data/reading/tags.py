"""Cells that hold several tags: what parts them is seen from all cells of a column."""

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from engine.data.reading.values import is_missing, quoted
from engine.errors import DataError

MARKS = {",": "commas", "|": "bars", ";": "semicolons"}
_LISTED = re.compile(r"^[\[({].*[\])}]$", re.DOTALL)
BLANKS, LISTS = " ", "[]"


@dataclass(frozen=True, slots=True, kw_only=True)
class TagCells:
    """What parts the tags of a column: one of `MARKS`, blanks, or nothing, as each cell is a list of its own."""

    mark: str

    @property
    def in_words(self) -> str:
        return {BLANKS: "blanks", LISTS: "lists"}.get(self.mark) or MARKS[self.mark]

    def tags(self, cell: str) -> tuple[str, ...]:
        """The tags of one cell, each once; () where nothing is said."""
        if is_missing(cell):
            return ()
        listed = as_list(cell) if self.mark == LISTS else None
        parts = listed or (cell.split() if self.mark == BLANKS else cell.split(self.mark))
        return tuple(sorted({part.strip() for part in parts if not is_missing(part)}))


def find_tag_cells(cells: Mapping[str, str], column: str) -> TagCells:
    """What parts the tags in `cells`, by where each stands; `DataError` where two marks do."""
    said = {where: cell for where, cell in cells.items() if not is_missing(cell)}
    if said and all(as_list(cell) is not None for cell in said.values()):
        return TagCells(mark=LISTS)
    broken = next(
        (where for where, cell in said.items() if _LISTED.match(cell.strip()) and '"' in cell.replace("'", '"')), ""
    )
    if broken:
        raise DataError(
            f"The column {column!r} has lists of tags, and that in {broken} is none. Write all of them alike."
        )
    first: dict[str, str] = {}
    for where, cell in said.items():
        for mark in MARKS:
            if mark in cell:
                first.setdefault(mark, where)
    if len(first) > 1:
        shown = " and ".join(f"{MARKS[mark]} in {where}" for mark, where in first.items())
        raise DataError(f"The tags in the column {column!r} are parted by {shown}. Use one of them throughout.")
    return TagCells(mark=next(iter(first), BLANKS))


def tag_warnings(pictures: Iterable[Sequence[str]]) -> list[str]:
    """Tags that seem to be several, as each part of one is a tag itself; and tags that seem to be one, as they never come
    apart.
    """
    with_tag: dict[str, set[int]] = {}
    for number, tags in enumerate(pictures):
        for tag in tags:
            with_tag.setdefault(tag, set()).add(number)
    known = set(with_tag)
    together = [
        (one, other)
        for one, other in combinations(sorted(known), 2)
        if with_tag[one] == with_tag[other] and len(with_tag[one]) > 1
    ]
    several = sorted(tag for tag in known if len(tag.split()) > 1 and set(tag.split()) <= known)
    warnings = [f"{quoted(several)} may be several tags: each word in it is a tag too."] if several else []
    return [*warnings, *(f"{quoted(pair)} never come apart: are they the words of one tag?" for pair in together[:3])]


def as_list(cell: str) -> Sequence[str] | None:
    """A list, tuple or set as JSON or Python write it; None for what is none."""
    cell = cell.strip()
    if not _LISTED.match(cell):
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(cell)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(found, list | tuple | set) and all(isinstance(part, str | int | float) for part in found):
            return [str(part) for part in found]
    return None
