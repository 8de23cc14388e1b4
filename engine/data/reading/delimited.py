"""Tables as text: what parts the columns, and what a quote is, is seen from the whole file and never taken for granted.

Three ways to write a cell that has a comma, a quote or a line break inside are in use: quotes around it, doubled inside (RFC
4180, Excel); quotes with a backslash before those inside (MySQL, Spark); and none, where each line is a row and a quote is a
letter (most files with tabs). A file is read in the way that fits all of its lines; where two fit and differ, it is refused.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.data.reading.encodings import opened_text
from engine.errors import DataError

MOST_LETTERS = 5_000_000  # of one cell: a long novel has 3 million
MARKS = ",;\t|"
NO_MARK = "\x1f"  # parts the columns where there is only one
DOUBLED: dict[str, Any] = {"doublequote": True, "strict": True}
SPACED: dict[str, Any] = {**DOUBLED, "skipinitialspace": True}
BACKSLASH: dict[str, Any] = {"doublequote": False, "escapechar": "\\", "strict": True}
PLAIN: dict[str, Any] = {"quoting": csv.QUOTE_NONE}
_NO_MARKS = '"\\ '  # what a file cannot say that parts its columns
# Of one cell, and for the whole process: set once, as threads that set it back would refuse each other's tables.
csv.field_size_limit(max(MOST_LETTERS, csv.field_size_limit()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a table is written: in which letters, what parts its columns, and what a quote is.

    `skipped` is how many lines come before the table, such as Excel's `sep=;`. `columns` is how many each row has; one more than
    the first line names where rows begin with a name of their own, as R writes them.
    """

    encoding: str
    mark: str
    quoting: dict[str, Any]
    skipped: int
    columns: int = 0


class _Misfit(Exception):
    """The line from which a file cannot be read in one of the ways, and why."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line, self.why = line, why


def find_dialect(file: Path, encoding: str = "") -> Dialect:
    """How a file is written, from all of its lines; `DataError` with the line where none of the ways fits, or where two do."""
    with opened_text(file, encoding) as content:
        found, first = content.encoding, content.readline(MOST_LETTERS)
        announced = first.strip("\r\n").lower()
        skipped = int(len(announced) == 5 and announced.startswith("sep=") and announced[4] not in _NO_MARKS)
        if skipped:
            marks = [first[4]]
            first = content.readline(MOST_LETTERS)
        else:
            marks = sorted((mark for mark in MARKS if mark in first), key=lambda mark: -first.count(mark))
    if not first.strip():
        raise DataError(f"{file.name} is empty, or its first line is. That line has to name the columns.")
    misfits: list[_Misfit] = []
    for mark in marks or [NO_MARK]:
        dialect = Dialect(encoding=found, mark=mark, quoting=PLAIN, skipped=skipped)
        try:
            return _with_quoting(file, dialect)
        except _Misfit as misfit:
            misfits.append(misfit)
    raise DataError(
        f"{file.name} cannot be read as a table from line {misfits[0].line:,} on: {misfits[0].why}. Put texts in double quotes, "
        "double the quotes inside them, and give each row as many columns as the first line names."
    )


def read_rows(file: Path, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """All rows with the line in which each ends, the first one too; those with nothing in them are left out."""
    for line, row in _raw_rows(file, dialect):
        if any(cell.strip() for cell in row):
            yield line, (row + [""] * dialect.columns)[: dialect.columns]


def _with_quoting(file: Path, dialect: Dialect) -> Dialect:
    """The dialect with what a quote is in it. Lines that are rows come first where quotes are seldom meant."""
    doubled = _fit(file, replace(dialect, quoting=DOUBLED))
    if isinstance(doubled, _Fit) and doubled.spaced and dialect.mark not in "\t|":  # a blank behind each comma
        spaced = _fit(file, replace(dialect, quoting=SPACED))
        if isinstance(spaced, _Fit):
            return replace(dialect, quoting=SPACED, columns=spaced.columns)
    is_by_line = dialect.mark in "\t|"
    if isinstance(doubled, _Fit) and not is_by_line and not doubled.broken:
        return replace(dialect, quoting=DOUBLED, columns=doubled.columns)
    plain = _fit(file, replace(dialect, quoting=PLAIN))
    if is_by_line and isinstance(plain, _Fit) and plain.escapes:
        backslash = _fit(file, replace(dialect, quoting=BACKSLASH))
        if isinstance(backslash, _Fit) and backslash.rows < plain.rows:
            return replace(dialect, quoting=BACKSLASH, columns=backslash.columns)
    if is_by_line and isinstance(plain, _Fit):
        is_quoted = isinstance(doubled, _Fit) and doubled.rows == plain.rows and not plain.loose
        return replace(dialect, quoting=DOUBLED if is_quoted else PLAIN, columns=plain.columns)
    if isinstance(doubled, _Fit):
        if isinstance(plain, _Fit):
            raise _Misfit(doubled.broken, "a quote goes over several lines, which may be one text or several rows")
        return replace(dialect, quoting=DOUBLED, columns=doubled.columns)
    backslash = _fit(file, replace(dialect, quoting=BACKSLASH))
    if isinstance(backslash, _Fit) and backslash.escapes:
        return replace(dialect, quoting=BACKSLASH, columns=backslash.columns)
    if isinstance(plain, _Fit) and not plain.quoted:
        return replace(dialect, quoting=PLAIN, columns=plain.columns)
    raise doubled


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """What a file is, read in one of the ways.

    broken: the line where the first cell with a line break in it ends; 0 for none.
    quoted: how many cells have quotes around them; `loose`: how many begin with one that is not closed; `spaced`: how many begin
    with a blank and a quote. escapes: how many cells end in a backslash, or have one before a quote in the file.
    """

    rows: int
    columns: int
    broken: int
    quoted: int
    loose: int
    spaced: int
    escapes: int


def _fit(file: Path, dialect: Dialect) -> _Fit | _Misfit:
    rows, named, columns, broken, quoted, loose, line, first, spaced, escapes = (0,) * 10
    try:
        for line, row in _raw_rows(file, dialect):
            width = len(row)
            while width > max(named, 1) and not row[width - 1].strip():
                width -= 1  # commas at the end of a line
            if not any(cell.strip() for cell in row):
                continue
            if not named:
                named = columns = width
            elif rows == 1 and width == named + 1 and row[0] in ("0", "1"):
                columns, first = width, int(row[0])
            is_numbered = columns == named or row[0] == str(first + rows - 1)
            if width > columns or not is_numbered or (width < columns and len(row) < columns):
                return _Misfit(line, f"it has {len(row)} columns, where {columns} are expected")
            rows += 1
            if not broken and any("\n" in cell or "\r" in cell for cell in row):
                broken = line
            for cell in row:
                spaced, escapes = spaced + cell.startswith(' "'), escapes + cell.endswith("\\")
                if cell.startswith('"'):
                    is_closed = len(cell) > 1 and cell.endswith('"') and '"' not in cell[1:-1].replace('""', "")
                    quoted, loose = quoted + is_closed, loose + (not is_closed)
    except csv.Error as problem:
        return _Misfit(line + 1, str(problem).replace("unexpected end of data", "a double quote is left open"))
    if columns > named and rows < 3:
        return _Misfit(line, f"it has {columns} columns, where {named} are expected")
    if dialect.quoting == BACKSLASH:
        escapes += _escaped_quotes(file, dialect)
    return _Fit(rows=rows, columns=columns, broken=broken, quoted=quoted, loose=loose, spaced=spaced, escapes=escapes)


def _escaped_quotes(file: Path, dialect: Dialect) -> int:
    """How many lines have a quote with a backslash before it."""
    with file.open(encoding=dialect.encoding, newline="") as content:
        return sum('\\"' in line for line in content)


def _raw_rows(file: Path, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    with file.open(encoding=dialect.encoding, newline="") as content:
        for _ in range(dialect.skipped):
            content.readline()
        lines = csv.reader(content, delimiter=dialect.mark, **dialect.quoting)
        for row in lines:
            yield dialect.skipped + lines.line_num, row
