"""Which columns of a table are the inputs and which their labels: by what they hold and are called, or as somebody says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.data.pictures.point_table import COLUMNS as POINT_COLUMNS
from engine.data.pictures.point_table import FACTS
from engine.data.pictures.tag_columns import TAG_COLUMNS
from engine.data.reading.values import quoted
from engine.data.sources.columns import Column, Holds
from engine.data.splits import GROUP_COLUMNS, SPLIT_COLUMNS, VALID_COLUMN
from engine.data.texts.labelled_table import LABEL_COLUMNS, TEXT_COLUMNS
from engine.errors import DataError

MASK_COLUMNS = ("mask", "label", "labels", "annotation", "segmentation", "semantic_segmentation", "annotated", "target")
LABELS: tuple[Holds, ...] = ("class", "classes", "text", "texts", "number")


class Chosen(NamedTuple):
    """Which columns somebody means; "" for what is found. Of several numbers the names are parted by commas: two are a point, as
    in "x,y", others numbers."""

    input: str = ""
    target: str = ""


AS_FOUND = Chosen()


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """Which columns are the inputs and their labels, and which say what belongs together or what else is known of a sample.

    are_numbers: whether each of the targets is a number to be learnt.
    """

    input: Column
    target: tuple[Column, ...]
    known: tuple[str, ...]
    are_numbers: bool = False

    @property
    def has_pictures(self) -> bool:
        return self.input.holds == "picture"


def find_columns(columns: Sequence[Column], chosen: Chosen) -> Meant:
    """The columns of inputs and labels, by what they hold and are called."""
    target = tuple(_named(columns, name.strip()) for name in chosen.target.split(",") if name.strip())
    is_chosen = bool(target)
    pictures = [column for column in columns if column.holds == "picture" and column not in target]
    groups = [column for column in columns if column.name.strip().lower() in GROUP_COLUMNS]
    if chosen.input:
        given = _named(columns, chosen.input)
    elif pictures:
        masks = [column for column in pictures if column.name.lower() in MASK_COLUMNS]
        given = _only(columns, [column for column in pictures if column not in masks] or pictures, (), "input")
    else:
        texts = [column for column in columns if column.holds == "text" and column not in target]
        left = [column for column in texts if column.name.lower() not in LABEL_COLUMNS and column not in groups]
        given = _only(columns, left or texts, TEXT_COLUMNS, "input")
    target = target or _target(columns, given, [column.name for column in groups])
    _check(given, target)
    used = {column.name for column in (given, *target)}
    wanted = (*GROUP_COLUMNS, *FACTS, *SPLIT_COLUMNS, VALID_COLUMN)
    known = tuple(one.name for one in columns if one.name.strip().lower() in wanted and one.name not in used)
    pair = tuple(column.name.lower() for column in target)
    is_point = pair in POINT_COLUMNS or (is_chosen and len(target) == 2)
    are_numbers = given.holds == "picture" and not is_point and _are_numbers(target)
    return Meant(input=given, target=target, known=known, are_numbers=are_numbers)


def _are_numbers(target: Sequence[Column]) -> bool:
    """Whether these are numbers, and not called as labels are, which may be the codes of classes."""
    return all(column.holds == "number" and column.name.strip().lower() not in TAG_COLUMNS for column in target)


def _check(given: Column, target: Sequence[Column]) -> None:
    """`DataError` for columns from which nothing can be made."""
    if given in target:
        raise DataError(f"{given.name} cannot be the input and the label. Choose another column for one of them.")
    if given.holds not in ("picture", "text"):
        raise DataError(
            f"The column {given.name} holds no pictures and no texts ({given.holds}). Choose another input."
        )
    are_numbers = all(column.holds in ("number", "text") for column in target)
    if len(target) > 1 and not (given.holds == "picture" and are_numbers):
        raise DataError(f"{quoted(one.name for one in target)} cannot be the label together: only numbers can.")
    allowed = ("picture", "numbers", *LABELS) if given.holds == "picture" else LABELS
    if len(target) == 1 and target[0].holds not in allowed:
        raise DataError(f"The column {target[0].name} holds no labels ({target[0].holds}). Choose another.")


def _target(columns: Sequence[Column], given: Column, groups: Sequence[str]) -> tuple[Column, ...]:
    others = [column for column in columns if column != given and column.name not in groups]
    by_name = {column.name.lower(): column for column in others}
    if given.holds == "picture":
        masks = [column for column in others if column.holds == "picture"]
        if masks:
            return (_only(columns, masks, MASK_COLUMNS, "target"),)
        pairs = [pair for pair in POINT_COLUMNS if set(pair) <= by_name.keys()]
        if pairs:
            return tuple(by_name[name] for name in pairs[0])
        measured = [one for one in others if one.name.strip().lower() not in (*SPLIT_COLUMNS, VALID_COLUMN)]
        if measured and _are_numbers(measured):
            return tuple(measured)
    classes = [column for column in others if column.holds in ("class", "classes")]
    known = TAG_COLUMNS if given.holds == "picture" else LABEL_COLUMNS
    named = [column for column in others if column.holds in LABELS and column.name.lower() in known]
    return (_only(columns, classes or named or [one for one in others if one.holds in LABELS], known, "target"),)


def _only(columns: Sequence[Column], left: Sequence[Column], known: Sequence[str], what: str) -> Column:
    """The one column that is left, or the first that is called so."""
    named = sorted(
        (column for column in left if column.name.lower() in known), key=lambda one: known.index(one.name.lower())
    )
    if len(left) == 1 or named:
        return (named or left)[0]
    said = ", ".join(f"{column.name} ({column.holds})" for column in columns)
    raise DataError(
        f"Which column is the {what} is not clear. There are: {said[:400]}. Write it behind the name: --{what} COLUMN."
    )


def _named(columns: Sequence[Column], name: str) -> Column:
    found = next((column for column in columns if column.name == name), None)
    if found is None:
        raise DataError(
            f"There is no column {name!r}. There are: {', '.join(column.name for column in columns)[:400]}."
        )
    return found
