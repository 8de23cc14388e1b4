"""A table beside pictures: what it seems to be, and what comes of it when a person puts it right."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from engine.data.own.plain import Row, write_labels
from engine.data.own.tables import table_ways
from engine.data.own.way import Way
from engine.errors import DataError


def bring(
    folder: Path, table: str, *, name: str = "table.csv", pictures: int = 8, size: tuple[int, int] = (40, 20)
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(pictures):
        Image.new("RGB", size, (number * 20, 0, 0)).save(folder / f"p{number}.png")
    (folder / name).write_text(table, "utf-8")
    return folder


def way_of(folder: Path, kind: str) -> Way:
    return next(way for way in table_ways(folder) if way.kind == kind)


def written(way: Way, target: Path, **answers: str) -> list[Mapping[str, object]]:
    way.write(target, answers)
    return [json.loads(line) for line in (target / "labels.jsonl").read_text("utf-8").splitlines()]


def rows(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def test_a_column_called_label_is_one_label_a_picture_blanks_and_all(tmp_path: Path) -> None:
    table = rows("image,label", *(f"p{n}.png,{'a red one' if n % 2 else 'blue'}" for n in range(8)))
    folder = bring(tmp_path / "d", table)
    assert table_ways(folder)[0].kind == "label"
    assert [row["label"] for row in written(way_of(folder, "label"), tmp_path / "t")][:2] == [["blue"], ["a red one"]]


def test_marks_in_the_cells_make_it_tags_and_another_mark_can_be_chosen(tmp_path: Path) -> None:
    table = rows("image;seen", *(f"p{n}.png;{'a b, c' if n % 2 else 'c'}" for n in range(8)))
    folder = bring(tmp_path / "d", table)
    way = table_ways(folder)[0]
    assert way.kind == "tags" and {q.name: q.value for q in way.questions}["parted"] == ","
    assert written(way, tmp_path / "t")[1]["tags"] == ["a b", "c"]
    assert written(way, tmp_path / "u", parted=" ")[1]["tags"] == ["a", "b,", "c"]
    assert written(way, tmp_path / "v", parted="")[1]["tags"] == ["a b, c"]


def test_columns_of_0_and_1_are_tags_and_no_tag_is_an_answer(tmp_path: Path) -> None:
    table = rows("image,road,river", *(f"p{n}.png,{n % 2},{n % 3 == 0:d}" for n in range(8)))
    found = written(way_of(bring(tmp_path / "d", table), "tags"), tmp_path / "t")
    assert [row["tags"] for row in found] == [["road"] * (n % 2) + ["river"] * (n % 3 == 0) for n in range(8)]


def test_points_in_percent_and_with_the_axes_the_other_way_round(tmp_path: Path) -> None:
    table = rows("image,y,x", *(f"p{n}.png,50,{10 * n}" for n in range(8)))
    way = table_ways(bring(tmp_path / "d", table))[0]
    assert way.kind == "point" and [q.value for q in way.questions][:3] == ["x", "y", "pixels"]
    way.write(tmp_path / "t", {"unit": "percent"})
    lines = (tmp_path / "t" / "centres.csv").read_text("utf-8").splitlines()
    assert lines[0] == "image,column,row" and [float(part) for part in lines[4].split(",")[1:]] == [12.0, 10.0]
    way.write(tmp_path / "u", {"x": "y", "y": "x"})
    assert (tmp_path / "u" / "centres.csv").read_text("utf-8").splitlines()[4].split(",")[1:] == ["50.0", "30.0"]
    with pytest.raises(DataError, match="the same column"):
        way.write(tmp_path / "v", {"x": "y", "y": "y"})


def test_numbers_alone_or_together(tmp_path: Path) -> None:
    table = rows("image,weight,height", *(f"p{n}.png,{n}.5,{100 + n}" for n in range(8)))
    way = way_of(bring(tmp_path / "d", table), "number")
    assert "weight" in written(way, tmp_path / "t")[3] and "height" not in written(way, tmp_path / "t2")[3]
    both = next(value for question in way.questions for value in question.choices if value == "weight, height")
    found = written(way, tmp_path / "u", column=both)[3]
    assert (found["weight"], found["height"]) == (3.5, 103)


def test_who_validates_is_asked_groups_and_marks_among_it(tmp_path: Path) -> None:
    table = rows(
        "image,label,person,set", *(f"p{n}.png,{'ab'[n % 2]},{n // 2},{'train' if n < 6 else 'val'}" for n in range(8))
    )
    way = way_of(bring(tmp_path / "d", table), "label")
    split = next(question for question in way.questions if question.name == "split")
    assert set(split.choices) == {"", "person", "set"} and split.value == "person"
    assert written(way, tmp_path / "t")[2]["group"] == "1"
    assert [row["split"] for row in written(way, tmp_path / "u", split="set")][5:] == ["train", "valid", "valid"]
    assert "split" not in written(way, tmp_path / "v", split="")[0]


def test_pictures_with_several_labels_are_refused_by_name_and_silent_ones_are_counted(tmp_path: Path) -> None:
    table = rows("image,label", "p0.png,a", "p0.png,b", "p1.png,a", "p2.png,")
    way = way_of(bring(tmp_path / "d", table), "label")
    with pytest.raises(DataError, match=r"1 pictures have several labels in label \(“p0.png”\)"):
        way.write(tmp_path / "t", {})
    table = rows("image,label", "p0.png,b", "p1.png,a", "p2.png,")
    notes = way_of(bring(tmp_path / "e", table), "label").write(tmp_path / "u", {})
    assert any("1 pictures have no label" in note and "p2.png" in note for note in notes)
    assert any("5 left out" in note for note in notes), "pictures without a line"


def test_an_answer_that_is_no_choice_counts_as_none(tmp_path: Path) -> None:
    table = rows("image,label", *(f"p{n}.png,{'ab'[n % 2]}" for n in range(8)))
    way = way_of(bring(tmp_path / "d", table), "label")
    assert written(way, tmp_path / "t", column="../etc", split="nobody")[0]["label"] == ["a"]


def test_a_table_that_names_none_of_the_pictures_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="None of the pictures"):
        table_ways(bring(tmp_path / "d", rows("image,label", "x.png,a", "y.png,b")))
    (bring(tmp_path / "e", "x") / "table.csv").unlink()
    assert table_ways(tmp_path / "e") == []


def test_a_split_that_says_nothing_of_some_is_refused(tmp_path: Path) -> None:
    table = rows(
        "image,label,set",
        *(f"p{n}.png,{'ab'[n % 2]},{'' if n == 3 else 'train' if n < 6 else 'val'}" for n in range(8)),
    )
    way = way_of(bring(tmp_path / "d", table), "label")
    with pytest.raises(DataError, match=r"says nothing of 1 pictures \(“p3.png”\)"):
        way.write(tmp_path / "t", {})


def test_marks_that_say_who_validates_are_no_tags_and_boxes_no_points(tmp_path: Path) -> None:
    table = rows("image,cat,dog,is_valid", *(f"p{n}.png,{n % 2},{n % 3 == 0:d},{n > 5:d}" for n in range(8)))
    found = written(way_of(bring(tmp_path / "d", table), "tags"), tmp_path / "t", split="is_valid")
    assert {tag for row in found for tag in row["tags"]} == {"cat", "dog"}  # pyright: ignore[reportGeneralTypeIssues]
    table = rows("image,x,y,width,height", *(f"p{n}.png,{n},{n},5,5" for n in range(8)))
    assert table_ways(bring(tmp_path / "e", table))[0].kind == "number"


def test_names_that_stand_for_nothing_are_refused(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "p.png")
    with pytest.raises(DataError, match="stands for nothing in a table"):
        write_labels(tmp_path, [Row(picture=tmp_path / "p.png", label="none")])


def test_numbers_beside_a_column_of_people_are_numbers(tmp_path: Path) -> None:
    table = rows("file,degrees,person", *(f"p{n}.png,{15 * (n % 4):+d},{n // 2}" for n in range(8)))
    assert table_ways(bring(tmp_path / "d", table))[0].kind == "number"
