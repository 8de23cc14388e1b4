"""Texts that somebody brings: what is not clear of them is said once, and kept with them as a data set."""

import hashlib
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.data.reading.tables import open_table
from engine.data.texts.files import find_layout
from engine.data.texts.labelled_table import LABEL_COLUMNS, TEXT_COLUMNS, VALID_COLUMN, Columns
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


def look_at_table(file: Path, encoding: str = "") -> TableLook:
    """What is in a table; `DataError` for one with fewer than two columns, or no rows.

    Known names are believed. Otherwise the texts are in the column with the longest values, and the labels in the one with the
    fewest different ones.
    """
    _check_size(file)
    table = open_table(file, encoding)
    columns, rows = table.names, [row.cells for row in table.head(LOOKED_AT)]
    if len(columns) < 2 or not rows:
        raise DataError(
            f"{file.name} has the columns {', '.join(columns)[:200] or '(none)'} and {len(rows)} rows. It needs a column of "
            "texts and one of labels, with different names in the first line."
        )
    values = {name: [row[at] for row in rows] for at, name in enumerate(columns)}
    text = guess_text_column(columns, rows)
    others = [name for name in columns if name not in (text, VALID_COLUMN)] or [text]
    label = _known(columns, LABEL_COLUMNS) or min(others, key=lambda name: len(set(values[name])))
    return TableLook(columns=columns, rows=tuple(rows), text=text, label=label)


def guess_text_column(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The column that seems to hold the texts: one with a known name, else the one with the longest values."""
    lengths = {name: sum(len(row[at]) for row in rows) for at, name in enumerate(columns)}
    return _known(columns, TEXT_COLUMNS) or max(columns, key=lambda name: lengths[name])


def keep_texts(source: Path, *, text: str = "", label: str = "", name: str = "", encoding: str = "") -> Path:
    """The folder of a data set made of two columns of a table, or of a folder of text files, as they are split there.

    The same table with the same columns is kept once. Raises `DataError` where it cannot be trained on.
    """
    from engine.data.texts.dataset import copy_texts, open_texts

    if source.is_file():
        look = look_at_table(source, encoding)
        text, label = text or look.text, label or look.label
        if not {text, label} <= set(look.columns) or text == label:
            raise DataError(
                f"{source.name} has the columns {', '.join(look.columns)[:200]}. Choose one for the texts and another "
                "for the labels."
            )
    layout = find_layout(source, encoding, Columns(text=text, label=label))
    # Its name is all that tells it from others in a list, so that it begins with the file's.
    stem = NAME.sub("-", (name or source.stem).lower()).strip("-")[:40] or "texts"
    folder = data_folder() / OWN_FOLDER / f"{stem}-{_digest(layout.files, (text, label, encoding))}"
    if folder.is_dir():
        return folder
    copy_texts(layout, folder)
    try:
        open_texts(folder)
    except DataError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def _known(columns: Sequence[str], names: Sequence[str]) -> str:
    return next((name for name in names if name in columns), "")


def _check_size(file: Path) -> None:
    try:
        size = file.stat().st_size
    except OSError as problem:
        raise DataError(f"{file.name} cannot be read ({problem.strerror}).") from None
    if size > MAX_BYTES:
        raise DataError(f"{file.name} has more than {MAX_BYTES // 1_000_000} MB. Take a part of it.")


def _digest(files: Sequence[Path], said: Sequence[str]) -> str:
    digest = hashlib.blake2b(repr(said).encode(), digest_size=5)
    for file in files:
        digest.update(file.name.encode("utf-8", "replace"))
        with file.open("rb") as content:
            while block := content.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
