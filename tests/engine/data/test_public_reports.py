"""Data sets after public reports of readers that went wrong: each is read right, or refused in a sentence that names the file.

Each docstring names the report. What is made here has its shape alone: no file and no text of it.
"""

import gzip
import json
import re
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from own_data import (
    BOX,
    HALF,
    HEIGHT,
    IN_BOX,
    NAMES,
    PIXELS,
    POINTS,
    TAG_TABLE,
    TAGGED,
    TAGS,
    TEXT_ROWS,
    TEXTS,
    TURNED,
    WIDTH,
    account,
    boxed,
    draw,
    in_splits,
    json_lines,
    lines,
    masked_set,
    packed,
    pointed_set,
    refusal,
    save_mask,
    tagged_set,
    totals,
    write,
)
from PIL import Image

from engine.data.pictures.point_layouts import find_layout
from engine.data.pictures.tag_layouts import find_tag_layout
from engine.data.texts.dataset import open_texts
from engine.kinds.mask import open_masks
from engine.kinds.point import open_points
from engine.tasks.checking import check

BOTH = {"background": 10 * (PIXELS - IN_BOX), "object": 10 * IN_BOX}


class Unflagged(zipfile.ZipInfo):
    """A file of an archive whose name has the bytes of `code_page`, and no flag that says UTF-8."""

    code_page = "utf-8"

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode(self.code_page), self.flag_bits & ~0x800


def unflagged(archive: Path, folder: Path, code_page: str) -> Path:
    """A zip of a folder's files that does not say in which letters their names are."""
    with zipfile.ZipFile(archive, "w") as packing:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            item = Unflagged(path.relative_to(folder).as_posix())
            item.code_page = code_page
            packing.writestr(item, path.read_bytes())
    return archive


def texts_of(file: Path) -> set[str]:
    """All texts, as a model gets them."""
    data = open_texts(file)
    return set(data.texts([*data.train, *data.valid, *data.test]))


def tags_of(root: Path) -> dict[str, tuple[str, ...]]:
    """Each picture's tags, by its name."""
    return {picture.name: tags for picture, tags in find_tag_layout(root).tags.items()}


def points_of(root: Path) -> dict[str, tuple[float, float]]:
    """Each picture's point in pixels, by its name."""
    layout = find_layout(root)
    return {picture.name: layout.point(picture) for picture in layout.pictures}


def said_of(root: Path, task: str = "") -> str:
    """All sentences about a data set, or why it is refused."""
    found = check(str(root), task)
    return " ".join((*found.sentences(), *found.warnings))


# Masks


def test_masks_of_0_and_255_with_three_classes_are_refused(tmp_path: Path) -> None:
    """divamgupta/image-segmentation-keras#293."""
    said = refusal(masked_set(tmp_path / "d", lambda _: boxed(255), codes="background\nroof\nroad\n"))
    assert "0 and 255 alone" in said and "codes.txt names 3" in said


def test_255_beside_several_classes_belongs_to_none_and_that_is_said(tmp_path: Path) -> None:
    """CAMMA-public/Endoscapes#5."""

    def with_border(number: int) -> np.ndarray:
        codes = boxed(1 + number % 2)
        codes[0] = 255
        return codes

    found = account(masked_set(tmp_path / "d", with_border, codes="background\nplate\ntool\n"))
    assert totals(found) == {"background": 10 * (PIXELS - IN_BOX - WIDTH), "plate": 5 * IN_BOX, "tool": 5 * IN_BOX}
    assert any("255" in note and "Void" in note for note in found.notes)


def test_masks_some_of_which_have_1_and_some_255_for_the_object_are_not_read_with_holes(tmp_path: Path) -> None:
    """askerlee/segtran#44: masks from two places, with 1 in some files and 255 in others."""
    root = masked_set(tmp_path / "d", lambda number: boxed(255 if number < 5 else 1))
    found = check(str(root))
    assert (found.refused and "f00_P.png" in found.refused) or totals(found)["object"] == 10 * IN_BOX


def test_masks_that_are_empty_throughout_are_doubted(tmp_path: Path) -> None:
    """uml-marine-robotics/MassMIND#5: every pixel of every mask is 0."""
    found = account(masked_set(tmp_path / "d", lambda _: boxed(0)))
    assert totals(found)["object"] == 0 and any("No training pixel has “object”" in one for one in found.warnings)


def test_masks_with_soft_edges_are_refused_by_name(tmp_path: Path) -> None:
    """JCruan519/EGE-UNet#13, hzlsaber/SIDA#25: all values between 0 and 255 occur."""

    def soft(_: int) -> np.ndarray:
        codes = boxed(255)
        codes[BOX[1], BOX[0] : BOX[2]] = np.linspace(10, 240, BOX[2] - BOX[0])
        return codes

    assert "f00_P.png" in refusal(masked_set(tmp_path / "d", soft))


def test_masks_of_16_bits_with_numbers_of_instances_are_refused_by_name(tmp_path: Path) -> None:
    """mcordts/cityscapesScripts#32, TuSimple/mx-maskrcnn#44: a thousand times the class, and the instance."""
    root = masked_set(tmp_path / "d", lambda _: boxed().astype(np.uint16) * 26003)
    assert re.search(r"f00_P\.png .*beyond 255", refusal(root))


def test_masks_of_16_bits_with_small_codes_are_read(tmp_path: Path) -> None:
    """wkentaro/labelme#68."""
    assert totals(account(masked_set(tmp_path / "d", lambda _: boxed().astype(np.uint16)))) == BOTH


def test_masks_that_number_each_object_are_refused_by_name(tmp_path: Path) -> None:
    """cvlab-stonybrook/SAMPath#15: ten glands in a picture are 1 to 10 there, and all of one class."""

    def numbered(number: int) -> np.ndarray:
        codes = boxed()
        for one in range(number + 1):
            codes[40:44, 6 * one : 6 * one + 4] = one + 1
        return codes

    assert re.search(r"_P\.png has a code that codes\.txt does not name", refusal(masked_set(tmp_path / "d", numbered)))


@pytest.mark.parametrize("alpha", [255, 0], ids=["opaque", "transparent outside"])
def test_a_grey_mask_with_alpha_is_read_where_nothing_shows_through(tmp_path: Path, alpha: int) -> None:
    """CompVis/taming-transformers#8: grey with an alpha channel, as some programs save it."""

    def grey(_: int) -> Image.Image:
        return Image.fromarray(np.stack([boxed(), boxed(255, alpha)], axis=2), "LA")

    root = masked_set(tmp_path / "d", grey)
    if alpha:
        assert totals(account(root)) == BOTH
    else:
        assert "f00_P.png has mode LA" in refusal(root)


def test_masks_whose_palettes_differ_are_refused_by_name(tmp_path: Path) -> None:
    """open-mmlab/mmsegmentation#3531: colours that were mapped to numbers file by file."""

    def painted(number: int) -> Image.Image:
        colours = [0, 0, 100, 255, 0, 0] if number % 2 else [255, 0, 0, 0, 0, 100]
        mask = Image.fromarray(boxed() if number % 2 else boxed(0, 1), "P")
        mask.putpalette(colours)
        return mask

    assert re.search(r"palettes of the masks differ.*f0\d_P\.png", refusal(masked_set(tmp_path / "d", painted)))


def test_masks_that_are_turned_against_their_pictures_are_refused_by_name(tmp_path: Path) -> None:
    """GeneralBlockchain/covid-19-chest-xray-segmentations-dataset#2."""
    root = masked_set(tmp_path / "d", lambda _: np.rot90(boxed()).copy())
    assert re.search(r"f00\.png \(48×64\) and f00_P\.png \(64×48\) differ", refusal(root))


def test_a_mask_drawn_on_a_turned_picture_as_it_is_shown_lies_on_the_box(tmp_path: Path) -> None:
    """roboflow/supervision#2577: the program that draws turns the picture, and the size in its header is another."""
    root = tmp_path / "d"
    for number in range(6):
        draw(root / f"images/f{number}.jpg", number, turn=TURNED)
        shown = np.rot90(boxed(), -1).copy()
        save_mask(root / f"labels/f{number}.png", shown)
    write(root / "codes.txt", "background\nobject\n")
    data = open_masks(root)
    picture, mask = data.sample(data.train[0], (WIDTH, HEIGHT))
    red = (picture[0].int() - picture[1].int()) > 60
    assert red.sum() > 250 and (red == (mask == 1)).float().mean() > 0.98


def test_pictures_without_masks_and_masks_without_pictures_are_left_out_by_name(tmp_path: Path) -> None:
    """renezurbruegg/SemanticInstanceFusion#4, milesial/Pytorch-UNet#102."""
    root = masked_set(tmp_path / "d")
    (root / "labels/f03_P.png").unlink()
    (root / "images/f07.png").unlink()
    found = account(root)
    assert (found.found, found.used) == (9, 8)
    assert found.left_out == {"no mask": ("f03.png",), "a mask without a picture": ("f07_P.png",)}


def test_two_masks_for_one_picture_are_refused_by_name(tmp_path: Path) -> None:
    """milesial/Pytorch-UNet#301."""
    root = masked_set(tmp_path / "d")
    save_mask(root / "labels/f04_P.tif", boxed())
    said = refusal(root)
    assert "f04_P.png" in said and "f04_P.tif" in said


def test_masks_with_suffixes_in_capitals_are_taken(tmp_path: Path) -> None:
    """divamgupta/image-segmentation-keras#204: a mask is not found for its suffix."""
    assert totals(account(masked_set(tmp_path / "d", picture="images/f{:02}.JPG", label="masks/f{:02}.PNG"))) == BOTH


def test_a_list_of_classes_with_a_line_of_comment_does_not_move_all_classes_by_one(tmp_path: Path) -> None:
    """cvat-ai/cvat#2032: a list begins with a line that says what its columns are."""
    found = check(str(masked_set(tmp_path / "d", codes="# label:color_rgb:parts:actions\nbackground\nobject\n")))
    assert (found.refused and "codes.txt" in found.refused) or totals(found)["object"] == 10 * IN_BOX


def test_a_list_of_classes_in_utf_16_without_a_mark_gives_no_names_with_zeros(tmp_path: Path) -> None:
    """genspark-ai/genoffice#438, microsoft/sqltoolsservice#278: UTF-16 whose byte order mark is gone."""
    found = check(str(masked_set(tmp_path / "d", codes="background\nobject\n".encode("utf-16-le"))))
    assert (found.refused and "codes.txt" in found.refused) or totals(found) == BOTH


@pytest.mark.parametrize(
    "places", ["{split}/img {split}/gt", "images/{split} masks/{split}", "img masks_machine"], ids=lambda one: one
)
def test_folders_of_pictures_and_masks_are_not_taken_for_two_classes(tmp_path: Path, places: str) -> None:
    """zizhaozhang/unet-tensorflow-keras#15, and in ways that other programs have: masks in a folder beside."""
    root = tmp_path / "d"
    for number in range(10):
        pictures, masks = places.format(split="val" if number > 7 else "train").split()
        draw(root / pictures / f"f{number}.png", number)
        save_mask(root / masks / f"f{number}.png", boxed())
    found = check(str(root))
    assert found.refused or found.kind == "mask", found.sentences()


# Pictures with tags


def test_a_column_of_0_and_1_for_each_tag_is_read(tmp_path: Path) -> None:
    """yang-ruixin/PyTorch-Image-Models-Multi-Label-Classification#8."""
    rows = [
        (f"{name}.jpg", *(int(tag in tags.split()) for tag in TAGGED)) for name, tags in zip(NAMES, TAGS, strict=True)
    ]
    assert totals(account(tagged_set(tmp_path / "d", "filename,clear,cloudy,road\n" + lines(rows)))) == TAGGED


def test_a_column_of_a_tag_with_a_third_value_is_not_dropped(tmp_path: Path) -> None:
    """aligholami/CheXpert-Keras#1: -1 stands for uncertain there, and nothing for not mentioned."""
    rows = [
        [f"{name}.jpg", *(int(tag in tags.split()) for tag in TAGGED)] for name, tags in zip(NAMES, TAGS, strict=True)
    ]
    rows[5][-1] = -1
    said = said_of(tagged_set(tmp_path / "d", "filename,clear,cloudy,road\n" + lines(rows)))
    assert "road" in said and "-1" in said


def test_labels_that_are_whole_numbers_are_classes(tmp_path: Path) -> None:
    """fastai/fastai#1169, appvision-ai/fast-bert#225: ImageNet's numbers, and paths with a folder in front."""
    names = [f"train/n0{number % 2}/x_{number}.JPEG" for number in range(20)]
    rows = [(name.removeprefix("train/"), 352 if "n00" in name else 7) for name in names]
    found = account(tagged_set(tmp_path / "d", "filenames,cats\n" + lines(rows), names=names))
    assert totals(found) == {"352": 10, "7": 10}


def test_lists_as_python_writes_them_are_tags(tmp_path: Path) -> None:
    """fastai/fastai#1303: a list for each picture, as pandas saves it."""
    table = "image,labels\n" + "".join(f'{name}.jpg,"{tags.split()}"\n' for name, tags in zip(NAMES, TAGS, strict=True))
    assert totals(account(tagged_set(tmp_path / "d", table))) == TAGGED


def test_an_empty_list_is_no_tag(tmp_path: Path) -> None:
    """zhmcclient/zhmccli#761: an empty list is written as two brackets."""
    cells = ["[]" if number == 4 else str(tags.split()) for number, tags in enumerate(TAGS)]
    table = "image,labels\n" + "".join(f'{name},"{cell}"\n' for name, cell in zip(NAMES, cells, strict=True))
    found = account(tagged_set(tmp_path / "d", table))
    assert list(found.classes) == ["clear", "cloudy", "road"] and found.left_out["no tags are said"] == ("c04.jpg",)


def test_lists_of_which_one_has_an_apostrophe_are_still_lists(tmp_path: Path) -> None:
    """swaggy66/M-ABSA#2: Python writes such a word between double quotes, and the others between single ones."""
    cells = [str(["farmer's field", "road"] if number == 4 else tags.split()) for number, tags in enumerate(TAGS)]
    table = "image\tlabels\n" + lines(zip(NAMES, cells, strict=True), "\t")
    found = check(str(tagged_set(tmp_path / "d", table)))
    assert (found.refused and "labels.csv" in found.refused) or "farmer's field" in found.classes, found.classes


@pytest.mark.parametrize("brackets", ["()", "{}"], ids=["tuples", "sets"])
def test_tuples_and_sets_as_python_writes_them_are_tags_or_refused(tmp_path: Path, brackets: str) -> None:
    """biolink/kgx#64: what was a list comes back as the letters that Python writes for it."""
    cells = [brackets[0] + str([*tags.split(), "seen"])[1:-1] + brackets[1] for tags in TAGS]
    table = "image,labels\n" + "".join(f'{name},"{cell}"\n' for name, cell in zip(NAMES, cells, strict=True))
    found = check(str(tagged_set(tmp_path / "d", table)))
    assert (found.refused and "labels.csv" in found.refused) or totals(found) == {**TAGGED, "seen": 20}, found.classes


def test_a_tag_that_is_said_twice_counts_once(tmp_path: Path) -> None:
    """weka511/hpa-scc#4: 9|9 in a cell."""
    tags = ["|".join(2 * some.split()) for some in TAGS]
    assert totals(account(tagged_set(tmp_path / "d", "ID,Label\n" + lines(zip(NAMES, tags, strict=True))))) == TAGGED


def test_a_picture_on_two_lines_with_other_labels_is_named(tmp_path: Path) -> None:
    """billpsomas/rscir#6: nine pictures stand in the table twice, with other values."""
    rows = [*zip(NAMES, ["cloudy"] * 10 + ["clear"] * 10, strict=True), (NAMES[3], "clear")]
    found = account(tagged_set(tmp_path / "d", "image,label\n" + lines(rows)))
    assert any("c03.jpg" in sentence and "several lines" in sentence for sentence in found.notes + found.warnings)


def test_a_table_without_a_first_line_of_names_keeps_its_first_picture(tmp_path: Path) -> None:
    """ljbkusters/YOLOv3-1D#28: annotations whose first line is data; here with a tag of its own on it."""
    rows = list(zip([f"{name}.jpg" for name in NAMES], ["haze", *TAGS[1:]], strict=True))
    found = account(tagged_set(tmp_path / "d", lines(rows)))
    assert found.used == 20 and totals(found)["haze"] == 1


def test_the_column_that_pandas_numbers_rows_with_is_not_taken_for_the_pictures_names(tmp_path: Path) -> None:
    """pandas-dev/pandas#9677: the index becomes a column without a name; here the files are called by numbers too."""
    order = [(7 * number + 3) % 20 for number in range(20)]
    tags = {f"{number}.jpg": ("cloudy" if number < 7 else "clear") for number in range(20)}
    rows = [(at, f"train/{number}.jpg", tags[f"{number}.jpg"]) for at, number in enumerate(order)]
    root = tagged_set(tmp_path / "d", ",filepaths,labels\n" + lines(rows), names=[f"train/{name}" for name in tags])
    found = check(str(root))
    assert found.refused or tags_of(root) == {name: (tag,) for name, tag in tags.items()}


def test_names_that_have_lost_their_zeros_are_refused_with_the_table(tmp_path: Path) -> None:
    """fastai/fastai#1008, fastai/fastai#253: pandas reads 0001 as 1."""
    names = [f"train/{number:04}.jpg" for number in range(1, 21)]
    rows = [(number, tags) for number, tags in enumerate(TAGS, start=1)]
    said = refusal(tagged_set(tmp_path / "d", "image,tags\n" + lines(rows), names=names))
    assert "labels.csv" in said and "0001.jpg" in said


def test_paths_from_windows_find_their_pictures(tmp_path: Path) -> None:
    r"""abbyy/barcode_detection_benchmark#2, CellProfiler/CellProfiler#1385: also with a drive in front."""
    rows = [
        ((rf"C:\Users\me\data\train\{name}.jpg", rf"train\{name}.jpg", f"/home/me/train/{name}.jpg")[number % 3], tags)
        for number, (name, tags) in enumerate(zip(NAMES, TAGS, strict=True))
    ]
    found = account(tagged_set(tmp_path / "d", "image_path,tags\n" + lines(rows)))
    assert totals(found) == TAGGED and not found.left_out


def test_a_path_into_a_folder_that_is_not_there_does_not_find_a_picture_of_another(tmp_path: Path) -> None:
    """BMEII-AI/RadImageNet#17: one name in the folders of two classes; here the second folder is missing."""
    names = [f"train/disease/l{number:02}.png" for number in range(20)]
    rows = [
        (name.removeprefix("train/"), "disease cyst" if number % 2 else "disease") for number, name in enumerate(names)
    ]
    rows += [(f"nodule/l{number:02}.png", "nodule") for number in range(20)]
    root = tagged_set(tmp_path / "d", "path,tags\n" + lines(rows), names=names)
    found = check(str(root))
    assert found.refused or ("nodule" not in found.classes and "nodule/l00.png" in str(found.left_out))


def test_names_in_decomposed_letters_find_their_pictures(tmp_path: Path) -> None:
    """renpy/renpy#2327, unmade/shelf-back#50: a Mac writes an accent as a letter of its own."""
    names = [f"Übung é{number:02}" for number in range(20)]
    files = [f"train/{unicodedata.normalize('NFD', name)}.jpg" for name in names]
    table = "image,tags\n" + lines(zip([unicodedata.normalize("NFC", name) for name in names], TAGS, strict=True))
    assert totals(account(tagged_set(tmp_path / "d", table, names=files))) == TAGGED


def test_a_table_in_utf_16_with_tabs_is_read(tmp_path: Path) -> None:
    """harelba/q#98, jamovi/jamovi#257: what Excel calls Unicode text."""
    table = "image_name\ttags\r\n" + lines(zip(NAMES, TAGS, strict=True), "\t", "\r\n")
    assert totals(account(tagged_set(tmp_path / "d", table.encode("utf-16")))) == TAGGED


@pytest.mark.parametrize(
    "column",
    [
        "split",
        pytest.param("dataset"),
    ],
)
def test_the_splits_that_a_table_declares_are_kept(tmp_path: Path, column: str) -> None:
    """weecology/MillionTrees#36: an official split is not to be mixed, whatever its column is called."""
    sides = ["train"] * 14 + ["valid"] * 3 + ["test"] * 3
    rows = zip(NAMES, TAGS, sides, strict=True)
    root = tagged_set(tmp_path / "d", f"filepath,labels,{column}\n" + lines(rows))
    found = check(str(root))
    assert found.refused or in_splits(found) == (14, 3, 3)


def test_a_label_of_two_words_is_one_class_or_doubted(tmp_path: Path) -> None:
    """fastai/fastai#175, yam-ai/fasttext-multilabel-classifier#9: labels parted by blanks broke those with a blank inside."""
    rows = [(name, "air hockey" if number % 2 else "baseball") for number, name in enumerate(NAMES)]
    found = account(tagged_set(tmp_path / "d", "filepath,label\n" + lines(rows)))
    assert "air hockey" in found.classes or any("air" in warning and "hockey" in warning for warning in found.warnings)


def test_what_a_mac_leaves_is_no_class(tmp_path: Path) -> None:
    """pytorch/vision#109, dmlc/gluon-cv#1300, alinlab/CSI#31."""
    root = tmp_path / "d"
    for number, name in enumerate(NAMES):
        draw(root / ("bricks" if number % 2 else "carpet") / f"{name}.png", number)
    draw(root / ".DS_Store" / "x.png")
    write(root / "bricks/._c01.png", bytes(100))
    write(root / "bricks/.DS_Store", bytes(100))
    draw(root / "__MACOSX" / "bricks" / "y.png")
    found = account(root)
    assert totals(found) == {"bricks": 10, "carpet": 10} and found.used == 20


def test_a_table_for_each_split_is_not_one_table_alone(tmp_path: Path) -> None:
    """oomensusan in yang-ruixin/PyTorch-Image-Models-Multi-Label-Classification#8: train.csv and val.csv, and test.csv."""
    rows = list(zip(NAMES, TAGS, strict=True))
    root = tagged_set(tmp_path / "d", "image,tags\n" + lines(rows[:14]), called="train.csv")
    write(root / "val.csv", "image,tags\n" + lines(rows[14:17]))
    write(root / "test.csv", "image,tags\n" + lines(rows[17:]))
    found = check(str(root))
    assert (found.refused and "val.csv" in found.refused) or in_splits(found) == (14, 3, 3), found.sentences()


def test_a_second_column_of_labels_is_not_dropped(tmp_path: Path) -> None:
    """ethanwharris in Lightning-Universe/lightning-flash#728: each further label is in a column of its own."""
    rows = [(name, *tags.split(), *([""] if tags == "cloudy" else [])) for name, tags in zip(NAMES, TAGS, strict=True)]
    root = tagged_set(tmp_path / "d", "image,label,label_2\n" + lines(rows))
    found = check(str(root))
    assert (found.refused and "labels.csv" in found.refused) or "label_2" in said_of(root) or totals(found) == TAGGED


def test_pictures_that_are_on_both_sides_of_the_split_are_named(tmp_path: Path) -> None:
    """sartorius-research/LIVECell#26, MVC-Datasets/MVC#4: one picture under several names."""
    root = tagged_set(tmp_path / "d", TAG_TABLE)
    for name in NAMES:
        save_mask(root / f"train/{name}.jpg", np.linspace(0, 255, PIXELS).reshape(HEIGHT, WIDTH).astype(np.uint8))
    assert any("look the same" in warning and ".jpg" in warning for warning in account(root).warnings)


# Pictures with points


@pytest.mark.parametrize("mark", ["\t", " ", ";"], ids=["tabs", "blanks", "semicolons"])
def test_places_may_be_parted_by_other_marks_or_are_refused_with_the_table(tmp_path: Path, mark: str) -> None:
    """miguelgfierro in microsoft/CNTK#1321: tables whose columns are parted by tabs and blanks."""
    root = pointed_set(tmp_path / "d", lines([("image", "x", "y"), *POINTS], mark))
    found = check(str(root))
    assert (found.refused and "centres.csv" in found.refused) or points_of(root)["h03.png"] == (23, 13)


def test_three_lines_of_names_above_the_numbers_are_refused_with_the_table(tmp_path: Path) -> None:
    """DeepLabCut/DeepLabCut#1569: who labelled, which part of the body, and x or y, each on a line of its own."""
    head = [("scorer", "me", "me"), ("bodyparts", "nose", "nose"), ("coords", "x", "y")]
    assert "centres.csv" in refusal(pointed_set(tmp_path / "d", lines([*head, *POINTS])))


def test_a_line_of_names_with_the_row_first_is_believed(tmp_path: Path) -> None:
    """labsyspharm/quantification#18, rpautrat/LISRD#8: x and y, and row and column, are mixed up."""
    by_name = pointed_set(
        tmp_path / "a", "filename,row,column\n" + lines((name, row, column) for name, column, row in POINTS)
    )
    also = pointed_set(tmp_path / "b", "image,y,x\n" + lines((name, row, column) for name, column, row in POINTS))
    assert points_of(by_name) == points_of(also) == {name: (column, row) for name, column, row in POINTS}


def test_shares_of_the_picture_become_pixels(tmp_path: Path) -> None:
    """eriklindernoren/PyTorch-YOLOv3#152: coordinates from 0 to 1."""
    rows = [(name, column / WIDTH, row / HEIGHT) for name, column, row in POINTS]
    root = pointed_set(tmp_path / "d", "image,x,y\n" + lines(rows))
    assert points_of(root)["h03.png"] == pytest.approx((23, 13))
    assert any("shares" in note for note in account(root).notes)


def test_shares_of_which_one_is_a_little_beyond_1_are_not_read_as_pixels(tmp_path: Path) -> None:
    """HumanSignal/label-studio#5014: 1.0004 among numbers from 0 to 1."""
    rows = [(name, column / 640, row / 480) for name, column, row in POINTS]
    rows[4] = ("h04.png", 1.0004, 0.5)
    root = pointed_set(tmp_path / "d", "image,x,y\n" + lines(rows), size=(640, 480))
    found = check(str(root))
    doubted = any("percent" in warning for warning in found.warnings)
    assert found.refused or doubted or points_of(root)["h03.png"] == pytest.approx((23, 13))


def test_a_decimal_comma_between_semicolons_is_read(tmp_path: Path) -> None:
    """SheetJS/sheetjs#2239: semicolons part the columns, and each number has a comma."""
    rows = [(name, f"{column},5", f"{row},25") for name, column, row in POINTS]
    root = pointed_set(tmp_path / "d", "image;x;y\n" + lines(rows, ";"))
    assert points_of(root) == {name: (column + 0.5, row + 0.25) for name, column, row in POINTS}


def test_a_comma_between_thousands_is_not_read_as_a_decimal_one(tmp_path: Path) -> None:
    """JuliaData/CSV.jl#217: spreadsheets write 1,024 in quotes."""
    rows = [(name, f'"1,{column:03}"', row) for name, column, row in POINTS]
    root = pointed_set(tmp_path / "d", "image,x,y\n" + lines(rows), size=(1200, 40))
    found = check(str(root))
    assert found.refused or points_of(root)["h03.png"] == (1023, 13)


def test_points_at_0_0_that_stand_for_none_are_doubted(tmp_path: Path) -> None:
    """StephenMilborrow/muct#6: what cannot be seen is written as 0,0."""
    rows = [
        (name, 0, 0) if number % 3 == 0 else (name, column, row) for number, (name, column, row) in enumerate(POINTS)
    ]
    assert "h00.png" in said_of(pointed_set(tmp_path / "d", "image,x,y\n" + lines(rows)))


def test_the_corner_of_a_box_is_not_taken_for_its_centre(tmp_path: Path) -> None:
    """SkalskiP/make-sense#253: x, y, width, height, of which the first two are a corner."""
    rows = [(name, column - 5, row - 5, 10, 10) for name, column, row in POINTS]
    said = said_of(pointed_set(tmp_path / "d", "image_name,x,y,width,height\n" + lines(rows)))
    assert "width" in said and "centres.csv" in said


def test_pictures_without_coordinates_are_left_out_by_name(tmp_path: Path) -> None:
    """paninski-lab/lightning-pose#440: NaN where a point is not labelled."""
    rows = [
        (name, "NaN", "nan") if number == 2 else (name, column, row)
        for number, (name, column, row) in enumerate(POINTS)
    ]
    found = account(pointed_set(tmp_path / "d", "image,x,y\n" + lines(rows)))
    assert found.used == 9 and found.left_out["no point is said"] == ("h02.png",)


def test_pictures_of_one_person_stay_on_one_side(tmp_path: Path) -> None:
    """sartorius-research/LIVECell#26: training and validation share what belongs together."""
    rows = [(name, column, row, "ABCDE"[number // 2]) for number, (name, column, row) in enumerate(POINTS)]
    root = pointed_set(tmp_path / "d", "image,column,row,person\n" + lines(rows))
    assert account(root).source == "person E held out"
    assert [item.name for item in open_points(root).valid] == ["h08.png", "h09.png"]


def test_points_on_turned_pictures_are_doubted(tmp_path: Path) -> None:
    """facebookresearch/detectron2#262: whether a place is meant in the picture as stored or as shown."""
    rows = [(name.replace("png", "jpg"), column, row) for name, column, row in POINTS]
    root = pointed_set(tmp_path / "d", "image,x,y\n" + lines(rows), turn=TURNED, suffix="jpg")
    assert any("EXIF" in warning and "h00.jpg" in warning for warning in account(root).warnings)


# Texts


def test_the_row_names_that_r_writes_do_not_move_the_columns(tmp_path: Path) -> None:
    """Rdatatable/data.table#763, Rdatatable/data.table#1818: the first line has a column less."""
    rows = [(f'"{at}"', f'"{text}"', f'"{label}"') for at, (text, label) in enumerate(TEXT_ROWS, start=1)]
    for name, mark in (("a.csv", ","), ("a.tsv", "\t")):
        file = write(tmp_path / name, lines([('"text"', '"label"')], mark) + lines(rows, mark))
        assert totals(account(file)) == HALF and texts_of(file) == {text for text, _ in TEXT_ROWS}


def test_row_names_in_no_order_are_refused_with_the_line_or_read(tmp_path: Path) -> None:
    """tidyverse/vroom#222: the names of rows may be any."""
    rows = [(f'"{(at * 7) % 31 + 40}"', f'"{text}"', f'"{label}"') for at, (text, label) in enumerate(TEXT_ROWS)]
    file = write(tmp_path / "drawn.csv", '"text","label"\n' + lines(rows))
    found = check(str(file))
    assert (found.refused and "drawn.csv" in found.refused and "line 2" in found.refused) or totals(found) == HALF


def test_line_breaks_after_a_backslash_stay_in_their_text(tmp_path: Path) -> None:
    """uniVocity/univocity-parsers#308: Redshift writes a backslash before each line break and each bar of a text."""
    rows = "".join(f"{text} First \\| last.\\\nSecond line.|{label}\n" for text, label in TEXT_ROWS)
    file = write(tmp_path / "unload.txt", "text|label\n" + rows)
    assert totals(account(file)) == HALF
    assert f"{TEXT_ROWS[0][0]} First | last.\nSecond line." in texts_of(file)


def test_nothing_as_mysql_writes_it_is_no_class(tmp_path: Path) -> None:
    r"""ibm-watson-data-lab/simple-search-service#2, webyog/sqlyog-community#1164: NULL is written as \N."""
    rows = [(text, r"\N" if at % 5 == 0 else label) for at, (text, label) in enumerate(TEXT_ROWS)]
    file = write(tmp_path / "dump.tsv", "text\tlabel\n" + lines(rows, "\t"))
    assert totals(account(file)) == {"neg": 12, "pos": 12}


def test_line_breaks_in_quotes_stay_in_their_text(tmp_path: Path) -> None:
    """databricks/spark-csv#175, databricks/spark-csv#425."""
    rows = "".join(f'"{text}\n\nAnd, on a line, of its own: ""yes""",{label}\r\n' for text, label in TEXT_ROWS)
    file = write(tmp_path / "mails.csv", "text,label\r\n" + rows)
    assert totals(account(file)) == HALF and len(texts_of(file)) == TEXTS
    assert all(text.endswith('its own: "yes"') for text in texts_of(file))


def test_a_packed_table_that_is_called_csv_is_refused_as_that(tmp_path: Path) -> None:
    """hesther/enzymemap#11, getian107/PRScs#46: 0x8b at the second byte."""
    file = write(tmp_path / "reviews.csv", gzip.compress(("text,label\n" + lines(TEXT_ROWS)).encode()))
    assert re.search(r"reviews\.csv is packed with gzip. Unpack", refusal(file))


def workbook(file: Path, sheets: dict[str, list[tuple[object, ...]]]) -> Path:
    """An Excel file with these sheets."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(file)
    return file


def test_the_sheets_that_are_not_read_are_named(tmp_path: Path) -> None:
    """pandas-dev/pandas#30276: only the first sheet is read, without a word."""
    rows: list[tuple[object, ...]] = [("text", "label"), *TEXT_ROWS]
    found = account(workbook(tmp_path / "a.xlsx", {"May": rows, "June": rows}))
    assert totals(found) == HALF and any("June" in note for note in found.notes)


def test_a_sheet_of_notes_before_the_table_is_refused_with_the_file_or_passed_over(tmp_path: Path) -> None:
    """nightscape/spark-excel#166: the table is not on the first sheet."""
    file = workbook(
        tmp_path / "a.xlsx", {"Read me": [("Made in May",), ("by me",)], "Data": [("text", "label"), *TEXT_ROWS]}
    )
    found = check(str(file))
    assert (found.refused and "a.xlsx" in found.refused) or totals(found) == HALF


@pytest.mark.parametrize(
    "indent",
    [
        pytest.param(1, id="on many lines"),
        pytest.param(None, id="on one line"),
    ],
)
def test_rows_below_a_key_are_read(tmp_path: Path, indent: int | None) -> None:
    """huggingface/datasets#372, capitalone/DataProfiler#105."""
    rows = [{"text": text, "label": label} for text, label in TEXT_ROWS]
    whole = {"schema": {"fields": ["text", "label"]}, "version": 1, "data": rows}
    assert totals(account(write(tmp_path / "a.json", json.dumps(whole, indent=indent)))) == HALF


def test_two_lists_of_rows_in_a_file_are_refused_by_name(tmp_path: Path) -> None:
    """IBM/unitxt#1188: two data sets in one file."""
    rows = [{"text": text, "label": label} for text, label in TEXT_ROWS]
    for indent in (1, None):
        content = json.dumps({"first": rows, "second": rows}, indent=indent)
        assert "two.json" in refusal(write(tmp_path / "two.json", content))


def test_a_label_in_a_list_is_the_label(tmp_path: Path) -> None:
    """doccano/doccano#17: labels are lists in its JSON lines, most often of one."""
    found = check(
        str(write(tmp_path / "a.jsonl", json_lines({"text": text, "label": [label]} for text, label in TEXT_ROWS)))
    )
    assert (found.refused and "a.jsonl" in found.refused) or totals(found) == HALF


def test_a_text_that_is_a_list_of_words_is_not_read_with_brackets(tmp_path: Path) -> None:
    """pytorch/text#489: a review is a list of words."""
    file = write(
        tmp_path / "a.jsonl", json_lines({"review": text.split(), "label": label} for text, label in TEXT_ROWS)
    )
    found = check(str(file))
    assert (found.refused and "a.jsonl" in found.refused) or not any("[" in text for text in texts_of(file))


@pytest.mark.parametrize("written", [("0", "1"), ("0.0", "1.0"), ("-1", "1")])
def test_labels_that_are_numbers_are_classes(tmp_path: Path, written: tuple[str, str]) -> None:
    """ahmedbesbes/character-based-cnn#7, jasonwei20/eda_nlp#11."""
    rows = [(text, written[label == "pos"]) for text, label in TEXT_ROWS]
    assert totals(account(write(tmp_path / "a.csv", "text,label\n" + lines(rows)))) == dict.fromkeys(written, 15)


def test_numbers_with_a_point_in_one_table_and_without_in_the_other_are_doubted(tmp_path: Path) -> None:
    """pandas-dev/pandas#28335: a gap in a column of whole numbers, and pandas writes 1.0 where the other table has 1."""
    write(tmp_path / "d/train.csv", "text,label\n" + lines((text, float(label == "pos")) for text, label in TEXT_ROWS))
    write(
        tmp_path / "d/valid.csv",
        "text,label\n" + lines((f"{text} New.", int(label == "pos")) for text, label in TEXT_ROWS),
    )
    found = check(str(tmp_path / "d"))
    assert (
        found.refused
        or len(found.classes) == 2
        or any("spellings" in warning or "No training" in warning for warning in found.warnings)
    )


def test_labels_that_stand_for_none_are_counted_and_quoted(tmp_path: Path) -> None:
    """flairNLP/flair#2068, huggingface/datasets#4467: NONE may be no label, and null a word."""
    rows = [
        ("null" if at == 1 else text, "NONE" if at % 3 == 0 else label) for at, (text, label) in enumerate(TEXT_ROWS)
    ]
    file = write(tmp_path / "a.csv", "text,label\n" + lines(rows))
    found = account(file)
    assert totals(found) == {"neg": 10, "pos": 10} and found.split["unlabelled"] == 10
    assert any("10 rows" in note and "NONE" in note for note in found.notes) and "null" in texts_of(file)


@pytest.mark.parametrize(
    ("column", "yes", "no"),
    [
        ("is_valid", "1", "0"),
        ("is_valid", "yes", "no"),
        ("is_valid", "valid", "train"),
        ("Split", "val", "train"),
        ("set", "dev", "train"),
    ],
)
def test_what_validates_is_read_in_each_of_the_usual_words(tmp_path: Path, column: str, yes: str, no: str) -> None:
    """flairNLP/flair#1505: dev, test and train; chanzuckerberg/cellxgene-census#495."""
    rows = [(text, label, yes if at < 6 else no) for at, (text, label) in enumerate(TEXT_ROWS)]
    found = account(write(tmp_path / "a.csv", f"text,label,{column}\n" + lines(rows)))
    assert in_splits(found) == (24, 6, 0)


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n\n"], ids=["Windows", "old Macs", "empty lines"])
def test_lines_may_end_in_any_way(tmp_path: Path, end: str) -> None:
    """mholt/PapaParse#43, WarrenWilkinson/read-csv#7, BaseXdb/basex#164."""
    file = write(tmp_path / "a.csv", lines([("text", "label"), *TEXT_ROWS], ",", end))
    assert totals(account(file)) == HALF and texts_of(file) == {text for text, _ in TEXT_ROWS}


@pytest.mark.parametrize("head", ["text,label", "text,label,", "text,label,,,"])
def test_commas_at_the_ends_of_lines_are_no_columns(tmp_path: Path, head: str) -> None:
    """dataculturegroup/DataBasic#176, wireservice/csvkit#426, tickbin/tickbin#233."""
    file = write(tmp_path / "a.csv", head + "\n" + lines((*row, "", "") for row in TEXT_ROWS))
    assert totals(account(file)) == HALF and texts_of(file) == {text for text, _ in TEXT_ROWS}


def test_a_first_line_that_comes_again_is_no_text(tmp_path: Path) -> None:
    """ckan/datapusher#74, whitfin/s3-concat#3: tables put one after the other, each with its first line."""
    rows = [("text", "label"), *TEXT_ROWS[:15], ("text", "label"), *TEXT_ROWS[15:]]
    found = check(str(write(tmp_path / "a.csv", lines(rows))))
    assert (found.refused and "a.csv" in found.refused) or totals(found) == HALF


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    """mholt/PapaParse#129, pandas-dev/pandas#9424: the second of two columns overwrites the first."""
    rows = [(text, label, "x") for text, label in TEXT_ROWS]
    said = refusal(write(tmp_path / "a.csv", "text,label,Label\n" + lines(rows)))
    assert "a.csv has two columns called 'label'" in said


def test_a_quote_left_open_is_refused_with_its_line_and_not_read_as_one_text(tmp_path: Path) -> None:
    """apache/spark#38446: the rest of the file goes into one cell."""
    rows = [(f'"{text}' if at == 9 else f'"{text}"', label) for at, (text, label) in enumerate(TEXT_ROWS)]
    assert re.search(
        r"a\.csv cannot be read as a table from line \d+",
        refusal(write(tmp_path / "a.csv", "text,label\n" + lines(rows))),
    )


def test_letters_that_are_not_utf_8_are_refused_with_what_they_may_be(tmp_path: Path) -> None:
    """mirador/nhanes#7, codeforbirmingham/Open-Disclosure#7: 0xf6 and 0x96."""
    table = "text,label\n" + lines((f"{text} Schön – gut", label) for text, label in TEXT_ROWS)
    said = refusal(write(tmp_path / "a.csv", table.encode("cp1252")))
    assert "a.csv is not UTF-8" in said and "cp1252 gives" in said and "Schön – gut" in said
    assert account(tmp_path / "a.csv", "imdb", "cp1252").used == TEXTS


def test_an_encoding_may_be_said_without_a_task(tmp_path: Path) -> None:
    """codeanticode in mirador/nhanes#7: the file is read once somebody says which letters it has."""
    table = "text,label\n" + lines((f"{text} Schön.", label) for text, label in TEXT_ROWS)
    assert account(write(tmp_path / "a.csv", table.encode("latin-1")), encoding="latin-1").used == TEXTS


def test_a_cell_without_end_is_refused_by_name(tmp_path: Path) -> None:
    """biolab/orange3#2404, simonw/datasette-lite#84: a cell beyond the limit of Python's csv; here beyond the engine's."""
    rows = [("x" * 5_000_100 if at == 3 else text, label) for at, (text, label) in enumerate(TEXT_ROWS)]
    assert "a.csv" in refusal(write(tmp_path / "a.csv", "text,label\n" + lines(rows)))


def test_texts_that_are_on_both_sides_of_the_split_are_counted(tmp_path: Path) -> None:
    """yuanzhoulvpi2017/zero_nlp#108: training and validation have the same texts."""
    write(tmp_path / "d/train.csv", "text,label\n" + lines(TEXT_ROWS))
    write(tmp_path / "d/valid.csv", "text,label\n" + lines(TEXT_ROWS[:10]))
    assert any("10 of 10 validation texts" in warning for warning in account(tmp_path / "d").warnings)


def test_quotes_around_each_text_are_believed_though_each_line_has_one_comma(tmp_path: Path) -> None:
    """vladap in databricks/spark-csv#175: line breaks in quotes are common; refused, it is with the line."""
    rows = "".join(f'"{text}, and\nso on.",{label}\n' for text, label in TEXT_ROWS)
    file = write(tmp_path / "a.csv", "text,label\n" + rows)
    found = check(str(file))
    assert (found.refused and "a.csv" in found.refused and "line" in found.refused) or totals(found) == HALF


def test_cells_after_a_comma_and_a_blank_keep_no_quotes(tmp_path: Path) -> None:
    """gkindel/csv-js#1: a blank between the comma and the quote."""
    file = write(tmp_path / "a.csv", "label, text\n" + "".join(f'{label}, "{text}"\n' for text, label in TEXT_ROWS))
    found = check(str(file))
    assert (found.refused and "a.csv" in found.refused) or not any('"' in text for text in texts_of(file))


@pytest.mark.parametrize("column", ["text", "label"])
def test_half_of_an_emoji_in_json_is_read_or_refused_with_its_file(tmp_path: Path, column: str) -> None:
    r"""StarRocks/starrocks#400, henu/bigjson#16: \ud83d without its other half, as cut tweets have it."""
    rows = [{"text": text, "label": label} for text, label in TEXT_ROWS]
    rows[3][column] += "@"
    file = write(tmp_path / "tweets.jsonl", json_lines(rows).replace("@", r"\ud83d"))
    found = check(str(file))
    assert (found.refused and "tweets.jsonl" in found.refused) or " ".join(found.sentences()).encode()


# Archives


def chips_folder(root: Path) -> Path:
    """Pictures with tags, in a folder."""
    return tagged_set(root, TAG_TABLE)


def test_an_archive_that_windows_packed_with_backslashes_is_unpacked_into_folders(tmp_path: Path) -> None:
    """python/cpython#91036, icsharpcode/SharpZipLib#617."""
    folder = chips_folder(tmp_path / "d")
    archive = packed(tmp_path / "d.zip", folder, lambda name: "d\\" + name.replace("/", "\\"), from_windows=True)
    assert totals(account(archive)) == TAGGED


def test_what_a_mac_puts_into_an_archive_is_left_out(tmp_path: Path) -> None:
    """udacity/deep-learning-v2-pytorch#217, PennLINC/CuBIDS#193."""
    more = {f"__MACOSX/d/train/._{name}.jpg": bytes(200) for name in NAMES} | {"d/.DS_Store": bytes(9)}
    archive = packed(tmp_path / "d.zip", chips_folder(tmp_path / "d"), lambda name: f"d/{name}", more=more)
    found = account(archive)
    assert totals(found) == TAGGED and found.found == 20


def test_names_of_an_archive_in_utf_8_that_does_not_say_so_are_read(tmp_path: Path) -> None:
    """weichsel/ZIPFoundation#63: Macs leave the flag out, and the names would be read by code page 437."""
    folder = tmp_path / "d"
    for number, name in enumerate(NAMES):
        draw(folder / ("Straße" if number % 2 else "Café") / f"{name}.png", number)
    assert totals(account(unflagged(tmp_path / "d.zip", folder, "utf-8"))) == {"Café": 10, "Straße": 10}


def test_names_of_an_archive_in_another_code_page_are_refused_or_doubted(tmp_path: Path) -> None:
    """mrkkrp/zip#23, mate-desktop/engrampa#102: a Russian Windows packs names in its own code page, and nothing says so."""
    folder = tmp_path / "d"
    for number, name in enumerate(NAMES):
        draw(folder / ("кошка" if number % 2 else "собака") / f"{name}.png", number)
    found = check(str(unflagged(tmp_path / "d.zip", folder, "cp866")))
    doubted = any("names" in warning for warning in found.warnings)
    assert (found.refused and "d.zip" in found.refused) or doubted or "кошка" in found.classes, found.classes


def test_a_folder_around_a_data_set_and_notes_beside_it_are_passed(tmp_path: Path) -> None:
    """luxonis/luxonis-ml#393, cxbxmxcx/GenReality#1: an archive is made of a folder, or of a folder in one."""
    more = {"data/README.md": b"# What this is", "data/LICENSE": b"CC0"}
    archive = packed(tmp_path / "d.zip", chips_folder(tmp_path / "d"), lambda name: f"data/v2/{name}", more=more)
    assert totals(account(archive)) == TAGGED
