"""Pascal VOC's folders are read to the pixel, and their XML without what XML can be made to do."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_data import HEIGHT, TURNED, WIDTH, boxed, draw, save_mask, write
from PIL import Image

from engine.data.own.voc import NAMES, ways
from engine.data.own.way import Way
from engine.errors import DataError
from engine.kinds.mask import open_masks

CAR = NAMES.index("car")
BOMB = '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
FILE = '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


def palette() -> list[int]:
    """VOC's colours: the first are black, dark red, dark green, olive; that of 255 is cream."""
    colours = []
    for code in range(256):
        colour = [0, 0, 0]
        for place in range(8):
            colour[place % 3] |= ((code >> place) & 1) << (7 - place // 3)
        colours += colour
    assert colours[:12] == [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0] and colours[-3:] == [224, 224, 192]
    return colours


def painted(codes: np.ndarray, colours: list[int] | None = None) -> Image.Image:
    mask = Image.fromarray(codes, "P")
    mask.putpalette(colours or palette())
    return mask


def bordered() -> np.ndarray:
    codes = boxed(CAR)
    codes[4:6] = 255
    return codes


def masked(root: Path, *, count: int = 4, mask: Image.Image | None = None, suffix: str = "jpg", turn: int = 1) -> Path:
    for number in range(count):
        draw(root / f"JPEGImages/f{number}.{suffix}", number, turn=turn)
        save_mask(root / f"SegmentationClass/f{number}.png", mask or painted(bordered()))
    return root


def way(root: Path, kind: str) -> Way:
    return {one.kind: one for one in ways(root)}[kind]


def masks(root: Path, target: Path) -> tuple[dict[str, np.ndarray], str]:
    """Each mask that is written, by its path without a suffix, and the notes in one text."""
    said = " ".join(way(root, "mask").write(target, {}))
    files = [
        file for file in target.rglob("*.png") if file.parent.name in ("labels", "trainannot", "valannot", "testannot")
    ]
    return {file.relative_to(target).with_suffix("").as_posix(): np.asarray(Image.open(file)) for file in files}, said


def rows_of(root: Path, kind: str, target: Path) -> tuple[list[dict[str, Any]], str]:
    said = " ".join(way(root, kind).write(target, {}))
    return [json.loads(line) for line in (target / "labels.jsonl").read_text("utf-8").splitlines()], said


def xml(
    *names: str, filename: str = "@", size: tuple[int, int] = (WIDTH, HEIGHT), before: str = "", more: str = ""
) -> str:
    things = "".join(
        f"<object><name>{name}</name><difficult>0</difficult><bndbox><xmin>11</xmin><ymin>9</ymin><xmax>30</xmax>"
        f"<ymax>24</ymax></bndbox><part><name>wheel</name></part></object>"
        for name in names
    )
    return (
        f"{before}<annotation verified='yes'><folder>x</folder><filename>{filename}</filename><size><width>{size[0]}</width>"
        f"<height>{size[1]}</height><depth>3</depth></size>{things}{more}</annotation>"
    )


def told(root: Path, *files: str, pictures: str = "JPEGImages") -> Path:
    """Pictures, and an XML file for each of the first of them."""
    for number in range(len(files)):
        draw(root / f"{pictures}/f{number}.png", number)
        write(root / f"Annotations/f{number}.xml", files[number].replace("@", f"f{number}.png"))
    return root


def test_masks_in_the_palette_have_the_21_classes_and_a_border_of_none(tmp_path: Path) -> None:
    root = masked(tmp_path / "VOCdevkit/VOC2012")
    draw(root / "JPEGImages/f9.jpg")
    found, said = masks(tmp_path / "VOCdevkit", tmp_path / "t")
    assert len(found) == 4 and all((one == bordered()).all() for one in found.values())
    lines = (tmp_path / "t/codes.txt").read_text("utf-8").splitlines()
    assert lines[0] == "0 background" and lines[CAR] == "7 car" and lines[-1] == "20 tvmonitor"
    assert "they have no mask: 1 (“f9.jpg”)" in said and "the palette's are those of Pascal VOC." in said
    assert open_masks(tmp_path / "t").classes[CAR] == "car"


def test_lists_say_the_split_and_what_is_in_none_is_left_out(tmp_path: Path) -> None:
    root = masked(tmp_path / "d", count=5)
    for side, names in (("train", "f0\nf1\n"), ("val", '"f2"\n'), ("test", "f3.jpg\n"), ("trainval", "f0\nf1\nf2\n")):
        write(root / f"ImageSets/Segmentation/{side}.txt", names)
    found, said = masks(root, tmp_path / "t")
    assert sorted(found) == ["testannot/f3", "trainannot/f0", "trainannot/f1", "valannot/f2"]
    assert "nothing says in which split they are: 1 (“f4.jpg”)" in said
    write(root / "ImageSets/Segmentation/val.txt", "f1\nf2\n")
    assert "in several lists of splits: 1 (“f1.jpg”)" in masks(root, tmp_path / "u")[1]


def test_a_list_of_training_alone_splits_nothing(tmp_path: Path) -> None:
    root = masked(tmp_path / "d")
    write(root / "ImageSets/Segmentation/train.txt", "f0\nf1\nf2\nf3\n")
    assert sorted(masks(root, tmp_path / "t")[0]) == [f"labels/f{number}" for number in range(4)]


def test_names_of_labelme_stand_before_those_of_the_palette(tmp_path: Path) -> None:
    root = masked(tmp_path / "d", mask=painted(boxed(2)))
    draw(root / "SegmentationClassVisualization/f0.jpg")  # the mask over the picture
    write(root / "class_names.txt", "__ignore__\n_background_\ncrack\nstain\n")
    found, _ = masks(root, tmp_path / "t")
    assert all((one == boxed(2)).all() for one in found.values()) and len(found) == 4
    assert (tmp_path / "t/codes.txt").read_text("utf-8").split() == ["0", "background", "1", "crack", "2", "stain"]


@pytest.mark.parametrize("form", ["palette", "colours"])
def test_the_colours_of_cvat_are_those_that_its_list_names(tmp_path: Path, form: str) -> None:
    colours = [255, 0, 0, 0, 0, 0, 0, 0, 200] + [9] * (3 * 253)
    mask = painted(boxed(2, 1), colours)
    root = masked(tmp_path / "d", mask=mask if form == "palette" else mask.convert("RGB"))
    write(
        root / "labelmap.txt", "# label:color_rgb:parts:actions\nroof:255,0,0::\nbackground:0,0,0::\nwall:0,0,200::\n"
    )
    found, _ = masks(root, tmp_path / "t")
    assert (found["labels/f0"] == boxed(2)).all()
    assert (tmp_path / "t/codes.txt").read_text("utf-8").split() == ["0", "background", "1", "roof", "2", "wall"]


def test_colours_that_stand_for_nothing_are_refused_with_the_file(tmp_path: Path) -> None:
    root = masked(tmp_path / "d", mask=painted(boxed(21)))
    with pytest.raises(DataError, match=r"The mask f0\.png has the colour #[0-9a-f]{6}, which stands for none"):
        way(root, "mask").write(tmp_path / "t", {})


@pytest.mark.parametrize("line", ["car:1,2", "car:red:", ":1,2,3", "car:1,2,300"])
def test_a_list_of_colours_that_is_none_is_refused(tmp_path: Path, line: str) -> None:
    write(masked(tmp_path / "d") / "labelmap.txt", f"{line}\n")
    with pytest.raises(DataError, match=r"labelmap\.txt has the line"):
        ways(tmp_path / "d")


def test_masks_whose_colours_nobody_has_named_are_left_to_others(tmp_path: Path) -> None:
    assert ways(masked(tmp_path / "d", mask=painted(boxed(1), [1, 2, 3] * 256))) == []
    assert ways(masked(tmp_path / "e", mask=Image.fromarray(boxed(1)))) == []


def test_a_mask_as_stored_and_one_as_shown_both_lie_on_a_turned_picture(tmp_path: Path) -> None:
    root = masked(tmp_path / "d", turn=TURNED)
    save_mask(root / "SegmentationClass/f1.png", painted(np.rot90(bordered(), -1).copy()))
    found, _ = masks(root, tmp_path / "t")
    assert all((one == bordered()).all() for one in found.values())


def test_a_mask_of_another_size_leaves_its_picture_out(tmp_path: Path) -> None:
    root = masked(tmp_path / "d")
    save_mask(root / "SegmentationClass/f0.png", painted(boxed(1, size=(50, 50))))
    write(root / "SegmentationClass/f1.png", b"none")
    found, said = masks(root, tmp_path / "t")
    assert len(found) == 2 and "their masks have another size: 1 (“f0.jpg”)" in said
    assert "they or their masks cannot be read: 1 (“f1.jpg”)" in said


def test_masks_without_pictures_are_refused(tmp_path: Path) -> None:
    save_mask(tmp_path / "d/SegmentationClass/f0.png", painted(boxed()))
    draw(tmp_path / "d/JPEGImages/g.jpg")
    with pytest.raises(DataError, match=r"None of the 1 masks .* f0\.jpg in JPEGImages"):
        ways(tmp_path / "d")


def test_objects_of_xml_are_tags_and_an_empty_picture_has_none(tmp_path: Path) -> None:
    root = told(tmp_path / "d", xml("car", "car", "dog"), xml("dog"), xml())
    draw(root / "JPEGImages/f3.png")
    assert [one.kind for one in ways(root)] == ["tags"]
    rows, said = rows_of(root, "tags", tmp_path / "t")
    assert [row["tags"] for row in rows] == [["car", "dog"], ["dog"], []] and rows[2]["is_labelled"]
    assert "no XML file is theirs: 1 (“f3.png”)" in said


def test_one_class_in_each_picture_may_be_its_label(tmp_path: Path) -> None:
    rows, _ = rows_of(told(tmp_path / "d", xml("car"), xml("dog", "dog")), "label", tmp_path / "t")
    assert [row["label"] for row in rows] == [["car"], ["dog"]]


def test_lists_of_main_say_the_split_of_objects(tmp_path: Path) -> None:
    root = told(tmp_path / "d", xml("car"), xml("dog"), xml("dog"))
    write(root / "ImageSets/Main/train.txt", "f0\n")
    write(root / "ImageSets/Main/val.txt", "f1  1\nf2 -1\n")
    rows, _ = rows_of(root, "tags", tmp_path / "t")
    assert [row["split"] for row in rows] == ["train", "valid", "valid"]


def test_folders_of_roboflow_say_the_split(tmp_path: Path) -> None:
    for place, side in enumerate(("train", "valid")):
        draw(tmp_path / f"d/{side}/f0.png", place)
        write(tmp_path / f"d/{side}/f0.xml", xml("car" if place else "dog", filename="f0.png"))
    rows, _ = rows_of(tmp_path / "d", "tags", tmp_path / "t")
    assert [(row["split"], row["tags"]) for row in rows] == [("train", ["dog"]), ("valid", ["car"])]


def test_a_file_that_names_another_picture_than_its_own_is_left_out(tmp_path: Path) -> None:
    root = told(
        tmp_path / "d", xml("car", filename="f1.png"), xml("dog", filename="f1.png"), xml("dog", filename="old.png")
    )
    rows, said = rows_of(root, "tags", tmp_path / "t")
    assert [row["image_name"] for row in rows] == ["f1.png", "f2.png"]
    assert "name in their file is that of another picture: 1 (“f0.png”)" in said
    assert "named otherwise in their file, and were found by its name: 1 (“f2.png”)" in said


def test_a_picture_of_another_shape_than_its_file_says_is_left_out(tmp_path: Path) -> None:
    files = xml("car", size=(64, 64)), xml("dog", size=(640, 480)), xml("dog", size=(0, 0)), xml("dog", size=(48, 64))
    rows, said = rows_of(told(tmp_path / "d", *files), "tags", tmp_path / "t")
    assert len(rows) == 3 and "not what the file says: 1 (“f0.png”)" in said


def test_an_object_without_a_name_leaves_its_picture_out(tmp_path: Path) -> None:
    rows, said = rows_of(told(tmp_path / "d", xml("car", "  "), xml("dog"), xml("car")), "tags", tmp_path / "t")
    assert len(rows) == 2 and "object in their file has no name: 1 (“f0.png”)" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (xml("&b;", before=BOMB), "has a document type"),
        (xml("&a;", before=FILE), "has a document type"),
        (xml("car", before="<!DOCTYPE annotation>"), "has a document type"),
        (xml("car")[:-9], "is damaged XML"),
        (xml("&nbsp;"), "is damaged XML"),
        (xml("car", before="<?xml version='1.0' encoding='klingon'?>"), "is damaged XML"),
        (xml("car").encode("utf-8") + b"\xff", "is damaged XML"),
        (xml("car", more="<a>" * 100_000), "elements in each other"),
    ],
    ids=["entities", "a file", "doctype", "cut", "an entity", "letters", "a byte", "deep"],
)
def test_xml_that_is_damaged_or_could_do_harm_is_refused_by_name(
    tmp_path: Path, content: str | bytes, said: str
) -> None:
    draw(tmp_path / "d/f0.png")
    write(tmp_path / "d/f0.xml", content)
    with pytest.raises(DataError, match=rf"f0\.xml {said}|f0\.xml has more than .* {said}"):
        ways(tmp_path / "d")


def test_other_xml_is_none_of_it(tmp_path: Path) -> None:
    draw(tmp_path / "d/f0.png")
    write(tmp_path / "d/a.xml", "<annotations><annotation><filename>f0.png</filename></annotation></annotations>")
    assert ways(tmp_path / "d") == []


def test_pictures_without_anything_marked_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="marks nothing that could be learnt in 2 pictures"):
        ways(told(tmp_path / "d", xml(), xml()))


def test_masks_that_cannot_be_used_are_a_note_of_the_objects(tmp_path: Path) -> None:
    root = told(masked(tmp_path / "d", count=0), xml("car"), xml("dog"))
    save_mask(root / "SegmentationClass/elsewhere.png", painted(boxed()))
    assert "None of the 1 masks" in rows_of(root, "tags", tmp_path / "t")[1]
