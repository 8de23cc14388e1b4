"""Exports of every program together, and each of them damaged at random: read, or refused with a `DataError`."""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from own_data import HEIGHT, WIDTH, boxed, draw, save_mask, write
from PIL import Image

from engine.data.own.exports import FORMATS, exported_ways
from engine.errors import DataError

CASES = 60
SQUARE = [10, 8, 30, 8, 30, 24, 10, 24]
PAIRS = [[10, 8], [30, 8], [30, 24], [10, 24], [8, 9]]
POSE = "train: x\nnames: [plate, tool]\nkpt_shape: [2, 3]\nkpt_names: {0: [eye, nose], 1: [eye, nose]}\n"
ODD = (
    None, True, -1, 0, 1e308, float("nan"), float("inf"), 10**400, 2**63, "", "x", "\ud800", "../../x", "é" * 5000, [], {}, [[]],
    [None], {"a": 1}, [1, 2, 3], [[[[1]]]], ["a", "a"], "9" * 50, 0.5, [float("nan")] * 6, "1", "f0.png",
)  # fmt: skip
TOKENS = (
    b"", b"\0", b"\xff\xfe", b"nan", b"-1", b"1e999", b"&a;", b"<!DOCTYPE a>", b"[" * 300, b"*a", b"&a [*a]", b"!!python/none",
    b":", b"\n", b"\t", b"<a>", b"</object>", b"<![CDATA[", b"99999999999999999999", b"0x10", b"\xe9", b"yes", b"- ", b"{", b"}",
)  # fmt: skip


def pictures(root: Path, count: int = 3) -> None:
    for number in range(count):
        draw(root / f"images/f{number}.png", number, size=(WIDTH, HEIGHT))


def coco(root: Path) -> None:
    pictures(root)
    runs = {"size": [HEIGHT, WIDTH], "counts": [5, 10, HEIGHT * WIDTH - 15]}
    packed = {"size": [HEIGHT, WIDTH], "counts": "".join(chr(48 + n) for n in (5, 10)) + "aoR3"}
    kinds = ([SQUARE], runs, packed)
    content = {
        "images": [{"id": n, "file_name": f"f{n}.png", "width": WIDTH, "height": HEIGHT} for n in range(3)],
        "categories": [{"id": 1, "name": "plate", "keypoints": ["eye", "nose"]}, {"id": 4, "name": "tool"}],
        "annotations": [
            {
                "id": n,
                "image_id": n,
                "category_id": 1,
                "segmentation": kinds[n],
                "iscrowd": 0,
                "keypoints": [1, 2, 2, 3, 4, 1],
            }
            for n in range(3)
        ],
    }
    write(root / "instances_train.json", json.dumps(content))


def voc(root: Path) -> None:
    pictures(root)
    for number in range(3):
        mask = Image.fromarray(boxed(number), "P")
        mask.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
        save_mask(root / f"SegmentationClass/f{number}.png", mask)
        write(
            root / f"Annotations/f{number}.xml",
            f"<?xml version='1.0'?><annotation><filename>f{number}.png</filename><size><width>{WIDTH}</width>"
            f"<height>{HEIGHT}</height></size><object><name>car</name></object></annotation>",
        )
    write(root / "labelmap.txt", "background:0,0,0::\ncar:128,0,0::\ndog:0,128,0::\n")
    write(root / "ImageSets/Segmentation/train.txt", "f0\nf1\n")
    write(root / "ImageSets/Segmentation/val.txt", "f2\n")


def yolo(root: Path) -> None:
    pictures(root)
    corners = " ".join(f"{column / WIDTH:.3f} {row / HEIGHT:.3f}" for column, row in PAIRS)
    for number, line in enumerate((f"0 {corners}", "1 .5 .5 .2 .2", f"1 {corners}\n0 {corners}")):
        write(root / f"labels/f{number}.txt", f"{line}\n")
    write(root / "data.yaml", "train: images\nval: images\nnames:\n  0: plate\n  1: tool\n")


def pose(root: Path) -> None:
    pictures(root)
    for number in range(3):
        write(root / f"labels/f{number}.txt", "0 .5 .5 .2 .2 .25 .5 2 .1 .1 1\n")
    write(root / "data.yaml", POSE)


def labelme(root: Path) -> None:
    pictures(root)
    for number in range(3):
        kinds = [
            ("polygon", PAIRS),
            ("circle", PAIRS[:2]),
            ("rectangle", PAIRS[1:3]),
            ("point", PAIRS[:1]),
            ("line", PAIRS[:2]),
        ]
        shapes = [{"label": kind, "points": points, "shape_type": kind} for kind, points in kinds]
        content = {
            "imagePath": f"f{number}.png",
            "imageHeight": HEIGHT,
            "imageWidth": WIDTH,
            "shapes": shapes,
            "imageData": None,
        }
        write(root / f"images/f{number}.json", json.dumps(content))


def label_studio(root: Path) -> None:
    pictures(root)
    size = {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0}
    values = {
        "polygonlabels": {"points": PAIRS}, "keypointlabels": {"x": 5, "y": 6, "width": 1},
        "rectanglelabels": {"x": 5, "y": 6, "width": 10, "height": 9, "rotation": 3},
        "ellipselabels": {"x": 50, "y": 60, "radiusX": 10, "radiusY": 9, "rotation": 3}, "choices": {},
    }  # fmt: skip
    results = [
        {"type": kind, "from_name": kind, **size, "value": {**value, kind: ["a"]}} for kind, value in values.items()
    ]
    tasks = [
        {"data": {"image": f"/data/upload/1/0a1b2c3d-f{n}.png"}, "annotations": [{"result": results}] * (n + 1)}
        for n in range(3)
    ]
    write(root / "project.json", json.dumps(tasks))


MAKERS = (coco, voc, yolo, pose, labelme, label_studio)


def places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where values stand in JSON."""
    yield path
    inside = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in inside:
        yield from places(value, (*path, key))


def replaced(content: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    key, *rest = path
    copy = dict(content) if isinstance(content, dict) else list(content)
    copy[key] = replaced(content[key], tuple(rest), value)
    return copy


def damage(file: Path, chance: random.Random) -> None:
    """Another value somewhere in JSON; or a few bytes changed, cut, put in or doubled."""
    content = file.read_bytes()
    if file.suffix == ".json" and chance.random() < 0.7:
        whole = json.loads(content)
        for _ in range(chance.randint(1, 3)):
            whole = replaced(whole, chance.choice(list(places(whole))), chance.choice(ODD))
        file.write_text(json.dumps(whole), "utf-8")
        return
    for _ in range(chance.randint(1, 4)):
        at, to = sorted(chance.choices(range(len(content) + 1), k=2))
        piece = chance.choice((content[at:to], chance.choice(TOKENS), bytes([chance.randrange(256)])))
        content = content[:at] + piece + content[chance.choice((at, min(len(content), at + 3), to)) :]
    file.write_bytes(content)


def tried(root: Path, target: Path) -> int:
    """How many ways could be written; whatever else happens is a `DataError`, in words that can be printed."""
    done = 0
    try:
        found = exported_ways(root)
    except DataError as refused:
        assert str(refused).encode() and str(refused).endswith(".")
        return 0
    for place, way in enumerate(found):
        folder = target / str(place)
        folder.mkdir(parents=True)
        try:
            notes = way.write(folder, {})
        except DataError as refused:
            assert str(refused).encode()
            continue
        assert all(note.encode() and note.endswith(".") for note in notes), notes
        assert way.said.encode() and any(folder.iterdir())
        done += 1
    return done


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_damaged_exports_are_read_or_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    sound = tmp_path / "sound"
    make(sound)
    whole = tried(sound, tmp_path / "whole")
    assert whole, "the sound one is not read"
    written = 0
    for seed in range(CASES):
        chance = random.Random(seed)
        root = shutil.copytree(sound, tmp_path / f"case{seed}/d")
        files = [
            path
            for path in sorted(root.rglob("*"))
            if (path.is_file() and path.parent.name != "images") or path.suffix == ".json"
        ]
        damage(chance.choice(files), chance)
        try:
            written += tried(root, tmp_path / f"case{seed}/t")
        except Exception as problem:
            raise AssertionError(f"seed {seed}") from problem
    assert 0 < written < CASES * whole  # some damage does no harm, and some does


def test_what_is_no_export_is_none(tmp_path: Path) -> None:
    pictures(tmp_path / "d")
    write(tmp_path / "d/labels.csv", "image,label\nf0.png,a\n")
    write(tmp_path / "d/notes.json", "{}")
    assert exported_ways(tmp_path / "d") == [] and len(FORMATS) == 5
    (tmp_path / "empty").mkdir()
    assert exported_ways(tmp_path / "empty") == []


def test_exports_of_two_programs_are_both_offered_and_what_is_damaged_is_a_note(tmp_path: Path) -> None:
    root = tmp_path / "d"
    coco(root)
    yolo(root)
    assert {way.said.partition(" ")[0] for way in exported_ways(root)} == {"COCO", "YOLO"}
    write(root / "instances_train.json", '{"images": [], "annotations": [')
    (way, *_) = exported_ways(root)
    (tmp_path / "t").mkdir()
    assert way.said.startswith("YOLO") and any("instances_train.json" in note for note in way.write(tmp_path / "t", {}))
    shutil.rmtree(root / "labels")
    with pytest.raises(DataError, match=r"instances_train\.json is damaged JSON"):
        exported_ways(root)
