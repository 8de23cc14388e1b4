"""LabelMe's files, a JSON beside each picture, with the shapes that somebody drew in it.

Format: https://github.com/wkentaro/labelme
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import hypot
from pathlib import Path
from typing import Any

import numpy as np

from engine.data.own.export_files import Pictures, as_name, as_outline, as_size, json_files, read_json
from engine.data.own.marked import LEFT_OUT, Export, Marked, Point, Told
from engine.data.own.marked_ways import export_ways
from engine.data.own.shapes import Shape, box, ellipse
from engine.data.own.way import Way
from engine.data.reading.values import quoted
from engine.errors import DataError

FAULTY = "coordinates of shapes in them are no numbers, or one is missing"
RECTANGLE, POINT = "rectangle", "point"
LINES = ("line", "linestrip")
TYPES = ("polygon", RECTANGLE, "circle", POINT, *LINES)


def ways(folder: Path) -> list[Way]:
    """The ways to read LabelMe's files in a folder; [] where there is none."""
    files = [(file, content) for file, content in _read(folder) if _is_labelme(content)]
    if not files:
        return []
    pictures, told, marked = Pictures(folder), Told(list), list[Marked]()
    # A box says where a thing is, and not which pixels are its own; among outlines it is one of them.
    types = {_type(shape) for _, content in files for shape in content["shapes"] if isinstance(shape, dict)}
    has_outlines = bool(types & {"polygon", "circle"})
    for file, content in files:
        path = content.get("imagePath")
        picture, fault = pictures.of_file(file, path if isinstance(path, str) else "", told)
        if picture is None:
            continue
        one = _marks(picture, content, has_outlines, told)
        marked.append(replace(one, split=pictures.split_of(picture), fault=fault or one.fault))
    if not marked:
        raise DataError(
            f"None of the {len(files)} files of LabelMe has its picture in the folder: {quoted(file.name for file, _ in files)}. "
            "Put the pictures beside them."
        )
    known = {one.picture for one in marked}
    told[f"{LEFT_OUT} no file of LabelMe is theirs"] += [one.name for one in pictures.all if one not in known]
    return export_ways(Export(program="LabelMe", classes=_classes(marked), marked=marked, told=told))


def _read(folder: Path) -> Iterable[tuple[Path, Any]]:
    for file in json_files(folder, "shapes", "imagePath"):
        content = read_json(file)
        if isinstance(content, dict):
            content.pop("imageData", None)  # the picture once more
        yield file, content


def _is_labelme(content: Any) -> bool:
    return isinstance(content, dict) and "imagePath" in content and isinstance(content.get("shapes"), list)


def _type(shape: dict[str, Any]) -> str:
    return as_name(shape.get("shape_type")) or "polygon"  # old files have no types


def _classes(marked: Sequence[Marked]) -> tuple[str, ...]:
    """In the order in which they occur."""
    return tuple(dict.fromkeys(shape.name for one in marked for shape in one.shapes))


def _marks(picture: Path, content: dict[str, Any], has_outlines: bool, told: Told) -> Marked:
    """What one file marks in its picture."""
    shapes: list[Shape] = []
    points: defaultdict[str, tuple[Point, ...]] = defaultdict(tuple)
    fault = ""
    for shape in content["shapes"]:
        name = as_name(shape.get("label")) if isinstance(shape, dict) else ""
        if not name:
            fault = "a shape in them has no label"
            continue
        kind, corners = _type(shape), as_outline(shape.get("points"))
        if corners is None or not len(corners):
            fault = FAULTY
        elif kind == POINT:
            points[name] += ((float(corners[0, 0]), float(corners[0, 1])),)
        elif kind not in TYPES:
            told[f"Shapes of the type “{kind}”, whose pixels are not read"].append(picture.name)
            shapes.append(Shape(name=name, is_rough=True))
        else:
            shapes.append(_shape(name, kind, corners, has_outlines))
            if kind in LINES:
                told["Lines, which have no pixels of their own and are not drawn"].append(picture.name)
            elif kind == RECTANGLE and has_outlines:
                told["Rectangles, which are drawn as outlines are"].append(picture.name)
            elif kind == "polygon" and len(corners) < 3:
                told["Outlines of fewer than 3 corners, which cover nothing"].append(picture.name)
    said = as_size(content.get("imageHeight"), content.get("imageWidth"))
    return Marked(picture=picture, said=said, shapes=tuple(shapes), points=points, fault=fault)


def _shape(name: str, kind: str, corners: np.ndarray, has_outlines: bool) -> Shape:
    """What a shape covers; one with a corner too few covers nothing."""
    if kind == RECTANGLE:
        if not has_outlines:
            return Shape(name=name, is_rough=True)
        corners = box(*corners.min(0), *corners.max(0)) if len(corners) == 2 else corners
    elif kind == "circle" and len(corners) == 2:  # its middle, and a point on it
        (column, row), (at_column, at_row) = corners.tolist()
        radius = hypot(at_column - column, at_row - row)
        corners = ellipse(column, row, radius, radius)
    return Shape(name=name, outlines=(corners,) if kind not in LINES and len(corners) >= 3 else ())
