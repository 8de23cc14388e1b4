"""What is marked in pictures, however a program wrote it, and which of it can be used."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.data.own.shapes import SHARES, Shape, Size, is_alike
from engine.data.pictures.files import header_size, look_at_picture
from engine.data.pictures.masks import TURNS
from engine.data.pictures.scan import PictureLook, shown_size
from engine.data.reading.values import quoted, storable
from engine.errors import DataError

Point = tuple[float, float]  # column, row
Told = defaultdict[str, list[str]]  # what there is to say, and the names that it is said of

LONGEST = 100  # letters of a name that is shown
OTHER_SIZE = "their size is not what the file says"
LEFT_OUT = "Pictures left out, as"


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A picture and what is marked in it, in coordinates of the picture as it is shown.

    said: the size in which these are; None where that is the picture's own. points: by their names.
    fault: why the picture is left out, in words that fit after "as"; "" where it is not.
    """

    picture: Path
    said: Size | None = None
    shapes: tuple[Shape, ...] = ()
    points: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)
    split: str = ""
    fault: str = ""

    @property
    def names(self) -> set[str]:
        """The classes that are in it."""
        return {shape.name for shape in self.shapes}


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """All that a program wrote of a folder's pictures.

    program: what it is of, in words. classes: in the program's order. order: of shapes that overlap, a sentence.
    told: what had to be understood.
    """

    program: str
    classes: Sequence[str]
    marked: Sequence[Marked]
    told: Mapping[str, Sequence[str]]
    order: str = "Where outlines overlap, later ones lie on top."


def notes_of(told: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """A sentence for each thing that is said of anything, with how many that are, and the first of them; and each that has a
    full stop.
    """
    return tuple(
        storable(f"{what}: {len(names):,} ({quoted(name[:LONGEST] for name in names)})." if names else what)
        for what, names in told.items()
        if names or what.endswith(".")
    )


def told_of(export: Export) -> Told:
    """What there is to say from the beginning, to be added to."""
    return defaultdict(list, {what: list(names) for what, names in export.told.items()})


def present_in(marked: Iterable[Marked]) -> set[str]:
    """The classes that are in any of these pictures."""
    return set[str]().union(*(one.names for one in marked))


def is_rough(one: Marked) -> bool:
    """Whether nobody has said which pixels are those of something that is marked."""
    return any(shape.is_rough for shape in one.shapes)


def usable(export: Export, told: Told, fault: Callable[[Marked], str]) -> list[Marked]:
    """The pictures without a fault, all with a split or none; what is left out is told."""
    whole: list[Marked] = []
    first = ""
    for one in export.marked:
        why = one.fault or fault(one)
        first = first or why
        if why:
            told[f"{LEFT_OUT} {why}"].append(one.picture.name)
        else:
            whole.append(one)
    if not whole:
        raise none_left(export, first)
    sides = {one.split for one in whole if one.split}
    if sides and "train" not in sides:
        told["No picture is said to be for training, so that the split is not taken over."] = []
    if sides == {"train"} or "train" not in sides:
        return [replace(one, split="") for one in whole]
    told[f"{LEFT_OUT} nothing says in which split they are"] += [one.picture.name for one in whole if not one.split]
    return [one for one in whole if one.split]


def none_left(export: Export, why: str) -> DataError:
    """What to raise where no picture is left, as of the first."""
    names = f": {quoted(storable(one.picture.name) for one in export.marked)}" if export.marked else ""
    return DataError(
        f"{export.program}: no picture can be used, as {why}{names}. Export them again with their pictures."
    )


def look_at(picture: Path) -> PictureLook:
    """What a picture's header tells."""
    try:
        size, turn, _ = look_at_picture(picture)
    except DataError as problem:
        return PictureLook(fault=str(problem))
    return PictureLook(size=size, turn=turn)


def misfit(one: Marked, looks: dict[Path, PictureLook]) -> str:
    """Why what is marked cannot be laid on its picture; its look is kept."""
    look = looks[one.picture] = look_at(one.picture)
    if look.fault:
        return "they cannot be read as pictures"
    shown = shown_size(look)
    if look.turn in TURNS and one.said == look.size != shown:
        return (
            "their EXIF tag turns them and the file has their size before that: which way they were marked is not clear"
        )
    return "" if is_alike(one.said, shown) else OTHER_SIZE


def other_picture(one: Marked) -> str:
    """Why a picture is not the one that was marked, as far as its header tells; a turn does not matter for what is in it."""
    try:
        height, width = header_size(one.picture) if one.said else (0, 0)
    except DataError:
        return "they cannot be read as pictures"
    return "" if is_alike(one.said, (height, width)) or is_alike(one.said, (width, height)) else OTHER_SIZE


def tell_looks(marked: Iterable[Marked], looks: Mapping[Path, PictureLook], told: Told) -> None:
    """What there is to say of pictures that are turned, that have another size than the file says, or for which it says none."""
    for one in marked:
        look, said = looks[one.picture], list[str]()
        if look.turn in TURNS:
            said.append("Pictures turned by their EXIF tag, taken to be marked as they are shown: look at some")
        if one.said is None:
            said.append("Pictures for which no size is given, so that coordinates are taken for pixels")
        elif one.said not in (SHARES, shown_size(look)):
            said.append("Pictures that have another size than the file says, to which what is marked was scaled")
        for what in said:
            told[what].append(one.picture.name)
