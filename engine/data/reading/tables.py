"""Tables, whatever they are written in: what a file is, is seen from its first bytes, and not from its name.

CSV and its kin are read by `delimited`; JSON lines, JSON, Parquet and Excel by the libraries for them. All give the same:
names of columns, and rows of text, in which nothing is "".
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from engine.data.reading.delimited import NO_MARK, find_dialect, read_rows
from engine.data.reading.rows import LOOKED_AT, MOST_COLUMNS, Row, Table, looks_like_data
from engine.data.reading.typed import excel_table, is_json, json_table, parquet_table
from engine.errors import DataError

SUFFIXES = frozenset({".csv", ".tsv", ".tab", ".txt", ".jsonl", ".ndjson", ".json", ".parquet", ".xlsx"})
# What a file is that is no table, by how it begins, and what to do.
OTHERS = {
    b"\xd0\xcf\x11\xe0": "is an old or a locked Excel file. Save it as .xlsx without a password, or as CSV.",
    b"\x1f\x8b": "is packed with gzip. Unpack it first.",
    b"%PDF": "is a PDF. Save the table as CSV.",
    b"BZh": "is packed with bzip2. Unpack it first.",
    b"\x28\xb5\x2f\xfd": "is packed with zstd. Unpack it first.",
    b"\x89PNG": "is a picture, and no table.",
    b"\xff\xd8\xff": "is a picture, and no table.",
    b"SQLite format": "is a database. Save its table as CSV.",
}
_WEB_PAGE = re.compile(rb"\s*(<!doctype html|<html|<head|<\?xml)", re.IGNORECASE)


def open_table(file: Path, encoding: str = "") -> Table:
    """A table in any of the formats; `DataError` for a file that is none of them, or damaged."""
    start = _first_bytes(file)
    wrong = next((said for mark, said in OTHERS.items() if start.startswith(mark)), None)
    if wrong:
        raise DataError(f"{file.name} {wrong}")
    if _WEB_PAGE.match(start):
        raise DataError(f"{file.name} is a web page, perhaps one to sign in on, and no table. Download the file again.")
    if start.startswith(b"PAR1"):
        table = parquet_table(file)
    elif start.startswith(b"PK\x03\x04"):
        table = excel_table(file)
    elif is_json(file, encoding):
        table = json_table(file, encoding)
    else:
        table = _delimited(file, encoding)
    return _checked(table)


def _delimited(file: Path, encoding: str) -> Table:
    dialect = find_dialect(file, encoding)
    rows = read_rows(file, dialect)
    _, first = next(rows, (0, []))
    if not first:
        raise DataError(f"{file.name} has nothing in any of its columns.")
    head = [row for _, row in islice(rows, LOOKED_AT)]
    named = first if dialect.columns <= 1 or first[-1] or not _starts_with_numbers(head) else ["", *first[:-1]]
    is_data = looks_like_data(first, head)
    columns = tuple(f"column {number}" for number in range(1, len(first) + 1)) if is_data else tuple(named)

    def read() -> Iterator[Row]:
        for line, row in islice(read_rows(file, dialect), 0 if is_data else 1, None):
            if not is_data and row == first:
                continue  # files that were put together have it again
            yield Row(where=f"line {line:,}", cells=tuple(row))

    parted = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars", NO_MARK: "one column"}
    note = f"{file.name} begins with a row of data, so that its columns have no names." if is_data else ""
    return Table(
        file=file,
        columns=columns,
        rows=read,
        written=f"a table with {parted.get(dialect.mark, repr(dialect.mark))}",
        notes=(note,) if note else (),
    )


def _starts_with_numbers(rows: Sequence[Sequence[str]]) -> bool:
    """Whether rows begin with their own number, which the first line has no name for."""
    return bool(rows) and all(row[0].isdigit() for row in rows)


def _checked(table: Table) -> Table:
    """The table with columns whose names are not empty, each once."""
    columns = [column or f"column {number}" for number, column in enumerate(table.columns, start=1)]
    table = replace(table, columns=tuple(columns))
    twice = sorted({name for name in table.names if table.names.count(name) > 1})
    if twice:
        raise DataError(f"{table.file.name} has two columns called {twice[0]!r}. Give each a name of its own.")
    if len(columns) > MOST_COLUMNS:
        raise DataError(f"{table.file.name} has more than {MOST_COLUMNS:,} columns. Take some of them.")
    return table


def _first_bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as content:
            start = content.read(2000)
    except OSError as problem:
        raise DataError(f"{file.name} cannot be read ({problem.strerror or problem}).") from None
    if not start:
        raise DataError(f"{file.name} is empty.")
    return start
