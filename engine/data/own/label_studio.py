"""Label Studio's JSON export: a list of tasks, each with a picture and with what people marked or chose in it.

Format: https://labelstud.io/guide/task_format
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from engine.data.own.export_files import Pictures, as_name, as_numbers, as_outline, as_size, json_files, read_json
from engine.data.own.marked import LEFT_OUT, Export, Marked, Point, Told
from engine.data.own.marked_ways import export_ways, ways_of
from engine.data.own.shapes import SHARES, Shape, Size, box, ellipse, turned
from engine.data.own.way import Answers, Question, Way
from engine.data.pictures.files import may_be_picture
from engine.data.reading.values import quoted
from engine.errors import DataError

PROGRAM = "Label Studio"
FAULTY = "coordinates of what is marked in them are no numbers, or one is missing"
PERCENT = 100.0
ASKED = "asked"
RECTANGLE, POLYGON, ELLIPSE, POINT, BRUSH, CHOICES = (
    "rectanglelabels", "polygonlabels", "ellipselabels", "keypointlabels", "brushlabels", "choices",
)  # fmt: skip
REGIONS = (RECTANGLE, POLYGON, ELLIPSE, POINT)
PLACES = ("x", "points", "vertices", "rle")  # in a value that says where something is
_PREFIX = re.compile(r"^[0-9a-f]{8}-(?=.)")  # put before the name of a file that is uploaded


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """A picture, and the results of the annotation that counts."""

    picture: Path
    results: Sequence[dict[str, Any]]


def ways(folder: Path) -> list[Way]:
    """The ways to read Label Studio's export in a folder; [] where there is none."""
    found, files = list[Any](), list[str]()
    for file in json_files(folder, "annotations"):
        content = read_json(file)
        tasks = content if isinstance(content, list) else []
        if any(isinstance(one, dict) and "annotator" in one and "annotation_id" in one for one in tasks):
            raise DataError(f"{file.name} is Label Studio's JSON-MIN. Export JSON instead.")
        if any(_is_task(one) for one in tasks):
            found += [(file, one) for one in tasks]
            files.append(file.name)
    if not any(_picture_names(one) for _, one in found):
        return []  # of texts, or of sounds
    pictures, told = Pictures(folder), Told(list)
    tasks = _tasks(found, pictures, told)
    if not tasks:
        lost = {what[0].lower() + what[1:]: list(map(as_name, names)) for what, names in told.items() if names}
        said = [f"{len(names)} {what}: {quoted(names)}" for what, names in lost.items()]
        raise DataError(
            f"{quoted(files)} has nothing that can be used ({'; '.join(said)}). Export it with its pictures."
        )
    _refuse_brushes(tasks)
    known = {task.picture for task in tasks}
    told[f"{LEFT_OUT} no task with an annotation is theirs"] += [one.name for one in pictures.all if one not in known]
    ways = ways_of([partial(_region_ways, tasks, told), partial(_choice_ways, tasks, told)])
    return _one_of_each(ways) if ways else _nothing(files, tasks)


def _one_of_each(ways: Sequence[Way]) -> list[Way]:
    """A way for each kind; where people were asked several things, it asks which of them is to be learnt."""
    of: defaultdict[str, list[Way]] = defaultdict(list)
    for way in ways:
        of[way.kind].append(way)
    return [some[0] if len(some) == 1 else _one_of(kind, some) for kind, some in of.items()]


def _one_of(kind: str, ways: Sequence[Way]) -> Way:
    choices = {str(place): way.said for place, way in enumerate(ways)}

    def write(target: Path, answers: Answers) -> tuple[str, ...]:
        given = answers.get(ASKED, "0")
        return ways[int(given) if given in choices else 0].write(target, answers)

    question = Question(name=ASKED, asked="Which of these is to be learnt?", choices=choices, value="0")
    return Way(kind=kind, said=f"{PROGRAM}: one of {len(ways)} questions", write=write, questions=(question,))


def _is_task(one: Any) -> bool:
    return isinstance(one, dict) and isinstance(one.get("data"), dict) and isinstance(one.get("annotations"), list)


def _picture_names(task: Any) -> list[str]:
    """What a task calls its picture: the value in its data that is called like one, that of `image` before others."""
    data = task["data"] if _is_task(task) else {}
    named = sorted(data.items(), key=lambda item: item[0] != "image")
    return [value for value in (_plain(value) for _, value in named if isinstance(value, str)) if may_be_picture(value)]


def _plain(written: str) -> str:
    """The path in an address, as in /data/local-files/?d=photos/one.jpg."""
    start, _, query = written.partition("?")
    inside = query.removeprefix("d=") if query.startswith("d=") else ""
    return unquote(inside.partition("&")[0] or start)


def _tasks(found: Sequence[tuple[Path, Any]], pictures: Pictures, told: Told) -> list[_Task]:
    """The tasks with a picture that is there and an annotation that was not cancelled."""
    tasks = []
    for place, (file, one) in enumerate(found):
        names = _picture_names(one)
        if not names:
            told["Tasks without a picture"].append(f"number {place + 1}")
            continue
        picture = _find(names[0], pictures, file.parent)
        if picture is None:
            told["Pictures that tasks name and that are not there, or are there several times"].append(names[0])
            continue
        given = [kept for kept in one["annotations"] if isinstance(kept, dict) and not kept.get("was_cancelled")]
        if not given:
            told["Pictures left out, as nobody has annotated them, or the annotation was cancelled"].append(
                picture.name
            )
            continue
        if len(given) > 1:
            told["Pictures with several annotations, of which the last one is taken"].append(picture.name)
        results = given[-1].get("result")
        if not isinstance(results, list) or not all(isinstance(result, dict) for result in results):
            raise DataError(
                f"{file.name} has an annotation of {picture.name} without a list of results. Export it again."
            )
        tasks.append(_Task(picture=picture, results=results))
    return tasks


def _find(name: str, pictures: Pictures, near: Path) -> Path | None:
    """The picture of an uploaded file, with what is put before its name or without; its folders are those of a server."""
    last = name.replace("\\", "/").rpartition("/")[2]
    found = (pictures.find(one, near) for one in (name, last, _PREFIX.sub("", last)))
    return next((picture for picture in found if picture), None)


def _refuse_brushes(tasks: Sequence[_Task]) -> None:
    brushed = [task.picture.name for task in tasks if any(result.get("type") == BRUSH for result in task.results)]
    if brushed:
        raise DataError(
            f"Label Studio's JSON has {len(brushed)} pictures that were painted with a brush ({quoted(brushed)}), in a form of "
            "its own that is not read. Export them as “Brush labels to PNG”, and bring the PNG masks."
        )


def _nothing(files: Sequence[str], tasks: Sequence[_Task]) -> list[Way]:
    types = dict.fromkeys(as_name(result.get("type")) or "none" for task in tasks for result in task.results)
    raise DataError(
        f"{quoted(files)} has no results that can be learnt here: it has {quoted(types) or 'none'}. Rectangles, polygons, "
        "ellipses, key points and choices are read."
    )


def _region_ways(tasks: Sequence[_Task], told: Told) -> list[Way]:
    """What is marked in the pictures."""
    results = [result for task in tasks for result in task.results]
    types = {result.get("type") for result in results if isinstance(result.get("type"), str)}
    if not types & set(REGIONS):
        return []
    told = Told(list, {what: list(names) for what, names in told.items()})
    others = {task.picture: kinds for task in tasks if (kinds := _unread(task))}
    for kind in sorted(set[str]().union(*others.values())):
        told[f"Regions of the type “{kind}”, which are not read"] += [
            picture.name for picture, kinds in others.items() if kind in kinds
        ]
    # A box says where a thing is, and not which pixels are its own; among outlines it is one of them.
    has_outlines = bool(types & {POLYGON, ELLIPSE})
    marked = [_marks(task, has_outlines, told) for task in tasks]
    classes = dict.fromkeys(shape.name for one in marked for shape in one.shapes)
    return export_ways(Export(program=PROGRAM, classes=tuple(classes), marked=marked, told=told))


def _unread(task: _Task) -> set[str]:
    """The types of regions that are marked in a picture in other ways; what only says more of a region has that one's id."""
    known = [result.get("id") for result in task.results if result.get("type") in REGIONS and result.get("id")]
    return {
        as_name(result.get("type")) or "none"
        for result in task.results
        if result.get("type") not in (*REGIONS, CHOICES) and result.get("id") not in known
        if isinstance(value := result.get("value"), dict) and any(key in value for key in PLACES)
    }


def _marks(task: _Task, has_outlines: bool, told: Told) -> Marked:
    """What is marked in one picture."""
    shapes: list[Shape] = []
    points: defaultdict[str, tuple[Point, ...]] = defaultdict(tuple)
    regions = [result for result in task.results if result.get("type") in REGIONS]
    sizes = {as_size(result.get("original_height"), result.get("original_width")) for result in regions}
    said = next(iter(sizes), None) or SHARES
    fault = "what is marked in them is said to lie on several sizes" if len(sizes) > 1 else ""
    for result in regions:
        kind, value = result["type"], result.get("value")
        labels = [as_name(label) for label in _list(value.get(kind))] if isinstance(value, dict) else []
        if not isinstance(value, dict) or result.get("image_rotation") not in (0, 0.0, None):
            fault = "they were turned in Label Studio, or what is marked in them is nowhere"
        elif not labels or not all(labels):
            told["Regions without a label, left out"].append(task.picture.name)
        elif kind == POINT:
            at = as_numbers([value.get("x"), value.get("y")])
            if at is None:
                fault = FAULTY
                continue
            for label in labels:
                points[label] += ((float(at[0]) / PERCENT * said[1], float(at[1]) / PERCENT * said[0]),)
        else:
            outline = _outline(kind, value, said)
            is_clear = len(labels) == 1 and (kind != RECTANGLE or has_outlines)
            if outline is None:
                fault = FAULTY
                continue
            if kind == RECTANGLE and has_outlines:
                told["Rectangles, which are drawn as outlines are"].append(task.picture.name)
            whole = (outline,) if is_clear and len(outline) >= 3 else ()
            shapes += [Shape(name=label, outlines=whole, is_rough=not is_clear) for label in labels]
    if _unread(task):
        fault = fault or "something in them is marked in a way that is not read"
    return Marked(picture=task.picture, said=said, shapes=tuple(shapes), points=points, fault=fault)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _outline(kind: str, value: Mapping[str, Any], said: Size) -> np.ndarray | None:
    """A region's outline in pixels of the size that is said; None where it is not whole.

    A rectangle is turned around its first corner and an ellipse around its middle, in pixels.
    """
    scale = np.array([said[1], said[0]]) / PERCENT
    if kind == POLYGON:
        corners = as_outline(value.get("points"))
        return None if corners is None else corners * scale
    sides = ("width", "height") if kind == RECTANGLE else ("radiusX", "radiusY")
    numbers = as_numbers([value.get(name) for name in ("x", "y", *sides)] + [value.get("rotation") or 0])
    if numbers is None or (numbers[4] and said == SHARES):
        return None
    (column, row), (across, down) = numbers[:2] * scale, numbers[2:4] * scale
    corners = (column, row, column + across, row + down)
    outline = box(*corners) if kind == RECTANGLE else ellipse(column, row, across, down)
    return turned(outline, (column, row), numbers[4])


def _choice_ways(tasks: Sequence[_Task], told: Told) -> list[Way]:
    """What was chosen for whole pictures, a way for each question that people were asked."""
    chosen: defaultdict[str, dict[int, list[str]]] = defaultdict(dict)
    for place, task in enumerate(tasks):
        for result in task.results:
            value = result.get("value")
            if result.get("type") != CHOICES or not isinstance(value, dict):
                continue
            if any(key in value for key in PLACES):
                told["Choices for a region of a picture, left out"].append(task.picture.name)
                continue
            names = [name for name in map(as_name, _list(value.get(CHOICES))) if name]
            chosen[as_name(result.get("from_name"))].setdefault(place, []).extend(names)
    found = []
    for asked, of in chosen.items():
        is_single = all(len(set(names)) <= 1 for names in of.values())
        picked = [(task, of.get(place, [])) for place, task in enumerate(tasks)]
        said = Told(list, {what: list(names) for what, names in told.items()})
        if is_single:
            said[f"{LEFT_OUT} nothing was chosen for them"] += [
                task.picture.name for task, names in picked if not names
            ]
            picked = [(task, names) for task, names in picked if names]
        marked = [
            Marked(picture=task.picture, shapes=tuple(Shape(name=name, is_rough=True) for name in dict.fromkeys(names)))
            for task, names in picked
        ]
        classes = dict.fromkeys(name for _, names in picked for name in names)
        if classes:
            offered = export_ways(
                Export(program=f"{PROGRAM}'s choices “{asked}”", classes=tuple(classes), marked=marked, told=said)
            )
            found += [way for way in offered if way.kind == ("label" if is_single else "tags")] or offered
    return found
