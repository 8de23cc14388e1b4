"""What a data block is put together from: where the inputs are, how they are labelled, how they are split.

Each function here gives an answer to one of the six questions, as another function that is asked of a folder. An answer of your
own is such a function too.
"""

import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.data.account import Findings
from engine.data.pictures.files import list_all_pictures, list_pictures
from engine.data.pictures.label_layouts import label_reader
from engine.data.pictures.mask_layouts import NO_MASK
from engine.data.pictures.named_rows import open_named
from engine.data.pictures.number_layouts import read_number_table
from engine.data.pictures.point_table import read_point_table
from engine.data.pictures.tag_layouts import read_tag_tables
from engine.data.reading.litter import is_in_litter
from engine.data.reading.values import quoted
from engine.data.splits import (
    Split,
)
from engine.data.texts.files import TEXT_SUFFIXES
from engine.errors import DataError

Inputs = Callable[[Path], Sequence[Path]]  # of a folder
Splitting = Callable[[Path, Sequence[Any]], Split]  # of a folder and its inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What the third question found.

    of: each input's label; inputs that are not in it have none, and are left out.
    findings: what was noticed on the way.
    split: what the labels' place says about the split, of some inputs; None where it says nothing.
    facts: what else is known of an input, such as who is in the picture.
    """

    of: Mapping[Path, Any]
    findings: Findings
    split: Callable[[Sequence[Path]], Split] | None = None
    facts: Callable[[Path], Mapping[str, str]] = field(default=lambda item: {})


Labelling = Callable[[Path, Sequence[Path]], Labels]  # of a folder and its inputs


# Where are the inputs?


def pictures_in(*folders: str) -> Inputs:
    """The pictures that lie directly in these folders, by name; "" is the data set's own folder."""
    return lambda root: [picture for name in folders or ("",) for picture in list_pictures(root / name)]


def all_pictures(*folders: str) -> Inputs:
    """The pictures in these folders and in all folders inside them."""
    return lambda root: [picture for name in folders or ("",) for picture in list_all_pictures(root / name)]


@dataclass(frozen=True, slots=True)
class TextsIn:
    """What `texts_in` gives: as a function, the files that hold texts in a folder."""

    tables: tuple[str, ...]
    column: str
    encoding: str

    def __call__(self, root: Path) -> list[Path]:
        if self.tables:
            return [root / table for table in self.tables]
        inside = (path for path in sorted(root.rglob("*")) if path.suffix.lower() in TEXT_SUFFIXES and path.is_file())
        return [path for path in inside if not is_in_litter(path.relative_to(root).parts)]


def texts_in(*tables: str, column: str = "", encoding: str = "") -> TextsIn:
    """The texts in a table's column, or in a table for each split; without a table, those in all text files of the folder.

    `encoding` is that of texts that are not UTF-8.
    """
    return TextsIn(tables, column, encoding)


# How are they labelled?


@dataclass(frozen=True, slots=True)
class LabelColumn:
    """What `label_column` gives: a column of the table that the texts are in."""

    name: str

    def __call__(self, root: Path, inputs: Sequence[Path]) -> Labels:
        raise DataError(
            "A column of labels goes with texts_in(TABLE) and Texts(). For pictures there are tags_in(TABLE), "
            "labels_in(TABLE), points_in(TABLE) and numbers_in(TABLE)."
        )


def label_column(name: str = "") -> LabelColumn:
    """The labels in a column of the table that the texts are in, called label, class or the like where it is not said."""
    return LabelColumn(name)


def each(label: Callable[[Path], Any]) -> Labelling:
    """`label` asked of one input after the other; those of which it says None, or raises `DataError`, are left out."""

    def labels(root: Path, inputs: Sequence[Path]) -> Labels:
        of: dict[Path, Any] = {}
        left_out: dict[str, tuple[str, ...]] = {}
        for item in inputs:
            try:
                said, why = label(item), "no label is said"
            except DataError as problem:
                said, why = None, str(problem)
            if said is None:
                left_out[why] = (*left_out.get(why, ()), item.name)
            else:
                of[item] = said
        layout = f"what {getattr(label, '__name__', 'a function')} says of each input"
        return Labels(of=of, findings=Findings(layout=layout, found=len(inputs), left_out=left_out))

    return labels


def folder_names(depth: int = 0) -> Labelling:
    """The name of the folder that an input lies in: the outermost one, or, with 1, that inside of a folder for its split."""

    def labels(root: Path, inputs: Sequence[Path]) -> Labels:
        parts = {item: item.relative_to(root).parts for item in inputs}
        lost = tuple(item.name for item in inputs if len(parts[item]) < depth + 2)
        found = Findings(
            layout="a folder for each class", found=len(inputs), left_out={"in no class's folder": lost} if lost else {}
        )
        return Labels(of={item: said[depth] for item, said in parts.items() if len(said) >= depth + 2}, findings=found)

    return labels


def tags_in(*tables: str, column: str = "") -> Labelling:
    """The tags in a table, or in one for each split; of several columns the one that is called tags or labels, or `column`."""

    def labels(root: Path, inputs: Sequence[Path]) -> Labels:
        files = [root / table for table in tables]
        found = read_tag_tables(root, files, folder_of(root, inputs), list(inputs), column=column)
        return Labels(of=found.tags, findings=found.findings, split=found.split)

    return labels


def labels_in(*tables: str, column: str = "") -> Labelling:
    """The one label of each picture in a table, or in one for each split: a whole cell, that may be several words."""

    def labels(root: Path, inputs: Sequence[Path]) -> Labels:
        files = [root / table for table in tables]
        where = folder_of(root, inputs)
        found = read_tag_tables(root, files, where, list(inputs), column=column, reader=label_reader)
        return Labels(of=found.tags, findings=found.findings, split=found.split)

    return labels


def points_in(table: str) -> Labelling:
    """The points in a table, as (column, row) in pixels."""

    def labels(root: Path, inputs: Sequence[Path]) -> Labels:
        found = read_point_table(root / table, folder_of(root, inputs), list(inputs))
        points = {picture: found.point(picture) for picture in found.pictures}
        return Labels(of=points, findings=found.findings, split=found.split, facts=found.facts)

    return labels


def numbers_in(table: str, *columns: str) -> Labelling:
    """The numbers in a table, by the names of their columns: in these, or in all that are numbers to be learnt."""

    def labels(root: Path, inputs: Sequence[Path]) -> Labels:
        where = folder_of(root, inputs)
        opened, named = open_named(root / table, where, list(inputs))
        found = read_number_table(opened, named, where, len(inputs), is_chosen=True, columns=columns)
        numbers = {item: dict(zip(found.names, some, strict=True)) for item, some in found.numbers.items()}
        return Labels(of=numbers, findings=found.findings, split=found.split, facts=found.facts)

    return labels


def masks_at(place: str) -> Labelling:
    """Each picture's mask, by a pattern with the picture's {stem} and {folder}, such as "labels/{stem}_P"; any suffix will do."""
    try:
        known = {name for _, name, _, _ in string.Formatter().parse(place) if name is not None}
    except ValueError:  # a brace is open
        known = set()
    if not known <= {"stem", "folder"} or "stem" not in known:
        raise DataError(f"The pattern {place!r} says no place for each mask. Write one such as labels/{{stem}}_P.")

    def labels(root: Path, inputs: Sequence[Path]) -> Labels:
        wanted = {item: root / place.format(stem=item.stem, folder=item.parent.name) for item in inputs}
        shared = [path for path, times in Counter(wanted.values()).items() if times > 1]
        if shared:
            raise DataError(
                f"The pattern {place!r} gives several pictures one mask, {shared[0].name}. Put {{folder}} into it."
            )
        there: dict[str, list[Path]] = {}
        for folder in sorted({path.parent for path in wanted.values()}):
            for mask in list_pictures(folder):
                there.setdefault(str(mask.with_suffix("")), []).append(mask)
        found = {item: there.get(str(path), []) for item, path in wanted.items()}
        doubtful = [some for some in found.values() if len(some) > 1]
        if doubtful:
            raise DataError(
                f"There are two masks for one picture: {quoted(mask.name for mask in doubtful[0])}. Keep one."
            )
        lost = tuple(item.name for item, some in found.items() if not some)
        return Labels(
            of={item: some[0] for item, some in found.items() if some},
            findings=Findings(layout=f"masks at {place}", found=len(inputs), left_out={NO_MASK: lost} if lost else {}),
        )

    return labels


def folder_of(root: Path, inputs: Sequence[Path]) -> Path:
    """The folder from which inputs are named in a table: theirs, or, where they lie in several, the data set's."""
    folders = {item.parent for item in inputs}
    return folders.pop() if len(folders) == 1 else root
