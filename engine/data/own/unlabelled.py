"""What nobody has labelled yet: the pictures or texts of a folder, made ready to be looked at one after the other."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from PIL import Image

from engine.data.own.text_ways import tables_in
from engine.data.pictures.files import list_all_pictures, open_picture
from engine.data.reading.encodings import decode
from engine.data.reading.litter import is_in_litter
from engine.data.reading.tables import open_table
from engine.data.texts.files import TEXT_SUFFIXES
from engine.data.texts.own import LOOKED_AT, guess_text_column
from engine.data.texts.tables import MAX_TEXT
from engine.errors import DataError

LONGER_SIDE = 1024  # pixels of a picture that is labelled: what a brush can tell apart
MOST_TEXTS = 20_000
_RECORDED = re.compile(r"(camera-\d+)-\d{4}\.jpe?g$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """Texts of which nothing says what they are.

    said: where they are, as in "the column body of mails.csv". columns: those of the table that they are in, () elsewhere.
    column: the one that they are in. files: the table, or the text files; of one file each line is a text.
    """

    said: str
    files: tuple[Path, ...]
    columns: tuple[str, ...] = ()
    column: str = ""


def find_texts(folder: Path, encoding: str = "", column: str = "") -> Texts | None:
    """The texts of a folder without pictures: a table's column (the named one, else a likely one), each file's, or a file's
    lines. None where there are none, or where what is meant is not clear.

    Raises `LettersError` where somebody has to say first what the letters are.
    """
    if list_all_pictures(folder):
        return None
    files = tuple(
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in TEXT_SUFFIXES and path.is_file() and not is_in_litter(path.relative_to(folder).parts)
    )
    tables = [path for path in tables_in(folder) if path not in files]
    if len(tables) == 1 and not files:
        table = open_table(tables[0], encoding)
        names = table.names
        if not names:
            return None
        column = column if column in names else guess_text_column(names, [row.cells for row in table.head(LOOKED_AT)])
        return Texts(said=f"the column {column} of {tables[0].name}", files=(tables[0],), columns=names, column=column)
    if tables or not files:
        return None
    return Texts(said=f"the lines of {files[0].name}" if len(files) == 1 else f"{len(files)} text files", files=files)


def recording_of(name: str) -> str:
    """The recording of the page's camera that a picture is of; "" for any other."""
    found = _RECORDED.match(name)
    return found[1] if found else ""


def copy_pictures(source: Path, target: Path) -> list[str]:
    """Copies of all pictures in `source`, upright and without what their cameras noted; their names in `target`."""
    names = []
    for number, picture in enumerate(list_all_pictures(source)):
        upright = open_picture(picture)
        upright.thumbnail((LONGER_SIDE, LONGER_SIDE), Image.Resampling.BICUBIC)
        names.append(f"{picture.stem if recording_of(picture.name) else f'{number:05}'}.jpg")
        upright.convert("RGB").save(target / names[-1], quality=93)
    if not names:
        raise DataError("There are no pictures to label. Bring some.")
    return names


def copy_texts(source: Path, target: Path, encoding: str = "", column: str = "") -> list[str]:
    """Copies of all texts in `source`, a file each; their names in `target`."""
    found = find_texts(source, encoding, column)
    if found is None:
        raise DataError("There are no texts to label. Bring a table with a column of texts, or text files.")
    names = []
    for text in islice(_read(found, encoding), MOST_TEXTS + 1):
        names.append(f"{len(names):05}.txt")
        (target / names[-1]).write_text(text, "utf-8")
    if not 0 < len(names) <= MOST_TEXTS:
        raise DataError(f"{found.said} hold no text, or more than {MOST_TEXTS:,}. Bring others, or a part of them.")
    return names


def _read(found: Texts, encoding: str) -> Iterator[str]:
    for text in _cells(found, encoding) if found.columns else _files(found, encoding):
        if len(text) > MAX_TEXT:
            raise DataError(f"A text of {found.said} is longer than {MAX_TEXT:,} letters. Part it.")
        if text.strip():
            yield text.strip()


def _cells(found: Texts, encoding: str) -> Iterator[str]:
    at = found.columns.index(found.column)
    return (row.cells[at] for row in open_table(found.files[0], encoding).rows())


def _files(found: Texts, encoding: str) -> Iterator[str]:
    for file in found.files:
        text = decode(file.read_bytes(), file.name, encoding)
        yield from text.splitlines() if len(found.files) == 1 else [text]
