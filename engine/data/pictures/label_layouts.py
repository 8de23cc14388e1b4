"""The folders in which pictures with one label each come: those of tags, where every picture has exactly one."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from engine.data.pictures.tag_columns import tag_reader
from engine.data.pictures.tag_layouts import TagLayout, find_tag_layout
from engine.data.reading.rows import Row, Table
from engine.data.reading.tags import MARKS, as_list
from engine.data.reading.values import is_missing, quoted
from engine.data.splits import SPLIT_SEED
from engine.errors import LayoutError

ONE_LABEL = ("label", "class", "category", "target")  # columns that hold one: a label may be two words
MOST_DIFFERENT = 0.5  # of a column's cells, where they are words with blanks: more look like sets of tags


def find_label_layout(root: Path, seed: int = SPLIT_SEED) -> TagLayout:
    """The layout that `root` has; `LayoutError` where a picture has several labels, as tags do."""
    layout = find_tag_layout(root, seed, reader=label_reader)
    several = [picture for picture, tags in layout.tags.items() if len(tags) != 1]
    if several:
        raise _several(f"{several[0].name} has {quoted(layout.tags[several[0]])}")
    parts = {question: code.replace("tags_in(", "labels_in(") for question, code in layout.findings.parts.items()}
    return replace(layout, findings=replace(layout.findings, parts=parts))


def label_reader(
    table: Table, rows: Sequence[Row], columns: Sequence[int]
) -> tuple[Callable[[Row], tuple[str, ...] | None], str]:
    """What gives a row's one label, in () or None where nothing is said; see `tag_columns.tag_reader`."""
    at, name = columns[0], table.names[columns[0]]
    if len(columns) > 1 or name not in ONE_LABEL:
        raise LayoutError(
            f"{table.file.name} has the column {table.columns[at]}, of which a picture may have several. Call it label where "
            "each picture has one, or train it with tags."
        )
    said = {row.where: row.cells[at].strip() for row in rows if not is_missing(row.cells[at])}
    if said and all(as_list(cell) is not None for cell in said.values()):
        read, _ = tag_reader(table, rows, columns)
        return read, "labels are lists of one"
    parted = next((where for where, cell in said.items() if any(mark in cell for mark in MARKS)), "")
    several_words = sum(" " in cell for cell in said.values())
    are_sets = several_words and (name not in ONE_LABEL or len(set(said.values())) > max(2, MOST_DIFFERENT * len(said)))
    if parted or are_sets:
        where = parted or next(where for where, cell in said.items() if " " in cell)
        raise _several(f"{where} of {table.file.name} has {quoted([said[where]])} in the column {table.columns[at]}")
    return lambda row: None if is_missing(row.cells[at]) else (row.cells[at].strip(),), "a label is a whole cell"


def _several(found: str) -> LayoutError:
    return LayoutError(
        f"{found}: several labels for one picture, as tags are. Train it with tags; or give each picture one label, in a "
        "column called label or a folder for each class."
    )
