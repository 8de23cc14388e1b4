"""Tables in formats that know numbers from texts: JSON lines, JSON, Parquet and Excel, each read by the library for it."""

import datetime
import json
import lzma
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from engine.data.reading.delimited import MOST_LETTERS
from engine.data.reading.encodings import opened_text
from engine.data.reading.rows import LOOKED_AT, MOST_COLUMNS, Row, Table, looks_like_data
from engine.data.reading.values import storable
from engine.errors import DataError

MOST_ROWS = 1_048_576  # of a sheet
# What the libraries raise for files that are damaged, or for values that Python has no type for.
DAMAGE = (
    OSError, EOFError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, SyntaxError, RuntimeError,
    MemoryError, AssertionError, struct.error, zlib.error, lzma.LZMAError, zipfile.BadZipFile,
)  # fmt: skip


def is_json(file: Path, encoding: str) -> bool:
    with opened_text(file, encoding) as content:
        start = content.read(2000).lstrip()
    return start[:1] == "{" or bool(re.match(r"\[\s*[\[{\]]", start))


def json_table(file: Path, encoding: str) -> Table:
    """A line for each row, or all rows in a list."""
    with opened_text(file, encoding) as content:
        first, second = content.readline(MOST_LETTERS), content.read(1000).strip()
    try:
        row = json.loads(first)
        is_lines = isinstance(row, dict) and (bool(second) or not any(map(_is_rows, row.values())))
    except (ValueError, RecursionError):
        is_lines = False
    if not is_lines:
        whole = _rows_of(file, encoding)
        return _of_dicts(
            file, lambda: ((f"entry {number:,}", row) for number, row in enumerate(whole, start=1)), "JSON"
        )

    def read() -> Iterator[tuple[str, Any]]:
        with opened_text(file, encoding) as content:
            for number, line in enumerate(content, start=1):
                if line.strip():
                    yield f"line {number:,}", _loaded(line, f"{file.name}, line {number:,}")

    return _of_dicts(file, read, "JSON lines")


def _rows_of(file: Path, encoding: str) -> list[Any]:
    if file.stat().st_size > 200_000_000:
        raise DataError(
            f"{file.name} is too large to be read as one JSON value. Save it as JSON lines, Parquet or CSV."
        )
    with opened_text(file, encoding) as content:
        found = _loaded(content.read(), file.name)
    if isinstance(found, dict):
        lists = list(filter(_is_rows, found.values()))
        found = lists[0] if len(lists) == 1 else None
    if not isinstance(found, list):
        raise DataError(f"{file.name} is JSON, but no list of rows. Save it as a list of objects, or as JSON lines.")
    return found


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _loaded(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise DataError(f"{where} is not whole JSON ({problem}). Save it again.") from None


def _of_dicts(file: Path, read: Callable[[], Iterable[tuple[str, Any]]], written: str) -> Table:
    """A table of objects; its columns are all the names that occur, in the order in which they come first."""
    columns: dict[str, None] = {}
    for where, row in read():
        if not isinstance(row, dict):
            raise DataError(
                f"{file.name}, {where} is no object with names and values. Save a table as JSON lines or CSV."
            )
        columns.update(dict.fromkeys(row))
        if len(columns) > MOST_COLUMNS:
            raise DataError(f"{file.name} has more than {MOST_COLUMNS:,} columns. Take some of them.")

    def rows() -> Iterator[Row]:
        for where, row in read():
            yield Row(where=where, cells=tuple(as_cell(row.get(name)) for name in columns))

    return Table(file=file, columns=tuple(map(storable, columns)), rows=rows, written=written)


def parquet_table(file: Path) -> Table:
    import pyarrow
    from pyarrow import parquet

    damage = (pyarrow.ArrowException, *DAMAGE)
    try:
        with file.open("rb") as raw, parquet.ParquetFile(raw) as content:
            columns = tuple(content.schema_arrow.names)
    except damage as problem:
        raise DataError(f"{file.name} is no whole Parquet file ({problem}). Get it again.") from None

    def rows() -> Iterator[Row]:
        number = 0
        try:
            with file.open("rb") as raw, parquet.ParquetFile(raw) as content:
                for batch in content.iter_batches(batch_size=1000):
                    for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                        number += 1
                        yield Row(where=f"row {number:,}", cells=tuple(map(as_cell, values)))
        except DataError:
            raise
        except damage as problem:
            raise DataError(
                f"{file.name} cannot be read as Parquet behind row {number:,} ({problem}). Get it again, or save it as CSV."
            ) from None

    return Table(file=file, columns=columns, rows=rows, written="Parquet")


def excel_table(file: Path) -> Table:
    """The first sheet that holds anything."""
    import openpyxl

    try:
        with file.open("rb") as raw, zipfile.ZipFile(raw) as packed:
            if "xl/workbook.xml" not in packed.namelist():
                raise DataError(f"{file.name} is a zip archive and no table. Give the folder or archive of a data set.")
            if sum(item.file_size for item in packed.infolist()) > 200_000_000:
                raise DataError(f"{file.name} is too large for Excel's format. Save it as CSV.")
            book = openpyxl.load_workbook(raw, read_only=True, data_only=True)  # not by its name, which may be any
            sheets = [sheet for sheet in book.worksheets if any(_filled(sheet))]
            lines = list(_filled(sheets[0])) if sheets else []
    except DataError:
        raise
    except DAMAGE as problem:
        raise DataError(f"{file.name} cannot be read as Excel ({problem}). Save it again, or as CSV.") from None
    if not sheets:
        raise DataError(f"{file.name} has no sheet with anything in it.")
    others = [sheet.title for sheet in sheets[1:]]
    width = max(len(row) for _, row in lines)
    cells = [Row(where=f"row {number:,}", cells=(row + ("",) * width)[:width]) for number, row in lines]
    head = [row.cells for row in cells[1 : LOOKED_AT + 1]]
    is_data = looks_like_data(cells[0].cells, head)
    columns = tuple(f"column {number}" for number in range(1, width + 1)) if is_data else cells[0].cells
    notes = [f"Of {file.name} the sheet {sheets[0].title} is read, and not {', '.join(others)}."] if others else []
    if is_data:
        notes.append(f"{file.name} begins with a row of data, so that its columns have no names.")
    return Table(
        file=file,
        columns=columns,
        rows=lambda: iter(cells if is_data else cells[1:]),
        written="Excel",
        notes=tuple(notes),
    )


def _filled(sheet: Any) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The rows of a sheet that hold anything; how large it says it is, is often wrong, and not believed."""
    sheet.reset_dimensions()
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        if number > MOST_ROWS or len(row) > MOST_COLUMNS:
            raise DataError(
                f"The sheet {sheet.title} goes beyond {MOST_ROWS:,} rows or {MOST_COLUMNS:,} columns. Delete what lies there, or "
                "save it as CSV."
            )
        cells = tuple(map(as_cell, row))
        if any(cells):
            while not cells[-1]:
                cells = cells[:-1]
            yield number, cells


def as_cell(value: Any) -> str:
    """A value as text: nothing for nothing, a whole number without a point, and lists and objects as JSON."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, list | dict):
        try:
            return storable(json.dumps(value, ensure_ascii=False, default=str))
        except RecursionError:
            raise DataError(
                "A cell of the table holds lists within lists, too many to be read. Leave that column out."
            ) from None
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else storable(str(value))
