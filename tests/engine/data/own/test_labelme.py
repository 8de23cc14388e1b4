"""LabelMe's files are read to the pixel, beside their pictures or away from them."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import own_data
import pytest
from own_data import BOX, HEIGHT, TURNED, WIDTH, boxed, draw, write

from engine.data.own.labelme import ways
from engine.errors import DataError

LEFT, TOP, RIGHT, BOTTOM = BOX
CORNERS = [[LEFT, TOP], [RIGHT, TOP], [RIGHT, BOTTOM], [LEFT, BOTTOM]]


def shape(label: Any = "tool", points: Any = None, kind: Any = "polygon") -> dict[str, Any]:
    given = CORNERS if points is None else points
    return {"label": label, "points": given, "group_id": None, "shape_type": kind, "flags": {}}


def drawn(root: Path, *files: list[Any], **more: Any) -> Path:
    """Pictures with the shapes that are drawn in each."""
    for number, some in enumerate(files):
        draw(root / f"f{number}.png", number)
        content = {
            "version": "5.5.0", "flags": {}, "shapes": some, "imagePath": f"f{number}.png", "imageData": "aGk=",
            "imageHeight": HEIGHT, "imageWidth": WIDTH,
        }  # fmt: skip
        write(root / f"f{number}.json", json.dumps({**content, **more}))
    return root


way, masks, rows_of = (partial(one, ways) for one in (own_data.way_of, own_data.masks_of, own_data.rows_of))


def test_shapes_become_masks_to_the_pixel_and_later_ones_lie_on_top(tmp_path: Path) -> None:
    whole = [[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]]
    files = (
        [shape("_background_", whole), shape()],
        [shape(), shape("wall", whole)],
        [shape("wall", whole), shape()],
        [],
    )
    found, said = masks(drawn(tmp_path / "d", *files), tmp_path / "t")
    assert (found["f0"] == boxed(1)).all() and (found["f1"] == 2).all() and (found["f2"] == boxed(1, 2)).all()
    assert not found["f3"].any() and "later ones lie on top" in said
    assert (tmp_path / "t/codes.txt").read_text("utf-8") == "0 background\n1 tool\n2 wall\n"


def test_a_circle_has_the_pixels_around_its_middle(tmp_path: Path) -> None:
    found, _ = masks(drawn(tmp_path / "d", [shape("ball", [[30, 20], [33, 24]], "circle")]), tmp_path / "t")
    rows, columns = np.indices((HEIGHT, WIDTH)) + 0.5
    far = np.hypot(columns - 30, rows - 20)
    assert found["f0"][far < 4.98].all() and not found["f0"][far > 5.02].any()


@pytest.mark.parametrize("corners", [CORNERS, [CORNERS[2], CORNERS[0]]], ids=["four corners", "two"])
def test_rectangles_are_drawn_among_outlines_and_are_boxes_where_they_are_alone(tmp_path: Path, corners: Any) -> None:
    box = shape("box", corners, "rectangle")
    assert {one.kind for one in ways(drawn(tmp_path / "d", [box], [box]))} == {"tags"}
    found, said = masks(drawn(tmp_path / "e", [box], [shape()]), tmp_path / "t")
    assert (found["f0"] == boxed(1)).all() and "Rectangles, which are drawn as outlines are: 1 (“f0.png”)" in said


def test_lines_have_no_pixels_and_are_counted(tmp_path: Path) -> None:
    strip = shape("edge", [[1, 1], [9, 9], [9, 1]], "linestrip")
    found, said = masks(
        drawn(tmp_path / "d", [shape(), strip, shape("edge", [[1, 1], [5, 5]], "line")]), tmp_path / "t"
    )
    assert (found["f0"] == boxed(1)).all() and "are not drawn: 2" in said


def test_shapes_of_other_types_leave_their_picture_out_of_the_masks(tmp_path: Path) -> None:
    root = drawn(tmp_path / "d", [shape("tool", None, "mask")], [shape()])
    found, said = masks(root, tmp_path / "t")
    assert set(found) == {"f1"} and "type “mask”, whose pixels are not read: 1 (“f0.png”)" in said
    assert len(rows_of(root, "tags", tmp_path / "u")[0]) == 2


def test_pixels_that_are_to_be_ignored_are_of_no_class(tmp_path: Path) -> None:
    root = drawn(tmp_path / "d", [shape(), shape("__ignore__", [[0, 0], [4, 0], [4, 4], [0, 4]])])
    found, _ = masks(root, tmp_path / "t")
    assert (found["f0"][:4, :4] == 255).all() and (found["f0"][4:] == boxed(1)[4:]).all()
    assert (tmp_path / "t/codes.txt").read_text("utf-8") == "0 background\n1 tool\n"


def test_a_point_is_asked_for_by_its_label(tmp_path: Path) -> None:
    nose, eye = shape("nose", [[3.5, 4]], "point"), shape("eye", [[7, 8]], "point")
    root = drawn(tmp_path / "d", [nose, eye, eye], [nose], [], [shape("nose", [[70, 4]], "point"), eye])
    (question,) = way(root, "point").questions
    assert question.choices == {"nose": "nose (in 3 pictures)", "eye": "eye (in 1 picture)"}
    rows, said = rows_of(root, "point", tmp_path / "t", {"point": "none of these"})
    assert [(row["column"], row["row"]) for row in rows] == [("3.5", "4.0"), ("3.5", "4.0"), ("", "")]
    assert "lie outside of them: 1 (“f3.png”)" in said
    rows, said = rows_of(root, "point", tmp_path / "u", {"point": "eye"})
    assert len(rows) == 3 and "several points “eye”: 1 (“f0.png”)" in said


def test_one_point_alone_asks_nothing(tmp_path: Path) -> None:
    root = drawn(tmp_path / "d", [shape("nose", [[3, 4]], "point")])
    assert [one.kind for one in ways(root)] == ["point"] and not way(root, "point").questions


def test_tags_and_labels(tmp_path: Path) -> None:
    root = drawn(tmp_path / "d", [shape("wall"), shape("tool"), shape("tool")], [shape("tool")])
    assert [row["tags"] for row in rows_of(root, "tags", tmp_path / "t")[0]] == [["wall", "tool"], ["tool"]]
    root = drawn(tmp_path / "e", [shape("wall")], [shape("tool")])
    assert [row["label"] for row in rows_of(root, "label", tmp_path / "u")[0]] == [["wall"], ["tool"]]


def test_a_picture_in_another_folder_is_found_by_the_path_that_windows_wrote(tmp_path: Path) -> None:
    root = drawn(tmp_path / "d/json", [shape()], imagePath="..\\imgs\\a.png")
    (root / "f0.png").unlink()
    draw(tmp_path / "d/imgs/a.png")
    draw(tmp_path / "d/other/a.png", 1)
    found, said = masks(tmp_path / "d", tmp_path / "t")
    assert set(found) == {"a"} and "no file of LabelMe is theirs: 1 (“a.png”)" in said


def test_a_path_that_leads_out_of_the_folder_finds_nothing(tmp_path: Path) -> None:
    draw(tmp_path / "secret.png")
    root = drawn(tmp_path / "d", [shape()], imagePath="../secret.png")
    (root / "f0.png").unlink()
    draw(root / "g.png")
    with pytest.raises(DataError, match=r"None of the 1 files of LabelMe .*“f0\.json”"):
        ways(root)


def test_folders_say_the_split(tmp_path: Path) -> None:
    for side in ("train", "val"):
        drawn(tmp_path / "d" / side, [shape()], [shape()])
    rows, _ = rows_of(tmp_path / "d", "tags", tmp_path / "t")
    assert [row["split"] for row in rows] == ["train", "train", "valid", "valid"]


def test_a_smaller_picture_and_a_turned_one_are_laid_on_as_they_are_shown(tmp_path: Path) -> None:
    double = [[2 * column, 2 * row] for column, row in CORNERS]
    found, said = masks(
        drawn(tmp_path / "d", [shape("tool", double)], imageHeight=2 * HEIGHT, imageWidth=2 * WIDTH), tmp_path / "t"
    )
    assert (found["f0"] == boxed(1)).all() and "was scaled" in said
    shown = [[HEIGHT - row, column] for column, row in CORNERS]
    root = drawn(tmp_path / "e", [shape("tool", shown)], imageHeight=WIDTH, imageWidth=HEIGHT)
    (root / "f0.png").unlink()
    draw(root / "f0.jpg", turn=TURNED)
    found, said = masks(root, tmp_path / "u")
    assert (found["f0"] == boxed(1)).all() and "turned by their EXIF tag" in said


def test_a_size_of_another_shape_leaves_all_out(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not what the file says"):
        way(drawn(tmp_path / "d", [shape()], imageHeight=HEIGHT, imageWidth=HEIGHT), "mask").write(tmp_path / "t", {})


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (shape("tool", [[1, 2], [3, float("nan")], [4, 4]]), "no numbers"),
        (shape("tool", [[1, 2], [3], [4, 4]]), "no numbers"),
        (shape("tool", [["1", 2], [3, 3], [4, 4]]), "no numbers"),
        (shape("tool", []), "no numbers"),
        (shape("tool", {"x": 1}), "no numbers"),
        (shape("nose", [1e300, 2], "point"), "no numbers"),
        (shape(None), "no label"),
        (shape(" "), "no label"),
        ("tool", "no label"),
    ],
    ids=str,
)
def test_shapes_that_cannot_be_read_leave_their_picture_out(tmp_path: Path, wrong: Any, why: str) -> None:
    found, said = masks(drawn(tmp_path / "d", [shape(), wrong], [shape()]), tmp_path / "t")
    assert set(found) == {"f1"} and why in said and "“f0.png”" in said


def test_an_outline_of_two_corners_covers_nothing_and_a_type_may_be_missing(tmp_path: Path) -> None:
    found, said = masks(drawn(tmp_path / "d", [shape(kind=None), shape("wall", [[1, 1], [2, 2]])]), tmp_path / "t")
    assert (found["f0"] == boxed(1)).all() and "cover nothing: 1 (“f0.png”)" in said


def test_two_files_of_one_picture_leave_it_out(tmp_path: Path) -> None:
    root = drawn(tmp_path / "d", [shape()], [shape()])
    write(root / "copy.json", (root / "f0.json").read_text("utf-8"))
    assert "named more than once: 2 (“f0.png”, “f0.png”)" in masks(root, tmp_path / "t")[1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"shapes": [], "imagePath": "f0.png"', "is damaged JSON"),
        ('{"imagePath": "f0.png", "shapes": ' + "[" * 200_000, "is damaged JSON"),
        ('{"imagePath": "f0.png", "shapes": [{"label": "ö"}]}'.encode("latin-1"), "is not UTF-8"),
    ],
    ids=["cut", "deep", "letters"],
)
def test_files_that_cannot_be_used_are_refused_by_name(tmp_path: Path, content: str | bytes, said: str) -> None:
    draw(tmp_path / "d/f0.png")
    write(tmp_path / "d/odd.json", content)
    with pytest.raises(DataError, match=rf"odd\.json {said}"):
        ways(tmp_path / "d")


@pytest.mark.parametrize("content", ['["shapes", "imagePath"]', '{"shapes": 5, "imagePath": "f0.png"}', "{}"])
def test_other_json_is_none_of_it(tmp_path: Path, content: str) -> None:
    draw(tmp_path / "d/f0.png")
    write(tmp_path / "d/odd.json", content)
    assert ways(tmp_path / "d") == []
