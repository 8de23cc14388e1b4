"""A table of numbers is told from one of tags, labels and points; what cannot be learnt from it is refused, or left out."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from own_data import draw, json_lines, lines, write

from engine.data.pictures.number_layouts import NumberLayout, find_number_layout
from engine.errors import DataError, LayoutError
from engine.tasks.checking import check

NAMES = tuple(f"p{number:02}.jpg" for number in range(10))
AGES = tuple(20.5 + number for number in range(10))
SIZES = tuple(150 + 3 * number for number in range(10))
ROWS = tuple(zip(NAMES, AGES, SIZES, strict=True))


def placed(root: Path, table: str | bytes, *, called: str = "labels.csv", folder: str = "images") -> Path:
    """Ten pictures in a folder, and a table beside it."""
    for number, name in enumerate(NAMES):
        draw(root / folder / name, number)
    write(root / called, table)
    return root


def by_name(layout: NumberLayout) -> dict[str, tuple[float, ...]]:
    return {picture.name: numbers for picture, numbers in layout.numbers.items()}


EXPECTED = {name: (age, size) for name, age, size in ROWS}


@pytest.mark.parametrize(
    ("called", "table"),
    [
        ("labels.csv", "image,age,size\n" + lines(ROWS)),
        ("people.csv", "age;size;file_name\n" + lines(((str(a).replace(".", ","), s, n) for n, a, s in ROWS), ";")),
        ("labels.jsonl", json_lines([{"image_name": n, "age": a, "size": s} for n, a, s in ROWS])),
        ("all.json", json.dumps([{"size": s, "image": Path(n).stem, "age": a} for n, a, s in ROWS])),
    ],
)
def test_a_table_is_read_whatever_it_is_written_in(tmp_path: Path, called: str, table: str) -> None:
    layout = find_number_layout(placed(tmp_path, table, called=called))
    order = [layout.names.index(name) for name in ("age", "size")]
    assert {name: tuple(said[at] for at in order) for name, said in by_name(layout).items()} == EXPECTED
    assert called in layout.findings.layout and not layout.findings.left_out


@pytest.mark.parametrize("folder", ["", "images", "photos/2024"])
def test_pictures_lie_beside_the_table_or_in_a_folder_and_the_table_itself_will_do(tmp_path: Path, folder: str) -> None:
    root = placed(tmp_path, "image,age\n" + lines((n, a) for n, a, _ in ROWS), folder=folder)
    found = [find_number_layout(place) for place in (root, root / "labels.csv")]
    assert [by_name(one) for one in found] == [dict(zip(NAMES, ((a,) for a in AGES), strict=True))] * 2


def test_columns_of_names_splits_and_groups_are_not_learnt_and_say_who_validates(tmp_path: Path) -> None:
    rows = [(at, name, age, f"{at % 5}", size) for at, (name, age, size) in enumerate(ROWS)]
    layout = find_number_layout(placed(tmp_path, "id,image,age,person,size\n" + lines(rows)))
    assert layout.names == ("age", "size") and by_name(layout) == EXPECTED
    split = layout.split(tuple(layout.numbers))
    assert [picture.name for picture in split.valid] == ["p04.jpg", "p09.jpg"] and "person 4" in split.source
    assert layout.facts(split.valid[0]) == {"person": "4"}


@pytest.mark.parametrize("column", ["is_valid", "split", "phase"])
def test_a_column_of_the_split_is_taken_as_that(tmp_path: Path, column: str) -> None:
    words = ("1", "0") if column == "is_valid" else ("val", "train")
    rows = [(name, age, words[at < 7]) for at, (name, age, _) in enumerate(ROWS)]
    layout = find_number_layout(placed(tmp_path, f"image,age,{column}\n" + lines(rows)))
    assert layout.names == ("age",) and len(layout.split(tuple(layout.numbers)).valid) == 3


def test_a_picture_that_lacks_a_number_is_left_out_by_name(tmp_path: Path) -> None:
    rows = [(name, "" if at == 2 else age, "NaN" if at == 5 else size) for at, (name, age, size) in enumerate(ROWS)]
    layout = find_number_layout(placed(tmp_path, "image,age,size\n" + lines(rows)))
    assert layout.findings.left_out == {"a number is missing": ("p02.jpg", "p05.jpg")}
    assert len(layout.numbers) == 8


def test_recordings_stay_together(tmp_path: Path) -> None:
    names = [f"{'ab'[at // 5]}_{at % 5}.jpg" for at in range(10)]
    for number, name in enumerate(names):
        draw(tmp_path / name, number)
    write(tmp_path / "t.csv", "image,age\n" + lines(zip(names, AGES, strict=True)))
    layout = find_number_layout(tmp_path)
    assert {picture.name[0] for picture in layout.split(tuple(layout.numbers)).valid} == {"b"}


def columns(*named: tuple[str, Sequence[object]]) -> str:
    """A table of the pictures' names and these columns."""
    return lines([("image", *(name for name, _ in named)), *zip(NAMES, *(some for _, some in named), strict=True)])


MARKS = [at % 2 for at in range(10)]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (columns(("x", AGES), ("y", SIZES)), "x and y: a point"),
        (columns(("age", AGES), ("column", AGES), ("row", SIZES)), "column and row: a point"),
        (columns(("label", SIZES)), "the column label, as labels are called"),
        (columns(("age", AGES), ("tags", ["a b"] * 10)), "the column tags"),
        (columns(("clear", MARKS), ("road", MARKS)), "columns of 0 and 1, as tags are"),
        (columns(("clear", MARKS), ("road", MARKS), ("age", AGES)), "columns of 0 and 1"),
        (columns(("smiles", MARKS)), "columns of 0 and 1"),
        (columns(("age", AGES), ("note", ["tall"] * 10)), "“tall”, which is no number"),
        (columns(("age", [*AGES[:9], "inf"])), "“inf”, which is no number"),
        (lines(zip(NAMES, AGES, strict=True)), "no column with a name"),
        (columns(("is_valid", MARKS)), "no column with a name"),
        ("text,label\n" + lines([("good", "pos"), ("bad", "neg")]), "no table of numbers with pictures beside it"),
    ],
)
def test_what_is_of_another_kind_is_left_to_that(tmp_path: Path, table: str, words: str) -> None:
    with pytest.raises(LayoutError, match=re.escape(words)):
        find_number_layout(placed(tmp_path, table))


@pytest.mark.parametrize("called", ["centres.csv", "readme.md"])
def test_a_folder_without_such_a_table_is_of_another_kind(tmp_path: Path, called: str) -> None:
    with pytest.raises(LayoutError):
        find_number_layout(placed(tmp_path, columns(("column", AGES), ("row", SIZES)), called=called))
    with pytest.raises(LayoutError, match="no table of numbers"):
        find_number_layout(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (
            columns(("price", [f"{at + 1},500" for at in range(10)])).replace(",500", ',500"').replace("g,", 'g,"'),
            "1,500",
        ),
        (columns(("age", [7.5] * 10)), "All numbers in the column age"),
        (columns(("age", AGES)) + "p03.jpg,99\n", "several lines with other numbers .*p03.jpg"),
        (columns(("age", [*AGES[:5], *[""] * 5]), ("size", [*[""] * 5, *SIZES[5:]])), "in each of the columns"),
        (columns(("age", AGES), ("is_valid", ["perhaps"] * 10)), "neither yes nor no"),
    ],
)
def test_what_is_of_this_kind_and_cannot_be_used_is_refused_with_what_to_do(
    tmp_path: Path, table: str, words: str
) -> None:
    with pytest.raises(DataError, match=words) as refused:
        find_number_layout(placed(tmp_path, table))
    assert not isinstance(refused.value, LayoutError)


def test_tables_for_each_split_are_asked_for_as_one(tmp_path: Path) -> None:
    placed(tmp_path, columns(("age", AGES)), called="train.csv")
    write(tmp_path / "test.csv", columns(("age", AGES)))
    with pytest.raises(DataError, match=r"test\.csv.*train\.csv.*into one"):
        find_number_layout(tmp_path)


GRADES = [3 + at % 2 for at in range(10)]


def test_whole_numbers_of_which_few_differ_are_codes_unless_somebody_says_that_they_are_numbers(tmp_path: Path) -> None:
    root = placed(tmp_path, columns(("grade", GRADES)))
    with pytest.raises(LayoutError, match=r"grade of labels\.csv has only a few different whole numbers"):
        find_number_layout(root)
    assert check(str(root)).kind == "tags" and check(str(root), "turns").kind == "number"
    assert set(find_number_layout(root, is_chosen=True).numbers.values()) == {(3.0,), (4.0,)}
    write(
        root / "labels.jsonl", json_lines([{"image_name": n, "grade": g} for n, g in zip(NAMES, GRADES, strict=True)])
    )
    (root / "labels.csv").unlink()
    assert check(str(root)).kind == "number"


def test_a_column_that_is_called_as_labels_are_is_learnt_where_somebody_says_so(tmp_path: Path) -> None:
    root = placed(tmp_path, columns(("target", AGES)))
    assert find_number_layout(root, is_chosen=True).names == ("target",)
    with pytest.raises(LayoutError, match="a point"):
        find_number_layout(placed(tmp_path / "p", columns(("x", AGES), ("y", SIZES))), is_chosen=True)


def test_among_other_numbers_such_a_column_is_doubted(tmp_path: Path) -> None:
    layout = find_number_layout(placed(tmp_path, columns(("grade", GRADES), ("age", AGES))))
    assert len(layout.findings.warnings) == 1 and "“grade” has only a few different" in layout.findings.warnings[0]


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        (columns(("age", AGES)), "number"),
        (columns(("pan", AGES), ("tilt", SIZES)), "number"),
        (columns(("label", [at % 3 for at in range(10)])), "label"),
        (columns(("tags", ["a b", "a"] * 5)), "tags"),
        (columns(("clear", MARKS), ("road", [1 - mark for mark in MARKS])), "tags"),
    ],
)
def test_what_somebody_brings_is_told_by_its_columns(tmp_path: Path, table: str, kind: str) -> None:
    account = check(str(placed(tmp_path, table)))
    assert (account.kind, account.refused) == (kind, None)
