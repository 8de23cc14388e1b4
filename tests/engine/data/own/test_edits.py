"""A data set with labels put right and samples thrown out is written as one that opens, and everything else stays as it was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_data import boxed, lines, masked_set, pointed_set, sayings, tagged_set

from engine.data.dataset import DataSet
from engine.data.own.edits import SPLITS, Edit, item_of, label_of, name_of, write_edited
from engine.errors import DataError
from engine.tasks.checking import kinds_to_try
from engine.tasks.own_ways import open_plain

NAMES = [f"c{n:02}" for n in range(20)]


def texts(root: Path) -> Path:
    root.mkdir(parents=True)
    rows = [*((text, label, "") for text, label in sayings(20)), ("nobody has labelled this", "", "")]
    (root / "train.csv").write_text(lines([("text", "label"), *(row[:2] for row in rows)]))
    (root / "test.csv").write_text(lines([("text", "label"), *sayings(6)]))
    return root


SETS: dict[str, tuple[Callable[[Path], Path], Any]] = {
    "label": (
        lambda root: tagged_set(
            root, lines([("image", "label"), *((name, "ab"[n % 2] + " c") for n, name in enumerate(NAMES))])
        ),
        "b c",
    ),
    "tags": (
        lambda root: tagged_set(
            root, lines([("image_name", "tags"), *((name, "a b" if n % 2 else "b") for n, name in enumerate(NAMES))])
        ),
        ["a"],
    ),
    "point": (
        lambda root: pointed_set(
            root,
            lines([("image", "x", "y", "person"), *((f"h{n:02}.png", 9 + n, 7.25, f"p{n // 4}") for n in range(12))]),
            count=12,
        ),
        (3.5, 2.0),
    ),
    "number": (
        lambda root: tagged_set(
            root, lines([("image", "tilt", "pan"), *((name, n - 9.5, n % 3) for n, name in enumerate(NAMES))])
        ),
        {"tilt": 77.0, "pan": -1.0},
    ),
    "mask": (lambda root: masked_set(root, lambda number: boxed(255)), None),
    "text": (texts, "pos"),
}


def opened(kind: str, root: Path) -> DataSet:
    return next(aim for aim in kinds_to_try() if aim.kind == kind).plain_objective().open_data(root)


def content(data: DataSet) -> dict[str, list[tuple[str, str]]]:
    """What there is in each split: what a sample is, and its label."""
    return {
        split: sorted((shown(data, item), repr_of(label_of(data, item))) for item in getattr(data, split))
        for split in SPLITS
    }


def shown(data: Any, item: Any) -> str:
    return data.texts([item])[0] if isinstance(item, int) else item.stem


def repr_of(label: Any) -> str:
    return label.tobytes().hex() if isinstance(label, np.ndarray) else repr(label)


@pytest.mark.parametrize("kind", SETS)
def test_what_is_not_edited_comes_back_and_what_is_has_its_label(tmp_path: Path, kind: str) -> None:
    draw, right = SETS[kind]
    data = opened(kind, draw(tmp_path / "mine"))
    if kind == "mask":
        right = label_of(data, data.train[0]).copy()
        right[:5] = 1
    first, dropped, held = data.train[0], data.train[1], data.valid[0]
    edits = {
        name_of(data, first): Edit(label=right),
        name_of(data, dropped): Edit(is_dropped=True),
        name_of(data, held): Edit(label=right),
    }
    expected = content(data)
    for split, item in (("train", first), ("train", dropped), ("valid", held)):
        expected[split].remove((shown(data, item), repr_of(label_of(data, item))))
    expected["train"].append((shown(data, first), repr_of(right)))
    expected["valid"].append((shown(data, held), repr_of(right)))
    write_edited(kind, data, edits, tmp_path / "edited")
    back: Any = open_plain(kind, tmp_path / "edited")
    assert content(back) == {split: sorted(some) for split, some in expected.items()}
    assert back.classes == data.classes and len(back.unlabelled) == len(data.unlabelled)
    if kind != "text":
        assert back.block.transforms is data.block.transforms  # pyright: ignore[reportAttributeAccessIssue]


def test_an_edit_of_what_is_not_there_is_refused(tmp_path: Path) -> None:
    data = opened("label", SETS["label"][0](tmp_path / "mine"))
    with pytest.raises(DataError, match=r"has no sample 'x\.png'"):
        write_edited("label", data, {"x.png": Edit(is_dropped=True)}, tmp_path / "edited")


@pytest.mark.parametrize("kind", SETS)
def test_what_a_model_was_given_is_found_again_in_its_data_set(tmp_path: Path, kind: str) -> None:
    data: Any = opened(kind, SETS[kind][0](tmp_path / "mine"))
    for item in (data.train[-1], data.valid[0]):
        found = item_of(data, data.texts([item])[0] if kind == "text" else str(item))
        assert found is not None and shown(data, found) == shown(data, item)
    assert item_of(data, "not a word of it" if kind == "text" else "/somewhere/else.png") is None
