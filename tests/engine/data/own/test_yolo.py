"""Labels of YOLO's programs are read to the pixel, and pixels in place of shares are refused."""

from functools import partial
from pathlib import Path

import own_data
import pytest
from own_data import BOX, HEIGHT, TURNED, WIDTH, boxed, draw, write

from engine.data.own.yolo import ways
from engine.errors import DataError

LEFT, TOP, RIGHT, BOTTOM = BOX
CORNERS = [(LEFT, TOP), (RIGHT, TOP), (RIGHT, BOTTOM), (LEFT, BOTTOM), (LEFT, TOP + 2)]  # not four, as boxes have
NAMES = "train: images/train\nval: images/val\nnames:\n  0: plate\n  1: tool\n"


def outline(number: int, corners: list[tuple[int, int]] = CORNERS) -> str:
    return f"{number} " + " ".join(f"{column / WIDTH} {row / HEIGHT}" for column, row in corners)


def labelled(root: Path, *lines: str | None, side: str = "", names: str = NAMES, file: str = "data.yaml") -> Path:
    """Pictures, and a file of lines for each that is not None."""
    for number, some in enumerate(lines):
        draw(root / "images" / side / f"f{number}.png", number)
        if some is not None:
            write(root / "labels" / side / f"f{number}.txt", some)
    write(root / file, names)
    return root


way, masks, rows_of = (partial(one, ways) for one in (own_data.way_of, own_data.masks_of, own_data.rows_of))


def test_outlines_become_masks_to_the_pixel_and_later_ones_lie_on_top(tmp_path: Path) -> None:
    whole = outline(0, [(0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT)])
    root = labelled(tmp_path / "d", f"{outline(1)}\n", f"{outline(1)}\n{whole}\n", f"{whole}\n\n{outline(1)}")
    found, said = masks(root, tmp_path / "t")
    assert (found["f0"] == boxed(2)).all() and (found["f1"] == 1).all() and (found["f2"] == boxed(2, 1)).all()
    assert (tmp_path / "t/codes.txt").read_text("utf-8") == "0 background\n1 plate\n2 tool\n" and "on top" in said


def test_boxes_are_tags_and_no_masks_and_a_picture_without_a_file_shows_nothing(tmp_path: Path) -> None:
    root = labelled(tmp_path / "d", "0 .5 .5 .2 .2\n1 .5 .5 .2 .2\n", "1 .1 .1 .1 .1", "", None)
    assert [one.kind for one in ways(root)] == ["tags"]
    rows, said = rows_of(root, "tags", tmp_path / "t")
    assert [row["tags"] for row in rows] == [["plate", "tool"], ["tool"], [], []]
    assert "without a file of labels, in which nothing is marked therefore: 1 (“f3.png”)" in said


def test_a_box_among_outlines_leaves_its_picture_out_of_the_masks(tmp_path: Path) -> None:
    found, said = masks(labelled(tmp_path / "d", f"{outline(0)}\n1 .5 .5 .1 .1", outline(1)), tmp_path / "t")
    assert set(found) == {"f1"} and "marked without an outline: 1 (“f0.png”)" in said


def test_outlines_of_four_corners_throughout_may_be_turned_boxes_and_that_is_said(tmp_path: Path) -> None:
    assert "turned boxes" in masks(labelled(tmp_path / "d", outline(0, CORNERS[:4])), tmp_path / "t")[1]


def test_folders_say_the_split_in_both_orders(tmp_path: Path) -> None:
    labelled(tmp_path / "d", "0 .5 .5 .2 .2", "1 .5 .5 .2 .2", side="train")
    labelled(tmp_path / "d", "1 .5 .5 .2 .2", side="val")
    rows, _ = rows_of(tmp_path / "d", "label", tmp_path / "t")
    assert [(row["label"], row["split"]) for row in rows] == [
        (["plate"], "train"),
        (["tool"], "train"),
        (["tool"], "valid"),
    ]
    for side, line in (("train", "0 .5 .5 .2 .2"), ("valid", "1 .5 .5 .2 .2"), ("test", None)):  # as Roboflow has it
        labelled(tmp_path / "e" / side, line, names="", file="empty.txt")
    write(tmp_path / "e/data.yaml", "names: [plate, tool]\nnc: 2\ntrain: ../train/images\nval: ../valid/images\n")
    rows, said = rows_of(tmp_path / "e", "tags", tmp_path / "u")
    assert [(row["tags"], row["split"]) for row in rows] == [(["plate"], "train"), (["tool"], "valid")]
    assert "no picture of their folder has labels: 1 (“f0.png”)" in said


def test_splits_in_folders_of_other_names_are_not_taken_over_and_that_is_said(tmp_path: Path) -> None:
    names = NAMES.replace("images/train", "images/one").replace("images/val", "images/two")
    for place, side in enumerate(("one", "two")):
        labelled(tmp_path / "d", *[f"{place} .5 .5 .2 .2"] * (place + 1), side=side, names=names)
    rows, said = rows_of(tmp_path / "d", "label", tmp_path / "t")
    assert len(rows) == 3 and "split" not in rows[0] and "splits of data.yaml are not in folders" in said


def test_a_list_of_classes_beside_the_labels_and_labels_beside_the_pictures_are_read(tmp_path: Path) -> None:
    root = tmp_path / "d"
    for number in range(2):
        draw(root / f"f{number}.jpg", number)
        write(root / f"f{number}.txt", f"{number} 0.5 0.5 0.25 0.25\n")
    write(root / "classes.txt", "a plate\nschön\n")
    rows, _ = rows_of(root, "label", tmp_path / "t")
    assert [row["label"] for row in rows] == [["a plate"], ["schön"]]


def test_lists_that_name_other_classes_are_refused(tmp_path: Path) -> None:
    root = labelled(tmp_path / "d", "0 .5 .5 .2 .2")
    write(root / "labels/classes.txt", "plate\ntool\n")
    assert way(root, "tags")
    write(root / "labels/classes.txt", "tool\nplate\n")
    with pytest.raises(DataError, match=r"data\.yaml and labels/classes\.txt name other classes"):
        ways(root)


def test_labels_that_nothing_names_are_refused(tmp_path: Path) -> None:
    root = labelled(tmp_path / "d", "0 .5 .5 .2 .2", file="unused.csv")
    with pytest.raises(DataError, match=r"nothing names their classes\. Put classes\.txt"):
        ways(root)
    write(root / "labels/f0.txt", "a cat, and nothing else")
    assert ways(root) == []


def test_classes_without_labels_are_refused_where_they_are_yolos(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"for f0\.png it would be labels/f0\.txt"):
        ways(labelled(tmp_path / "d", None))
    assert ways(labelled(tmp_path / "e", None, file="classes.txt", names="a\nb\n")) == []


def test_key_points_need_their_number_and_may_have_names(tmp_path: Path) -> None:
    pose = f"{NAMES}kpt_shape: [2, 3]\nkpt_names:\n  0: [eye, nose]\n  1: [eye, nose]\n"
    lines = (
        "0 .5 .5 .2 .2 .25 .5 2 0 0 0\n",
        "0 .5 .5 .2 .2 .125 .125 1 .5 .75 2",
        "0 .5 .5 .2 .2 0 0 0 0 0 0",
        "0 .5 .5 .1 .1",
    )
    root = labelled(tmp_path / "d", *lines, names=pose)
    assert [one.kind for one in ways(root)] == ["tags", "point"]
    (question,) = way(root, "point").questions
    assert question.choices == {"eye": "eye (in 2 pictures)", "nose": "nose (in 1 picture)"} and question.value == "eye"
    rows, _ = rows_of(root, "point", tmp_path / "t")
    assert [(row["column"], row["row"]) for row in rows] == [("16.0", "24.0"), ("8.0", "6.0"), ("", ""), ("", "")]
    rows, _ = rows_of(root, "point", tmp_path / "u", {"point": "nose"})
    assert rows[1] == {"image": "f1.png", "column": "32.0", "row": "36.0"}


def test_points_without_a_third_number_are_set_unless_they_are_the_corner(tmp_path: Path) -> None:
    pose = f"{NAMES}kpt_shape: [1, 2]\n"
    root = labelled(tmp_path / "d", "0 .5 .5 .2 .2 .5 .5", "0 .5 .5 .2 .2 0 0", names=pose)
    rows, said = rows_of(root, "point", tmp_path / "t")
    assert [row["column"] for row in rows] == ["32.0", ""] and "without a point “point 1”: 1" in said


def test_a_turned_picture_is_marked_as_it_is_shown(tmp_path: Path) -> None:
    root = tmp_path / "d"
    draw(root / "images/f0.jpg", turn=TURNED)
    shown = [(HEIGHT - row, column) for column, row in CORNERS]  # of a picture WIDTH high and HEIGHT wide
    line = "0 " + " ".join(f"{column / HEIGHT} {row / WIDTH}" for column, row in shown)
    write(root / "labels/f0.txt", line)
    write(root / "data.yaml", NAMES)
    found, said = masks(root, tmp_path / "t")
    assert (found["f0"] == boxed(1)).all() and "turned by their EXIF tag" in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0 320 240 100 80", r"f0\.txt, line 2, has 320, which is above 1: pixels"),
        ("0 .5 .5 .1 1.5", "above 1: pixels"),
        ("0 -.5 .5 .1 .1", r"has -0\.5"),
        ("2 .5 .5 .1 .1", r"of the class 2, and data\.yaml names 2: 0 to 1"),
        ("-1 .5 .5 .1 .1", "of the class -1"),
        ("0.5 .5 .5 .1 .1", r"of the class 0\.5"),
        ("0 nan .5 .1 .1", "has not the numbers"),
        ("0 inf .5 .1 .1", "has not the numbers"),
        ("cat .5 .5 .1 .1", "has not the numbers"),
        ("0 .5 .5", "has not the numbers"),
        ("0 .5 .5 .1 .1 .9", "has 5 numbers after its class"),
        ("0 .5 .5 .1 .1 .9 .1 2", "kpt_shape"),
        ("1" * 400 + " .5 .5 .1 .1", "line 2"),
    ],
)
def test_lines_that_are_none_are_refused_with_their_place(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        ways(labelled(tmp_path / "d", f"0 .5 .5 .1 .1\n{line}\n"))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("train: x\nnames: [a, yes]", "no name for the class 1, or one that YAML takes for another thing"),
        ("train: x\nnames: [1.10]", "no name for the class 0"),
        ("train: x\nnames: {a: b}", "The names in data.yaml are no list"),
        ("train: x\nnames: a", "The names in data.yaml are no list"),
        ("train: x\nnames: []", "names no classes"),
        ("train: x\nnames: [a", "damaged YAML"),
        ("train: !!python/object/apply:os.system ['true']\nnames: [a]", "damaged YAML"),
        ("train: x\nnames: " + "[" * 5000, "damaged YAML"),
        ("train: x\nnames: [a, &a [b, b], *a]", "no name for the class 1"),
        ("train: x\nnames: [a]\nkpt_shape: [0, 3]", "kpt_shape"),
        ("train: x\nnames: [a]\nkpt_shape: 17", "kpt_shape"),
        ("train: x\nnames: [a]\n#" + "x" * 1_000_001, "bytes"),
    ],
)
def test_yaml_that_names_nothing_is_refused(tmp_path: Path, names: str, said: str) -> None:
    with pytest.raises(DataError, match=said) as refused:
        ways(labelled(tmp_path / "d", "0 .5 .5 .1 .1", names=names))
    assert "data.yaml" in str(refused.value)


def test_lines_that_do_not_have_the_points_that_are_named_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"6 numbers after its box\. By the kpt_shape of data\.yaml it should be 3 times 3"
    ):
        ways(labelled(tmp_path / "d", "0 .5 .5 .2 .2 .1 .1 2 .2 .2 2", names=f"{NAMES}kpt_shape: [3, 3]\n"))


def test_two_classes_of_one_name_are_one_and_numbers_may_have_gaps(tmp_path: Path) -> None:
    names = "train: x\nnames: {2: tool, 5: plate, 9: tool}"
    found, said = masks(labelled(tmp_path / "d", outline(2), outline(9), outline(5), names=names), tmp_path / "t")
    assert [found[f"f{number}"].max() for number in range(3)] == [1, 1, 2] and "taken together: 1 (“tool”)" in said


def test_two_pictures_of_one_file_and_a_file_of_no_picture_are_told(tmp_path: Path) -> None:
    root = labelled(tmp_path / "d", "0 .5 .5 .1 .1", "1 .5 .5 .1 .1", "1 .5 .5 .1 .1")
    draw(root / "images/f0.jpg")
    write(root / "labels/gone.txt", "0 .5 .5 .1 .1")
    rows, said = rows_of(root, "tags", tmp_path / "t")
    assert len(rows) == 2 and "several share one file of labels: 2" in said
    assert "Files of labels without a picture: 1 (“gone.txt”)" in said


def test_labels_in_utf_16_are_read_and_other_letters_are_refused(tmp_path: Path) -> None:
    root = labelled(tmp_path / "d", "0 .5 .5 .1 .1", "1 .5 .5 .1 .1")
    write(root / "labels/f0.txt", "0 .5 .5 .1 .1".encode("utf-16"))
    assert len(ways(root)) == 2
    write(root / "labels/f0.txt", b"0 .5 .5 .1 .1 \xff")
    with pytest.raises(DataError, match=r"f0\.txt is not UTF-8"):
        ways(root)


def test_pictures_without_anything_marked_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="marks nothing that could be learnt in 2 pictures"):
        ways(labelled(tmp_path / "d", "", ""))
