"""A table whose rows name pictures, as ways to read it need it: cells by picture, who validates, and what is left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.data.own.plain import Row
from engine.data.own.way import Question
from engine.data.pictures.named_rows import NamedRows
from engine.data.pictures.tag_columns import TAG_COLUMNS
from engine.data.reading.rows import Table
from engine.data.reading.values import is_missing, quoted
from engine.data.splits import GROUP_COLUMNS, SPLIT_COLUMNS, SPLIT_WORDS, VALID_COLUMN
from engine.errors import DataError

CHANCE = "a random fifth validates"


@dataclass(frozen=True, slots=True)
class Named:
    """A table whose rows name pictures; what its columns hold, in its own order."""

    table: Table
    named: NamedRows

    @property
    def columns(self) -> list[str]:
        """All but the one that names the pictures."""
        return [name for at, name in enumerate(self.table.columns) if at != self.named.column]

    def cells(self, column: str) -> dict[Path, list[str]]:
        """Each picture's cells of a column, one for each of its lines."""
        at = self.table.columns.index(column)
        return {picture: [row.cells[at].strip() for row in rows] for picture, rows in self.named.rows.items()}

    def said(self, column: str) -> list[str]:
        """All that a column says."""
        return [cell for some in self.cells(column).values() for cell in some if not is_missing(cell)]


def split_question(read: Named, said: Mapping[str, Sequence[str]]) -> Question:
    """Who validates: by chance, as a column says, or whole groups of one."""
    choices = {"": CHANCE}
    for name in read.columns:
        cells = {cell.lower() for cell in said[name]}
        low = name.strip().lower()
        if low == VALID_COLUMN or (len(cells) > 1 and cells <= set(SPLIT_WORDS)):
            choices[name] = f"as the column {name} says"
        elif low in GROUP_COLUMNS or (low not in TAG_COLUMNS and 2 <= len(cells) <= max(2, len(said[name]) // 2)):
            choices[name] = f"whole groups of the column {name}"
    known = [name for name in choices if name.strip().lower() in (VALID_COLUMN, *SPLIT_COLUMNS, *GROUP_COLUMNS)]
    return Question(name="split", asked="Who validates", choices=choices, value=known[0] if known else "")


def rows_of(read: Named, of: Mapping[Path, object], column: str) -> list[Row]:
    """The labelled pictures, each with what the chosen column says of the split."""
    if not of:
        raise DataError(f"No picture has a value in that column of {read.table.file.name}. Choose another.")
    cells = read.cells(column) if column else {}
    low = column.strip().lower()
    silent = [picture.name for picture in of if column and is_missing(cells[picture][0])]
    if silent:
        raise DataError(
            f"The column {column} says nothing of {len(silent)} pictures ({quoted(silent)}), so that nobody knows on which side "
            "they are. Fill it, or choose who validates in another way."
        )
    words = {cell.lower() for some in cells.values() for cell in some if not is_missing(cell)}
    are_splits = low != VALID_COLUMN and len(words) > 1 and words <= set(SPLIT_WORDS)
    rows = []
    for picture, label in of.items():
        cell = cells[picture][0] if column else ""
        known = {} if not column or are_splits else {VALID_COLUMN if low == VALID_COLUMN else "group": cell}
        rows.append(
            Row(picture=picture, label=label, split=SPLIT_WORDS[cell.lower()] if are_splits else "", known=known)
        )
    return rows


def lost_notes(read: Named, of: Mapping[Path, object], what: str) -> tuple[str, ...]:
    """What is left out, a sentence each."""
    silent = [picture.name for picture in read.named.rows if picture not in of]
    notes = [f"{len(silent)} pictures have no {what} and are left out ({quoted(silent)})."] if silent else []
    return (
        *read.table.notes,
        *notes,
        *(f"{len(names)} left out: {why} ({quoted(names)})." for why, names in read.named.lost.items()),
    )
