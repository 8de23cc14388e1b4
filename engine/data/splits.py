"""Which samples validate: by chance, by whole groups, by a list or by a column.

Samples that belong together, as frames of one recording, pages of one document or pictures of one person do, stay on one side: a
model that has seen their neighbours would be asked what it knows by heart.
"""

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from engine.data.account import part
from engine.data.reading.rows import Row, Table
from engine.data.reading.values import as_mark
from engine.errors import DataError

SPLIT_SEED = 42
VALID_SHARE = 0.2
GROUP_COLUMNS = (
    "person", "subject", "patient", "participant", "speaker", "author", "user", "user_id", "patient_id", "subject_id", "group",
    "recording", "video", "sequence", "session", "document",
)  # fmt: skip
VALID_COLUMN = "is_valid"
SPLIT_COLUMNS = ("split", "set", "subset", "fold", "partition")
SPLIT_WORDS = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("valid", "validation", "val", "dev", "validate"), "valid"),
    **dict.fromkeys(("test", "testing", "tst", "eval", "holdout"), "test"),
}
FEWEST_FRAMES = 3  # of a recording; names that come once or twice say nothing
_LAST_NUMBER = re.compile(r"^(.*?)[\s_.\-]*(?:frame|img|f|p|page|pg|seite)?[\s_.\-]*\d+$", re.IGNORECASE)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The sides that samples are on, and where that comes from, in a few words.

    `part` is the same as a part of a data block, in code; "" where it is the labels' place that says it.
    """

    train: tuple
    valid: tuple
    source: str
    test: tuple = ()
    part: str = ""


def split_randomly(
    items: Sequence[T], *, seed: int = SPLIT_SEED, share: float = VALID_SHARE
) -> tuple[list[T], list[T]]:
    """Training and validation samples: a random `share` is held out, each in the samples' order."""
    chosen = set(random.Random(seed).sample(range(len(items)), round(len(items) * share)))
    train = [item for index, item in enumerate(items) if index not in chosen]
    return train, [items[index] for index in sorted(chosen)]


def by_chance(items: Sequence[T], *, seed: int = SPLIT_SEED, share: float = VALID_SHARE) -> Split:
    """A random share validates; of two samples at least, one does."""
    train, valid = split_randomly(items, seed=seed, share=max(share, 1 / max(2, len(items))))
    return Split(
        train=tuple(train),
        valid=tuple(valid),
        source=f"a random {share:.0%}, seed {seed}",
        part=part("random_split", share, seed=seed),
    )


def by_groups(items: Sequence[T], group_of: Callable[[T], str], what: str, *, share: float = VALID_SHARE) -> Split:
    """Whole groups validate, about that share of them, the last ones by name; `what` a group is, such as "person"."""
    groups = {group_of(item) for item in items}
    if len(groups) < 2:
        return by_chance(items, share=share)
    held, source = held_groups(groups, what, share)
    return by_mark(items, lambda item: group_of(item) in held, source)


def by_recordings(items: Sequence[Path], of: Mapping[Path, str], share: float = VALID_SHARE) -> Split:
    """Whole recordings validate; `of` has each frame's, as `recordings` finds it."""
    return replace(by_groups(items, of.__getitem__, "recording", share=share), part=part("recording_split"))


def held_groups(groups: Iterable[str], what: str, share: float = VALID_SHARE) -> tuple[set[str], str]:
    """Which groups validate, and that in a few words."""
    named = sorted(groups)
    held = named[-max(1, round(len(named) * share)) :]
    shown = ", ".join(held[:3]) + (f" and {len(held) - 3} more" if len(held) > 3 else "")
    return set(held), f"{what} {shown} held out"


def by_mark(items: Sequence[T], is_valid: Callable[[T], bool], source: str) -> Split:
    """Those validate that are marked."""
    return Split(
        train=tuple(item for item in items if not is_valid(item)),
        valid=tuple(item for item in items if is_valid(item)),
        source=source,
    )


class ColumnSplit(NamedTuple):
    """The place of a column that says how a table's samples are split, and how."""

    column: int
    split: Callable[[Sequence[Any]], Split]


def column_split(table: Table, rows: Mapping[T, Row]) -> ColumnSplit | None:
    """How a table's own columns split its samples: one that says who validates, one that names the split, or one that says what
    belongs together. `rows` has each sample's row. None where there is no such column, or where it says nothing.
    """
    where = table.file.name
    if VALID_COLUMN in table.names:
        at = table.names.index(VALID_COLUMN)
        marks = {
            item: as_mark(row.cells[at], f"The column {VALID_COLUMN} of {where}, {row.where},")
            for item, row in rows.items()
        }
        if any(marks.values()):
            source = f"those that {where} marks as {VALID_COLUMN}"
            return ColumnSplit(at, lambda items: by_mark(items, marks.__getitem__, source))
    at = table.column(SPLIT_COLUMNS)
    at = _column_of_words(table, rows) if at is None else at
    words = (
        {item: SPLIT_WORDS.get(row.cells[at].strip().lower(), "") for item, row in rows.items()}
        if at is not None
        else {}
    )
    if at is not None and ("valid" in words.values() or "test" in words.values()):
        strange = next((rows[item].cells[at] for item, word in words.items() if not word), None)
        if strange is not None:
            raise DataError(f"The column {table.columns[at]} of {where} has {strange!r}. Write train, valid or test.")
        source, part_of = f"the column {table.columns[at]} of {where}", _group_split(table, rows)
        part_of = part_of.split if part_of else by_chance
        return ColumnSplit(at, lambda items: by_words(items, words, source, part_of=part_of))
    return _group_split(table, rows)


def _group_split(table: Table, rows: Mapping[T, Row]) -> ColumnSplit | None:
    """By what belongs together, where a column says so."""
    at = table.column(GROUP_COLUMNS)
    groups = {item: row.cells[at].strip() for item, row in rows.items()} if at is not None else {}
    if at is None or len(set(groups.values())) < 2:
        return None
    what = table.names[at]
    return ColumnSplit(at, lambda items: by_groups(items, groups.__getitem__, what))


def _column_of_words(table: Table, rows: Mapping[T, Row]) -> int | None:
    """A column, whatever it is called, that says train, valid or test in each row, and not the same in all."""
    for at in range(len(table.columns)):
        said = {row.cells[at].strip().lower() for row in rows.values()}
        if len(said) > 1 and said <= set(SPLIT_WORDS):
            return at
    return None


def by_words(
    items: Sequence[T],
    words: Mapping[T, str],
    source: str,
    *,
    part_of: Callable[[Sequence[T]], Split] = by_chance,
) -> Split:
    """Each sample is on the side that is named; where none validates, a part of the training samples does: see `part_of`."""
    sides = {side: [item for item in items if words[item] == side] for side in ("train", "valid", "test")}
    if not sides["valid"] and sides["train"]:
        chance = part_of(sides["train"])
        said = f"{source}; of its training samples, {chance.source}"
        return replace(chance, test=tuple(sides["test"]), source=said, part="")
    return Split(train=tuple(sides["train"]), valid=tuple(sides["valid"]), test=tuple(sides["test"]), source=source)


def recordings(items: Sequence[Path]) -> Mapping[Path, str]:
    """The recording or document that each picture's name says it is of; {} where names do not look like that.

    Frames are called alike but for a number at the end, and there are several recordings with several frames each.
    """
    groups: defaultdict[str, list[Path]] = defaultdict(list)
    for item in items:
        found = _LAST_NUMBER.match(item.stem)
        if not found:
            return {}
        groups[found[1]].append(item)
    is_plain = any(not name for name in groups)
    if is_plain or len(groups) < 2 or min(map(len, groups.values())) < FEWEST_FRAMES:
        return {}
    return {item: name for name, members in groups.items() for item in members}
