"""The folders in which pictures of heads come, and where each says the head's centre is.

Four are known: BIWI (a calibrated camera and a pose in millimetres), the lesson's sample of it (a pickled table), Pointing'04 (a
text file beside each photograph), and a plain table `centres.csv`, which data of one's own can have too.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from engine.data.account import Findings
from engine.data.pickles.tensor_table import read_tensor_table
from engine.data.pictures.files import list_pictures
from engine.data.pictures.point_table import TABLE, Point, PointLayout, find_table_layout
from engine.data.splits import Split, by_chance, by_mark
from engine.errors import DataError, LayoutError

BIWI_HELD_OUT = ("13",)  # as in the lesson
POINTING_HELD_OUT = ("11", "12")
SAMPLE_TABLE = "centers.pkl"
MOST_LETTERS = 100_000  # of a text beside a picture
# person01146+0-15.jpg: person 01, series 1, photograph 46, tilt +0, pan −15
_POINTING_NAME = re.compile(r"person(\d\d)\d\d\d([+-]\d+)([+-]\d+)")


def find_layout(root: Path) -> PointLayout:
    """The layout that `root` has, or a `DataError` with those that are known."""
    if (root / TABLE).is_file() or root.is_file():
        return find_table_layout(root)
    if (root / SAMPLE_TABLE).is_file():
        return _sample_layout(root)
    folders = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    if any((folder / "rgb.cal").is_file() for folder in folders):
        return _biwi_layout(folders)
    if any(folder.name.startswith("Person") for folder in folders):
        return _pointing_layout(folders)
    raise LayoutError(
        f"{root} has no layout that is known for points. Expected {TABLE} (image,column,row) with images/, BIWI's numbered "
        "folders with rgb.cal, or Pointing'04's folders Person01, Person02, …"
    )


def _biwi_layout(folders: Sequence[Path]) -> PointLayout:
    """Fanelli et al. 2013: `NN/frame_NNNNN_rgb.jpg` with `_pose.txt` beside it and `rgb.cal` in each person's folder."""
    pictures = [path for folder in folders for path in list_pictures(folder) if path.stem.endswith("_rgb")]
    return PointLayout(
        pictures=pictures,
        point=biwi_centre,
        split=partial(_hold_out, people=BIWI_HELD_OUT, person=lambda path: path.parent.name),
        facts=biwi_facts,
        findings=Findings(layout="BIWI's folder for each person", found=len(pictures)),
    )


def biwi_centre(picture: Path) -> Point:
    """The head's centre, given in mm, in the picture of the camera that was calibrated for that person's session."""
    x, y, z = _biwi_pose(picture)[-1][:3]
    camera = _camera(picture.parent / "rgb.cal")
    if z <= 0:
        raise DataError(f"The pose of {picture.name} lies behind the camera (z = {z:g} mm).")
    return x * camera[0][0] / z + camera[0][2], y * camera[1][1] / z + camera[1][2]


def biwi_facts(picture: Path) -> dict[str, str]:
    """The person, and how the head is turned: tilt and pan in degrees, rounded to 15.

    From the rotation matrix in the pose, with angles taken as Ruiz et al. 2018 (Hopenet) take them for this data set.
    """
    rotation = np.array([row[:3] for row in _biwi_pose(picture)[:3]]).T
    tilt = np.degrees(np.arctan2(rotation[2, 1], rotation[2, 2]))
    pan = np.degrees(np.arctan2(rotation[2, 0], np.hypot(rotation[2, 1], rotation[2, 2])))
    rounded = {name: f"{15 * round(angle / 15):+d}" for name, angle in (("tilt", tilt), ("pan", pan))}
    return {"person": picture.parent.name, **rounded}


def _biwi_pose(picture: Path) -> tuple[tuple[float, ...], ...]:
    """Three rows of a rotation matrix, and the head's centre in mm."""
    return _numbers(picture.with_name(picture.stem.removesuffix("_rgb") + "_pose.txt"), rows=4)


@lru_cache(maxsize=256)
def _camera(calibration: Path) -> tuple[tuple[float, ...], ...]:
    """The 3×3 camera matrix, the first three lines of `rgb.cal`."""
    return _numbers(calibration, rows=3)


def _numbers(file: Path, rows: int) -> tuple[tuple[float, ...], ...]:
    """The first `rows` lines with numbers, at least three a line."""
    try:
        lines = [line.split() for line in _text(file).splitlines()]
        found = tuple(tuple(float(part) for part in line) for line in lines if line)[:rows]
    except ValueError:
        raise DataError(f"{file} has something other than numbers in its first {rows} lines.") from None
    if len(found) < rows or any(len(line) < 3 or not np.isfinite(line).all() for line in found):
        raise DataError(f"{file} needs {rows} lines of three numbers.")
    return found


def _text(file: Path) -> str:
    """The beginning of a text that has a few numbers in it."""
    if not file.is_file():
        raise DataError(f"There is no file {file}, which says where the head is in its picture.")
    try:
        with file.open(encoding="utf-8", errors="replace") as content:
            return content.read(MOST_LETTERS)
    except OSError as problem:
        raise DataError(f"{file} cannot be read ({problem.strerror or problem}).") from None


def _sample_layout(root: Path) -> PointLayout:
    """The lesson's sample of BIWI: pictures, and a pickled table from their names to row and column."""
    table = read_tensor_table(root / SAMPLE_TABLE, length=2)
    for name, place in table.items():
        _check_point(f"{SAMPLE_TABLE}, {name}", place)
    pictures = [path for path in list_pictures(root / "images") or list_pictures(root) if path.name in table]

    def point(picture: Path) -> Point:
        row, column = table[picture.name]
        return column, row

    return PointLayout(
        pictures=pictures,
        point=point,
        split=by_chance,
        facts=lambda _: {},
        findings=Findings(layout=f"the lesson's sample of BIWI, with {SAMPLE_TABLE}", found=len(pictures)),
    )


def _pointing_layout(folders: Sequence[Path]) -> PointLayout:
    """Gourier et al. 2004: twelve people, each photographed from 93 directions, twice."""
    found = [path for folder in folders for path in list_pictures(folder)]
    pictures = [path for path in found if path.with_suffix(".txt").is_file()]
    lost = tuple(path.name for path in found if path not in set(pictures))
    return PointLayout(
        pictures=pictures,
        point=lambda picture: pointing_face(picture)[:2],
        split=partial(_hold_out, people=POINTING_HELD_OUT, person=lambda path: pointing_facts(path)["person"]),
        facts=pointing_facts,
        findings=Findings(
            layout="Pointing'04's folder for each person",
            found=len(found),
            left_out={"no text file beside it": lost} if lost else {},
        ),
    )


def pointing_face(picture: Path) -> tuple[float, float, float, float]:
    """The face's centre column, centre row, width and height in pixels, from the text beside its photograph."""
    file = picture.with_suffix(".txt")
    words = _text(file).split()
    try:
        column, row, width, height = (float(word) for word in words[words.index("Face") + 1 :][:4])
    except ValueError:
        raise DataError(
            f"{file} needs the word Face and behind it column, row, width and height of the face."
        ) from None
    _check_point(file.name, (column, row))
    return column, row, width, height


def pointing_facts(picture: Path) -> dict[str, str]:
    """Person, tilt and pan in degrees, from the photograph's name."""
    match = _POINTING_NAME.search(picture.stem)
    return dict(zip(("person", "tilt", "pan"), match.groups(), strict=True)) if match else {"person": "?"}


def _check_point(where: str, point: Sequence[float]) -> None:
    if not np.isfinite(point).all():
        raise DataError(f"{where}: {tuple(point)} is no place in a picture. Correct it, or leave the picture out.")


def _hold_out(inputs: Sequence[Path], *, people: Sequence[str], person: Callable[[Path], str]) -> Split:
    """Whole people are held out: their other pictures would give them away."""
    named = "person" if len(people) == 1 else "persons"
    return by_mark(inputs, lambda path: person(path) in people, f"{named} {', '.join(people)} held out")
