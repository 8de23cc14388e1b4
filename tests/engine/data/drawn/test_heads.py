"""The drawn portraits: whole, repeatable, with the head where they say and turned as they say."""

import csv
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.data.drawn.heads import Person, Pose, draw_head, draw_heads, make_person

SIZE = (60, 80)
BALD = Person(
    skin=(200, 150, 120), hair=(30, 30, 30), coat=(40, 60, 100), shirt=(200, 200, 200), style="bald", beard="none",
    glasses=False,
)  # fmt: skip


@pytest.fixture(scope="module")
def heads(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "heads"
    draw_heads(folder, people=5, each=2, size=SIZE)
    return folder


@pytest.fixture(scope="module")
def skins() -> list[tuple[np.ndarray, Pose]]:
    """Where the skin is in some portraits: what changes when somebody's skin, and nothing else, changes."""
    found = []
    for number in range(24):
        picture, at = draw_head(random.Random(number), BALD, SIZE)
        other, same = draw_head(random.Random(number), replace(BALD, skin=(60, 150, 220)), SIZE)
        assert at == same
        found.append((np.abs(np.asarray(picture, int) - np.asarray(other, int)).max(2) > 20, at))
    return found


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "centres.csv").open() as file:
        return list(csv.DictReader(file))


def test_layout_and_header(heads):
    assert (heads / "centres.csv").read_text().startswith("image,column,row,width,person,tilt,pan,is_valid\n")
    names = [row["image"] for row in rows(heads)]
    assert names[:3] == ["person01_000.jpg", "person01_001.jpg", "person02_000.jpg"]
    assert sorted(path.name for path in (heads / "images").iterdir()) == names
    for name in names:
        with Image.open(heads / "images" / name) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (80, 60))


def test_the_numbers_are_possible(heads):
    for row in rows(heads):
        column, line, width = float(row["column"]), float(row["row"]), float(row["width"])
        assert width / 2 < column < 80 - width / 2
        assert width / 2 < line < 60 - width / 2
        assert abs(int(row["pan"])) <= 60
        assert abs(int(row["tilt"])) <= 30


@pytest.mark.parametrize(("people", "held_out"), [(1, {"01"}), (3, {"03"}), (8, {"07", "08"})])
def test_the_last_quarter_is_for_validation(tmp_path, people, held_out):
    draw_heads(tmp_path / "new", people=people, each=1, size=(24, 32))
    assert {row["person"] for row in rows(tmp_path / "new") if row["is_valid"] == "1"} == held_out
    assert held_out.isdisjoint(row["person"] for row in rows(tmp_path / "new") if row["is_valid"] == "0")


def test_the_same_seed_draws_the_same(tmp_path, heads):
    draw_heads(tmp_path / "again", people=5, each=2, size=SIZE)
    for path in sorted((tmp_path / "again").rglob("*.*")):
        assert path.read_bytes() == (heads / path.relative_to(tmp_path / "again")).read_bytes(), path
    draw_heads(tmp_path / "other", people=1, each=1, size=SIZE, seed=4)
    drawn = "images/person01_000.jpg"
    assert (tmp_path / "other" / drawn).read_bytes() != (heads / drawn).read_bytes()


def test_the_head_is_where_it_says(skins):
    for skin, at in skins:
        across = np.nonzero(skin[round(at.row)])[0] + 0.5
        assert skin[int(at.row), int(at.column)]
        # Nose, ears and what hair a bald head has reach out of the skull or cover it, more so from the side.
        assert abs(across.min() + across.max() - 2 * at.column) / 2 < 0.2 * at.width
        assert 0.75 * at.width < np.ptp(across) < 1.35 * at.width
        top = np.nonzero(skin.any(1))[0].min()
        assert abs(at.row - 0.65 * at.width - top) < 0.1 * at.width


def test_the_head_is_turned_as_it_says():
    """Glasses, found as what changes when somebody puts them on, are where the head looks."""
    aside, pans, below, tilts = [], [], [], []
    for number in range(24):
        bare, at = draw_head(random.Random(number), BALD, SIZE)
        glasses, _ = draw_head(random.Random(number), replace(BALD, glasses=True), SIZE)
        lines, columns = np.nonzero(np.abs(np.asarray(bare, int) - np.asarray(glasses, int)).max(2) > 20)
        aside.append((columns.mean() - at.column) / at.width)
        below.append((lines.mean() - at.row) / at.width)
        pans.append(at.pan)
        tilts.append(at.tilt)
    assert np.corrcoef(aside, np.sin(np.radians(pans)))[0, 1] > 0.85  # to the right
    assert np.corrcoef(below, np.sin(np.radians(tilts)))[0, 1] < -0.85  # upwards


def test_people_differ_and_stay_themselves():
    people = [make_person(random.Random(number), number) for number in range(6)]
    assert len({person.skin for person in people}) == len({person.style for person in people}) == 6
    assert people[2] == make_person(random.Random(2), 2)


def test_progress_reaches_the_total(tmp_path):
    seen = []
    draw_heads(
        tmp_path / "new", people=2, each=2, size=(24, 32), on_progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
