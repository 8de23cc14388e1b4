"""A table of texts with labels: which of its columns is what, and which of its rows are for what."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from engine.data.account import Findings
from engine.data.reading.rows import Row, Table
from engine.data.reading.tags import as_list
from engine.data.reading.values import as_mark, is_missing, quoted, storable
from engine.data.splits import GROUP_COLUMNS, SPLIT_COLUMNS, SPLIT_WORDS, VALID_COLUMN, held_groups
from engine.data.texts.tables import SPLIT_NAMES, UNLABELLED, TextRow
from engine.errors import DataError

TEXT_COLUMNS = ("text", "review", "sentence", "content", "message", "comment", "tweet", "body")
LABEL_COLUMNS = ("label", "labels", "sentiment", "class", "category", "target", "polarity")
VALID_SHARE = 0.1
NO_TEXT, NO_LABEL = "there is no text", "no label is said: read by a language model alone"


class Columns(NamedTuple):
    """Which of a table's columns are meant; "" for what is found by its name."""

    text: str = ""
    label: str = ""


AS_NAMED = Columns()


@dataclass(slots=True)
class Look:
    """What one table holds: how often each label comes, how many rows there are, and which are left out."""

    labels: Counter[str]
    rows: int
    left_out: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]


class TextTable:
    """A table of texts: which column is what, and which rows are on which side."""

    def __init__(self, table: Table, columns: Columns) -> None:
        self.table, self.split = table, split_of(table.file)
        self.text_at = _place(table, columns.text, TEXT_COLUMNS)
        self.label_at = _place(table, columns.label, LABEL_COLUMNS)
        needs_labels = self.split in ("train", "validation")
        if self.text_at is None or (self.label_at is None and needs_labels):
            raise DataError(
                f"{table.file.name} has the columns {', '.join(table.columns)[:200] or '(none)'}. It needs one called "
                f"{any_of(TEXT_COLUMNS[:4])}, and one called {any_of(LABEL_COLUMNS[:4])}: rename them in its first line, "
                "or say which they are: python -m engine add-texts."
            )
        self.valid_at = table.column((VALID_COLUMN,)) if self.split == "train" else None
        self.split_at = table.column(SPLIT_COLUMNS) if self.split == "train" else None
        self.group_at = table.column(GROUP_COLUMNS) if self.split == "train" else None
        self.held: frozenset[str] = frozenset()
        self.source = table.file.name if self.split == "validation" else ""

    def look(self) -> Look:
        """All rows once: their labels, and what tells the validation texts."""
        labels, count, groups = Counter[str](), 0, set[str]()
        sides, missing = Counter[str](), Counter[str]()
        lost: dict[str, list[str]] = {NO_TEXT: [], NO_LABEL: []}
        strange = ""
        for row in self.table.rows():
            count += 1
            label = self.label(row)
            if not self.text(row).strip():
                lost[NO_TEXT].append(row.where)
                continue
            if label:
                labels[label] += 1
            elif self.split != "test" and self.label_at is not None:
                missing[row.cells[self.label_at].strip()] += 1
                lost[NO_LABEL].append(row.where)
            if self.valid_at is not None:
                mark = as_mark(row.cells[self.valid_at], f"{self.table.file.name}, {row.where}, column {VALID_COLUMN},")
                sides["validation" if mark else "train"] += 1
            elif self.split_at is not None:
                word = SPLIT_WORDS.get(row.cells[self.split_at].strip().lower(), "")
                strange = strange or ("" if word else row.cells[self.split_at])
                sides[word] += 1
            if self.group_at is not None:
                groups.add(row.cells[self.group_at].strip())
        self._decide(sides, groups, strange)
        used = (self.text_at, self.label_at, self.valid_at, self.split_at, self.group_at)
        notes = [f"{self.table.file.name} is {self.table.written}.", *self.table.notes, *self.table.unused(used)]
        if missing:
            said = quoted(f"{word or 'nothing'}" for word in missing)
            notes.append(
                f"{missing.total():,} rows of {self.table.file.name} have {said} as their label, which stands for none."
            )
        left_out = {why: tuple(names) for why, names in lost.items() if names}
        return Look(labels=labels, rows=count, left_out=left_out, notes=tuple(notes))

    def _decide(self, sides: Counter[str], groups: set[str], strange: str) -> None:
        """By which column the table is split, if by any."""
        name = self.table.file.name
        if self.valid_at is not None:
            self.source = f"the rows where {VALID_COLUMN} is True" if sides["validation"] else ""
            self.split_at = self.group_at = None
        elif self.split_at is not None and (sides["valid"] or sides["test"]):
            if strange:
                column = self.table.columns[self.split_at]
                raise DataError(f"The column {column} of {name} has {strange!r}. Write train, valid or test.")
            self.source = f"the column {self.table.columns[self.split_at]} of {name}" if sides["valid"] else ""
            self.group_at = None
        else:
            self.split_at = None
        self.group_at = self.group_at if len(groups) > 1 else None
        if self.group_at is not None:
            what = self.table.columns[self.group_at].strip().lower()
            held, self.source = held_groups(groups, what, VALID_SHARE)
            self.held = frozenset(held)

    def label(self, row: Row) -> str:
        """A row's label; "" where nobody has said."""
        said = "" if self.label_at is None else row.cells[self.label_at].strip()
        listed = as_list(said)
        if listed is not None and len(listed) != 1:
            raise DataError(
                f"{self.table.file.name}, {row.where} has several labels, {said[:60]}. A text has one: choose it."
            )
        said = listed[0].strip() if listed else said
        return "" if is_missing(said) else said

    def text(self, row: Row) -> str:
        """A row's text; words in a list are joined."""
        said = row.cells[self.text_at or 0]
        listed = as_list(said) if said.startswith('["') else None
        return " ".join(listed) if listed else said

    def side(self, row: Row) -> str:
        """The split that a row is of."""
        if self.valid_at is not None and as_mark(row.cells[self.valid_at], row.where):
            return "validation"
        if self.split_at is not None:
            return SPLIT_NAMES[SPLIT_WORDS[row.cells[self.split_at].strip().lower()]]
        if self.group_at is not None and row.cells[self.group_at].strip() in self.held:
            return "validation"
        return self.split

    def rows(self, numbers: Mapping[str, int]) -> Iterator[TextRow]:
        for count, row in enumerate(self.table.rows(), start=1):
            text, label, split = self.text(row), self.label(row), self.side(row)
            if not text.strip():
                continue
            if not label and split != "test":
                split = "unsupervised"
            yield TextRow(split, f"{storable(self.table.file.name)}#{count}", text, numbers.get(label, UNLABELLED))


def together(tables: Sequence[TextTable], seen: Sequence[Look]) -> Findings:
    """What was found in all tables."""
    found = Findings(layout=f"texts in {', '.join(table.table.file.name for table in tables)}", found=0)
    for look in seen:
        left_out = dict(found.left_out)
        for why, names in look.left_out.items():
            left_out[why] = (*left_out.get(why, ()), *names)
        found = replace(found, found=found.found + look.rows, left_out=left_out, notes=(*found.notes, *look.notes))
    return found


def split_of(file: Path) -> str:
    """The split that a table's name says; of any other name it is the training texts."""
    return SPLIT_NAMES.get(file.stem.lower(), "train")


def _place(table: Table, chosen: str, known: Sequence[str]) -> int | None:
    """The place of a column that somebody has chosen, or of one that is called so."""
    if chosen:
        return table.column((chosen.strip().lower(),))
    return table.column(known)


def any_of(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
