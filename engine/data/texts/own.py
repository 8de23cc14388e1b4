"""A table of texts that somebody brings: which of its columns are meant is said once, and kept with it as a data set."""

import csv
import hashlib
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from engine.data.texts.files import LABEL_COLUMNS, TEXT_COLUMNS, VALID_COLUMN, opened_table
from engine.data.whole_folder import making_whole
from engine.errors import DataError
from engine.host.home import data_folder

OWN_FOLDER = "own"  # beside the data sets that have names
MAX_BYTES = 500_000_000
LOOKED_AT = 200  # rows from which the columns are guessed
NAME = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLook:
    """A table's column names, its first rows, and which columns seem to hold the texts and their labels."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text: str
    label: str


def look_at_table(file: Path) -> TableLook:
    """What is in a CSV file; `DataError` for one with fewer than two columns, or no rows.

    Known names are believed. Otherwise the texts are in the column with the longest values, and the labels in the one with the
    fewest different ones.
    """
    _check_size(file)
    with opened_table(file) as (header, lines):
        rows = [tuple(row) for _, row in islice(lines, LOOKED_AT)]
    columns = tuple(header)
    if len(columns) < 2 or len(set(columns)) < len(columns) or not rows:
        raise DataError(
            f"{file.name} has the columns {', '.join(columns)[:200] or '(none)'} and {len(rows)} rows. It needs a column of "
            "texts and one of labels, with different names in the first line."
        )
    values = {name: [row[at] for row in rows] for at, name in enumerate(columns)}
    text = _known(columns, TEXT_COLUMNS) or max(columns, key=lambda name: sum(map(len, values[name])))
    others = [name for name in columns if name not in (text, VALID_COLUMN)] or [text]
    label = _known(columns, LABEL_COLUMNS) or min(others, key=lambda name: len(set(values[name])))
    return TableLook(columns=columns, rows=tuple(rows), text=text, label=label)


def keep_texts(file: Path, *, text: str, label: str, name: str = "") -> Path:
    """The folder of a data set made of two columns of a CSV file, and of its column is_valid where it has one.

    The same table with the same columns is kept once. Raises `DataError` where it cannot be trained on.
    """
    from engine.data.texts.dataset import open_texts

    look = look_at_table(file)
    missing = [column for column in (text, label) if column not in look.columns]
    if missing or text == label:
        raise DataError(
            f"{file.name} has the columns {', '.join(look.columns)[:200]}. Choose one for the texts and another for the labels."
        )
    taken = [text, label, *(VALID_COLUMN,) * (VALID_COLUMN in look.columns)]
    # Its name is all that tells it from others in a list, so that it begins with the file's.
    stem = NAME.sub("-", (name or file.stem).lower()).strip("-")[:40] or "texts"
    folder = data_folder() / OWN_FOLDER / f"{stem}-{_digest(file, taken)}"
    if folder.is_dir():
        return folder
    try:
        with making_whole(folder) as partial, (partial / "texts.csv").open("w", encoding="utf-8", newline="") as target:
            rows = csv.writer(target)
            rows.writerow(["text", "label", VALID_COLUMN][: len(taken)])
            rows.writerows(_columns(file, taken))
    except OSError as problem:
        raise DataError(f"{file.name} could not be kept in {folder.parent} ({problem}). Make room.") from None
    try:
        open_texts(folder)
    except DataError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def _columns(file: Path, names: Sequence[str]) -> Iterator[list[str]]:
    with opened_table(file) as (header, lines):
        places = [header.index(name) for name in names]
        for _, row in lines:
            yield [row[place] for place in places]


def _known(columns: Sequence[str], names: Sequence[str]) -> str:
    return next((name for name in names if name in columns), "")


def _check_size(file: Path) -> None:
    try:
        size = file.stat().st_size
    except OSError as problem:
        raise DataError(f"{file.name} cannot be read ({problem.strerror}).") from None
    if size > MAX_BYTES:
        raise DataError(f"{file.name} has more than {MAX_BYTES // 1_000_000} MB. Take a part of it.")


def _digest(file: Path, columns: Sequence[str]) -> str:
    digest = hashlib.blake2b(repr(columns).encode(), digest_size=5)
    with file.open("rb") as content:
        while block := content.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
