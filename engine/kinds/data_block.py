"""The data block for people: six questions about a data set, each answered by a part, and opened on a folder.

A layout that the app finds by itself is a few lines of this; so is one that nobody has thought of:

    block = DataBlock(
        inputs=pictures_in("train"),
        label=tags_in("labels.csv"),
        split=random_split(0.2, seed=42),
        target=Tags(),
    )
    data = block.open("my-chips")

The parts are in `engine.kinds.block_parts`.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Protocol

from torchvision.transforms import v2

from engine.data.dataset import DataSet
from engine.data.pictures.block import Data, Sample
from engine.data.pictures.mask_layouts import MaskLayout, read_classes
from engine.data.pictures.number_layouts import NumberLayout
from engine.data.pictures.point_table import PointLayout
from engine.data.pictures.tag_layouts import TagLayout
from engine.data.pictures.transforms import build_augmentation, transforms_from_above, transforms_unmirrored
from engine.data.reading.values import quoted, storable
from engine.data.splits import SPLIT_SEED, Split, by_chance
from engine.data.texts.dataset import TextData, mixed, open_text_layout
from engine.data.texts.files import Reading, TextLayout, read_text_row, read_text_tables
from engine.data.texts.labelled_table import NO_TEXT, Columns
from engine.data.texts.tables import TextRow
from engine.errors import DataError
from engine.kinds.block_parts import Inputs, LabelColumn, Labelling, Labels, Splitting, TextsIn
from engine.kinds.label import open_named
from engine.kinds.mask import open_mask_layout
from engine.kinds.number import open_number_layout
from engine.kinds.point import open_point_layout
from engine.kinds.tags import open_tag_layout


class Target(Protocol):
    """What a label is to the model, such as a mask: how a block with such labels is opened on a folder."""

    def open(self, block: "DataBlock", root: Path) -> DataSet: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DataBlock:
    """The six questions. Nothing is read before `open`.

    inputs(root): the inputs in a folder, in a fixed order.
    label(root, inputs): their labels; inputs without one are left out, and named in the account.
    target: what a label is, and so what is learnt: `Tags()`, `OneLabel()`, `Masks("codes.txt")`, `Point()`, `Numbers()`
        or `Texts()`.
    split(root, inputs): who trains and who validates; None for what the labels' place says, or else a random fifth.
    test(root): the inputs of a test set of its own, which are labelled like the others.
    transforms(strength): what happens to a training sample, by the name of the stage's strength; None for the target's own way:
        light, zoom, a little turn, and, but for numbers, a mirror.
    batch(input, label, (height, width)): one sample opened at one size, so that samples stack; None for the target's own way.
    """

    inputs: Inputs
    label: Labelling
    target: Target
    split: Splitting | None = None
    test: Inputs = lambda root: []
    transforms: Callable[[str], v2.Transform] | None = None
    batch: Callable[[Path, Any, tuple[int, int]], Sample] | None = None

    def open(self, root: str | Path) -> DataSet:
        """The data set that the block finds in a folder, or beside a table; `DataError` with what to do where that is none."""
        folder = Path(root).expanduser()
        folder = folder.parent if folder.is_file() else folder
        if not folder.is_dir():
            raise DataError(
                f"There is no folder {folder}. A data block is opened on the folder that holds the data set."
            )
        return self.target.open(self, folder)

    def labelled(self, root: Path) -> tuple[Labels, Callable[[Sequence[Path]], Split]]:
        """The first four questions asked of a folder: labels of all inputs, those of the test set too, and how they are split."""
        inputs, test = list(self.inputs(root)), list(self.test(root))
        twice = set(inputs) & set(test)
        if twice:
            raise DataError(f"{min(twice).name} is an input and in the test set. Name different folders for the two.")
        if not inputs and not test:
            raise DataError(
                f"{root} has no inputs where the block looks for them. Look at the answer to its first question."
            )
        labels = self.label(root, [*inputs, *test])
        if not labels.of:
            why = "; ".join(f"{len(names)}: {reason}" for reason, names in labels.findings.left_out.items())
            raise DataError(f"None of the {len(inputs) + len(test)} inputs in {root} has a label ({why}).")

        tested = frozenset(test)

        def split(items: Sequence[Path]) -> Split:
            kept = [item for item in items if item not in tested]
            held = [item for item in items if item in tested]
            found = self.split(root, kept) if self.split else (labels.split or by_chance)(kept)
            return with_test(found, held)

        return labels, split

    def finish(self, data: Data) -> Data:
        """A data set with the block's own `batch`, if it has one. Resized copies of what such a function gives are not kept."""
        if self.batch is None:
            return data
        return replace(data, block=replace(data.block, batch=self.batch), reading=uuid.uuid4().hex)


@dataclass(frozen=True, slots=True)
class Tags:
    """Several labels may hold at once: labels are names, one or several for each input."""

    def open(self, block: DataBlock, root: Path) -> Data:
        labels, split = block.labelled(root)
        tags = {item: _names(said) for item, said in labels.of.items()}
        layout = TagLayout(tags=tags, split=split, unlabelled=(), findings=labels.findings)
        return block.finish(open_tag_layout(root, layout, transforms=block.transforms or build_augmentation))


@dataclass(frozen=True, slots=True)
class OneLabel:
    """Exactly one label holds: labels are names, and a target is that name's number, () int64."""

    def open(self, block: DataBlock, root: Path) -> Data:
        labels, split = block.labelled(root)
        said = {item: _names(label) for item, label in labels.of.items()}
        several = [item for item, some in said.items() if len(some) != 1]
        if several:
            raise DataError(
                f"{several[0].name} has {len(said[several[0]])} labels. With OneLabel() each input has one; Tags() takes "
                "several."
            )
        names = {item: next(iter(some)) for item, some in said.items()}
        found = open_named(
            root, names, split, labels.findings, transforms=block.transforms or build_augmentation, facts=labels.facts
        )
        return block.finish(found)


def _names(said: Any) -> tuple[str, ...]:
    """Labels as names: one, or several, each once."""
    some = (said,) if isinstance(said, str) or not isinstance(said, Iterable) else said
    return tuple(dict.fromkeys(str(name) for name in some))


@dataclass(frozen=True, slots=True)
class Masks:
    """A class for each pixel: labels are pictures of codes, and `codes` a file that names these, one on each line."""

    codes: str = "codes.txt"

    def open(self, block: DataBlock, root: Path) -> Data:
        labels, split = block.labelled(root)
        classes, notes = read_classes(root / self.codes)
        findings = replace(labels.findings, notes=(*labels.findings.notes, *notes))
        layout = MaskLayout(codes=classes, masks=labels.of, test=(), split=split, findings=findings)
        return block.finish(open_mask_layout(root, layout, transforms=block.transforms or build_augmentation))


@dataclass(frozen=True, slots=True)
class Point:
    """A place in the picture: labels are (column, row) in its pixels."""

    def open(self, block: DataBlock, root: Path) -> Data:
        labels, split = block.labelled(root)
        layout = PointLayout(
            pictures=tuple(labels.of),
            point=labels.of.__getitem__,
            split=split,
            facts=labels.facts,
            findings=labels.findings,
        )
        return block.finish(open_point_layout(root, layout, transforms=block.transforms or build_augmentation))


@dataclass(frozen=True, slots=True)
class Numbers:
    """One number or several: labels are numbers by name, such as {"age": 31.5}, the same names for each input; or one number."""

    def open(self, block: DataBlock, root: Path) -> Data:
        labels, split = block.labelled(root)
        said = {item: label if isinstance(label, Mapping) else {"number": label} for item, label in labels.of.items()}
        names = tuple(next(iter(said.values()), {}))
        odd = next((item for item, some in said.items() if set(some) != set(names)), None)
        if odd or not names:
            wrong = (
                f"{odd.name} has the numbers {quoted(said[odd])}, others have {quoted(names)}" if odd else "no numbers"
            )
            raise DataError(f"Numbers() need the same names for each input, and there are {wrong}.")
        layout = NumberLayout(
            names=names,
            numbers={item: tuple(float(some[name]) for name in names) for item, some in said.items()},
            split=split,
            facts=labels.facts,
            findings=labels.findings,
        )
        return block.finish(open_number_layout(root, layout, transforms=block.transforms or transforms_unmirrored))


@dataclass(frozen=True, slots=True)
class Texts:
    """A class for each text: labels are names."""

    def open(self, block: DataBlock, root: Path) -> TextData:
        where = block.inputs
        if not isinstance(where, TextsIn):
            raise DataError(
                "Texts() are read by texts_in(TABLE) or texts_in(): give one of these as the block's inputs."
            )
        if isinstance(block.label, LabelColumn):
            columns = Columns(where.column, block.label.name)
            lost = [name for name in where.tables if not (root / name).is_file()]
            if lost or not where.tables:
                raise DataError(
                    f"There is no table {lost[0]} in {root}."
                    if lost
                    else "A column of labels needs its table: texts_in(TABLE)."
                )
            layout = read_text_tables(tuple(where(root)), where.encoding, columns)
            said = (*where.tables, where.encoding, *columns)
            return _split_again(open_text_layout(root, layout, said=said), block.split)
        layout, said = _of_files(block, root, where.encoding)
        return open_text_layout(root, layout, said=said)


def with_test(split: Split, test: Sequence[Any]) -> Split:
    """The split with these in the test set, and nowhere else."""
    held = set(test)
    kept = [tuple(item for item in side if item not in held) for side in (split.train, split.valid)]
    return replace(split, train=kept[0], valid=kept[1], test=(*split.test, *test))


def _split_again(data: TextData, split: Splitting | None) -> TextData:
    """The training and validation texts split in another way, by their names."""
    if split is None:
        return data
    rows = sorted((*data.train, *data.valid))
    by_name = {data.name(row): row for row in rows}
    found = split(data.root, list(by_name))
    train, valid, test = ([by_name[name] for name in names] for names in (found.train, found.valid, found.test))
    return replace(
        data,
        train=mixed(train, SPLIT_SEED),
        valid=mixed(valid, SPLIT_SEED),
        test=(*data.test, *test),
        title=found.source,
    )


def _of_files(block: DataBlock, root: Path, encoding: str) -> tuple[TextLayout, list[str]]:
    """Text files with the labels and on the sides that a block gives them, and these, each in a word."""
    labels, split = block.labelled(root)
    items = list(labels.of)
    is_open = block.split is None and labels.split is None  # a random tenth of the texts validates then
    tested = [item for item in block.test(root) if item in labels.of]
    found = with_test(Split(train=tuple(items), valid=(), source=""), tested) if is_open else split(items)
    names = {file: storable(_names(said)[0]) for file, said in labels.of.items()}
    classes = tuple(sorted(set(names.values())))
    sides = {"train": found.train, "validation": found.valid, "test": found.test}

    def rows() -> Iterator[TextRow]:
        for side, files in sides.items():
            for file in files:
                row = read_text_row(root, file, side, classes.index(names[file]), encoding)
                if row:
                    yield row

    empty = tuple(file.name for file in items if not file.stat().st_size)
    left_out = {**labels.findings.left_out, **({NO_TEXT: empty} if empty else {})}
    findings = replace(labels.findings, left_out=left_out)
    reading = Reading(classes=classes, source=found.source, findings=findings, rows=rows)
    said = [f"{file} {side} {labels.of[file]}" for side, files in sides.items() for file in files]
    return TextLayout(files=tuple(labels.of), read=lambda: reading), [encoding, *said]


def block_source(data: DataSet) -> list[str]:
    """The lines of a program that makes `block`, which finds what this data set was found to be; [] where that is not known."""
    parts = dict(data.findings.parts) if isinstance(data, Data | TextData) else {}
    if not parts:
        return []
    if isinstance(data, Data) and data.block.transforms in (transforms_from_above, transforms_unmirrored):
        parts["transforms"] = data.block.transforms.__name__
    parts["target"] = TARGETS[data.kind] if isinstance(data, Data) else "Texts()"
    title = "".join(letter for letter in " ".join(data.title.split()) if letter.isprintable())
    said = "" if "split" in parts else f"  # the labels' place says how they are split: {title}"
    lines = [f"    {name}={parts[name]}," for name in QUESTIONS if name in parts]
    return ["block = DataBlock(", *lines, f"){said}"]


QUESTIONS = tuple(field.name for field in fields(DataBlock))
TARGETS = {"tags": "Tags()", "mask": "Masks()", "point": "Point()", "label": "OneLabel()", "number": "Numbers()"}
