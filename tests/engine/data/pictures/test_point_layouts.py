"""Four layouts of pictures with points: each says where the point is, who is in the picture, and who is held out."""

import math
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.data.dataset import check_can_train
from engine.data.pictures.point_layouts import find_layout, pointing_face
from engine.errors import DataError
from engine.kinds.point import open_points

K = ((517.679, 0.0, 320.0), (0.0, 517.679, 240.5), (0.0, 0.0, 1.0))
OTHER_K = ((400.0, 0.0, 300.0), (0.0, 410.0, 250.0), (0.0, 0.0, 1.0))
CENTRE = (187.332, 40.3892, 893.135)  # mm


def grey(path: Path, size: tuple[int, int] = (640, 480)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, 128).save(path)
    return path


def three_numbers(rows: tuple[tuple[float, ...], ...]) -> str:
    return "".join(" ".join(f"{value:g}" for value in row) + " \n" for row in rows)


def calibration(matrix: tuple[tuple[float, ...], ...]) -> str:
    turned = three_numbers(((0.999, 0.0, 0.01), (0.0, 1.0, 0.0), (-0.01, 0.0, 0.999)))
    return f"{three_numbers(matrix)}\n0 0 0 0 \n\n{turned}\n-25.5 0.4 1.2 \n\n640 480\n"


def pose(centre: tuple[object, ...]) -> str:
    turned = "0.988397 -0.0248898 0.149844 \n0.0182 0.9987 0.0457 \n-0.1508 -0.0424 0.9876 \n"
    return f"{turned}\n{' '.join(map(str, centre))} \n"


def biwi_person(
    root: Path, person: str, matrix: tuple[tuple[float, ...], ...], frames: tuple[int, ...] = (3, 4)
) -> None:
    for frame in frames:
        grey(root / person / f"frame_{frame:05}_rgb.jpg")
        (root / person / f"frame_{frame:05}_pose.txt").write_text(pose(CENTRE))
    (root / person / "rgb.cal").write_text(calibration(matrix))


@pytest.fixture
def biwi(tmp_path: Path) -> Path:
    biwi_person(tmp_path / "biwi", "01", K)
    biwi_person(tmp_path / "biwi", "13", OTHER_K)
    return tmp_path / "biwi"


def test_biwi_s_centre_is_projected_by_the_colour_camera(biwi: Path) -> None:
    column, row = find_layout(biwi).point(biwi / "01" / "frame_00003_rgb.jpg")
    assert (column, row) == (pytest.approx(428.58, abs=0.005), pytest.approx(263.91, abs=0.005))


def test_each_person_of_biwi_has_a_camera_of_their_own(biwi: Path) -> None:
    x, y, z = CENTRE
    found = find_layout(biwi).point(biwi / "13" / "frame_00003_rgb.jpg")
    assert found == pytest.approx((300 + 400 * x / z, 250 + 410 * y / z))


def test_biwi_s_person_13_is_held_out(biwi: Path) -> None:
    biwi_person(biwi, "02", K)
    data = open_points(biwi)
    assert [path.relative_to(biwi).parts[0] for path in data.train] == ["01", "01", "02", "02"]
    assert [path.relative_to(biwi).parts[0] for path in data.valid] == ["13", "13"]
    assert data.block.facts(data.valid[0]) == {"person": "13", "tilt": "+0", "pan": "+15"}
    assert (data.shape, data.test, data.title) == ((480, 640), (), "person 13 held out")


def test_biwi_s_other_files_are_no_pictures_to_learn_from(biwi: Path) -> None:
    grey(biwi / "01" / "frame_00003_depth.png")
    (biwi / "01" / "depth.cal").write_text(calibration(K))
    assert {path.name for path in find_layout(biwi).pictures} == {"frame_00003_rgb.jpg", "frame_00004_rgb.jpg"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"There is no file .*frame_00003_pose\.txt"),
        ("", r"frame_00003_pose\.txt needs 4 lines of three numbers"),
        (pose(CENTRE)[:60], r"frame_00003_pose\.txt needs 4 lines of three numbers"),
        (pose((1.0, 2.0)), r"frame_00003_pose\.txt needs 4 lines of three numbers"),
        (pose(("here", "and", "there")), r"frame_00003_pose\.txt has something other than numbers"),
        (pose((1.0, 2.0, 0.0)), r"frame_00003_rgb\.jpg lies behind the camera \(z = 0 mm\)"),
        (pose((1.0, 2.0, -3.0)), r"frame_00003_rgb\.jpg lies behind the camera \(z = -3 mm\)"),
        (pose((1.0, "nan", 900.0)), r"frame_00003_pose\.txt needs 4 lines of three numbers"),
        (pose((1.0, 2.0, "inf")), r"frame_00003_pose\.txt needs 4 lines of three numbers"),
        ("\x00\xff" * 50, r"frame_00003_pose\.txt has something other than numbers"),
    ],
    ids=["missing", "empty", "cut", "short", "words", "z = 0", "z < 0", "nan", "inf", "binary"],
)
def test_a_broken_pose_is_named(biwi: Path, content: str | None, message: str) -> None:
    file = biwi / "01" / "frame_00003_pose.txt"
    file.unlink()
    if content is not None:
        file.write_text(content, encoding="latin-1")
    data = open_points(biwi)
    (why,) = data.findings.left_out["its point cannot be read"]
    assert re.search(message, why)
    assert biwi / "01" / "frame_00003_rgb.jpg" not in data.train
    data.sample(data.train[0], (48, 64))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"There is no file .*13/rgb\.cal"),
        ("517 0 320\n", r"13/rgb\.cal needs 3 lines of three numbers"),
        (calibration(K).replace("320", "middle"), r"13/rgb\.cal has something other than numbers"),
        (calibration(K).replace("320", "nan"), r"13/rgb\.cal needs 3 lines of three numbers"),
    ],
    ids=["missing", "cut", "words", "nan"],
)
def test_a_broken_calibration_is_named(biwi: Path, content: str | None, message: str) -> None:
    (biwi / "13" / "rgb.cal").unlink()
    if content is not None:
        (biwi / "13" / "rgb.cal").write_text(content)
    data = open_points(biwi)
    assert not data.valid and all(re.search(message, why) for why in data.findings.left_out["its point cannot be read"])
    with pytest.raises(DataError, match=r"0 to validate \(person 13 held out\)"):
        check_can_train(data)


def pointing_person(
    root: Path, person: int, name: str = "46+0-15", face: tuple[object, ...] = (238, 216, 124, 116)
) -> Path:
    picture = grey(root / f"Person{person:02}" / f"person{person:02}1{name}.jpg", (384, 288))
    picture.with_suffix(".txt").write_text("\n".join([picture.name, "", "Face", *map(str, face), ""]))
    return picture


@pytest.fixture
def pointing(tmp_path: Path) -> Path:
    for person in (1, 10, 11, 12):
        pointing_person(tmp_path / "pointing04", person)
    return tmp_path / "pointing04"


def test_pointing04_s_face_is_column_row_width_and_height(pointing: Path) -> None:
    picture = pointing / "Person01" / "person01146+0-15.jpg"
    assert pointing_face(picture) == (238, 216, 124, 116)
    data = open_points(pointing)
    assert data.block.label(picture) == (238, 216)
    assert data.shape == (288, 384)


@pytest.mark.parametrize(
    ("name", "tilt", "pan"),
    [("46+0-15", "+0", "-15"), ("07-60+0", "-60", "+0"), ("00-90+0", "-90", "+0"), ("92+90+0", "+90", "+0")],
)
def test_pointing04_s_names_say_who_and_which_way(pointing: Path, name: str, tilt: str, pan: str) -> None:
    facts = find_layout(pointing).facts(pointing_person(pointing, 2, name))
    assert facts == {"person": "02", "tilt": tilt, "pan": pan}


def test_pointing04_s_persons_11_and_12_are_held_out(pointing: Path) -> None:
    data = open_points(pointing)
    assert [path.parent.name for path in data.train] == ["Person01", "Person10"]
    assert [path.parent.name for path in data.valid] == ["Person11", "Person12"]


def test_a_photograph_without_a_text_is_left_out(pointing: Path) -> None:
    grey(pointing / "Person01" / "person01147+0+0.jpg")
    assert len(find_layout(pointing).pictures) == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x.jpg\n\n238\n216\n124\n116\n",
        "x.jpg\n\nFace\n238\n216\n124\n",
        "x.jpg\n\nFace\nleft\n216\n124\n116\n",
        "Face",
    ],
)
def test_a_broken_face_is_named(pointing: Path, text: str) -> None:
    (pointing / "Person01" / "person01146+0-15.txt").write_text(text)
    (why,) = open_points(pointing).findings.left_out["its point cannot be read"]
    assert re.search(r"person01146\+0-15\.txt needs the word Face", why)


def table(root: Path, text: str, *, names: tuple[str, ...] = ("a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg")) -> Path:
    for name in names:
        grey(root / "images" / name, (64, 48))
    (root / "centres.csv").write_text(text)
    return root


def test_a_table_says_what_is_held_out(tmp_path: Path) -> None:
    lines = "image,column,row,is_valid,person\na.jpg,10,20.5,False,Ann\nb.jpg,3,4,True,Bob\nc.jpg,5,6,0,Ann\ne.jpg,7,8,1,Bob\n"
    data = open_points(table(tmp_path, lines))
    assert [path.name for path in data.train] == ["a.jpg", "c.jpg"]
    assert [path.name for path in data.valid] == ["b.jpg", "e.jpg"], "d.jpg has no point"
    assert data.block.label(data.train[0]) == (10, 20.5)
    assert data.block.facts(data.valid[0]) == {"person": "Bob"}


@pytest.mark.parametrize("column", ["", ",is_valid"])
def test_a_table_that_holds_nothing_out_is_split_at_random_by_a_seed(tmp_path: Path, column: str) -> None:
    rows = "".join(f"{name}.jpg,1,2{',False' * bool(column)}\n" for name in "abcde")
    data = open_points(table(tmp_path, f"image,column,row{column}\n{rows}"))
    assert (len(data.train), len(data.valid)) == (4, 1)
    assert not set(data.train) & set(data.valid)
    assert data.title == "a random 20%, seed 42"
    assert open_points(tmp_path).valid == data.valid


def test_pictures_may_lie_beside_their_table_which_a_spreadsheet_wrote(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        grey(tmp_path / name, (64, 48))
    lines = "image,column,row,is_valid\r\na.png,1,2,false\r\nb.png,3,4,TRUE\r\n"
    (tmp_path / "centres.csv").write_text(lines, encoding="utf-8-sig")
    data = open_points(tmp_path)
    assert [path.name for path in data.train + data.valid] == ["a.png", "b.png"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "image,column\na.jpg,1\n",
        "column,row\n1,2\n",
        "image,column,row\na.jpg,1\n",
        "image,column,row\na.jpg,left,2\n",
        "\x00",
    ],
    ids=["empty", "no row", "no image", "short", "words", "binary"],
)
def test_a_table_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    table(tmp_path, text)
    with pytest.raises(DataError, match=r"centres\.csv"):
        open_points(tmp_path)


def sample_of_biwi(root: Path, count: int = 5) -> Path:
    centres = {}
    for number in range(count):
        grey(root / "images" / f"f{number}.jpg", (64, 48))
        centres[f"f{number}.jpg"] = torch.tensor([10.0 + number, 30.0 + number])  # row, column
    (root / "centers.pkl").write_bytes(pickle.dumps(centres))
    return root


def test_the_lesson_s_sample_has_the_row_first(tmp_path: Path) -> None:
    grey(tmp_path / "images" / "nobody.jpg")
    data = open_points(sample_of_biwi(tmp_path))
    assert (len(data.train), len(data.valid)) == (4, 1)
    assert data.block.label(tmp_path / "images" / "f2.jpg") == (32.0, 12.0)
    assert data.classes == ("column", "row")


def test_a_sample_with_a_hostile_table_is_refused(tmp_path: Path) -> None:
    sample_of_biwi(tmp_path)
    (tmp_path / "centers.pkl").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    with pytest.raises(DataError, match=r"centers\.pkl is refused: it asks for os\.system"):
        open_points(tmp_path)


@pytest.mark.parametrize("make", [lambda root: None, lambda root: (root / "images").mkdir(), Path.rmdir])
def test_a_folder_in_no_known_layout_is_named(tmp_path: Path, make) -> None:
    root = tmp_path / "mine"
    root.mkdir()
    make(root)
    with pytest.raises(DataError, match=re.escape(f"{root} has no layout that is known for points")):
        find_layout(root)


def test_a_point_is_scaled_with_its_picture(biwi: Path) -> None:
    data = open_points(biwi)
    picture, points = data.sample(data.train[0], (120, 160))
    assert (tuple(picture.shape), picture.dtype, tuple(points.shape)) == ((3, 120, 160), torch.uint8, (1, 2))
    assert points[0].tolist() == pytest.approx([428.58 / 4, 263.91 / 4], abs=0.01)
    wide = data.sample(data.train[0], (48, 160))[1]
    assert wide[0].tolist() == pytest.approx([428.58 / 4, 263.91 / 10], abs=0.01)
    assert np.isfinite(wide.numpy()).all()


def test_biwi_s_rotation_gives_tilt_and_pan(biwi: Path) -> None:
    sin, cos = math.sin(math.radians(30)), math.cos(math.radians(30))
    picture = biwi / "01" / "frame_00003_rgb.jpg"
    for rotation, angles in (
        ([[1, 0, 0], [0, cos, sin], [0, -sin, cos]], ("+30", "+0")),
        ([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], ("+0", "+30")),
    ):
        lines = [" ".join(map(str, row)) for row in rotation]
        picture.with_name("frame_00003_pose.txt").write_text("\n".join([*lines, "", "0 0 900"]))
        facts = find_layout(biwi).facts(picture)
        assert (facts["tilt"], facts["pan"]) == angles
