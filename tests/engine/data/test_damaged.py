"""Data sets that are damaged: each is refused with a sentence, or told of, and nothing is left to crash."""

import json
import os
import struct
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet

from benchmarks import sound_data
from benchmarks.damaged_data import run
from engine.data.account import Account
from engine.tasks.checking import check

ODD_NAME = os.fsdecode(b"caf\xe9")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    folder.mkdir()
    return folder


def refused(place: Path | str, said: str, encoding: str = "") -> Account:
    account = check(str(place), encoding=encoding)
    assert account.refused and said in account.refused, account
    return account


def test_an_encoding_is_said_of_texts_alone(root: Path) -> None:
    sound_data.masks_in_two(root)
    assert check(str(root), encoding="cp1252").kind == "mask"


@pytest.mark.parametrize("encoding", ["hex", "rot13", "idna", "undefined", "punycode", "a\0b", "nope"])
def test_what_is_no_encoding_of_texts(root: Path, encoding: str) -> None:
    sound_data.texts_in_csv(root)
    (root / "texts.csv").write_bytes((root / "texts.csv").read_bytes().replace("ï".encode(), b"\xef"))
    refused(root, "encoding", encoding)


def test_half_letters_of_an_encoding(root: Path) -> None:
    (root / "texts.csv").write_bytes(b"text,label\n\\ud800 \xe9,a\nb,c\n")
    refused(root, "is not raw_unicode_escape", "raw_unicode_escape")


@pytest.mark.parametrize("name", ["~nobody-of-this-name/set", "a" * 5000, "a\0b", "a/" * 3000])
def test_a_name_that_leads_nowhere(name: str) -> None:
    refused(name, "is no place where a data set can lie")


def test_pipes_devices_and_folders_are_no_pictures(root: Path) -> None:
    sound_data.points_in_table(root)
    for letter, make in (("a", os.mkfifo), ("b", Path.mkdir), ("c", lambda path: path.symlink_to("/dev/zero"))):
        (root / "images" / f"shot_{letter}.png").unlink()
        make(root / "images" / f"shot_{letter}.png")
    left_out = check(str(root)).left_out["cannot be read"]
    assert len(left_out) == 3 and all("is no file" in name for name in left_out)


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_numbers_beside_pictures_that_are_no_file(root: Path, make: Callable[[Path], object]) -> None:
    sound_data.points_of_biwi(root)
    pose = root / "01" / "frame_00000_pose.txt"
    pose.unlink()
    make(pose)
    assert "There is no file" in check(str(root)).left_out["its point cannot be read"][0]


@pytest.mark.parametrize(
    "labels",
    [pyarrow.array([10**8, 1], pyarrow.date32()), pyarrow.array([2**62, 5], pyarrow.timestamp("ms"))],
)
def test_parquet_with_dates_that_python_lacks(root: Path, labels: pyarrow.Array) -> None:
    parquet.write_table(pyarrow.table({"text": ["x", "y"], "label": labels}), root / "texts.parquet")
    refused(root, "texts.parquet cannot be read as Parquet")


def test_parquet_with_bytes_that_are_no_letters(root: Path) -> None:
    odd = pyarrow.Array.from_buffers(pyarrow.string(), 2, pyarrow.array([b"\xff", b"a"], pyarrow.binary()).buffers())
    parquet.write_table(pyarrow.table({"text": odd, "label": ["a", "b"]}), root / "texts.parquet")
    refused(root, "texts.parquet cannot be read as Parquet")


@pytest.mark.parametrize("make", [sound_data.texts_in_parquet, sound_data.texts_in_tsv, sound_data.texts_in_folders])
def test_names_with_bytes_that_are_no_letters(tmp_path: Path, make: Callable[[Path], None]) -> None:
    (tmp_path / "plain").mkdir()
    make(tmp_path / "plain")
    (tmp_path / "plain").rename(tmp_path / ODD_NAME)
    for table in (tmp_path / ODD_NAME).glob("t*.*"):
        table.rename(table.with_stem(f"{table.stem}{ODD_NAME}"))
    assert check(str(tmp_path / ODD_NAME)).kind == "text"


def test_a_folder_with_the_longest_name(tmp_path: Path) -> None:
    (tmp_path / ("ß" * 127)).mkdir()
    sound_data.texts_in_csv(tmp_path / ("ß" * 127))
    assert check(str(tmp_path / ("ß" * 127))).used == 24


def test_json_that_is_deep(root: Path) -> None:
    (root / "texts.json").write_text('[{"a":' * 50_000)
    refused(root, "is not whole JSON")
    for depth in range(900, 1000, 3):
        (root / "texts.jsonl").write_text('{"text": ' + "[" * depth + "]" * depth + ', "label": "a"}\n')
        (root / "texts.json").unlink(missing_ok=True)
        assert check(str(root)).refused


def test_json_with_half_letters(root: Path) -> None:
    sound_data.texts_in_json_lines(root)
    text = (root / "texts.jsonl").read_text().replace("film 3 ", "film \\ud800 ").replace('"pos"', '"p\\udc00s"')
    (root / "texts.jsonl").write_text(text)
    assert set(check(str(root)).classes) == {"neg", "p?s"}


def test_rows_without_columns_beside_pictures(root: Path) -> None:
    sound_data.pictures(root / "images")
    (root / "table.json").write_text("[{}, {}]")
    refused(root, "table.json has no lines")


@pytest.mark.filterwarnings("ignore")  # openpyxl's own
@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("worksheets/sheet1.xml", b'<row r="9"', b"<rov"),
        ("worksheets/sheet1.xml", b'<c r="B2"', b'<c r="ZZZZZ2"'),
        ("worksheets/sheet1.xml", b'<c r="B2"', b'<c r="XFD2"'),
        ("worksheets/sheet1.xml", b'<row r="9"', b'<row r="1048577000"'),
        ("worksheets/sheet1.xml", b't="inlineStr"', b't="s"'),
        ("worksheets/sheet1.xml", b't="n"', b't="d"'),
        ("worksheets/sheet1.xml", b"<v>44000.5</v>", b"<v>1e300</v>"),
        ("_rels/workbook.xml.rels", b"/worksheet", b"/chartsheet"),
    ],
)
def test_excel_with_broken_parts(root: Path, part: str, old: bytes, new: bytes) -> None:
    replace_part(root, part, old, new)
    assert check(str(root)).kind == "text"


def test_excel_under_another_name(root: Path) -> None:
    sound_data.texts_in_excel(root)
    (root / "texts.xlsx").rename(root / "texts.csv")
    assert check(str(root)).used == 24


def test_excel_that_says_it_is_larger_than_it_is(root: Path) -> None:
    replace_part(root, "worksheets/sheet1.xml", b'<dimension ref="A1:D25"', b'<dimension ref="A1:XFD1048576"')
    assert check(str(root)).used == 24


def replace_part(root: Path, part: str, old: bytes, new: bytes) -> None:
    sound_data.texts_in_excel(root)
    with zipfile.ZipFile(root / "texts.xlsx") as opened:
        parts = {name: opened.read(name) for name in opened.namelist()}
    assert old in parts[f"xl/{part}"]
    with zipfile.ZipFile(root / "texts.xlsx", "w") as opened:
        for name, content in parts.items():
            opened.writestr(name, content.replace(old, new) if name == f"xl/{part}" else content)


def test_a_mask_with_a_broken_tag(root: Path) -> None:
    sound_data.masks_in_two(root)
    mask = Image.fromarray(np.zeros((24, 32), np.uint8))
    mask.save(root / "labels" / "shot_a_P.png", exif=b"Exif\0\0\0\0i\x87\n\0\xff\xff")
    assert "damaged" in check(str(root)).left_out["its mask cannot be read"][0]


def test_a_mask_with_codes_beyond_its_palette(root: Path) -> None:
    sound_data.masks_in_two(root)
    mask = Image.frombytes("P", (32, 24), bytes([2]) * 32 * 24)
    mask.putpalette([0, 0, 0, 255, 0, 0])
    mask.save(root / "labels" / "shot_a_P.png")
    account = check(str(root))
    assert account.refused or account.used == 10


def test_a_tiff_whose_shape_is_nothing(root: Path) -> None:
    import tifffile

    sound_data.tags_of_tiffs(root)
    written = BytesIO()
    tifffile.imwrite(written, np.ones((24, 32, 4), np.uint16), photometric="rgb")
    content = bytearray(written.getvalue())
    first = struct.unpack("<I", content[4:8])[0]
    width = next(at for at in range(first + 2, len(content), 12) if content[at : at + 2] == b"\0\x01")
    content[width + 8 : width + 12] = bytes(4)
    (root / "train-tif-v2" / "t_3.tif").write_bytes(content)
    assert "t_3.tif" in check(str(root)).left_out["cannot be read"][0]


@pytest.mark.parametrize("shape", [(20, 24, 32, 4), (9, 1, 24, 32), (3, 24, 32, 4)])
def test_a_tiff_with_more_than_its_first_page_says(root: Path, shape: tuple[int, ...]) -> None:
    import tifffile

    sound_data.tags_of_tiffs(root)
    tifffile.imwrite(root / "train-tif-v2" / "t_3.tif", np.ones(shape, np.uint16), photometric="minisblack")
    assert check(str(root)).kind == "tags"


def test_folders_that_go_on_and_on(root: Path) -> None:
    start = Path.cwd()
    try:
        os.chdir(root)
        for _ in range(600):
            Path("d").mkdir()
            os.chdir("d")
    finally:
        os.chdir(start)
    refused(root, "folders that hold nothing else")
    (root / "notes.csv").write_text("a,b\n1,2\n")
    refused(root, "folders inside each other")


def test_a_class_with_a_number_of_thousands_of_digits(root: Path) -> None:
    sound_data.masks_in_splits(root)
    (root / "codes.txt").write_text(
        "".join(f"{number} {name}\n" for number, name in (("1" * 5000, "a"), ("2", "b"), ("3", "c")))
    )
    assert check(str(root)).kind == "mask"


def test_a_table_in_which_all_is_for_testing(root: Path) -> None:
    rows = [(one.name, "ab"[at % 2], "test") for at, one in enumerate(sound_data.pictures(root / "images"))]
    sound_data.written(root / "labels.csv", ("image", "tags", "split"), rows)
    assert check(str(root)).split["test"] == 10


def test_a_path_of_forty_thousand_folders_in_a_cell(root: Path) -> None:
    sound_data.tags_in_lines(root)
    with (root / "labels.csv").open("a") as table:
        table.write("a/" * 40_000 + ",clear\n")
    assert check(str(root)).kind == "tags"


@pytest.mark.parametrize("findings", ["{}", "[]", "3", "[" * 5000, '{"found": "x", "source": "", "layout": ""}'])
def test_saved_texts_with_damaged_findings(root: Path, findings: str) -> None:
    sound_data.texts_as_saved(root)
    (root / "findings.json").write_text(findings)
    refused(root, "findings.json, which says what was found in the texts, is damaged")


def test_saved_texts_whose_files_lie_elsewhere(root: Path) -> None:
    sound_data.texts_as_saved(root)
    state = json.loads((root / "train" / "state.json").read_text())
    (root / "train" / "state.json").write_text(json.dumps({**state, "_data_files": [{"filename": "../../x.arrow"}]}))
    refused(root, "names files that lie elsewhere")
    (root / "train" / "state.json").write_text(json.dumps(state))
    (root / "train" / "more.arrow").symlink_to("nothing")
    refused(root, "more.arrow is no file")


def test_saved_texts_that_lead_out_of_the_memory(root: Path) -> None:
    sound_data.texts_as_saved(root)
    file = next((root / "train").glob("*.arrow"))
    content = bytearray(file.read_bytes())
    lengths = [len(text.encode()) for at, (text, _) in enumerate(sound_data.reviews()) if at % 2 == 0]
    begins = struct.pack("<iii", 0, lengths[0], lengths[0] + lengths[1])
    at = content.index(begins) + 4
    content[at : at + 4] = struct.pack("<i", 2**31 - 1)
    file.write_bytes(content)
    refused(root, "is no whole DatasetDict")


@pytest.mark.filterwarnings("ignore")
def test_sixty_damaged_data_sets() -> None:
    told = list(run(60, seed=7))
    assert [one.words for one in told if one.outcome == "crash"] == []
    assert [(one.wrote, one.read) for one in told if one.wrote or (one.read and one.pack != "folder")] == []
