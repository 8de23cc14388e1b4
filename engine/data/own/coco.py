"""COCO's JSON, as most annotation programs export it: pictures, categories, outlines or runs of pixels, and key points.

Format: https://cocodataset.org/#format-data
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.data.own.export_files import (
    Pictures,
    as_name,
    as_numbers,
    as_outline,
    as_size,
    json_files,
    read_json,
    split_in,
)
from engine.data.own.marked import LEFT_OUT, Export, Marked, Point, Told
from engine.data.own.marked_ways import export_ways
from engine.data.own.shapes import MOST_PIXELS, Shape, Size, read_counts
from engine.data.own.way import Way
from engine.data.reading.values import quoted
from engine.errors import DataError

FAULTY = "coordinates of what is marked in them are no numbers, or one is missing"
WRONG_RUNS = "runs of pixels in them do not add up to the picture"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Category:
    """A class, and the names of its key points as they are shown to people."""

    name: str
    points: tuple[str, ...]


def ways(folder: Path) -> list[Way]:
    """The ways to read the COCO files in a folder, all of them together; [] where there is none."""
    pictures: Pictures | None = None
    told, skipped = Told(list), list[str]()
    classes: dict[str, None] = {}
    marked, files = list[Marked](), list[str]()
    for file in json_files(folder, "images", "annotations"):
        content = read_json(file)
        if not _is_coco(content):
            continue
        why = _not_objects(content)
        if why:
            skipped.append(f"{file.name} {why}")
            continue
        pictures = pictures or Pictures(folder)
        categories = _categories(content.get("categories"), file, told)
        classes |= dict.fromkeys(category.name for category in categories.values())
        marked += _read(content, categories, file, pictures, told)
        files.append(file.name)
    if not files or pictures is None:
        if skipped:
            raise DataError(f"{skipped[0]}. Export instances or key points instead.")
        return []
    if not marked:
        raise DataError(_nothing_found(files, told))
    told["Files that were left out"] += skipped
    named = {one.picture for one in marked}
    told[f"{LEFT_OUT} {quoted(files)} does not name them"] += [one.name for one in pictures.all if one not in named]
    return export_ways(
        Export(
            program=f"COCO ({quoted(files)})",
            classes=tuple(classes),
            marked=_joined(marked),
            told=told,
            order="Where outlines overlap, those with a smaller area lie on top.",
        )
    )


def _is_coco(content: Any) -> bool:
    return isinstance(content, dict) and "images" in content and "annotations" in content


def _not_objects(content: dict[str, Any]) -> str:
    """Why a COCO file is none of objects, as others of the same data set may be: captions, or panoptic ones."""
    first = content["annotations"][0] if isinstance(content["annotations"], list) and content["annotations"] else None
    if isinstance(first, dict) and "segments_info" in first:
        return "has panoptic annotations, whose outlines are in pictures of their own"
    if isinstance(first, dict) and "caption" in first and "category_id" not in first:
        return "has captions and no classes"
    return ""


def _categories(listed: Any, file: Path, told: Told) -> dict[Any, _Category]:
    """By their numbers, which may be any; `DataError` where one number has two names."""
    if not isinstance(listed, list) or not listed:
        raise DataError(f"{file.name} has no list of categories, which name the classes. Export it again.")
    names: dict[Any, str] = {}
    points: dict[Any, list[str]] = {}
    for entry in listed:
        number = _number(entry.get("id")) if isinstance(entry, dict) else None
        name = as_name(entry.get("name")) if isinstance(entry, dict) else ""
        if number is None or not name:
            raise DataError(
                f"{file.name} has a category without a number or a name: {as_name(str(entry))[:60]}. Give it both."
            )
        if names.get(number, name) != name:
            raise DataError(
                f"{file.name} has two categories of the number {as_name(str(number))}: {quoted([names[number], name])}."
            )
        names[number] = name
        listed_points = entry.get("keypoints")
        points[number] = [as_name(one) for one in listed_points] if isinstance(listed_points, list) else []
    twice = [name for name, times in Counter(names.values()).items() if times > 1]
    told[f"Categories that {file.name} has several times, taken together"] += twice
    owners = Counter(
        point for number in dict(zip(names.values(), names, strict=True)).values() for point in points[number]
    )
    return {
        number: _Category(
            name=name,
            points=tuple(f"{name} {point}" if owners[point] > 1 else point for point in points[number]),
        )
        for number, name in names.items()
    }


def _number(value: Any) -> int | str | None:
    """An id, as a number where it is one however it is written."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 20 else value
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _read(
    content: dict[str, Any], categories: Mapping[Any, _Category], file: Path, pictures: Pictures, told: Told
) -> list[Marked]:
    """What one file marks in the pictures that are there."""
    if not isinstance(content["images"], list) or not isinstance(content["annotations"], list):
        raise DataError(f"{file.name} has no lists of images and annotations. Export it again.")
    images = _images(content["images"], file, told)
    of: defaultdict[Any, list[dict[str, Any]]] = defaultdict(list)
    for place, entry in enumerate(content["annotations"]):
        given = entry if isinstance(entry, dict) else {}
        which = f"number {place + 1} in {file.name}"
        if _number(given.get("image_id")) not in images:
            told["Annotations of an image that their file does not list, left out"].append(which)
        elif _number(given.get("category_id")) not in categories:
            told["Annotations of a category that their file does not list, left out"].append(which)
        else:
            of[_number(given["image_id"])].append(given)
    side = split_in(file.stem) or pictures.split_of(file)
    marked = []
    for number, entry in images.items():
        picture = pictures.find(entry["file_name"], file.parent, side)
        if picture is None:
            told[f"Pictures that {file.name} names and that are not there, or are there several times"].append(
                entry["file_name"]
            )
            continue
        said = as_size(entry.get("height"), entry.get("width"))
        marked.append(_marks(of[number], categories, picture, said, side, told))
    if not content["annotations"]:
        told[f"{file.name} marks nothing in any picture."] = []
    return marked


def _images(listed: list[Any], file: Path, told: Told) -> dict[Any, dict[str, Any]]:
    """By their numbers; `DataError` where one number is that of two pictures."""
    images: dict[Any, dict[str, Any]] = {}
    for place, entry in enumerate(listed):
        number = _number(entry.get("id")) if isinstance(entry, dict) else None
        if number is None or not isinstance(entry.get("file_name"), str):
            told["Images without a number or a name, left out"].append(f"number {place + 1} in {file.name}")
            continue
        if images.setdefault(number, entry)["file_name"] != entry["file_name"]:
            raise DataError(
                f"{file.name} has two images of the number {as_name(str(number))}: "
                f"{quoted(map(as_name, (images[number]['file_name'], entry['file_name'])))}. Export it again."
            )
    return images


def _marks(
    annotations: Sequence[dict[str, Any]],
    categories: Mapping[Any, _Category],
    picture: Path,
    said: Size | None,
    side: str,
    told: Told,
) -> Marked:
    """What is marked in one picture."""
    shapes: list[Shape] = []
    points: defaultdict[str, tuple[Point, ...]] = defaultdict(tuple)
    fault = ""
    for annotation in annotations:
        category = categories[_number(annotation["category_id"])]
        shape = _shape(category.name, annotation.get("segmentation"), said, picture, told)
        if isinstance(shape, str):
            fault = shape
            continue
        shapes.append(shape)
        found = _points(annotation.get("keypoints"), category)
        if found is None:
            fault = FAULTY
            continue
        for name, point in found:
            points[name] += (point,)
    return Marked(picture=picture, said=said, shapes=tuple(shapes), points=points, split=side, fault=fault)


def _shape(name: str, written: Any, said: Size | None, picture: Path, told: Told) -> Shape | str:
    """An object's outlines or runs; or why they cannot be read."""
    if not written:
        return Shape(name=name, is_rough=True)
    if isinstance(written, dict):
        runs = _runs(written, said)
        return Shape(name=name, runs=runs) if runs is not None else WRONG_RUNS
    if not isinstance(written, list):
        return FAULTY
    flat = not any(isinstance(part, list) for part in written)  # one outline, without the list around it
    outlines = [as_outline(part) for part in ([written] if flat else written)]
    if any(outline is None for outline in outlines):
        return FAULTY
    whole = tuple(outline for outline in outlines if outline is not None and len(outline) >= 3)
    told["Outlines of fewer than 3 corners, which cover nothing"] += [picture.name] * (len(outlines) - len(whole))
    return Shape(name=name, outlines=whole)


def _runs(written: dict[str, Any], said: Size | None) -> np.ndarray | None:
    """The lengths of runs; None where they do not add up to the size of the picture, or are damaged."""
    sides, counts = written.get("size"), written.get("counts")
    size = as_size(*sides) if isinstance(sides, list) and len(sides) == 2 else None
    if size is None or size != said or size[0] * size[1] > MOST_PIXELS:
        return None
    lengths = read_counts(counts) if isinstance(counts, str) else as_numbers(counts)
    if lengths is None or not len(lengths) or lengths.min() < 0 or lengths.max() > MOST_PIXELS:
        return None
    whole = lengths.astype(np.int64)
    return whole if (whole == lengths).all() and whole.sum() == size[0] * size[1] else None


def _points(written: Any, category: _Category) -> list[tuple[str, Point]] | None:
    """The key points that somebody has set, by their names; None where they cannot be read."""
    if not written:
        return []
    numbers = as_numbers(written)
    if numbers is None or len(numbers) % 3 or (category.points and len(numbers) != 3 * len(category.points)):
        return None
    names = category.points or tuple(f"point {place + 1}" for place in range(len(numbers) // 3))
    set_ = [(name, three) for name, three in zip(names, numbers.reshape(-1, 3).tolist(), strict=True) if three[2] > 0]
    return [(name, (column, row)) for name, (column, row, _) in set_]


def _joined(marked: Iterable[Marked]) -> list[Marked]:
    """Each picture once, with what several files or entries mark in it; small things after large ones, to be drawn on top."""
    of: defaultdict[Path, list[Marked]] = defaultdict(list)
    for one in marked:
        of[one.picture].append(one)
    return [_one(some) for some in of.values()]


def _one(some: Sequence[Marked]) -> Marked:
    points: defaultdict[str, tuple[Point, ...]] = defaultdict(tuple)
    for one in some:
        for name, found in one.points.items():
            points[name] += found
    fault = next((one.fault for one in some if one.fault), "")
    if len({one.split for one in some}) > 1:
        fault = "they are in several splits"
    elif len({one.said for one in some}) > 1:
        fault = "files give them several sizes"
    shapes = sorted((shape for one in some for shape in one.shapes), key=lambda shape: -shape.area)
    return Marked(
        picture=some[0].picture,
        said=some[0].said,
        shapes=tuple(shapes),
        points=points,
        split=some[0].split,
        fault=fault,
    )


def _nothing_found(files: Sequence[str], told: Told) -> str:
    lost = [name for what, names in told.items() if "not there" in what for name in names]
    named = f" (the first is {quoted(map(as_name, lost[:1]))})" if lost else ""
    return f"{quoted(files)} names {len(lost)} pictures, and none of them is in the folder{named}. Put the pictures beside it."
