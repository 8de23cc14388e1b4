"""The data block for people: its parts mixed, every layout as a few lines that find the same to the item, and what is refused."""

import ast
import dataclasses
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from own_data import NAMES, boxed, draw, lines, masked_set, pointed_set, save_mask, sayings, tagged_set, write
from torch.utils.data import DataLoader

from engine import api
from engine.api import (
    DataBlock,
    Masks,
    Numbers,
    OneLabel,
    Point,
    Tags,
    Texts,
    all_pictures,
    column_split,
    each,
    folder_names,
    folder_split,
    group_split,
    label_column,
    list_split,
    masks_at,
    numbers_in,
    pictures_in,
    random_split,
    recording_split,
    tags_in,
    texts_in,
    transforms_from_above,
    transforms_unmirrored,
)
from engine.errors import DataError
from engine.kinds.data_block import block_source
from engine.recipe import Stage
from engine.tasks.checking import kinds_to_try, open_kind

DOCS = Path(__file__).parents[3] / "docs"
TABLE = lines(
    [("image_name", "tags"), *((name, "clear road" if at % 2 else "cloudy") for at, name in enumerate(NAMES))]
)
SPLIT = lines(
    [("image_name", "tags", "is_valid"), *((name, "ab"[at % 2], str(at % 5 == 0)) for at, name in enumerate(NAMES))]
)
POINTS = lines([("image", "column", "row"), *((f"h{at:02}.png", 9 + at, 7.5) for at in range(10))])


def classes_in_folders(root: Path, *outer: str) -> Path:
    for side in outer or ("",):
        for at in range(8):
            draw(root / side / ("cat" if at % 2 else "dog") / f"{side}{at}.png", at)
    return root


def camvid_folders(root: Path) -> Path:
    for side, count in (("train", 6), ("val", 3), ("test", 2)):
        for at in range(count):
            draw(root / side / f"{side}{at}.png", at)
            save_mask(root / f"{side}annot" / f"{side}{at}.png", boxed())
    write(root / "codes.txt", "background\nobject\n")
    return root


def with_list(root: Path) -> Path:
    write(masked_set(root) / "valid.txt", "f01.png\nf07.png\n")
    return root


def frames(root: Path) -> Path:
    for film in ("a", "b", "c"):
        for at in range(4):
            draw(root / "images" / f"{film}_{at:03}.png", at)
            save_mask(root / "labels" / f"{film}_{at:03}.png", boxed())
    write(root / "codes.txt", "background\nobject\n")
    return root


def text_folders(root: Path, *sides: str) -> Path:
    for side in sides or ("",):
        for at, (text, label) in enumerate(sayings(30)):
            write(root / side / label / f"{at}.txt", text)
    return root


def text_tables(root: Path) -> Path:
    for side, count in (("train", 30), ("test", 6)):
        write(root / f"{side}.csv", lines([("text", "label"), *sayings(count)]))
    return root


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "masks in a folder of their own": lambda root: masked_set(root),
    "masks, and a list of what validates": with_list,
    "masks of recordings": frames,
    "masks in folders for the splits": camvid_folders,
    "points in a table": lambda root: pointed_set(root, POINTS),
    "tags in a table": lambda root: tagged_set(root, TABLE),
    "tags in a table beside the pictures": lambda root: tagged_set(
        root, TABLE, names=[f"{name}.jpg" for name in NAMES]
    ),
    "tags, and a column that says who validates": lambda root: tagged_set(root, SPLIT),
    "a folder for each class": classes_in_folders,
    "a folder for each class and split": lambda root: classes_in_folders(root, "train", "valid", "test"),
    "a folder for each class, for training and test": lambda root: classes_in_folders(root, "train", "test"),
    "texts in a table": lambda root: write(root / "reviews.csv", lines([("text", "label"), *sayings(40)])).parent,
    "texts in a table for each split": text_tables,
    "texts in folders": text_folders,
    "texts in folders for the splits": lambda root: text_folders(root, "train", "valid", "test"),
}


def content(data: Any) -> dict[str, Any]:
    """Every split's samples with their labels; a text goes by what it says."""
    splits = {split: getattr(data, split) for split in ("train", "valid", "test")}
    if hasattr(data, "texts"):
        return {name: sorted((*data.texts([row]), data.label(row)) for row in rows) for name, rows in splits.items()}
    return {name: [(item, data.label(item)) for item in items] for name, items in splits.items()}


def run_block(source: Sequence[str]) -> DataBlock:
    known = {name: getattr(api, name) for name in api.__all__}
    exec("\n".join(source), known)
    return known["block"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_a_few_lines_and_these_find_the_same_to_the_item(tmp_path: Path, layout: str) -> None:
    _, data = open_kind(LAYOUTS[layout](tmp_path / "mine"), kinds_to_try())
    source = block_source(data)
    assert 4 <= len(source) <= 9 and source[0] == "block = DataBlock("
    again = run_block(source).open(tmp_path / "mine")
    assert content(again) == content(data)
    assert again.classes == data.classes
    stage = Stage(name="s", epochs=1, max_lr=1e-3, image_size=32, batch_size=2)
    assert len(again.summary(stage)) == 6


NUMBERS = lines([("image", "tilt", "pan"), *((f"h{n:02}", n - 4.5, n % 3) for n in range(10))])


@pytest.mark.parametrize("kind", ["number", "label"])
def test_numbers_and_labels_are_a_few_lines_too(tmp_path: Path, kind: str) -> None:
    called = "image,label\n" + "".join(f"h{n:02},{'ab'[n % 2]} c\n" for n in range(10))
    root = pointed_set(tmp_path / "mine", "")
    (root / "centres.csv").unlink()
    write(root / "labels.csv", NUMBERS if kind == "number" else called)
    _, data = open_kind(root, [aim for aim in kinds_to_try() if aim.kind == kind])
    source = block_source(data)
    again: Any = run_block(source).open(root)
    assert content(again) == content(data) and again.classes == data.classes
    assert again.block.transforms is data.block.transforms
    assert f'{kind}s_in("labels.csv"' in source[2]


def test_a_number_by_a_function_and_columns_that_are_chosen(tmp_path: Path) -> None:
    root = pointed_set(tmp_path / "mine", "")
    write(root / "labels.csv", NUMBERS)
    one = DataBlock(inputs=pictures_in("images"), label=each(lambda item: float(item.stem[1:])), target=Numbers())
    data: Any = one.open(root)
    assert data.classes == ("number",) and {data.label(item)[0] for item in data.items("all")} == set(range(10))
    chosen: Any = replace(one, label=numbers_in("labels.csv", "pan")).open(root)
    assert chosen.classes == ("pan",) and chosen.block.transforms is transforms_unmirrored
    with pytest.raises(DataError, match="has no column roll"):
        replace(one, label=numbers_in("labels.csv", "roll")).open(root)
    with pytest.raises(DataError, match="the same names"):
        replace(one, label=each(lambda item: {item.stem: 1.0})).open(root)


def test_the_lines_say_what_was_found(tmp_path: Path) -> None:
    tagged = open_kind(tagged_set(tmp_path / "a", SPLIT), kinds_to_try())[1]
    assert block_source(tagged) == [
        "block = DataBlock(",
        '    inputs=pictures_in("train"),',
        '    label=tags_in("labels.csv"),',
        "    target=Tags(),",
        "    transforms=transforms_from_above,",
        ")  # the labels' place says how they are split: those that labels.csv marks as is_valid",
    ]
    streets = open_kind(camvid_folders(tmp_path / "b"), kinds_to_try())[1]
    assert block_source(streets) == [
        "block = DataBlock(",
        '    inputs=pictures_in("train", "val"),',
        '    label=masks_at("{folder}annot/{stem}"),',
        "    target=Masks(),",
        '    split=folder_split(valid="val"),',
        '    test=pictures_in("test"),',
        ")",
    ]


def test_a_name_in_a_table_cannot_become_code(tmp_path: Path) -> None:
    name = 'x"), print("owned'
    root = tagged_set(tmp_path / "mine", TABLE, called=f"{name}.csv")
    source = block_source(open_kind(root, kinds_to_try())[1])
    calls = [node for node in ast.walk(ast.parse("\n".join(source))) if isinstance(node, ast.Call)]
    assert "print" not in {getattr(call.func, "id", "") for call in calls}
    assert content(run_block(source).open(root))["train"]


def test_what_a_table_says_cannot_become_code(tmp_path: Path) -> None:
    """The comment on the split has names of people in it, and of columns."""
    rows = [(name, "ab"[at % 2], "a\nimport os" if at < 5 else f"p{at % 3}") for at, name in enumerate(NAMES)]
    table = "".join(f'{name},{tag},"{person}"\n' for name, tag, person in [("image", "tags", "person"), *rows])
    data = open_kind(tagged_set(tmp_path / "mine", table), kinds_to_try())[1]
    hostile = dataclasses.replace(data, title="person zz\nimport os; os.remove('x')\r#\u2028 held out")
    body = ast.parse("\n".join(block_source(hostile))).body
    assert len(body) == 1 and isinstance(body[0], ast.Assign)


def test_parts_are_mixed_as_one_likes(tmp_path: Path) -> None:
    root = tagged_set(tmp_path / "mine", TABLE)
    block = DataBlock(
        inputs=pictures_in("train"),
        label=tags_in("labels.csv"),
        split=group_split(lambda picture: picture.stem[-1], held=("3", "7"), what="last digit"),
        target=Tags(),
        transforms=transforms_from_above,
    )
    data = block.open(root)
    assert [item.stem for item in data.valid] == [
        "c03",
        "c07",
        "c13",
        "c17",
    ] and data.title == "last digit 3, 7 held out"
    assert data.block.transforms is transforms_from_above
    by_chance = DataBlock(
        inputs=all_pictures(), label=tags_in("labels.csv"), split=random_split(0.5, seed=1), target=Tags()
    )
    assert len(by_chance.open(root).valid) == 10
    write(root / "held.txt", "c01.jpg\nc02.jpg\n")
    listed = DataBlock(
        inputs=pictures_in("train"), label=tags_in("labels.csv"), split=list_split("held.txt"), target=Tags()
    )
    assert len(listed.open(root).valid) == 2
    write(root / "who.csv", SPLIT)
    said = DataBlock(
        inputs=pictures_in("train"), label=tags_in("labels.csv"), split=column_split("who.csv"), target=Tags()
    )
    assert [item.stem for item in said.open(root).valid] == ["c00", "c05", "c10", "c15"]


def test_a_column_that_is_called_otherwise_is_chosen(tmp_path: Path) -> None:
    table = lines([("image", "where", "what"), *((name, "here", "ab"[at % 2]) for at, name in enumerate(NAMES))])
    root = tagged_set(tmp_path / "mine", table)
    block = DataBlock(inputs=pictures_in("train"), label=tags_in("labels.csv", column="What"), target=Tags())
    assert block.open(root).classes == ("a", "b")
    with pytest.raises(DataError, match=r"labels.csv has no column which. It has: image, where, what"):
        DataBlock(inputs=pictures_in("train"), label=tags_in("labels.csv", column="which"), target=Tags()).open(root)


def test_one_label_of_a_function_of_one_s_own(tmp_path: Path) -> None:
    for at in range(9):
        draw(tmp_path / f"{'abc'[at % 3]}-{at}.png", at)

    def first_letter(picture: Path) -> str | None:
        return None if picture.stem == "a-0" else picture.stem[0]

    block = DataBlock(inputs=pictures_in(), label=each(first_letter), target=OneLabel())
    data = block.open(tmp_path)
    assert data.classes == ("a", "b", "c") and (len(data.train), len(data.valid)) == (6, 2)
    picture, target = data.sample(tmp_path / "b-1.png", (24, 32))
    assert picture.shape == (3, 24, 32) and target == torch.tensor(1)
    account = data.account()
    assert (
        account.left_out == {"no label is said": ("a-0.png",)}
        and account.layout == "what first_letter says of each input"
    )
    assert sum(account.classes["a"].values()) == 2
    inputs, targets = next(iter(DataLoader([data.sample(item, (24, 32)) for item in data.train], batch_size=4)))
    assert inputs.shape == (4, 3, 24, 32) and targets.dtype == torch.int64


def test_a_batch_of_one_s_own_replaces_the_kind_s_and_no_resized_copy_is_taken_for_another(tmp_path: Path) -> None:
    root = classes_in_folders(tmp_path / "mine")

    def dark(item: Path, label: str, size: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.zeros(3, *size, dtype=torch.uint8), torch.tensor(label == "cat")

    parts: dict[str, Any] = {"inputs": all_pictures(), "label": folder_names(), "target": OneLabel()}
    plain, own = DataBlock(**parts).open(root), DataBlock(**parts, batch=dark).open(root)
    assert own.sample(own.train[0], (8, 8))[0].sum() == 0 and plain.sample(own.train[0], (8, 8))[0].sum() > 0
    assert own.reading != plain.reading != DataBlock(**parts, batch=dark).open(root).reading


def test_a_point_by_a_function_and_people_held_out(tmp_path: Path) -> None:
    for at in range(12):
        draw(tmp_path / f"p{at // 4}" / f"{at}.png", at)
    block = DataBlock(
        inputs=all_pictures(),
        label=each(lambda picture: (float(picture.stem), 5.0)),
        split=group_split(lambda picture: picture.parent.name, what="person"),
        target=Point(),
    )
    data = block.open(tmp_path)
    assert data.title == "person p2 held out" and data.label(data.valid[0]) == (10.0, 5.0)


def test_masks_of_a_recording_and_with_other_codes(tmp_path: Path) -> None:
    root = frames(tmp_path / "mine")
    write(root / "names.txt", "nothing\nbox\n")
    block = DataBlock(
        inputs=pictures_in("images"),
        label=masks_at("labels/{stem}"),
        split=recording_split(),
        target=Masks("names.txt"),
    )
    data = block.open(root)
    assert data.classes == ("nothing", "box") and {item.name[0] for item in data.valid} == {"c"}
    assert np.unique(data.sample(data.train[0], (48, 64))[1].numpy()).tolist() == [0, 1]


def test_texts_of_a_table_and_of_files_are_split_as_one_says(tmp_path: Path) -> None:
    rows = [(f"{text} No. {at}", label) for at, (text, label) in enumerate(sayings(40))]
    write(tmp_path / "r.csv", lines([("what", "is"), *rows]))
    table = DataBlock(
        inputs=texts_in("r.csv", column="what"), label=label_column("is"), split=random_split(0.25), target=Texts()
    )
    data = table.open(tmp_path)
    assert (len(data.train), len(data.valid), data.classes) == (30, 10, ("neg", "pos"))
    files = text_folders(tmp_path / "files")
    block = DataBlock(
        inputs=texts_in(),
        label=folder_names(),
        split=group_split(lambda file: file.stem[-1], held="3"),
        target=Texts(),
    )
    texts = block.open(files)
    assert [texts.name(row).rpartition(".")[0][-1] for row in texts.valid] == ["3"] * 3


def labelled(root: Path, **parts: Any) -> Any:
    given = {"inputs": pictures_in("train"), "label": tags_in("labels.csv"), "target": Tags(), **parts}
    return DataBlock(**given).open(root)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a folder for validation that is not there": (
        {"split": folder_split(valid="vaild")},
        "No input lies in a folder called vaild",
    ),
    "a person who is not there": (
        {"split": group_split(lambda picture: picture.stem, held="c99", what="picture")},
        "No input is of the picture c99",
    ),
    "no such folder of inputs": ({"inputs": pictures_in("nowhere")}, "has no inputs where the block looks for them"),
    "inputs that are the test set too": ({"test": pictures_in("train")}, "is an input and in the test set"),
    "no label at all": ({"label": each(lambda item: None)}, "None of the 20 inputs in .* has a label"),
    "several labels where one is meant": ({"target": OneLabel()}, "has 2 labels. With OneLabel"),
    "one label for all": ({"label": each(lambda item: "a"), "target": OneLabel()}, "nothing to tell apart"),
    "names that are of no recording": ({"split": recording_split()}, "do not look like frames of several recordings"),
    "a column that is not there": (
        {"split": column_split("labels.csv")},
        "does not say of all 20 inputs who validates",
    ),
    "a column of texts for pictures": ({"label": label_column()}, r"A column of labels goes with texts_in"),
    "texts that are pictures": ({"target": Texts()}, r"are read by texts_in"),
    "masks that are not there": (
        {"label": masks_at("labels/{stem}"), "target": Masks()},
        r"has a label \(20: no mask\)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_together_is_said(tmp_path: Path, case: str) -> None:
    parts, said = REFUSED[case]
    with pytest.raises(DataError, match=said):
        labelled(tagged_set(tmp_path / "mine", TABLE), **parts)


def test_a_pattern_without_the_picture_s_name_is_refused_at_once_and_a_folder_that_is_not_there(tmp_path: Path) -> None:
    for pattern in ("labels/mask", "labels/{name}", "labels/{stem", "labels/{stem[0]}"):
        with pytest.raises(DataError, match="says no place for each mask"):
            masks_at(pattern)
    with pytest.raises(DataError, match="There is no folder"):
        labelled(tmp_path / "nothing")


def test_every_program_of_the_page_about_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/data-block.md is read by people: each of its programs finds what the text beside it says."""
    classes_in_folders(tmp_path / "animals")
    tagged_set(tmp_path / "chips", TABLE)
    camvid_folders(tmp_path / "streets")
    pointed_set(tmp_path / "faces", POINTS)
    write(tmp_path / "faces" / "ages.csv", lines([("image", "age"), *((f"h{n:02}", 20.5 + n) for n in range(10))]))
    write(tmp_path / "reviews" / "reviews.csv", lines([("text", "label"), *sayings(40)]))
    for person in ("01", "02", "03"):
        for at in range(3):
            picture = draw(tmp_path / "Pointing" / f"Person{person}" / f"person{person}1{at:02}+0-15.jpg", at)
            write(picture.with_suffix(".txt"), "x.jpg\nFace\n20\n21\n10\n12\n")
    monkeypatch.chdir(tmp_path)
    programs = re.findall(r"^```python\n(.*?)^```", (DOCS / "data-block.md").read_text("utf-8"), re.S | re.M)
    assert len(programs) >= 6
    for program in programs:
        known: dict[str, Any] = {}
        exec(compile(program, "data-block.md", "exec"), known)
        assert known["data"].train and known["data"].valid
    assert known["data"].label(known["data"].train[0]) == (20.0, 21.0)
