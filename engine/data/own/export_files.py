"""The files that annotation programs export, read with care: what they hold, their numbers, and which pictures they name."""

import json
import math
import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np

from engine.data.own.shapes import Size
from engine.data.pictures.files import MOST_NESTED, list_all_pictures
from engine.data.pictures.names import PictureNames
from engine.data.reading.encodings import read_text
from engine.data.reading.litter import is_litter
from engine.data.reading.values import storable
from engine.data.splits import SPLIT_WORDS
from engine.errors import DataError, LettersError

MOST_BYTES = 500_000_000  # of a file: read, it takes ten times as much memory
MOST_XML = 20_000_000  # bytes, of one picture
FARTHEST = 1e7  # a coordinate beyond that is a slip, or is meant to fill the memory
LONGEST_NAME = 200
_SNIFFED = 1 << 20
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ELSEWHERE = re.compile(r"^([/\\]|[a-z]:|[a-z]+://)", re.IGNORECASE)  # how a path on another machine begins
_WORDS = re.compile(r"[a-z]+")


class Pictures:
    """The pictures of a folder, to be found by what a file somewhere in it calls them: those that lie near it before others."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.all = [path for path in list_all_pictures(folder) if not _is_drawn(path.relative_to(folder))]
        self._inside: dict[Path, list[Path]] = {}
        for picture in self.all:
            for place in picture.parents:
                self._inside.setdefault(place, []).append(picture)
                if place == folder:
                    break
        self._places = {picture.parent for picture in self.all}
        self._known: dict[Path, PictureNames] = {}

    def find(self, name: str, near: Path, split: str = "") -> Path | None:
        """The one picture that a name means; of several, the one in a folder of that split. None where that is not clear.

        Where pictures lie in the folder `near` itself, no others are meant.
        """
        plain = name.strip().replace("\\", "/")
        is_near = ".." not in plain and near in self._places
        for place in (near,) if is_near else (near, *near.parents):
            if place in self._inside and plain:
                found = self._names(place).find(plain)
                if not found and _ELSEWHERE.match(plain):
                    found = self._names(place).find(plain.rpartition("/")[2])
                found = [path for path in found if self.split_of(path) == split] if len(found) > 1 else found
                if found:
                    return found[0] if len(found) == 1 else None
            if place == self.folder:
                break
        return None

    def of_file(self, file: Path, written: str, told: defaultdict[str, list[str]]) -> tuple[Path | None, str]:
        """The picture that a file of its own is about, by the name in the file or by that of the file; and why it is left out, or
        "".
        """
        named, called = self.find(written, file.parent), self.find(file.stem, file.parent)
        if named and called and named != called:
            return called, "the name in their file is that of another picture"
        if called and not named:
            told["Pictures that are named otherwise in their file, and were found by its name"].append(called.name)
        if not named and not called:
            told["Files whose picture is not there, or is there several times"].append(file.name)
        return named or called, ""

    def split_of(self, path: Path) -> str:
        """The split that one of the folders is called after in which a file lies, the nearest first; "" for none."""
        for name in reversed(path.relative_to(self.folder).parts[:-1]):
            if split := split_in(name):
                return split
        return ""

    def _names(self, place: Path) -> PictureNames:
        if place not in self._known:
            self._known[place] = PictureNames(self._inside[place], place)
        return self._known[place]


def _is_drawn(path: Path) -> bool:
    """Whether it is a mask, or a picture with one painted over it, as LabelMe and CVAT put them beside the pictures."""
    return any(part.startswith(("SegmentationClass", "SegmentationObject")) for part in path.parts[:-1])


def split_in(name: str) -> str:
    """The split that a file or folder is called after, as in "instances_val2017"; "" where it is none, or several."""
    found = {SPLIT_WORDS[word] for word in _WORDS.findall(name.lower()) if word in SPLIT_WORDS}
    return found.pop() if len(found) == 1 else ""


def find_files(folder: Path, *suffixes: str) -> Iterator[Path]:
    """The files in `folder` and inside it whose names end so, sorted, without what systems leave."""
    depth = len(folder.parts)
    found = []
    for place, folders, names in os.walk(folder):
        is_deep = len(Path(place).parts) - depth >= MOST_NESTED
        folders[:] = [] if is_deep else [name for name in folders if not is_litter(name)]
        found += [Path(place, name) for name in names if name.lower().endswith(suffixes) and not is_litter(name)]
    return (path for path in sorted(found) if path.is_file())


def json_files(folder: Path, *words: str) -> list[Path]:
    """The JSON files in `folder` and inside it that have all these words in quotes; of a huge one, its beginning is looked at."""
    return [path for path in find_files(folder, ".json") if holds(path, *(f'"{word}"'.encode() for word in words))]


def holds(path: Path, *parts: bytes) -> bool:
    """Whether a file holds all these bytes, or any of them in its beginning where it is too large to be read."""
    try:
        is_huge = path.stat().st_size > MOST_BYTES
        with path.open("rb") as file:
            content = file.read(_SNIFFED if is_huge else -1)
    except OSError as problem:
        raise DataError(f"{path.name} cannot be read ({problem.strerror or problem}).") from None
    if content.startswith(_UTF16):
        content = content.replace(b"\0", b"")
    return (any if is_huge else all)(part in content for part in parts)


def read_json(path: Path) -> Any:
    """What a JSON file holds; `DataError` for one that is too large, damaged, or in letters that are not Unicode."""
    text = text_of(path)
    try:
        return json.loads(text)
    except RecursionError:
        problem = "it has lists in lists without end"
    except MemoryError:
        problem = "it needs more memory than there is"
    except json.JSONDecodeError as fault:
        problem = f"{fault.msg}, line {fault.lineno}"
    except ValueError as fault:  # such as a number of 5,000 digits
        problem = str(fault)[:100]
    raise DataError(f"{path.name} is damaged JSON ({problem}). Export it again.")


def read_xml(path: Path, root: str, read: Collection[str], thing: str) -> list[dict[str, str]] | None:
    """The texts of an XML file at the paths in `read`, as in "annotation/object/name": those of the whole, and then those of each
    `thing`. None for one whose outermost element is not `root`; `DataError` for one that is damaged.

    A document type is refused: it can define texts that grow without end, or ask for files of this machine.
    """
    place, letters, found = list[str](), list[str](), [dict[str, str]()]

    def start(name: str, attributes: dict[str, str]) -> None:
        place.append(name)
        letters.clear()
        if len(place) > MOST_NESTED:
            raise DataError(f"{path.name} has more than {MOST_NESTED} elements in each other. Export it again.")
        if "/".join(place) == thing:
            found.append({})

    def end(name: str) -> None:
        at = "/".join(place)
        if at in read:
            found[-1 if at.startswith(f"{thing}/") else 0].setdefault(at, "".join(letters))
        place.pop()
        letters.clear()
        roots.add(name if not place else "")

    def refuse(*_: object) -> None:
        raise DataError(f"{path.name} has a document type, which can hide anything. Delete its line with <!DOCTYPE.")

    roots, parser = set[str](), expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = letters.append, refuse
    try:
        if path.stat().st_size > MOST_XML:
            raise DataError(f"{path.name} has more than {MOST_XML:,} bytes, for one picture. Export it again.")
        parser.Parse(path.read_bytes(), True)
    except (expat.ExpatError, LookupError, ValueError, OSError) as problem:
        raise DataError(f"{path.name} is damaged XML ({str(problem)[:100]}). Export it again.") from None
    return found if root in roots else None


def text_of(path: Path, most: int = 0) -> str:
    """A file's text, of `most` bytes or of `MOST_BYTES`; `DataError` where it is larger, or not Unicode."""
    most = most or MOST_BYTES
    try:
        size = path.stat().st_size
    except OSError as problem:
        raise DataError(f"{path.name} cannot be read ({problem.strerror or problem}).") from None
    if size > most:
        raise DataError(f"{path.name} has {size:,} bytes. It may have {most:,}: export fewer pictures at a time.")
    try:
        return read_text(path)
    except LettersError:
        raise DataError(f"{path.name} is not UTF-8. Save it as UTF-8.") from None


def as_name(value: Any) -> str:
    """A name on one line, of letters that can be stored; "" for what is no name."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    if isinstance(value, int):
        return str(value) if abs(value) <= FARTHEST else ""
    return storable(" ".join(value[: 10 * LONGEST_NAME].split()))[:LONGEST_NAME]


def as_numbers(values: Any) -> np.ndarray | None:
    """A list of numbers as float64; None where it is none, or where one of them is not finite or beyond all pictures."""
    if not isinstance(values, list) or not all(map(is_number, values)):
        return None
    return np.array(values, np.float64)


def is_number(value: Any) -> bool:
    """Whether it is a number, finite, and may stand for a place in a picture."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= FARTHEST


def as_outline(values: Any) -> np.ndarray | None:
    """Corners (N, 2), from a list of numbers or of pairs; None where a coordinate is missing or no number."""
    if isinstance(values, list) and values and all(isinstance(one, list) and len(one) == 2 for one in values):
        values = [number for pair in values for number in pair]
    numbers = as_numbers(values)
    return None if numbers is None or len(numbers) % 2 else numbers.reshape(-1, 2)


def as_size(height: Any, width: Any) -> Size | None:
    """A picture's size as a file says it; None where it says none."""
    sides = [
        int(side) if is_number(side) and side >= 1 and math.isclose(side, int(side)) else 0 for side in (height, width)
    ]
    return (sides[0], sides[1]) if all(sides) else None
