"""The folders in which tagged pictures come: which tags belong to which picture, and who validates.

A table (`labels.csv`, Kaggle's `train_v2.csv`, or any other) names pictures and their tags; or it has a line for each picture and
tag, or a column of 0 and 1 for each tag. Without a table, pictures lie in a folder for each class.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from engine.data.account import Findings, part
from engine.data.pictures.bands import look_at_bands
from engine.data.pictures.files import list_all_pictures, list_pictures
from engine.data.pictures.named_rows import NO_LINE, open_named
from engine.data.pictures.scan import follow_each_other, look_at_pictures
from engine.data.pictures.tag_columns import IS_LABELLED, CellReader, joined_tags, tag_columns, tag_reader
from engine.data.reading.litter import is_litter
from engine.data.reading.tables import SUFFIXES
from engine.data.reading.tags import tag_warnings
from engine.data.reading.values import MARKS, quoted
from engine.data.splits import (
    SPLIT_SEED,
    SPLIT_WORDS,
    ColumnSplit,
    Split,
    by_chance,
    by_mark,
    by_recordings,
    by_words,
    column_split,
    recordings,
)
from engine.errors import DataError, LayoutError

TABLES = ("labels.csv", "train_v2.csv", "train_classes.csv")
FOLDERS = ("train", "train-jpg", "train-tif-v2", "images")
TEST_FOLDERS = {"train-jpg": ("test-jpg", "test-jpg-additional"), "train-tif-v2": ("test-tif-v2",)}
_MASKS = re.compile(r"(masks?|labels?|annot|gt|ground|seg)(\b|_|$|[a-z]*$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagLayout:
    """A folder understood: each picture's tags, who validates, and where pictures without tags lie."""

    tags: Mapping[Path, tuple[str, ...]]
    split: Callable[[Sequence[Path]], Split]
    unlabelled: tuple[Path, ...]
    findings: Findings


def find_tag_layout(root: Path, seed: int = SPLIT_SEED, reader: CellReader = tag_reader) -> TagLayout:
    """The layout that `root` has: a table, or a folder with one, or a folder of pictures beside one, or folders for classes.

    `reader` says how a table's cells are read.
    """
    for place, folder in ((root.parent if root.is_file() else root, None), (root.parent, root)):
        tables = [root] if root.is_file() else _tables_in(place)
        pictures = _pictures_of(place, folder)
        if tables and pictures[1]:
            layout = read_tag_tables(root, tables, *pictures, seed=seed, reader=reader)
            return _with_parts(layout, root, place, pictures[0])
        if root.is_file():
            break
    classes = _class_folders(root)
    if classes:
        return _of_folders(root, classes, seed)
    raise LayoutError(
        f"{root} has no layout that is known for tags. Expected labels.csv (image_name,tags) and pictures in train/, "
        "Kaggle's train_v2.csv with train-jpg/ or train-tif-v2/, or a folder of pictures for each class."
    )


def _tables_in(place: Path) -> list[Path]:
    """Those with a name that is known, the first of them first; else all that may be tables."""
    if not place.is_dir():
        return []
    known = [place / name for name in TABLES if (place / name).is_file()]
    others = [path for path in sorted(place.iterdir()) if path.suffix.lower() in SUFFIXES and path.is_file()]
    return known or [path for path in others if not is_litter(path.name)]


def _pictures_of(place: Path, folder: Path | None) -> tuple[Path, list[Path]]:
    """The folder that pictures are in, and they themselves."""
    for named in [folder] if folder else [place / name for name in FOLDERS]:
        found = list_pictures(named)
        if found:
            return named, found
    return place, [] if folder else list_all_pictures(place)


def _with_parts(layout: TagLayout, root: Path, place: Path, folder: Path) -> TagLayout:
    """The layout with the same as parts of a data block."""
    if root.is_dir() and root != place:
        return layout  # the table lies beside the folder, where a block that is opened on that does not look
    inputs = part("all_pictures") if folder == place else part("pictures_in", folder.name)
    return replace(layout, findings=replace(layout.findings, parts={"inputs": inputs, **layout.findings.parts}))


def read_tag_tables(
    root: Path,
    tables: Sequence[Path],
    folder: Path,
    pictures: list[Path],
    *,
    seed: int = SPLIT_SEED,
    column: str = "",
    reader: CellReader = tag_reader,
) -> TagLayout:
    """The tags of the pictures in `folder`: a table for each split, or the first table that names any of the pictures.

    `column` is the one with the tags, where it is not called so.
    """
    read = partial(_of_table, root, folder=folder, pictures=pictures, seed=seed, column=column, reader=reader)
    parts = {file: SPLIT_WORDS[file.stem.lower()] for file in tables if file.stem.lower() in SPLIT_WORDS}
    if len(set(parts.values())) > 1:
        return _of_split_tables(parts, [read(file) for file in parts], pictures)
    refusal: DataError | None = None
    for file in tables:
        try:
            return read(file)
        except DataError as problem:
            refusal = refusal or problem
    assert refusal
    raise refusal


def _of_split_tables(parts: Mapping[Path, str], layouts: Sequence[TagLayout], pictures: list[Path]) -> TagLayout:
    """Tables that are called like splits, together."""
    on = {path: side for layout, side in zip(layouts, parts.values(), strict=True) for path in layout.tags}
    tags = {path: some for layout in layouts for path, some in layout.tags.items()}
    left_out: dict[str, tuple[str, ...]] = {}
    for layout in layouts:
        for why, names in layout.findings.left_out.items():
            left_out[why] = (*left_out.get(why, ()), *(name for name in names if why != NO_LINE))
    left_out[NO_LINE] = tuple(path.name for path in pictures if path not in tags)
    named = ", ".join(file.name for file in parts)
    return TagLayout(
        tags=tags,
        split=lambda inputs: by_words(inputs, on, named),
        unlabelled=(),
        findings=Findings(
            layout=f"pictures, and tags in {named}",
            found=len(pictures),
            left_out={why: names for why, names in left_out.items() if names},
            parts={"label": part("tags_in", *(file.name for file in parts))},
            warnings=tuple(dict.fromkeys(said for layout in layouts for said in layout.findings.warnings)),
            notes=tuple(dict.fromkeys(said for layout in layouts for said in layout.findings.notes)),
        ),
    )


def _of_table(
    root: Path, file: Path, folder: Path, pictures: list[Path], *, seed: int, column: str, reader: CellReader
) -> TagLayout:
    table, named = open_named(file, folder, pictures)
    rows = [row for some in named.rows.values() for row in some]
    columns = tag_columns(table, rows, named.column, column)
    read, written = reader(table, rows, columns)
    tags = {picture: joined_tags([read(row) for row in some]) for picture, some in named.rows.items()}
    said = table.column((IS_LABELLED,))
    if said is not None:  # without tags, and not forgotten
        none = {
            one for one, some in named.rows.items() if any(MARKS.get(row.cells[said].strip().lower()) for row in some)
        }
        tags = {picture: () if some is None and picture in none else some for picture, some in tags.items()}
    used = {picture: some for picture, some in tags.items() if some is not None}
    if not used:
        raise DataError(
            f"{file.name} says no tags of any of its pictures: its column {table.columns[columns[0]]} is empty."
        )
    silent = tuple(picture.name for picture, some in tags.items() if some is None)
    several = [picture.name for picture, some in named.rows.items() if len(some) > 1]
    by_column = column_split(table, {picture: named.rows[picture][0] for picture in used})
    notes = [*table.notes, f"{file.name} is {table.written}; {written}."]
    notes += table.unused({named.column, *columns, said, by_column.column if by_column else None})
    if several:
        notes.append(
            f"{len(several)} pictures stand on several lines ({quoted(several)}): their tags are taken together."
        )
    beside = [folder.parent / name for name in TEST_FOLDERS.get(folder.name, ())]
    return TagLayout(
        tags=used,
        split=_split_of(by_column, seed),
        unlabelled=tuple(path for place in beside for path in list_pictures(place)),
        findings=Findings(
            layout=f"pictures in {folder.name}/, tags in {file.name}",
            found=len(pictures),
            left_out={**named.lost, **({"no tags are said": silent} if silent else {})},
            warnings=tuple(tag_warnings(used.values())),
            notes=tuple(notes),
            parts={"label": part("tags_in", file.name, column=column)},
        ),
    )


def _split_of(said: ColumnSplit | None, seed: int) -> Callable[[Sequence[Path]], Split]:
    if said:
        return said.split

    def by_names(inputs: Sequence[Path]) -> Split:
        of = recordings(inputs)
        if of and follow_each_other(of, look_at_pictures(inputs, look_at_bands)):
            return by_recordings(inputs, of)
        return by_chance(inputs, seed=seed)

    return by_names


def _class_folders(root: Path) -> dict[str, dict[str, list[Path]]]:
    """By split, the pictures of each folder that is a class; {} where there are not two of these."""
    if not root.is_dir():
        return {}
    inner = [path for path in sorted(root.iterdir()) if path.is_dir() and not is_litter(path.name)]
    splits = {SPLIT_WORDS[path.name.lower()]: path for path in inner if path.name.lower() in SPLIT_WORDS}
    places = splits if "train" in splits else {"": root}
    found = {
        split: {
            path.name: list_all_pictures(path)
            for path in sorted(place.iterdir())
            if path.is_dir() and not is_litter(path.name)
        }
        for split, place in places.items()
    }
    found = {split: {name: files for name, files in some.items() if files} for split, some in found.items()}
    classes = {name for some in found.values() for name in some}
    if len(classes) == 2 and any(_MASKS.match(name) for name in classes):
        raise DataError(
            f"{root.name} has the folders {quoted(sorted(classes))}, which look like pictures and their masks. For masks "
            "there should be images/, labels/ and codes.txt; folders for classes need other names."
        )
    return found if len(classes) > 1 else {}


def _of_folders(root: Path, classes: Mapping[str, Mapping[str, list[Path]]], seed: int) -> TagLayout:
    tags = {path: (name,) for some in classes.values() for name, files in some.items() for path in files}
    on = {path: split for split, some in classes.items() for files in some.values() for path in files}
    parted = "valid" in classes

    def split(inputs: Sequence[Path]) -> Split:
        kept = [path for path in inputs if on[path] != "test"]
        test = tuple(path for path in inputs if on[path] == "test")
        if parted:
            found = by_mark(kept, lambda path: on[path] == "valid", "a folder for each split")
        else:
            found = by_chance(kept, seed=seed)
        return replace(found, test=test)

    layout = "a folder of pictures for each class" + (f", in {', '.join(classes)}" if "" not in classes else "")
    outer = {split: path.relative_to(root).parts[0] for path, split in on.items() if split}
    parts = {
        "inputs": part("all_pictures", *outer.values()),
        "label": part("folder_names", *((1,) if outer else ())),
    }
    if parted or "test" in outer:
        parts["split"] = part("folder_split", valid=outer.get("valid", ""), test=outer.get("test", ""))
    tops = {path.relative_to(root).parts[0] for path, side in on.items() if side}
    is_told = len(tops) == len(outer)  # not where two folders are for one split
    findings = Findings(layout=layout, found=len(tags), parts=parts if is_told else {})
    return TagLayout(tags=tags, split=split, unlabelled=(), findings=findings)
