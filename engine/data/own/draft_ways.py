"""What somebody labels in the browser, as a way to read what was brought: in the kind's plain layout."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine.data.own.drafts import ITEMS, Draft, codes_of, read_draft, size_of
from engine.data.own.plain import TEXTS, Row, write_labels, write_masks, write_points, write_tags
from engine.data.own.unlabelled import recording_of
from engine.data.own.way import Answers, Way
from engine.data.texts.dataset import copy_texts
from engine.data.texts.files import find_layout

DRAFT = "draft"  # the name of the way


def draft_ways(folder: Path) -> list[Way]:
    """What is labelled so far in a folder that was brought; [] where nothing is."""
    draft = read_draft(folder)
    if draft is None or not draft.labels:
        return []
    what = "texts" if draft.kind == "text" else "pictures"

    def write(target: Path, answers: Answers) -> tuple[str, ...]:
        WRITERS[draft.kind](target, folder, draft)
        if not draft.left:
            return ()
        use = "a language model alone reads them" if draft.kind == "text" else "they are left out"
        return (f"{draft.left} {what} are not labelled: {use}.",)

    said = f"{len(draft.labels)} of {len(draft.items)} {what}, labelled here"
    return [Way(kind=draft.kind, said=said, write=write, name=DRAFT)]


def _rows(folder: Path, draft: Draft) -> list[Row]:
    """The labelled pictures; those of a recording are told to belong together."""
    are_recorded = any(map(recording_of, draft.items))
    return [
        Row(
            picture=folder / ITEMS / item,
            label=draft.labels[item],
            known={"recording": recording_of(item) or item} if are_recorded else {},
        )
        for item in draft.items
        if item in draft.labels
    ]


def _write_labels(target: Path, folder: Path, draft: Draft) -> None:
    write_labels(target, _rows(folder, draft))


def _write_tags(target: Path, folder: Path, draft: Draft) -> None:
    write_tags(target, _rows(folder, draft))


def _write_points(target: Path, folder: Path, draft: Draft) -> None:
    write_points(
        target, [Row(picture=row.picture, label=_pixels(row.picture, row.label)) for row in _rows(folder, draft)]
    )


def _write_masks(target: Path, folder: Path, draft: Draft) -> None:
    rows = _rows(folder, draft)
    masks = (Row(picture=row.picture, label=codes_of(folder, row.picture.name)) for row in rows)
    write_masks(target, masks, classes=draft.classes)


def _write_texts(target: Path, folder: Path, draft: Draft) -> None:
    table = folder / TEXTS
    with table.open("w", encoding="utf-8") as file:
        for item in draft.items:
            row = {"text": (folder / ITEMS / item).read_text("utf-8"), "label": draft.labels.get(item)}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    copy_texts(find_layout(table), target)


def _pixels(picture: Path, said: Any) -> tuple[float, float]:
    width, height = size_of(picture)
    return said[0] * width, said[1] * height


WRITERS: Mapping[str, Callable[[Path, Path, Draft], None]] = {
    "label": _write_labels,
    "tags": _write_tags,
    "point": _write_points,
    "mask": _write_masks,
    "text": _write_texts,
}
