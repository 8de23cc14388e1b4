"""COCO's JSON, as programs export it, is read to the pixel, or refused in a sentence that names the file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_data import BOX, HEIGHT, TURNED, WIDTH, boxed, draw, write
from PIL import Image

from engine.data.own import export_files, shapes
from engine.data.own.coco import ways
from engine.data.own.way import Way
from engine.data.pictures.point_table import find_table_layout
from engine.data.pictures.tag_layouts import find_tag_layout
from engine.errors import DataError
from engine.kinds.mask import open_masks

LEFT, TOP, RIGHT, BOTTOM = BOX
SQUARE = [LEFT, TOP, RIGHT, TOP, RIGHT, BOTTOM, LEFT, BOTTOM]
CATEGORIES = [{"id": 7, "name": "plate"}, {"id": 3, "name": "tool"}]  # neither from 0 nor from 1, nor in order


def image(number: int, name: str = "", **more: Any) -> dict[str, Any]:
    return {"id": number, "file_name": name or f"f{number}.png", "width": WIDTH, "height": HEIGHT, **more}


def marked(image_id: int, category: int = 7, segmentation: Any = None, **more: Any) -> dict[str, Any]:
    given = [SQUARE] if segmentation is None else segmentation
    return {"image_id": image_id, "category_id": category, "segmentation": given, "iscrowd": 0, **more}


def export(
    root: Path,
    annotations: list[Any],
    *,
    images: list[Any] | None = None,
    categories: Any = CATEGORIES,
    file: str = "result.json",
    pictures: str = "images/f{}.png",
) -> Path:
    """Three pictures and their annotations."""
    for number in range(3):
        draw(root / pictures.format(number), number)
    content = {"images": images or [image(number) for number in range(3)], "categories": categories}
    write(root / file, json.dumps({**content, "annotations": annotations}))
    return root


def way(root: Path, kind: str) -> Way:
    return {one.kind: one for one in ways(root)}[kind]


def masks(root: Path, target: Path) -> tuple[dict[str, np.ndarray], str]:
    """Each mask that is written, by its picture's name, and the notes in one text."""
    said = " ".join(way(root, "mask").write(target, {}))
    return {file.stem: np.asarray(Image.open(file)) for file in target.rglob("*.png") if "annot" in str(file.parent)
            or file.parent.name == "labels"}, said  # fmt: skip


def table(
    root: Path, kind: str, target: Path, answers: dict[str, str] | None = None
) -> tuple[list[dict[str, Any]], str]:
    said = " ".join(way(root, kind).write(target, answers or {}))
    if kind == "point":
        head, *lines = (target / "centres.csv").read_text("utf-8").split()
        return [dict(zip(head.split(","), line.split(","), strict=True)) for line in lines], said
    return [json.loads(line) for line in (target / "labels.jsonl").read_text("utf-8").splitlines()], said


def runs(inside: np.ndarray) -> list[int]:
    """The lengths of a mask's runs down its columns, outside first."""
    flat = inside.T.ravel()
    ends = np.flatnonzero(np.diff(flat.astype(int))) + 1
    lengths = np.diff([0, *ends, len(flat)]).tolist()
    return [0, *lengths] if flat[0] else lengths


def packed(lengths: list[int]) -> str:
    """Runs in COCO's letters: written anew from its documentation, a group of five bits at a time."""
    text = ""
    for place, length in enumerate(lengths):
        rest = length - lengths[place - 2] if place > 2 else length
        more = True
        while more:
            five = rest & 31
            rest >>= 5
            more = rest != (-1 if five & 16 else 0)
            text += chr(48 + (five | 32 if more else five))
    return text


def test_outlines_become_masks_to_the_pixel_whatever_the_numbers_of_categories_are(tmp_path: Path) -> None:
    root = export(tmp_path / "d", [marked(0), marked(1, 3), {**marked(1), "segmentation": [[0, 0, 4, 0, 4, 4, 0, 4]]}])
    found, said = masks(root, tmp_path / "t")
    both = boxed(2)
    both[:4, :4] = 1
    assert (found["f0"] == boxed(1)).all() and (found["f1"] == both).all() and not found["f2"].any()
    assert (tmp_path / "t/codes.txt").read_text("utf-8").split() == ["0", "background", "1", "plate", "2", "tool"]
    assert "smaller area lie on top" in said


@pytest.mark.parametrize("form", [runs, lambda inside: packed(runs(inside))], ids=["numbers", "letters"])
def test_runs_of_pixels_become_the_same_mask(tmp_path: Path, form: Callable[[np.ndarray], Any]) -> None:
    inside = np.random.default_rng(0).random((HEIGHT, WIDTH)) < 0.4
    crowd = {"segmentation": {"size": [HEIGHT, WIDTH], "counts": form(inside)}, "iscrowd": 1}
    blob = {"segmentation": {"size": [HEIGHT, WIDTH], "counts": form(boxed() == 1)}}
    found, _ = masks(export(tmp_path / "d", [{**marked(0), **crowd}, {**marked(1), **blob}]), tmp_path / "t")
    assert (found["f0"] == inside).all() and (found["f1"] == boxed(1)).all()


def test_letters_of_runs_are_read_as_they_are_documented() -> None:
    assert shapes.read_counts("414").tolist() == [4, 1, 4]  # the middle pixel of nine
    assert shapes.read_counts(packed([0, 1000, 3, 2, 900, 1])).tolist() == [0, 1000, 3, 2, 900, 1]
    for wrong in ("", "P", "4\x7f", "4 1", "oooooooo", "é"):
        assert shapes.read_counts(wrong) is None, wrong


@pytest.mark.parametrize(
    "counts", [[5, 5], [3072, 1], [-1, 3073], [3000.5, 71.5], [10**12], ["3072"], "3", None, "~~~"], ids=str
)
def test_runs_that_do_not_add_up_leave_their_picture_out(tmp_path: Path, counts: Any) -> None:
    wrong = marked(0, segmentation={"size": [HEIGHT, WIDTH], "counts": counts})
    found, said = masks(export(tmp_path / "d", [wrong, marked(1)]), tmp_path / "t")
    assert set(found) == {"f1", "f2"} and "do not add up to the picture: 1 (“f0.png”)" in said


def test_runs_that_would_need_all_memory_are_not_unpacked(tmp_path: Path) -> None:
    huge = {"height": 1_000_000, "width": 1_000_000}
    wrong = marked(0, segmentation={"size": [1_000_000, 1_000_000], "counts": [10**12]})
    root = export(tmp_path / "d", [wrong], images=[{**image(0), **huge}])
    with pytest.raises(DataError, match="do not add up"):
        ways(root)


def test_small_things_lie_on_large_ones_in_whatever_order_they_stand(tmp_path: Path) -> None:
    whole = [0, 0, WIDTH, 0, WIDTH, HEIGHT, 0, HEIGHT]
    found, _ = masks(export(tmp_path / "d", [marked(0), marked(0, 3, [whole])]), tmp_path / "t")
    assert (found["f0"] == boxed(1, 2)).all()


def test_outlines_that_leave_their_picture_end_at_its_edge(tmp_path: Path) -> None:
    outside = [-50, -9, 20.5, -9, 20.5, 1000, -50, 1000]
    found, _ = masks(export(tmp_path / "d", [marked(0, segmentation=[outside])]), tmp_path / "t")
    assert found["f0"][:, :20].all() and not found["f0"][:, 20:].any()


def test_two_parts_are_one_thing_and_a_hole_by_crossing_is_a_hole(tmp_path: Path) -> None:
    parts = [[0, 0, 3, 0, 3, 3, 0, 3], [2, 2, 5, 2, 5, 5, 2, 5]]
    ring = [[10, 10, 20, 10, 20, 20, 10, 20, 10, 10, 13, 13, 13, 17, 17, 17, 17, 13, 13, 13]]
    found, _ = masks(
        export(tmp_path / "d", [marked(0, segmentation=parts), marked(1, segmentation=ring)]), tmp_path / "t"
    )
    assert found["f0"].sum() == 9 + 9 - 1 and found["f1"].sum() == 100 - 16


def test_an_outline_without_the_list_around_it_is_read(tmp_path: Path) -> None:
    found, _ = masks(export(tmp_path / "d", [marked(0, segmentation=SQUARE)]), tmp_path / "t")
    assert (found["f0"] == boxed(1)).all()


@pytest.mark.parametrize(
    "wrong",
    [float("nan"), float("inf"), "12", None, 10**400, True, 1e9, [1]],
    ids=["nan", "inf", "a text", "nothing", "huge", "a truth", "far", "a list"],
)
def test_coordinates_that_are_no_numbers_leave_their_picture_out(tmp_path: Path, wrong: Any) -> None:
    root = export(tmp_path / "d", [marked(0, segmentation=[[wrong, *SQUARE[1:]]]), marked(1)])
    found, said = masks(root, tmp_path / "t")
    assert set(found) == {"f1", "f2"} and "no numbers, or one is missing: 1 (“f0.png”)" in said


def test_outlines_of_two_corners_cover_nothing_and_are_counted(tmp_path: Path) -> None:
    found, said = masks(export(tmp_path / "d", [marked(0, segmentation=[SQUARE, [1, 1, 9, 9]])]), tmp_path / "t")
    assert (found["f0"] == boxed(1)).all() and "fewer than 3 corners, which cover nothing: 1 (“f0.png”)" in said


def test_outlines_between_the_middles_of_pixels_are_counted(tmp_path: Path) -> None:
    thin = [5.6, 5, 6.4, 5, 6.4, 9, 5.6, 9]
    found, said = masks(export(tmp_path / "d", [marked(0, segmentation=[thin])]), tmp_path / "t")
    assert not found["f0"].any() and "no pixel has its middle: 1 (“f0.png”)" in said


def test_boxes_alone_are_no_masks_and_a_box_among_outlines_leaves_its_picture_out(tmp_path: Path) -> None:
    boxes = [{**marked(number, segmentation=[]), "bbox": [1, 1, 5, 5]} for number in (0, 1)]
    assert [one.kind for one in ways(export(tmp_path / "d", boxes))] == ["tags"]
    found, said = masks(export(tmp_path / "e", [boxes[0], marked(1)]), tmp_path / "t")
    assert set(found) == {"f1", "f2"} and "marked without an outline: 1 (“f0.png”)" in said


def test_tags_are_the_classes_in_each_picture_and_a_picture_may_have_none(tmp_path: Path) -> None:
    root = export(tmp_path / "d", [marked(0), marked(0), marked(0, 3), marked(1, 3)])
    rows, said = table(root, "tags", tmp_path / "t")
    assert rows == [
        {"image_name": "f0.png", "tags": ["plate", "tool"]},
        {"image_name": "f1.png", "tags": ["tool"]},
        {"image_name": "f2.png", "tags": [], "is_labelled": True},
    ]
    assert "none of the classes is marked: 1 (“f2.png”)" in said
    assert "label" not in {one.kind for one in ways(root)}


@pytest.mark.parametrize("names", [("tags", "label"), ("person", "split"), ("Tool", "tool"), ("1", "0")], ids=str)
def test_classes_called_like_columns_and_pictures_of_none_are_read_again_as_they_are(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    categories = [{"id": place, "name": name} for place, name in enumerate(names)]
    root = export(tmp_path / "d", [marked(0, 0), marked(0, 1), marked(1, 1)], categories=categories)
    table(root, "tags", tmp_path / "t")
    read = find_tag_layout(tmp_path / "t").tags
    assert [read[tmp_path / f"t/images/f{n}.png"] for n in range(3)] == [tuple(sorted(names)), (names[1],), ()]


def test_one_class_in_each_picture_may_be_its_label(tmp_path: Path) -> None:
    rows, _ = table(export(tmp_path / "d", [marked(0), marked(1, 3), marked(2)]), "label", tmp_path / "t")
    assert [row["label"] for row in rows] == [["plate"], ["tool"], ["plate"]]


def pointed(root: Path, *found: tuple[int, list[float]]) -> Path:
    """Pictures of people with a nose and an eye."""
    categories = [{"id": 1, "name": "person", "keypoints": ["eye", "nose"]}]
    return export(root, [marked(number, 1, [], keypoints=points) for number, points in found], categories=categories)


def test_a_key_point_is_asked_for_and_only_those_that_are_set_count(tmp_path: Path) -> None:
    root = pointed(tmp_path / "d", (0, [0, 0, 0, 12.5, 7, 2]), (1, [1, 2, 1, 3, 4, 2]), (2, [9, 9, 0, 0, 0, 0]))
    (question,) = way(root, "point").questions
    assert (
        question.choices == {"nose": "nose (in 2 pictures)", "eye": "eye (in 1 picture)"} and question.value == "nose"
    )
    rows, said = table(root, "point", tmp_path / "t")
    assert [(row["column"], row["row"]) for row in rows] == [("12.5", "7.0"), ("3.0", "4.0"), ("", "")]
    assert "without a point “nose”: 1 (“f2.png”)" in said
    layout = find_table_layout(tmp_path / "t")
    assert {one.name: layout.point(one) for one in layout.pictures} == {"f0.png": (12.5, 7.0), "f1.png": (3.0, 4.0)}
    rows, _ = table(root, "point", tmp_path / "u", {"point": "eye"})
    assert [(row["column"], row["row"]) for row in rows] == [("", ""), ("1.0", "2.0"), ("", "")]


def test_a_picture_of_two_people_has_no_one_nose(tmp_path: Path) -> None:
    two = [(0, [0, 0, 0, 5, 5, 2]), (0, [0, 0, 0, 6, 6, 2]), (1, [0, 0, 0, 8, 8, 1]), (2, [0, 0, 0, 99, 8, 2])]
    rows, said = table(pointed(tmp_path / "d", *two), "point", tmp_path / "t")
    assert rows == [{"image": "f1.png", "column": "8.0", "row": "8.0"}]
    assert "several points “nose”: 1 (“f0.png”)" in said and "lie outside of them: 1 (“f2.png”)" in said


def test_points_that_are_fewer_than_their_names_leave_their_picture_out(tmp_path: Path) -> None:
    rows, said = table(pointed(tmp_path / "d", (0, [1, 2, 2]), (1, [1, 2, 2, 3, 4, 2])), "point", tmp_path / "t")
    assert [row["image"] for row in rows] == ["f1.png", "f2.png"] and "“f0.png”" in said


def test_a_file_for_each_split_is_one_data_set_and_categories_are_matched_by_name(tmp_path: Path) -> None:
    """As Roboflow has it: three folders in which pictures have the same names, and categories other numbers."""
    root, small = tmp_path / "d", marked(0, 9, [[1, 1, 3, 1, 3, 3, 1, 3]])
    for place, (side, tool) in enumerate([("train", 1), ("valid", 2), ("test", 5)]):
        for number in range(2):
            draw(root / side / f"f{number}.png", 10 * place + number)
        categories = [{"id": 0, "name": "things"}, {"id": tool, "name": "tool"}, {"id": 9, "name": "wall"}]
        content = {"images": [image(number) for number in range(2)], "categories": categories}
        write(root / side / "_annotations.coco.json", json.dumps({**content, "annotations": [marked(1, tool), small]}))
    _, said = masks(root, tmp_path / "t")
    for side in ("train", "val", "test"):
        assert len(list((tmp_path / "t" / side).iterdir())) == 2
        drawn = [np.asarray(Image.open(file)) for file in sorted((tmp_path / "t" / f"{side}annot").iterdir())]
        assert drawn[0].sum() == 4 * 3 and (drawn[1] == boxed(2)).all()
    assert "Classes that are in no picture: 1 (“things”)" in said
    rows, _ = table(root, "tags", tmp_path / "u")
    assert [row["split"] for row in rows] == ["test", "test", "train", "train", "valid", "valid"]


def test_names_of_files_and_of_folders_say_the_split(tmp_path: Path) -> None:
    root = tmp_path / "d"
    for side, numbers in (("train", (0, 1)), ("val", (0, 1))):  # other pictures of the same names
        content = {"images": [image(number) for number in numbers], "categories": CATEGORIES}
        for number in numbers:
            draw(root / f"{side}2017/f{number}.png", number + 10 * (side == "val"))
        annotations = [marked(number, 7 if side == "train" else 3) for number in numbers]
        write(root / f"annotations/instances_{side}2017.json", json.dumps({**content, "annotations": annotations}))
    rows, _ = table(root, "tags", tmp_path / "t")
    assert [(row["split"], row["tags"]) for row in rows] == [("train", ["plate"])] * 2 + [("valid", ["tool"])] * 2
    assert (tmp_path / "t/images/f0.png").read_bytes() == (root / "train2017/f0.png").read_bytes()


@pytest.mark.parametrize("file", ["instances_train.json", "instances_val.json"])
def test_one_split_alone_is_none(tmp_path: Path, file: str) -> None:
    rows, said = table(export(tmp_path / "d", [marked(0), marked(1), marked(2)], file=file), "tags", tmp_path / "t")
    assert not any("split" in row for row in rows) and ("for training" in said) == ("val" in file)


def test_pictures_in_two_splits_are_left_out(tmp_path: Path) -> None:
    root = export(tmp_path / "d", [marked(0), marked(1), marked(2)], file="train.json")
    export(root, [marked(0)], images=[image(0)], file="val.json")
    draw(root / "images/f3.png", 3)
    export(root, [marked(3)], images=[image(0), image(3)], file="val.json")
    _, said = table(root, "tags", tmp_path / "t")
    assert "in several splits: 1 (“f0.png”)" in said


def test_instances_and_key_points_of_the_same_pictures_are_taken_together(tmp_path: Path) -> None:
    root = export(tmp_path / "d", [marked(0)], file="instances.json")
    persons = [{"id": 1, "name": "plate", "keypoints": ["nose"]}]
    export(root, [marked(0, 1, keypoints=[4, 5, 2])], categories=persons, file="person_keypoints.json")
    write(
        root / "captions.json", json.dumps({"images": [image(0)], "annotations": [{"image_id": 0, "caption": "Hm."}]})
    )
    rows, said = table(root, "point", tmp_path / "t")
    assert rows[0] == {"image": "f0.png", "column": "4.0", "row": "5.0"} and "captions.json has captions" in said
    assert (masks(root, tmp_path / "u")[0]["f0"] == boxed(1)).all()


def test_what_names_nothing_is_counted(tmp_path: Path) -> None:
    annotations = [marked(0), marked(99), marked(0, 42), "x", marked(1)]
    root = export(tmp_path / "d", annotations, images=[image(0), image(1), image(8, "gone.png")])
    rows, said = table(root, "tags", tmp_path / "t")
    assert [row["image_name"] for row in rows] == ["f0.png", "f1.png"]
    assert "image that their file does not list, left out: 2" in said
    assert "category that their file does not list, left out: 1 (“number 3 in result.json”)" in said
    assert "not there, or are there several times: 1 (“gone.png”)" in said
    assert "does not name them: 1 (“f2.png”)" in said


def test_two_categories_of_one_name_are_one_class(tmp_path: Path) -> None:
    twice = [{"id": 1, "name": "tool"}, {"id": 2, "name": "plate"}, {"id": 3, "name": "tool "}]
    root = export(tmp_path / "d", [marked(0, 1), marked(1, 3), marked(2, 2)], categories=twice)
    found, said = masks(root, tmp_path / "t")
    assert [found[f"f{number}"].max() for number in range(3)] == [
        1,
        1,
        2,
    ] and "several times, taken together: 1" in said


def test_a_category_called_background_is_the_background(tmp_path: Path) -> None:
    categories = [{"id": 1, "name": "tool"}, {"id": 2, "name": "Background"}]
    root = export(
        tmp_path / "d", [marked(0, 1), marked(0, 2, [[12, 10, 14, 10, 14, 12, 12, 12]])], categories=categories
    )
    found, _ = masks(root, tmp_path / "t")
    assert found["f0"].sum() == 320 - 4
    assert (tmp_path / "t/codes.txt").read_text("utf-8") == "0 background\n1 tool\n"


def test_a_picture_in_another_size_gets_its_outlines_scaled_and_one_of_another_shape_is_left_out(
    tmp_path: Path,
) -> None:
    half = [number / 2 for number in SQUARE]
    images = [image(0, width=WIDTH // 2, height=HEIGHT // 2), image(1, width=WIDTH, height=WIDTH), image(2)]
    root = export(tmp_path / "d", [marked(0, segmentation=[half]), marked(1), marked(2)], images=images)
    found, said = masks(root, tmp_path / "t")
    assert set(found) == {"f0", "f2"} and (found["f0"] == boxed(1)).all()
    assert "was scaled: 1 (“f0.png”)" in said and "not what the file says: 1 (“f1.png”)" in said
    rows, said = table(root, "tags", tmp_path / "u")
    assert len(rows) == 2 and "not what the file says: 1 (“f1.png”)" in said


def test_runs_are_scaled_as_outlines_are(tmp_path: Path) -> None:
    small = boxed(1, size=(WIDTH, HEIGHT))[::2, ::2]
    written = {"size": [HEIGHT // 2, WIDTH // 2], "counts": runs(small == 1)}
    images = [image(0, width=WIDTH // 2, height=HEIGHT // 2)]
    found, _ = masks(export(tmp_path / "d", [marked(0, segmentation=written)], images=images), tmp_path / "t")
    assert (found["f0"] == boxed(1)).all()


def test_sizes_that_are_not_said_are_said(tmp_path: Path) -> None:
    images = [{"id": 0, "file_name": "f0.png"}, image(1, width="64"), image(2, width=-1)]
    found, said = masks(export(tmp_path / "d", [marked(0), marked(1)], images=images), tmp_path / "t")
    assert (found["f1"] == boxed(1)).all() and "no size is given, so that coordinates are taken for pixels: 3" in said


@pytest.mark.parametrize("size", [(WIDTH, HEIGHT), (48, 48)], ids=["wide", "square"])
def test_outlines_on_a_picture_as_it_is_shown_lie_on_it_though_it_is_stored_turned(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    """The program that draws turns a telephone's picture; the mask is written as the picture is stored."""
    root, (width, height) = tmp_path / "d", size
    for number in range(6):
        draw(root / f"images/f{number}.jpg", number, size=size, turn=TURNED)
    # In a quarter turn to the right, what is at (column, row) comes to (height - row, column).
    shown = [height - TOP, LEFT, height - TOP, RIGHT, height - BOTTOM, RIGHT, height - BOTTOM, LEFT]
    images = [image(number, f"f{number}.jpg", width=height, height=width) for number in range(6)]
    content = {"images": images, "categories": CATEGORIES}
    annotations = [marked(number, segmentation=[shown]) for number in range(6)]
    write(root / "result.json", json.dumps({**content, "annotations": annotations}))
    found, said = masks(root, tmp_path / "t")
    assert (found["f0"] == boxed(1, size=size)).all() and "turned by their EXIF tag" in said
    data = open_masks(tmp_path / "t")
    picture, mask = data.sample(data.train[0], size)
    red = (picture[0].int() - picture[1].int()) > 60
    assert red.sum() > 250 and (red == (mask == 1)).float().mean() > 0.98


def test_a_turned_picture_whose_size_is_that_before_the_turn_is_left_out_of_masks_and_not_of_tags(
    tmp_path: Path,
) -> None:
    """HumanSignal/label-studio#6608: outlines as shown, and the size as stored."""
    root = export(tmp_path / "d", [marked(0), marked(1), marked(2)])
    draw(root / "images/f0.jpg", 0, turn=TURNED)
    (root / "images/f0.png").unlink()
    found, said = masks(root, tmp_path / "t")
    assert set(found) == {"f1", "f2"} and "which way they were marked is not clear: 1 (“f0.jpg”)" in said
    assert len(table(root, "tags", tmp_path / "u")[0]) == 3


def test_a_picture_that_is_cut_short_is_left_out(tmp_path: Path) -> None:
    root = export(tmp_path / "d", [marked(0), marked(1)])
    write(root / "images/f0.png", b"no picture")
    found, said = masks(root, tmp_path / "t")
    assert set(found) == {"f1", "f2"} and "cannot be read as pictures: 1 (“f0.png”)" in said


@pytest.mark.parametrize(
    "name",
    ["images/f0.png", "images\\f0.png", "./images/f0.png", "f0.png", "C:\\Users\\me\\f0.png", "/srv/data/f0.png"],
)
def test_names_with_folders_of_other_systems_are_found(tmp_path: Path, name: str) -> None:
    found, _ = masks(export(tmp_path / "d", [marked(0)], images=[image(0, name)]), tmp_path / "t")
    assert set(found) == {"f0"}


@pytest.mark.parametrize("name", ["../../secret.png", "/etc/secret.png", "a\0b.png", "\ud800.png", " ", "x" * 9999])
def test_names_that_lead_elsewhere_find_nothing(tmp_path: Path, name: str) -> None:
    draw(tmp_path / "secret.png")
    rows, said = table(
        export(tmp_path / "d", [marked(1), marked(0)], images=[image(0), image(1, name)]), "tags", tmp_path / "t"
    )
    assert [row["image_name"] for row in rows] == ["f0.png"] and "not there" in said and said.encode()


def test_no_picture_of_the_file_is_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"“result.json” names 1 pictures, and none of them is in the folder .*“g.png”"):
        ways(export(tmp_path / "d", [marked(0)], images=[image(0, "g.png")]))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"images": [], "annotations": [], "categories": []}', "no list of categories"),
        ('{"images": {}, "annotations": 5, "categories": [{"id": 1, "name": "a"}]}', "no lists of images"),
        ('{"images": [], "annotations": [], "categories": [{"id": 1}]}', "without a number or a name"),
        ('{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}', "number 1: “a”"),
        ('{"images": [{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}], "annotations": [], '
         '"categories": [{"id": 1, "name": "a"}]}', "two images of the number 1"),
        ('{"images": [], "annotations": [', "is damaged JSON"),
        ('{"images": [], "annotations": ' + "[" * 200_000, "is damaged JSON"),
        ('{"images": [], "annotations": [' + "9" * 5000 + "]}", "is damaged JSON"),
        ('{"images": [], "annotations": [{"segments_info": []}]}', "has panoptic annotations"),
        ('{"images": [], "annotations": "é"'.encode("latin-1"), "is not UTF-8. Save it as UTF-8."),
    ],
)  # fmt: skip
def test_files_that_cannot_be_used_are_refused_by_name(tmp_path: Path, content: str | bytes, said: str) -> None:
    draw(tmp_path / "d/f0.png")
    write(tmp_path / "d/odd.json", content)
    with pytest.raises(DataError, match=said) as refused:
        ways(tmp_path / "d")
    assert "odd.json" in str(refused.value)


def test_a_file_in_utf_16_is_read(tmp_path: Path) -> None:
    root = export(tmp_path / "d", [marked(0)])
    write(root / "result.json", (root / "result.json").read_text("utf-8").encode("utf-16"))
    assert way(root, "mask")


@pytest.mark.parametrize("content", ["[1, 2]", '"images annotations"', '["images", "annotations"]', "{}"])
def test_other_json_is_none_of_it(tmp_path: Path, content: str) -> None:
    draw(tmp_path / "d/f0.png")
    write(tmp_path / "d/odd.json", content)
    assert ways(tmp_path / "d") == []


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = export(tmp_path / "d", [marked(0)])
    monkeypatch.setattr(export_files, "MOST_BYTES", 300)
    with pytest.raises(DataError, match=r"result\.json has .* bytes"):
        ways(root)


def test_an_outline_that_would_take_hours_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "MOST_CROSSINGS", 1000)
    saw = [number for step in range(200) for number in (step % 7, 48 * (step % 2))]
    root = export(tmp_path / "d", [marked(0, segmentation=[saw])])
    with pytest.raises(DataError, match="200 corners"):
        way(root, "mask").write(tmp_path / "t", {})
