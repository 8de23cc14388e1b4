"""Small data sets as people bring them, made on the spot: pictures with masks, tags and points, and texts with labels."""

import json
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from engine.data.account import Account
from engine.data.own.way import Way
from engine.tasks.checking import check

WIDTH, HEIGHT = 64, 48
BOX = (10, 8, 30, 24)  # column, row from where to where: 320 of 3072 pixels
IN_BOX, PIXELS = 320, WIDTH * HEIGHT
TURNED = 6  # the EXIF orientation of a telephone that is held upright
SAYINGS = ("I hated the endless noise", "A lovely evening and well told", "Tiresome and vain so I slept")
TEXTS = 30
NAMES = tuple(f"c{number:02}" for number in range(20))  # of pictures with tags
TAGS = tuple("cloudy" if number % 3 == 0 else "clear road" for number in range(20))
TAGGED = {"clear": 13, "cloudy": 7, "road": 13}


def draw(path: Path, number: int = 0, *, size: tuple[int, int] = (WIDTH, HEIGHT), turn: int = 1) -> Path:
    """A green picture with a red box and some specks, which are others for each number."""
    pixels = np.random.default_rng(number).integers(60, 120, (size[1], size[0], 3)).astype(np.uint8)
    pixels[BOX[1] : BOX[3], BOX[0] : BOX[2]] = (210, 30, 30)
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.fromarray(pixels).save(path, **({"exif": exif} if turn > 1 else {}))
    return path


def boxed(inside: int = 1, outside: int = 0, *, size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    """The codes of a mask that lies on the red box."""
    codes = np.full((size[1], size[0]), outside, np.uint8)
    codes[BOX[1] : BOX[3], BOX[0] : BOX[2]] = inside
    return codes


def save_mask(path: Path, mask: np.ndarray | Image.Image) -> Path:
    """A mask as a file, from its numbers or from a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    (mask if isinstance(mask, Image.Image) else Image.fromarray(mask)).save(path)
    return path


def masked_set(
    root: Path,
    mask: Callable[[int], np.ndarray | Image.Image] = lambda number: boxed(),
    *,
    count: int = 10,
    codes: str | bytes = "background\nobject\n",
    picture: str = "images/f{:02}.png",
    label: str = "labels/f{:02}_P.png",
) -> Path:
    """The lesson's layout, with as many pictures; `mask` gives each one's."""
    for number in range(count):
        draw(root / picture.format(number), number)
        save_mask(root / label.format(number), mask(number))
    write(root / "codes.txt", codes)
    return root


def tagged_set(
    root: Path,
    table: str | bytes,
    *,
    names: Iterable[str] = tuple(f"train/{name}.jpg" for name in NAMES),
    called: str = "labels.csv",
) -> Path:
    """Pictures and a table of their tags."""
    for number, name in enumerate(names):
        draw(root / name, number)
    write(root / called, table)
    return root


def pointed_set(
    root: Path,
    table: str | bytes,
    *,
    count: int = 10,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    turn: int = 1,
    suffix: str = "png",
) -> Path:
    """Pictures `images/h00.png`, … and a table of their points."""
    for number in range(count):
        draw(root / f"images/h{number:02}.{suffix}", number, size=size, turn=turn)
    write(root / "centres.csv", table)
    return root


def write(path: Path, content: str | bytes) -> Path:
    """A file with these letters as UTF-8, line ends as they are, or with these bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def sayings(count: int = TEXTS) -> list[tuple[str, str]]:
    """Texts with labels, "pos" and "neg" in turn, all different."""
    return [
        (f"{SAYINGS[number % len(SAYINGS)]} ({number}).", "pos" if number % 2 else "neg") for number in range(count)
    ]


def lines(rows: Iterable[Sequence[object]], mark: str = ",", end: str = "\n") -> str:
    """Rows as a table without quotes."""
    return "".join(mark.join(map(str, row)) + end for row in rows)


def json_lines(rows: Iterable[Mapping[str, object]]) -> str:
    """Rows as JSON, one on each line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def packed(
    archive: Path,
    folder: Path,
    name: Callable[[str], str] = lambda name: name,
    *,
    more: Mapping[str, bytes] | None = None,
    from_windows: bool = False,
) -> Path:
    """A zip of a folder's files, with the names that `name` makes of their paths, and of `more` files."""
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
    with zipfile.ZipFile(archive, "w") as packing:
        for one, content in {**{name(one): content for one, content in files.items()}, **(more or {})}.items():
            item = zipfile.ZipInfo("x")
            item.filename = one  # the constructor puts slashes in
            item.create_system = 0 if from_windows else 3
            packing.writestr(item, content)
    return archive


def account(data: Path, task: str = "", encoding: str = "") -> Account:
    """What is said of a data set that is used."""
    found = check(str(data), task, encoding)
    assert found.refused is None, found.refused
    return found


def refusal(data: Path, task: str = "") -> str:
    """The sentence with which a data set is refused."""
    found = check(str(data), task)
    assert found.refused, f"it is read: {found.sentences()}"
    return found.refused


def totals(found: Account) -> dict[str, int]:
    """How often each class is in all splits."""
    return {name: sum(numbers.values()) for name, numbers in found.classes.items()}


def in_splits(found: Account) -> tuple[int, int, int]:
    """How many samples train, validate and test."""
    return found.split["train"], found.split["valid"], found.split["test"]


TAG_TABLE = "image_name,tags\n" + lines(zip(NAMES, TAGS, strict=True))
POINTS = [(f"h{number:02}.png", 20 + number, 10 + number) for number in range(10)]
TEXT_ROWS = sayings()
HALF = {"neg": TEXTS // 2, "pos": TEXTS // 2}


def way_of(ways: Callable[[Path], list[Way]], root: Path, kind: str) -> Way:
    """The way of a kind to read a folder."""
    return {one.kind: one for one in ways(root)}[kind]


def masks_of(ways: Callable[[Path], list[Way]], root: Path, target: Path) -> tuple[dict[str, np.ndarray], str]:
    """The masks that are written, by the pictures' names, and what is said."""
    said = " ".join(way_of(ways, root, "mask").write(target, {}))
    return {file.stem: np.asarray(Image.open(file)) for file in (target / "labels").iterdir()}, said


def rows_of(
    ways: Callable[[Path], list[Way]], root: Path, kind: str, target: Path, answers: dict[str, str] | None = None
) -> tuple[list[dict[str, Any]], str]:
    """The rows of the table that is written, and what is said."""
    said = " ".join(way_of(ways, root, kind).write(target, answers or {}))
    if kind == "point":
        head, *lines = (target / "centres.csv").read_text("utf-8").split()
        return [dict(zip(head.split(","), line.split(","), strict=True)) for line in lines], said
    return [json.loads(line) for line in (target / "labels.jsonl").read_text("utf-8").splitlines()], said
