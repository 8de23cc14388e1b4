"""Labels as YOLO's programs have them: a text file for each picture, a line for each object, in shares of the picture.

Format: https://docs.ultralytics.com/datasets/detect, and segment and pose beside it
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from engine.data.own.export_files import Pictures, as_name, find_files, holds, text_of
from engine.data.own.marked import LEFT_OUT, Export, Marked, Point, Told
from engine.data.own.marked_ways import export_ways
from engine.data.own.shapes import SHARES, Shape
from engine.data.own.way import Way
from engine.data.reading.lists import read_lines
from engine.data.reading.values import as_number, quoted
from engine.errors import DataError

FILES = ("data", "dataset")  # .yaml
LISTS = ("classes.txt", "obj.names")
IMAGES, LABELS = "images", "labels"
MOST_YAML = 1_000_000  # bytes
MOST_LINES = 50_000_000  # bytes of a picture's labels
OVER = 1.01  # what rounding may make of 1
BOX = 5  # numbers in a line: the class, a middle, and two sides
_NO_YAML = (
    yaml.YAMLError, ValueError, RecursionError, LookupError, TypeError, ArithmeticError, AttributeError, MemoryError,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    """What the numbers in the lines mean.

    file: that says it. classes: by their numbers. points: of an object, in their order; () where lines have none.
    numbers: that a point has, 2 or 3, the third of which says whether it is set. has_splits: whether it names folders of several.
    """

    file: Path
    classes: Mapping[int, str]
    points: tuple[str, ...] = ()
    numbers: int = 2
    has_splits: bool = False


def ways(folder: Path) -> list[Way]:
    """The ways to read a folder with such labels; [] where there are none."""
    known = _name_files(folder)
    if not known and not any(path.is_dir() for path in (folder / LABELS, *folder.glob(f"*/{LABELS}"))):
        return []
    pictures = Pictures(folder)
    labels = {picture: _label_file(picture, folder) for picture in pictures.all}
    found = {picture: file for picture, file in labels.items() if file.is_file()}
    if not found:
        if any(is_yaml for _, is_yaml in known) and pictures.all:
            raise DataError(
                f"{known[0][0].name} names classes, and no picture has a file of labels: for {pictures.all[0].name} it would "
                f"be {labels[pictures.all[0]].relative_to(folder)}. Put the labels there."
            )
        return []
    if not known:
        if not _looks_like_lines(next(iter(found.values()))):
            return []
        raise DataError(
            f"{folder.name} has YOLO's labels, and nothing names their classes. Put classes.txt beside them, with a name on "
            "each line, in the order of the numbers."
        )
    told = Told(list)
    names = _names([file for file, _ in known], told)
    return export_ways(_export(folder, pictures, labels, names, told))


def _export(folder: Path, pictures: Pictures, labels: Mapping[Path, Path], names: _Names, told: Told) -> Export:
    places = {file.parent for file in labels.values() if file.is_file()}
    marked, times = list[Marked](), Counter(labels.values())
    for picture, file in labels.items():
        if times[file] > 1 and file.is_file():
            marked.append(Marked(picture=picture, fault="several share one file of labels"))
        elif file.is_file():
            marked.append(_marks(picture, file, names, pictures.split_of(picture), told))
        elif file.parent in places:  # where nothing is to be seen, no file has to be
            marked.append(Marked(picture=picture, said=SHARES, split=pictures.split_of(picture)))
            told["Pictures without a file of labels, in which nothing is marked therefore"].append(picture.name)
        else:
            told[f"{LEFT_OUT} no picture of their folder has labels"].append(picture.name)
    used = set(labels.values()) | {names.file}
    texts = [path for place in sorted(places) for path in sorted(place.glob("*.txt"))]
    others = [path for path in texts if path not in used and path.name not in LISTS and _looks_like_lines(path)]
    told["Files of labels without a picture"] += [path.name for path in others]
    if names.has_splits and not any(one.split for one in marked):
        told[
            f"The splits of {names.file.name} are not in folders called train, val or test, so that they are not taken over."
        ] = []
    corners = [len(outline) for one in marked for shape in one.shapes for outline in shape.outlines]
    if corners and set(corners) == {4}:
        told["All outlines have 4 corners: where these are turned boxes, so are the masks."] = []
    return Export(
        program=f"YOLO ({names.file.name})",
        classes=tuple(dict.fromkeys(names.classes.values())),
        marked=marked,
        told=told,
    )


def _name_files(folder: Path) -> list[tuple[Path, bool]]:
    """The files that name classes, and whether each is YAML: these first, and those first that lie in fewer folders."""
    yamls = [path for path in find_files(folder, ".yaml", ".yml") if holds(path, b"names")]
    found = [(path, True) for path in yamls if path.stem.lower() in FILES or holds(path, b"train")]
    found += [(path, False) for path in find_files(folder, *LISTS) if path.name.lower() in LISTS]
    return sorted(found, key=lambda one: (not one[1], len(one[0].parts)))


def _names(files: Sequence[Path], told: Told) -> _Names:
    """What the numbers mean; `DataError` where two files say different things."""
    read = [_from_yaml(file) if file.suffix.lower() in (".yaml", ".yml") else _from_list(file) for file in files]
    said = [one for one in read if one.classes]
    if not said:
        raise DataError(f"{files[0].name} names no classes. Write their names, in the order of their numbers.")
    for one in said[1:]:
        if one.classes != said[0].classes:
            raise DataError(
                f"{said[0].file.name} and {one.file.relative_to(one.file.parents[1])} name other classes: "
                f"{quoted(said[0].classes.values())}, and {quoted(one.classes.values())}. Keep the right one."
            )
    twice = [name for name, times in Counter(said[0].classes.values()).items() if times > 1]
    told[f"Classes that {said[0].file.name} names several times, taken together"] += twice
    return said[0]


def _from_list(file: Path) -> _Names:
    text_of(file, MOST_YAML)
    return _Names(file=file, classes={number: as_name(line) for number, line in enumerate(read_lines(file))})


def _from_yaml(file: Path) -> _Names:
    try:
        content = yaml.safe_load(text_of(file, MOST_YAML))
    except _NO_YAML as problem:
        raise DataError(
            f"{file.name} is damaged YAML ({' '.join(str(problem).split())[:100]}). Write it again."
        ) from None
    written = content.get("names") if isinstance(content, dict) else None
    if written is None:
        return _Names(file=file, classes={})
    listed = dict(enumerate(written)) if isinstance(written, list) else written
    if not isinstance(listed, dict) or not all(_is_count(number) for number in listed):
        raise DataError(f"The names in {file.name} are no list. Write a name for each number, as in “0: cat”.")
    for number, name in listed.items():
        if not as_name(name):  # YAML makes a truth of yes and no, a number of 1.10, a date of 2020-01-01
            raise DataError(
                f"{file.name} has no name for the class {number}, or one that YAML takes for another thing. Quote it."
            )
    classes = {number: as_name(name) for number, name in sorted(listed.items())}
    read = _Names(file=file, classes=classes, has_splits=_has_splits(content))
    shape = content.get("kpt_shape")
    if shape is None:
        return read
    if not (
        isinstance(shape, list)
        and len(shape) == 2
        and all(map(_is_count, shape))
        and 0 < shape[0] < 1000
        and shape[1] in (2, 3)
    ):
        raise DataError(
            f"The kpt_shape in {file.name} is not a number of points and 2 or 3, as in [17, 3]. Write it so."
        )
    return replace(read, points=_point_names(content.get("kpt_names"), shape[0]), numbers=shape[1])


def _has_splits(content: dict[Any, Any]) -> bool:
    train, valid = content.get("train"), content.get("val")
    return isinstance(train, str) and isinstance(valid, str) and train != valid


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _point_names(written: Any, count: int) -> tuple[str, ...]:
    """The points' own names where all classes have the same, else their numbers."""
    lists = list(written.values()) if isinstance(written, dict) else [written]
    first = lists[0] if lists else None
    if isinstance(first, list) and len(first) == count and all(one == first for one in lists[1:]):
        names = tuple(map(as_name, first))
        if all(names) and len(set(names)) == count:
            return names
    return tuple(f"point {number + 1}" for number in range(count))


def _label_file(picture: Path, folder: Path) -> Path:
    """Where a picture's labels lie: in labels/ for the last folder images/, or else beside it."""
    parts = picture.relative_to(folder).parts
    at = max((place for place, part in enumerate(parts[:-1]) if part.lower() == IMAGES), default=-1)
    if at >= 0:
        return Path(folder, *parts[:at], LABELS, *parts[at + 1 :]).with_suffix(".txt")
    beside = picture.with_suffix(".txt")
    inside = picture.parent / LABELS / beside.name
    return inside if inside.is_file() and not beside.is_file() else beside


def _looks_like_lines(file: Path) -> bool:
    """Whether a text has numbers on its first line, as many as a box has at least."""
    try:
        lines = read_lines(file)
    except DataError:
        return False
    numbers = [as_number(part) for part in lines[0].split()] if lines else []
    return len(numbers) >= BOX and None not in numbers


def _marks(picture: Path, file: Path, names: _Names, split: str, told: Told) -> Marked:
    """What the lines of a file mark in its picture; `DataError` for a line that is none."""
    shapes: list[Shape] = []
    points: defaultdict[str, tuple[Point, ...]] = defaultdict(tuple)
    for place, line in enumerate(text_of(file, MOST_LINES).splitlines()):
        where = f"{file.name}, line {place + 1},"
        numbers = [as_number(part) for part in line.split()]
        if not numbers:
            continue
        values = [number for number in numbers if number is not None]
        if len(values) < len(numbers) or len(values) < BOX:
            raise DataError(
                f"{where} has not the numbers of a class and a box or outline: {line.strip()[:60]!r}. Mend the line."
            )
        name = names.classes.get(int(values[0])) if values[0].is_integer() else None
        if name is None:
            raise DataError(
                f"{where} is of the class {values[0]:g}, and {names.file.name} names {len(names.classes)}: "
                f"{min(names.classes)} to {max(names.classes)}. Add its name, or mend the line."
            )
        if names.points and len(values) != BOX:
            if len(values) != BOX + len(names.points) * names.numbers:
                raise DataError(
                    f"{where} has {len(values) - BOX} numbers after its box. By the kpt_shape of {names.file.name} it should be "
                    f"{len(names.points)} times {names.numbers}. Put one of them right."
                )
            _check_shares(values[1:BOX], where)
            shapes.append(Shape(name=name, is_rough=True))
            for point, at in _points(values[BOX:], names, where):
                points[point] += (at,)
        else:
            shapes.append(_shape(name, values[1:], where))
    return Marked(picture=picture, said=SHARES, shapes=tuple(shapes), points=points, split=split)


def _shape(name: str, values: list[float], where: str) -> Shape:
    """A box, of which nobody knows what is in it, or an outline."""
    if len(values) % 2 or len(values) < BOX - 1:
        raise DataError(
            f"{where} has {len(values)} numbers after its class. A box has 4, and an outline 6 or more, in pairs; where "
            "these are key points, say so in data.yaml, by kpt_shape."
        )
    _check_shares(values, where)
    if len(values) == BOX - 1:
        return Shape(name=name, is_rough=True)
    return Shape(name=name, outlines=(np.array(values).reshape(-1, 2),))


def _points(values: list[float], names: _Names, where: str) -> list[tuple[str, Point]]:
    """The points of an object that somebody has set."""
    found = []
    for name, at in zip(names.points, range(0, len(values), names.numbers), strict=True):
        column, row, *seen = values[at : at + names.numbers]
        if (seen and seen[0] > 0) or (not seen and (column, row) != (0, 0) and min(column, row) >= 0):
            _check_shares([column, row], where)
            found.append((name, (column, row)))
    return found


def _check_shares(values: Sequence[float], where: str) -> None:
    if max(values) > OVER:
        raise DataError(
            f"{where} has {max(values):g}, which is above 1: pixels, it seems. YOLO's lines have shares of the picture's width "
            "and height, from 0 to 1. Export them again."
        )
    if min(values) < 1 - OVER:
        raise DataError(f"{where} has {min(values):g}. Shares of a picture are from 0 to 1. Mend the line.")
