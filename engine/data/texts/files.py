"""The ways in which people keep labelled texts, other than as a saved `DatasetDict`: a CSV file, or folders of text files."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from engine.data.texts.tables import MAX_TEXT, SPLIT_NAMES, UNLABELLED, TextRow, decode_text, too_long
from engine.errors import DataError

TEXT_COLUMNS = ("text", "review", "sentence", "content")
LABEL_COLUMNS = ("label", "sentiment", "class", "category")
VALID_COLUMN = "is_valid"
# Of one field, and for the whole process: set once, as threads that set it back would refuse each other's tables.
csv.field_size_limit(max(MAX_TEXT, csv.field_size_limit()))
MARKS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLayout:
    """Texts as somebody keeps them. Whatever is in them is in `files`, so that a copy can tell when it is out of date.

    `marks` says in a few words what tells the validation texts, where anything does. `read()` gives the class names in
    their order, and the texts.
    """

    files: tuple[Path, ...]
    marks: str
    read: Callable[[], tuple[tuple[str, ...], Iterator[TextRow]]]


def find_layout(root: Path) -> TextLayout:
    """How the texts in `root` are kept; a `DataError` that lists what can be read when it is none of that."""
    if root.is_file():
        return _tables((root,))
    tables = sorted(path for path in root.glob("*.csv") if path.is_file())
    named = [path for path in tables if path.name.lower() in ("texts.csv", "train.csv")]
    train = named or [path for path in tables if _split_of(path) == "train"]
    if len(train) == 1:
        return _tables((*train, *(path for path in tables if _split_of(path) != "train")))
    places = _places(root)
    if places:
        return _folders(root, places)
    wrong = f"it has {len(train)} CSV files, and which of them is meant is not clear" if train else "it has none"
    raise DataError(
        f"{root} is not a data set of texts: {wrong}. What can be read: a CSV file with a column {_any(TEXT_COLUMNS)} and a "
        f"column {_any(LABEL_COLUMNS)}, called texts.csv where there are several; text files in one folder for each class, "
        "as pos/*.txt and neg/*.txt, or these in folders train and test; or a DatasetDict saved by the library datasets."
    )


class _Place(NamedTuple):
    """A folder's text files; `label` is None where nobody has said."""

    split: str
    label: str | None
    files: tuple[Path, ...]


def _places(root: Path) -> list[_Place]:
    """The folders that hold text files, in a fixed order."""
    splits = [(SPLIT_NAMES[path.name.lower()], path) for path in _folders_in(root) if path.name.lower() in SPLIT_NAMES]
    if all(split != "train" for split, _ in splits):
        splits = [("train", root)]  # the folders right here are the classes
    places: list[_Place] = []
    for split, folder in splits:
        if split == "unsupervised":
            places.append(_Place(split, None, _texts_in(folder)))
            continue
        for inner in _folders_in(folder):
            # The archive that Stanford offers has unsup inside train.
            if SPLIT_NAMES.get(inner.name.lower()) == "unsupervised":
                places.append(_Place("unsupervised", None, _texts_in(inner)))
            else:
                places.append(_Place(split, inner.name, _texts_in(inner)))
    return [place for place in places if place.files]


def _folders_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _texts_in(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(path for path in folder.glob("*.txt") if path.is_file() and not path.name.startswith(".")))


def _folders(root: Path, places: list[_Place]) -> TextLayout:
    classes = tuple(sorted({_storable(place.label) for place in places if place.label is not None}))

    def rows() -> Iterator[TextRow]:
        for split, label, files in places:
            number = UNLABELLED if label is None else classes.index(_storable(label))
            for file in files:
                name = _storable(file.relative_to(root).as_posix())
                if file.stat().st_size > MAX_TEXT:
                    raise too_long(name)
                yield TextRow(split, name, decode_text(file.read_bytes()), number)

    files = tuple(file for place in places for file in place.files)
    return TextLayout(files=files, marks="those in a folder of their own", read=lambda: (classes, rows()))


def _storable(name: str) -> str:
    """A file's name as text: on some systems it may have bytes in it that are none."""
    return name.encode("utf-8", "replace").decode()


def _tables(files: tuple[Path, ...]) -> TextLayout:
    def read() -> tuple[tuple[str, ...], Iterator[TextRow]]:
        # Once for the class names alone, since a class's number is its place among all of them.
        classes = tuple(sorted({label for file in files for _, label, _ in _read_table(file) if label}))
        return classes, rows({label: number for number, label in enumerate(classes)})

    def rows(numbers: dict[str, int]) -> Iterator[TextRow]:
        for file in files:
            for count, (text, label, is_valid) in enumerate(_read_table(file), start=1):
                split = "validation" if is_valid else _split_of(file)
                if not label and split != "test":
                    split = "unsupervised"
                yield TextRow(split, f"{file.name}#{count}", text, numbers.get(label, UNLABELLED))

    own = [file.name for file in files if _split_of(file) == "validation"]
    return TextLayout(files=files, marks=own[0] if own else f"the rows where {VALID_COLUMN} is True", read=read)


def _split_of(file: Path) -> str:
    """The split that a table's name says; of any other name it is the training texts."""
    return SPLIT_NAMES.get(file.stem.lower(), "train")


def _read_table(file: Path) -> Iterator[tuple[str, str, bool]]:
    """(text, label, is it for validation?) of each row; the label is "" where nobody has said."""
    needs_labels = _split_of(file) in ("train", "validation")
    with opened_table(file) as (header, rows):
        text_at, label_at = _find(header, TEXT_COLUMNS), _find(header, LABEL_COLUMNS)
        valid_at = _find(header, (VALID_COLUMN,)) if _split_of(file) == "train" else None
        if text_at is None or (label_at is None and needs_labels):
            raise DataError(
                f"{file.name} has the columns {', '.join(header)[:200] or '(none)'}. It needs one called "
                f"{_any(TEXT_COLUMNS)}, and one called {_any(LABEL_COLUMNS)}: rename them in its first line, or say which "
                "they are: python -m engine add-texts."
            )
        for line, row in rows:
            label = "" if label_at is None else row[label_at].strip()
            yield row[text_at], label, valid_at is not None and _mark(row[valid_at], file, line)


@contextmanager
def opened_table(file: Path) -> Iterator[tuple[list[str], Iterator[tuple[int, list[str]]]]]:
    """A CSV file's column names, in small letters, and its rows, each with the line it ends in; `DataError` where that fails.

    What parts the columns is seen from the first line: a comma, a semicolon or a tab.
    """
    with file.open(encoding=_encoding(file), errors="replace", newline="") as content:
        first = content.readline(MAX_TEXT)
        content.seek(0)
        lines = csv.reader(content, delimiter=max(",;\t", key=first.count))
        try:
            header = [name.strip().lower() for name in next(lines, [])]
            yield header, _checked(lines, file, len(header))
        except csv.Error as error:
            raise DataError(
                f"{file.name} cannot be read near line {lines.line_num:,} ({error}). Is a double quote left open there?"
            ) from None


def _checked(lines: Any, file: Path, columns: int) -> Iterator[tuple[int, list[str]]]:
    for row in lines:
        if not row:
            continue
        if len(row) != columns:
            raise DataError(
                f"{file.name} has {len(row)} columns in line {lines.line_num:,}, but {columns} names in its first: put texts "
                "in double quotes."
            )
        yield lines.line_num, row


def _encoding(file: Path) -> str:
    """UTF-8, unless most of what is not ASCII in the file's beginning is none: then what Excel writes in Western Europe."""
    with file.open("rb") as content:
        start = content.read(1_000_000).decode("utf-8", "replace")
    foreign, broken = sum(mark > "\x7f" for mark in start), start.count("\ufffd")
    return "cp1252" if broken > foreign / 2 else "utf-8-sig"


def _find(header: list[str], names: tuple[str, ...]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _mark(value: str, file: Path, line: int) -> bool:
    mark = MARKS.get(value.strip().lower())
    if mark is None:
        raise DataError(f"{file.name} has {value[:40]!r} as {VALID_COLUMN} near line {line:,}: write True or False.")
    return mark


def _any(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
