"""The parts into which samples are split, so that each is judged by a model that has seen neither it nor what belongs to it."""

import random
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from engine.data.dataset import DataSet, Item
from engine.data.splits import GROUP_COLUMNS, recordings
from engine.data.texts.dataset import TextData

FOLDS = 5
FEWEST_GROUPS = 3  # fewer groups than that leave a model too little to learn from
RECORDING = "recording"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folds:
    """The part of each sample, how many parts there are, and what was kept together; `group_of` has each sample's group."""

    part_of: tuple[int, ...]
    count: int
    groups: str
    group_of: tuple[Hashable, ...]


def fold(data: DataSet, items: Sequence[Item], marks: Sequence[Hashable], *, seed: int = 0) -> Folds:
    """Parts of like size, with groups whole where the data set says what belongs together, and else with each mark's share.

    `marks` are what the samples are labelled with, so far as parts should have like shares of it. Texts that are the same but
    for blanks and capitals stay together: one would tell of the other.
    """
    named, groups = groups_of(data, items)
    if named:
        return _by_groups(groups, named, seed)
    if isinstance(data, TextData):
        copies = _copies(data, items)
        marked = _by_marks(copies, dict(zip(copies, marks, strict=True)), seed)
        return Folds(part_of=marked, count=FOLDS, groups="", group_of=copies)
    places = tuple(range(len(items)))
    return Folds(
        part_of=_by_marks(places, dict(enumerate(marks)), seed), count=FOLDS, groups="", group_of=("",) * len(items)
    )


def groups_of(data: DataSet, items: Sequence[Item]) -> tuple[str, tuple[Hashable, ...]]:
    """What belongs together, such as "person", and the group of each sample; ("", ()) where nothing says so."""
    if isinstance(data, TextData):
        return "", ()
    facts = [data.block.facts(item) for item in items]  # pyright: ignore[reportAttributeAccessIssue]
    for column in GROUP_COLUMNS:
        found = tuple(fact.get(column, "") for fact in facts)
        if len(set(found)) >= FEWEST_GROUPS:
            return column, found
    named = recordings(items) if RECORDING in data.title else {}
    if len(set(named.values())) >= FEWEST_GROUPS and all(item in named for item in items):
        return RECORDING, tuple(named[item] for item in items)
    return "", ()


def _by_groups(groups: tuple[Hashable, ...], named: str, seed: int) -> Folds:
    """The largest groups first, each into the part that has the fewest samples."""
    counts = Counter(groups)
    count = min(FOLDS, len(counts))
    sizes = [0] * count
    parts: dict[Hashable, int] = {}
    order = sorted(counts, key=str)
    random.Random(seed).shuffle(order)
    for group in sorted(order, key=lambda group: -counts[group]):
        part = sizes.index(min(sizes))
        parts[group] = part
        sizes[part] += counts[group]
    return Folds(part_of=tuple(parts[group] for group in groups), count=count, groups=named, group_of=groups)


def _by_marks(keys: Sequence[Hashable], marks: dict[Hashable, Hashable], seed: int) -> tuple[int, ...]:
    """A part for each key: those with one mark are dealt out by turns, from where the last mark ended."""
    of_mark: defaultdict[Hashable, list[Hashable]] = defaultdict(list)
    for key, mark in marks.items():
        of_mark[mark].append(key)
    chance, parts, dealt = random.Random(seed), dict[Hashable, int](), 0
    for members in of_mark.values():
        chance.shuffle(members)
        for key in members:
            parts[key] = dealt % FOLDS
            dealt += 1
    return tuple(parts[key] for key in keys)


def _copies(data: TextData, items: Sequence[Item]) -> tuple[Hashable, ...]:
    return tuple(hash(" ".join(text.lower().split())) for text in data.texts(items))
