"""The ways in which people keep labelled texts, other than as a saved `DatasetDict`: a table, or folders of text files.

A table may be CSV or its kin, JSON lines, JSON, Parquet or Excel; several are one for each split. Of folders, each is a
class, and these may lie in folders for the splits.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from engine.data.account import Findings, part
from engine.data.reading.encodings import decode
from engine.data.reading.litter import SYSTEM_FILES, is_in_litter, is_litter, litter_in
from engine.data.reading.tables import SUFFIXES, open_table
from engine.data.reading.values import storable
from engine.data.texts.labelled_table import (
    AS_NAMED,
    LABEL_COLUMNS,
    NO_TEXT,
    TEXT_COLUMNS,
    Columns,
    TextTable,
    any_of,
    split_of,
    together,
)
from engine.data.texts.tables import MAX_TEXT, SPLIT_NAMES, UNLABELLED, TextRow, too_long
from engine.errors import LayoutError

TEXT_SUFFIXES = (".txt", ".text")
OTHER_FILES = "not a text file (.txt)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Texts as they are read: the class names in their order, and the texts.

    `source` says in a few words what tells the validation texts; "" where nothing does.
    """

    classes: tuple[str, ...]
    source: str
    findings: Findings
    rows: Callable[[], Iterator[TextRow]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLayout:
    """Texts as somebody keeps them. Whatever is in them is in `files`, so that a copy can tell when it is out of date."""

    files: tuple[Path, ...]
    read: Callable[[], Reading]


def find_layout(root: Path, encoding: str = "", columns: Columns = AS_NAMED) -> TextLayout:
    """How the texts in `root` are kept; a `LayoutError` that lists what can be read when it is none of that.

    `encoding` is what somebody has said of files that are not UTF-8; `columns` which of a table's columns they mean.
    """
    if root.is_file():
        return read_text_tables((root,), encoding, columns)
    tables = [path for path in sorted(root.iterdir()) if _is_table(path)]
    named = [path for path in tables if path.stem.lower() in ("texts", "train")]
    train = named or [path for path in tables if split_of(path) == "train"]
    if len(train) == 1:
        rest = tuple(path for path in tables if split_of(path) != "train")
        return read_text_tables((*train, *rest), encoding, columns)
    if tables and not train:
        return read_text_tables(tuple(tables), encoding, columns)
    layout = read_text_folders(root, encoding)
    if layout.files:
        return layout
    wrong = f"it has {len(train)} tables, and which of them is meant is not clear" if train else "it has none"
    raise LayoutError(
        f"{root} is not a data set of texts: {wrong}. What can be read: a table with a column {any_of(TEXT_COLUMNS[:4])} "
        f"and a column {any_of(LABEL_COLUMNS[:4])}, called texts.csv where there are several; text files in one folder for "
        "each class, as pos/*.txt and neg/*.txt, or these in folders train and test; or a DatasetDict saved by the "
        "library datasets."
    )


def _is_table(path: Path) -> bool:
    return path.is_file() and not is_litter(path.name) and path.suffix.lower() in SUFFIXES - {".txt"}


class _Place(NamedTuple):
    """A folder's text files; `label` is None where nobody has said."""

    split: str
    label: str | None
    files: tuple[Path, ...]


def _places(root: Path) -> list[_Place]:
    """The folders that hold text files, in a fixed order."""
    splits = [(SPLIT_NAMES[path.name.lower()], path) for path in _folders_in(root) if path.name.lower() in SPLIT_NAMES]
    if not any(_folders_in(folder) for _, folder in splits):
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
    return sorted(path for path in folder.iterdir() if path.is_dir() and not is_litter(path.name))


def _texts_in(folder: Path) -> tuple[Path, ...]:
    found = (path for path in folder.iterdir() if path.suffix.lower() in TEXT_SUFFIXES and path.is_file())
    return tuple(sorted(path for path in found if not is_litter(path.name)))


def read_text_folders(root: Path, encoding: str = "") -> TextLayout:
    """A folder of text files for each class, perhaps in folders for the splits; without files where there are none."""
    places = _places(root)
    files = tuple(file for place in places for file in place.files)

    def read() -> Reading:
        classes = tuple(sorted({storable(place.label) for place in places if place.label is not None}))
        empty = tuple(storable(file.relative_to(root).as_posix()) for file in files if not file.stat().st_size)
        litter = tuple(
            dict.fromkeys(
                name for folder in {root, *(file.parent.parent for file in files)} for name in litter_in(folder)
            )
        )
        left_out = {NO_TEXT: empty, SYSTEM_FILES: litter, OTHER_FILES: _other_files(root, files)}
        splits = sorted({place.split for place in places})
        findings = Findings(
            layout="a folder of text files for each class" + (f", in {', '.join(splits)}" if len(splits) > 1 else ""),
            found=len(files),
            left_out={why: names for why, names in left_out.items() if names},
            parts=_folder_parts(root, places, encoding),
        )
        return Reading(
            classes=classes, source="those in a folder of their own", findings=findings, rows=lambda: rows(classes)
        )

    def rows(classes: tuple[str, ...]) -> Iterator[TextRow]:
        for split, label, some in places:
            number = UNLABELLED if label is None else classes.index(storable(label))
            yield from (row for file in some if (row := read_text_row(root, file, split, number, encoding)))

    return TextLayout(files=files, read=read)


def _folder_parts(root: Path, places: Sequence[_Place], encoding: str) -> dict[str, str]:
    """The same as parts of a data block, where all texts have labels and nothing is said of a test set's."""
    outer = {place.split: place.files[0].relative_to(root).parts for place in places}
    inside = {path for path in root.rglob("*") if path.suffix.lower() in TEXT_SUFFIXES and path.is_file()}
    others = {path for path in inside if not is_in_litter(path.relative_to(root).parts)}
    others -= {file for place in places for file in place.files}
    tops = {file.relative_to(root).parts[0] for place in places for file in place.files}
    is_odd = bool(others) or (len(outer) > 1 and len(tops) > len(outer))
    if "unsupervised" in outer or is_odd:
        return {}
    depth = max(map(len, outer.values()), default=2) - 2
    parts = {"inputs": part("texts_in", encoding=encoding), "label": part("folder_names", *((depth,) if depth else ()))}
    if depth and len(outer) > 1:
        names = {split: parts[0] for split, parts in outer.items()}
        parts["split"] = part("folder_split", valid=names.get("validation", ""), test=names.get("test", ""))
    return parts


def read_text_row(root: Path, file: Path, split: str, number: int, encoding: str = "") -> TextRow | None:
    """A file's text with the number of its class; None for an empty one, `DataError` for one that is no text."""
    name = storable(file.relative_to(root).as_posix())
    if file.stat().st_size > MAX_TEXT:
        raise too_long(name)
    content = file.read_bytes()
    return TextRow(split, name, decode(content, name, encoding), number) if content else None


def _other_files(root: Path, files: Sequence[Path]) -> tuple[str, ...]:
    """What lies beside the text files, and is none."""
    beside = (path for folder in sorted({file.parent for file in files}) for path in sorted(folder.iterdir()))
    others = (path for path in beside if path.is_file() and not is_litter(path.name))
    return tuple(
        storable(path.relative_to(root).as_posix()) for path in others if path.suffix.lower() not in TEXT_SUFFIXES
    )


def read_text_tables(files: tuple[Path, ...], encoding: str = "", columns: Columns = AS_NAMED) -> TextLayout:
    """A table for all splits, or one for each."""

    def read() -> Reading:
        parts = {
            "inputs": part("texts_in", *(file.name for file in files), column=columns.text, encoding=encoding),
            "label": part("label_column", *((columns.label,) if columns.label else ())),
        }
        tables = [TextTable(open_table(file, encoding), columns) for file in files]
        seen = [table.look() for table in tables]
        classes = tuple(sorted({label for look in seen for label in look.labels}))
        numbers = {label: number for number, label in enumerate(classes)}
        source = next((table.source for table in tables if table.source), "")
        return Reading(
            classes=classes,
            source=source,
            findings=replace(together(tables, seen), parts=parts),
            rows=lambda: (row for table in tables for row in table.rows(numbers)),
        )

    return TextLayout(files=files, read=read)
