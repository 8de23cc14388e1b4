"""Data sets as people have brought them, one of each kind: each is read right, or refused in a sentence that says what to do."""

import io
import random
import re
from pathlib import Path

import numpy as np
import pyarrow
import pytest
import tifffile
from own_data import (
    HALF,
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
    pointed_set,
    refusal,
    save_mask,
    tagged_set,
    totals,
    write,
)
from PIL import Image
from pyarrow import parquet

from engine.data.pictures.files import open_picture
from engine.data.texts.dataset import open_texts
from engine.errors import DataError
from engine.kinds.mask import open_masks
from engine.kinds.tags import tag_counts
from engine.tasks.checking import check
from engine.tasks.registry import get_task


def texts_of(file: Path, encoding: str = "") -> set[str]:
    """All texts, as a model gets them."""
    data = open_texts(file, encoding=encoding)
    return set(data.texts([*data.train, *data.valid, *data.test]))


def test_a_mask_of_0_and_255_is_read_as_two_classes(tmp_path: Path) -> None:
    found = account(masked_set(tmp_path / "d", lambda _: boxed(255)))
    assert totals(found) == {"background": 10 * (PIXELS - IN_BOX), "object": 10 * IN_BOX}
    assert found.shares["object"]["train"] == pytest.approx(0.104, abs=0.001)
    assert any("255" in note and "object" in note for note in found.notes)


def test_a_mask_of_one_bit_is_read_as_two_classes(tmp_path: Path) -> None:
    root = masked_set(tmp_path / "d", lambda _: Image.fromarray(boxed(255)).convert("1"))
    assert totals(account(root))["object"] == 10 * IN_BOX


def test_a_mask_in_colours_is_refused_by_its_name(tmp_path: Path) -> None:
    coloured = np.stack([boxed(128), boxed(0), boxed(64)], axis=2)
    root = masked_set(tmp_path / "d", lambda _: coloured)
    assert re.search(r"f00_P\.png .*greyscale or palette", refusal(root))


def test_a_mask_with_the_noise_of_a_jpeg_is_refused_or_doubted(tmp_path: Path) -> None:
    """Either codes occur that have no name, or those that have one are hardly ever beside their own."""

    def noisy(number: int) -> np.ndarray:
        codes = boxed(3)
        codes[7, 9:31:2], codes[24, 9:31:2], codes[7, 10:30:4] = 1, 2, 4
        return codes

    unnamed = masked_set(tmp_path / "a", noisy, codes="background\nlow\nmiddle\nobject\n")
    assert re.search(r"f00_P\.png has a code .* hold 4 as well", refusal(unnamed))
    found = account(masked_set(tmp_path / "b", noisy, codes="background\nlow\nmiddle\nobject\nhigh\n"))
    assert any("noise of a JPEG" in warning and "low" in warning for warning in found.warnings)
    assert totals(found)["object"] == 10 * IN_BOX


def test_a_mask_saved_as_jpeg_is_refused_by_its_name(tmp_path: Path) -> None:
    root = masked_set(tmp_path / "d", label="labels/f{:02}_P.jpg")
    assert re.search(r"f00_P\.jpg is a JPEG.*as PNG", refusal(root))


def test_masks_that_are_called_like_their_pictures_are_taken(tmp_path: Path) -> None:
    found = account(masked_set(tmp_path / "d", label="labels/f{:02}.png"))
    assert (found.used, totals(found)["object"]) == (10, 10 * IN_BOX)


def test_masks_that_are_called_otherwise_are_refused_with_the_name_that_is_looked_for(tmp_path: Path) -> None:
    said = refusal(masked_set(tmp_path / "d", label="labels/truth{:02}.png"))
    assert "f00_P.png" in said and "truth00.png" in said


@pytest.mark.parametrize(
    "codes",
    [
        "background\r\nobject\r\n".encode("utf-16"),
        b"\xef\xbb\xbfbackground\r\nobject\r\n",
        b"0 background\n1 object\n",
        b"1: object\n0: background\n",
    ],
    ids=["UTF-16", "a byte order mark", "with numbers", "with numbers in another order"],
)
def test_a_list_of_classes_is_read_in_each_of_the_usual_ways(tmp_path: Path, codes: bytes) -> None:
    found = account(masked_set(tmp_path / "d", codes=codes))
    assert totals(found) == {"background": 10 * (PIXELS - IN_BOX), "object": 10 * IN_BOX}


@pytest.mark.parametrize(
    "listed", [b"\xef\xbb\xbff03.png\r\nf07.png\r\n", "f03.png\r\nf07.png\r\n".encode("utf-16")], ids=["mark", "UTF-16"]
)
def test_the_pictures_that_a_list_names_validate(tmp_path: Path, listed: bytes) -> None:
    root = masked_set(tmp_path / "d")
    write(root / "valid.txt", listed)
    assert [item.name for item in open_masks(root).valid] == ["f03.png", "f07.png"]
    assert in_splits(account(root)) == (8, 2, 0)


def test_a_mask_drawn_on_the_stored_pixels_of_a_turned_square_picture_lies_on_the_box(tmp_path: Path) -> None:
    root = tmp_path / "d"
    for number in range(5):
        draw(root / f"images/f{number}.jpg", number, size=(WIDTH, WIDTH), turn=TURNED)
        save_mask(root / f"labels/f{number}.png", boxed(size=(WIDTH, WIDTH)))
    write(root / "codes.txt", "background\nobject\n")
    assert any("EXIF" in warning and "as stored" in warning for warning in account(root).warnings)
    data = open_masks(root)
    picture, mask = data.sample(data.train[0], (WIDTH, WIDTH))
    red = (picture[0].int() - picture[1].int()) > 60
    assert red.sum() > 250 and (red == (mask == 1)).float().mean() > 0.98


def test_a_line_for_each_picture_and_tag_gives_all_of_a_pictures_tags(tmp_path: Path) -> None:
    long = [(name, tag) for name, tags in zip(NAMES, TAGS, strict=True) for tag in tags.split()]
    found = account(tagged_set(tmp_path / "d", "image_name,tags\n" + lines(long)))
    assert len(long) == 33 and totals(found) == TAGGED and found.used == 20


@pytest.mark.parametrize("mark", [",", ", ", "|", ";"])
def test_tags_may_be_parted_by_other_marks(tmp_path: Path, mark: str) -> None:
    table = "image_name,tags\n" + "".join(
        f'{name},"{tags.replace(" ", mark)}"\n' for name, tags in zip(NAMES, TAGS, strict=True)
    )
    assert totals(account(tagged_set(tmp_path / "d", table))) == TAGGED


def test_names_in_other_spellings_find_their_pictures_and_those_that_find_none_are_named(tmp_path: Path) -> None:
    spelled = [rf"train\{NAMES[0]}.jpg", f"{NAMES[1]}.jpg ", NAMES[2].upper(), f" {NAMES[3]}", f"train/{NAMES[4]}.jpg"]
    spelled += [f"{name}.jpeg" for name in NAMES[5:7]] + [f"{name}.jpg" for name in NAMES[7:]]
    table = "image_name,tags\n" + lines(zip([*spelled, "gone.jpg"], [*TAGS, "clear"], strict=True))
    found = account(tagged_set(tmp_path / "d", table))
    assert (found.used, totals(found)) == (20, TAGGED)
    assert list(found.left_out.values()) == [("gone.jpg",)]


def test_pictures_without_tags_are_left_out_by_name_and_no_class_is_called_nan(tmp_path: Path) -> None:
    tags = ["", "NaN", "nan", "None", *TAGS[4:]]
    found = account(tagged_set(tmp_path / "d", "image_name,tags\n" + lines(zip(NAMES, tags, strict=True))))
    assert list(found.classes) == ["clear", "cloudy", "road"] and found.used == 16
    assert found.left_out["no tags are said"] == ("c00.jpg", "c01.jpg", "c02.jpg", "c03.jpg")


def test_tags_that_differ_in_capitals_alone_are_doubted(tmp_path: Path) -> None:
    tags = [tags.title() if number % 2 else tags for number, tags in enumerate(TAGS)]
    found = account(tagged_set(tmp_path / "d", "image_name,tags\n" + lines(zip(NAMES, tags, strict=True))))
    assert len(found.classes) == 6
    assert sum("several spellings" in warning for warning in found.warnings) == 3


def test_a_tag_that_only_validation_has_is_named_and_training_works(tmp_path: Path) -> None:
    tags = [f"{tags} blow_down" if number == 0 else tags for number, tags in enumerate(TAGS)]
    rows = [(name, some, number == 0) for number, (name, some) in enumerate(zip(NAMES, tags, strict=True))]
    root = tagged_set(tmp_path / "d", "image_name,tags,is_valid\n" + lines(rows))
    assert any("No training picture has “blow_down”" in warning for warning in account(root).warnings)
    assert tag_counts(get_task("planet").aims[0].build().open_data(root))["blow_down"] == 0


def test_a_table_from_a_german_excel_is_read(tmp_path: Path) -> None:
    table = "\ufeffimage_name;tags\r\n" + lines(zip(NAMES, TAGS, strict=True), ";", "\r\n")
    assert totals(account(tagged_set(tmp_path / "d", table))) == TAGGED


def scene(levels: int = 255) -> np.ndarray:
    """Dark on the left, bright on the right, (64, 96)."""
    return np.tile(np.linspace(0.1, 0.9, 96), (64, 1)) * levels


@pytest.mark.parametrize(
    "name",
    [
        "grey.png",
        "grey16.png",
        "twelve.png",
        "twelve.tif",
        "shares.tif",
        "bright.tif",
        "clear.png",
        "cmyk.jpg",
        "UPPER.JPG",
    ],
)
def test_a_picture_of_any_depth_shows_the_same_scene(tmp_path: Path, name: str) -> None:
    grey = scene().astype(np.uint8)
    saved: dict[str, Image.Image] = {
        "grey.png": Image.fromarray(grey),
        "grey16.png": Image.fromarray(scene(65535).astype(np.uint16)),
        "twelve.png": Image.fromarray(scene(4095).astype(np.uint16)),
        "twelve.tif": Image.fromarray(scene(4095).astype(np.uint16)),
        "shares.tif": Image.fromarray(scene(1).astype(np.float32)),
        "bright.tif": Image.fromarray(scene().astype(np.float32)),
        "clear.png": Image.fromarray(np.stack([grey, grey, grey, np.full_like(grey, 255)], axis=2)),
        "cmyk.jpg": Image.fromarray(grey).convert("RGB").convert("CMYK"),
        "UPPER.JPG": Image.fromarray(grey).convert("RGB"),
    }
    file = save_mask(tmp_path / name, saved[name])
    seen = np.asarray(open_picture(file)).astype(int)
    assert np.abs(seen - grey[:, :, None]).mean() < 6


@pytest.mark.parametrize("name", ["empty.jpg", "cut.png", "page.jpg", "phone.jpg", "colours.tif"])
def test_what_is_no_picture_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    whole = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 96)).astype(np.uint8)).save(whole, "PNG")
    file = write(
        tmp_path / name,
        {
            "empty.jpg": b"",
            "cut.png": whole.getvalue()[:2000],
            "page.jpg": b"<!DOCTYPE html><title>Sign in</title>",
            "phone.jpg": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100),
            "colours.tif": b"",
        }[name],
    )
    if name == "colours.tif":
        tifffile.imwrite(file, np.random.default_rng(0).random((32, 48, 3)).astype(np.float32), photometric="rgb")
    with pytest.raises(DataError, match=re.escape(name)):
        open_picture(file)


def test_points_outside_of_their_pictures_are_left_out_by_name(tmp_path: Path) -> None:
    rows = [*POINTS[:2], ("h02.png", -1, -1), *POINTS[3:5], ("h05.png", 400, 900), *POINTS[6:]]
    found = account(pointed_set(tmp_path / "d", "image,column,row\n" + lines(rows)))
    assert found.used == 8
    assert "h02.png" in str(found.left_out) and any("h05.png: (400, 900)" in warning for warning in found.warnings)


def test_two_points_in_a_picture_are_refused_with_their_lines(tmp_path: Path) -> None:
    rows = [row for name, column, line in POINTS for row in ((name, column, line), (name, column - 8, line))]
    said = refusal(pointed_set(tmp_path / "d", "image,column,row\n" + lines(rows)))
    assert "h00.png" in said and "line 2, line 3" in said and "centres.csv" in said


def test_a_picture_without_a_point_is_left_out_by_name(tmp_path: Path) -> None:
    rows = [(name, *("" if number == 3 else value for value in where)) for number, (name, *where) in enumerate(POINTS)]
    found = account(pointed_set(tmp_path / "d", "image,column,row\n" + lines(rows)))
    assert found.used == 9 and found.left_out["no point is said"] == ("h03.png",)


@pytest.mark.parametrize("name", ["sms.tsv", "sms.csv"])
def test_quotes_that_are_not_closed_are_letters_in_a_table_with_tabs(tmp_path: Path, name: str) -> None:
    rows = [(label, f'"{text}' if number in (4, 20) else text) for number, (text, label) in enumerate(TEXT_ROWS)]
    file = write(tmp_path / name, "label\ttext\n" + lines(rows, "\t"))
    assert totals(account(file)) == HALF
    assert texts_of(file) == {text for _, text in rows}


def test_text_files_of_latin_1_with_what_macs_leave_are_read_when_their_encoding_is_said(tmp_path: Path) -> None:
    root = tmp_path / "20news"
    for number, (text, label) in enumerate(TEXT_ROWS):
        split, suffix = ("test" if number % 5 == 0 else "train"), ("TXT" if number % 3 == 0 else "txt")
        write(root / split / label / f"{number}.{suffix}", f"{text} Café déjà vu".encode("latin-1"))
    write(root / "__MACOSX/train/pos/._1.txt", bytes(20))
    write(root / "train/.DS_Store", bytes(20))
    write(root / "train/pos/._1.txt", bytes(20))
    said = refusal(root, "imdb")
    assert "0.TXT is not UTF-8" in said and "--encoding" in said and "cp1252 gives" in said
    found = account(root, "imdb", "latin-1")
    assert list(found.classes) == ["neg", "pos"] and found.used == TEXTS and found.split["test"] == 6
    assert "._1.txt" in str(found.left_out)
    assert all("Café déjà vu" in text for text in texts_of(root, "latin-1"))


@pytest.mark.parametrize(
    "name", ["lines.csv", "list.csv", "parquet.csv", "bars.csv", "excel.csv", "lines.jsonl", "list.json", "it.parquet"]
)
def test_a_table_is_what_its_first_bytes_say_and_not_what_it_is_called(tmp_path: Path, name: str) -> None:
    rows = [{"text": text, "label": label} for text, label in TEXT_ROWS]
    columnar = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.Table.from_pylist(rows), columnar)
    written: dict[str, str | bytes] = {
        "lines": json_lines(rows),
        "list": "[\n" + ",\n".join(json_lines(rows).splitlines()) + "\n]\n",
        "parquet": columnar.getvalue().to_pybytes(),
        "bars": "text|label\n" + lines(TEXT_ROWS, "|"),
        "excel": "sep=;\ntext;label\n" + lines(TEXT_ROWS, ";"),
    }
    file = write(tmp_path / name, written[name.replace("it.parquet", "parquet.").split(".")[0]])
    assert totals(account(file)) == HALF
    assert texts_of(file) == {text for text, _ in TEXT_ROWS}


def test_a_page_to_sign_in_on_is_refused_as_that(tmp_path: Path) -> None:
    page = "<!DOCTYPE html>\n<html><head><title>Sign in, please</title></head>\n<body>You must, log in</body></html>"
    assert re.search(r"reviews\.csv is a web page.*Download", refusal(write(tmp_path / "reviews.csv", page)))


def test_the_reviews_from_kaggle_are_read_with_their_quotes_and_breaks(tmp_path: Path) -> None:
    rows = "".join(
        f'"{text}<br /><br />He said ""no"", then ""yes"", and left; it\'s 10/10.\nSecond line\0 here.",'
        f"{'positive' if label == 'pos' else 'negative'}\r\n"
        for text, label in TEXT_ROWS
    )
    file = write(tmp_path / "IMDB Dataset.csv", "review,sentiment\r\n" + rows)
    assert totals(account(file)) == {"negative": 15, "positive": 15}
    read = texts_of(file)
    assert len(read) == TEXTS and all(
        'said "no", then "yes", and left' in text and "Second line here." in text for text in read
    )


def test_quotes_after_a_backslash_are_quotes(tmp_path: Path) -> None:
    rows = "".join(
        f'"She said \\"{text}\\", and left",{label}\n' if number % 3 == 0 else f'"{text}",{label}\n'
        for number, (text, label) in enumerate(TEXT_ROWS)
    )
    file = write(tmp_path / "yelp.csv", "text,label\n" + rows)
    assert totals(account(file)) == HALF
    assert f'She said "{TEXT_ROWS[0][0]}", and left' in texts_of(file)


def test_damaged_pictures_are_opened_or_refused_and_nothing_else(tmp_path: Path) -> None:
    """A tenth of each format's bytes is another, or its end is missing; the seed is fixed."""
    chance = random.Random(5)
    picture = Image.open(draw(tmp_path / "whole.png"))
    for number in range(30):
        format = ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP")[number % 6]
        content = io.BytesIO()
        picture.convert("RGB").save(content, format)
        damaged = bytearray(content.getvalue())
        if number % 2:
            damaged = damaged[: chance.randrange(1, len(damaged))]
        else:
            for _ in range(chance.choice((1, 5, 30))):
                damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        file = write(tmp_path / f"damaged{number}.{format.lower()}", bytes(damaged))
        try:
            assert open_picture(file).mode == "RGB"
        except DataError as problem:
            assert file.name in str(problem)


def test_a_damaged_picture_of_a_data_set_is_left_out_by_name(tmp_path: Path) -> None:
    root = tagged_set(tmp_path / "d", TAG_TABLE)
    cut = root / "train" / "c07.jpg"
    cut.write_bytes(cut.read_bytes()[:100])
    found = account(root)
    assert found.used == 19 and "c07.jpg" in str(found.left_out)


def test_a_folder_of_nothing_that_is_known_is_refused_with_what_is(tmp_path: Path) -> None:
    write(tmp_path / "notes" / "readme.md", "# nothing")
    said = check(str(tmp_path / "notes")).refused or ""
    assert "notes holds no data set that is known" in said and "codes.txt" in said and "labels.csv" in said


def test_a_table_in_which_all_pictures_test_is_judged_on_or_refused(tmp_path: Path) -> None:
    rows = [(name, tags, "test") for name, tags in zip(NAMES, TAGS, strict=True)]
    root = tagged_set(tmp_path / "d", "image_name,tags,split\n" + lines(rows))
    found = check(str(root))
    assert found.refused or in_splits(found) == (0, 0, 20)


@pytest.mark.parametrize("nested", ["[" * 100_000, '{"a":' * 100_000], ids=["lists", "objects"])
def test_json_without_an_end_to_its_depth_is_refused_by_name(tmp_path: Path, nested: str) -> None:
    assert "deep.json" in refusal(write(tmp_path / "deep.json", nested))
