"""The ways in which what is marked in pictures can be learnt: as masks, tags, labels and points."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from engine.data.own.marked import (
    Export,
    Marked,
    Point,
    is_rough,
    misfit,
    none_left,
    notes_of,
    other_picture,
    present_in,
    tell_looks,
    told_of,
    usable,
)
from engine.data.own.plain import Row, write_labels, write_masks, write_points, write_tags
from engine.data.own.shapes import as_stored, draw_mask
from engine.data.own.way import Answers, Question, Way
from engine.data.pictures.masks import MOST_CLASSES
from engine.data.pictures.scan import PictureLook, shown_size
from engine.data.pictures.transforms import VOID
from engine.data.reading.values import quoted
from engine.errors import DataError

BACKGROUND = "background"
POINT = "point"
_BACKGROUNDS = (BACKGROUND, "_background_")  # the second is LabelMe's
_IGNORED = "__ignore__"  # LabelMe's, for pixels that are not judged


def ways_of(readers: Iterable[Callable[[], list[Way]]]) -> list[Way]:
    """What all of these find; what one of them refuses is a note of the ways of others, or is raised where there are none."""
    found, refusals = list[Way](), list[DataError]()
    for read in readers:
        try:
            found += read()
        except DataError as problem:
            refusals.append(problem)
    if refusals and not found:
        raise refusals[0]
    return [_with_notes(way, tuple(map(str, refusals))) for way in found] if refusals else found


def _with_notes(way: Way, refusals: tuple[str, ...]) -> Way:
    def write(target: Path, answers: Answers) -> tuple[str, ...]:
        return (*way.write(target, answers), *(f"Besides, this cannot be used: {refusal}" for refusal in refusals))

    return replace(way, write=write)


def export_ways(export: Export) -> list[Way]:
    """The ways to read what is marked, one at least; `DataError` where nothing is, or where no picture can be used."""
    times = Counter(one.picture for one in export.marked)
    export = replace(
        export,
        marked=[
            replace(one, fault=one.fault or (times[one.picture] > 1 and "they are named more than once") or "")
            for one in export.marked
        ],
    )
    whole = [one for one in export.marked if not one.fault]
    if not whole:
        raise none_left(export, export.marked[0].fault if export.marked else "none is named")
    present = present_in(whole)
    used = [name for name in export.classes if name in present and name not in (_IGNORED, _BACKGROUNDS[1])]
    ways = []
    if _mask_classes(export) and any(shape.has_area for one in whole if not is_rough(one) for shape in one.shapes):
        ways.append(_way("mask", "outlines as masks", export, used, partial(_write_masks, export)))
    if used:
        ways.append(_way("tags", "which classes are in each picture", export, used, partial(_write_tags, export, used)))
    if len(used) > 1 and all(len(one.names & set(used)) == 1 for one in whole):
        ways.append(_way("label", "the one class of each picture", export, used, partial(_write_labels, export, used)))
    counts = Counter(name for one in whole for name, points in one.points.items() if len(points) == 1)
    ways += [_point_way(export, counts)] if counts else []
    if not ways:
        raise DataError(
            f"{export.program} marks nothing that could be learnt in {len(whole)} pictures. Mark something first."
        )
    return ways


def _way(
    kind: str, what: str, export: Export, used: Sequence[str], write: Callable[[Path, Answers], tuple[str, ...]]
) -> Way:
    return Way(kind=kind, said=f"{export.program}: {what} ({quoted(used)})", write=write)


def _point_way(export: Export, counts: Counter[str]) -> Way:
    best = max(counts, key=lambda name: counts[name])
    asked = Question(
        name=POINT,
        asked="Which point is to be learnt?",
        choices={
            name: f"{name} (in {number} {'picture' if number == 1 else 'pictures'})" for name, number in counts.items()
        },
        value=best,
    )
    return Way(
        kind="point",
        said=f"{export.program}: a point in each picture ({quoted(counts)})",
        write=partial(_write_points, export, tuple(counts), best),
        questions=(asked,) if len(counts) > 1 else (),
    )


def _write_masks(export: Export, target: Path, answers: Answers) -> tuple[str, ...]:
    told, looks, classes = told_of(export), dict[Path, PictureLook](), _mask_classes(export)

    def fault(one: Marked) -> str:
        return "something in them is marked without an outline" if is_rough(one) else misfit(one, looks)

    marked = usable(export, told, fault)
    codes = {name: 1 + classes.index(name) for name in classes}
    codes |= {name: 0 for name in export.classes if name.casefold() in _BACKGROUNDS} | {_IGNORED: VOID}
    told["Classes that are in no picture"] += sorted(set(classes) - present_in(marked), key=classes.index)
    told[export.order] = []
    tell_looks(marked, looks, told)
    empty: list[str] = []

    def rows() -> Iterator[Row]:
        for one in marked:
            look = looks[one.picture]
            mask, missed = draw_mask(one.shapes, codes, shown=shown_size(look), said=one.said)
            empty.extend([one.picture.name] * missed)
            yield Row(picture=one.picture, label=as_stored(mask, look.turn), split=one.split)

    write_masks(target, rows(), classes=(BACKGROUND, *classes))
    told["Outlines in which no pixel has its middle"] += empty
    return notes_of(told)


def _mask_classes(export: Export) -> list[str]:
    """All classes but the background; of more than a mask can tell apart, those that are in any picture."""
    names = [name for name in export.classes if name.casefold() not in _BACKGROUNDS and name != _IGNORED]
    present = present_in(export.marked) if len(names) >= MOST_CLASSES else set(names)
    return [name for name in names if name in present]


def _write_tags(export: Export, used: Sequence[str], target: Path, answers: Answers) -> tuple[str, ...]:
    told = told_of(export)
    marked = usable(export, told, other_picture)
    present = present_in(marked)
    used = [name for name in used if name in present]
    told["Pictures in which none of the classes is marked"] += [one.picture.name for one in marked if not one.names]
    rows = [
        Row(picture=one.picture, label=[name for name in used if name in one.names], split=one.split) for one in marked
    ]
    write_tags(target, rows)
    return notes_of(told)


def _write_labels(export: Export, used: Sequence[str], target: Path, answers: Answers) -> tuple[str, ...]:
    told = told_of(export)
    marked = usable(export, told, other_picture)
    names = [next(name for name in used if name in one.names) for one in marked]
    write_labels(
        target,
        [Row(picture=one.picture, label=name, split=one.split) for one, name in zip(marked, names, strict=True)],
    )
    return notes_of(told)


def _write_points(export: Export, names: Sequence[str], best: str, target: Path, answers: Answers) -> tuple[str, ...]:
    told, looks = told_of(export), dict[Path, PictureLook]()
    name = answers.get(POINT, best)
    name = name if name in names else best
    points: dict[Path, Point] = {}

    def fault(one: Marked) -> str:
        found = one.points.get(name, ())
        if len(found) > 1:
            return f"they have several points “{name}”"
        if why := misfit(one, looks) if found else "":
            return why
        for column, row in found:
            height, width = shown_size(looks[one.picture])
            said = one.said or (height, width)
            points[one.picture] = column * (width / said[1]), row * (height / said[0])
            if not (0 <= points[one.picture][0] <= width and 0 <= points[one.picture][1] <= height):
                return "their points lie outside of them"
        return ""

    marked = usable(export, told, fault)
    rows = [Row(picture=one.picture, label=points.get(one.picture), split=one.split) for one in marked]
    if all(row.label is None for row in rows):
        raise DataError(f"{export.program}: no picture that can be used has a point “{name}”. Choose another point.")
    told[f"Pictures without a point “{name}”"] += [row.picture.name for row in rows if row.label is None]
    tell_looks([one for one in marked if one.picture in points], looks, told)
    write_points(target, rows)
    return notes_of(told)
