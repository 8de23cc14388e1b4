"""What every data set can be asked, whatever its inputs are; and the six questions' answers, as they are shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

from engine.errors import DataError
from engine.recipe import Stage

Item = Any  # what one sample goes by: a picture's file, a text's row number
NAMED_CLASSES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryStep:
    """One of the six questions with its answer for the data set at hand, and the code that gave it."""

    question: str
    answer: str
    code: str


@runtime_checkable
class DataSet(Protocol):
    """Inputs that are split, labelled and ready to be read. `engine.data.pictures` and `engine.data.texts` have one each.

    root: the folder or file that it was opened from.
    title: how it was split, in one line.
    classes: what a model learns to tell apart; a point's are its coordinates.
    train, valid, test: the labelled items of each split; there may be no test split.
    unlabelled: items without a label, or whose labels somebody else keeps back.
    channels: how many numbers an input has at each place: three for a picture in colours, one for a text's token.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]  # it is a dataclass: one with fewer samples is a `replace` away

    @property
    def root(self) -> Path: ...
    @property
    def title(self) -> str: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def train(self) -> tuple[Item, ...]: ...
    @property
    def valid(self) -> tuple[Item, ...]: ...
    @property
    def test(self) -> tuple[Item, ...]: ...
    @property
    def unlabelled(self) -> tuple[Item, ...]: ...
    @property
    def channels(self) -> int: ...

    def items(self, split: str) -> tuple[Item, ...]:
        """The items of "train", "valid" or "test"; `DataError` for a split that is not there."""
        ...

    def label(self, item: Item, /) -> Any:
        """An item's label, as the data set writes it."""
        ...

    def summary(self, stage: Stage) -> list[SummaryStep]:
        """The six questions walked on the first training sample, as `stage` would see it."""
        ...

    def account(self) -> tuple[str, ...]:
        """What was found when the data set was opened, in plain sentences."""
        ...


D = TypeVar("D", bound=DataSet)


def items_of(data: DataSet, split: str) -> tuple[Item, ...]:
    """`DataSet.items`, the same for every data set."""
    items = {"train": data.train, "valid": data.valid, "test": data.test}.get(split)
    if items is None:
        raise DataError(f"There is no split {split!r}. The splits are: train, valid, test.")
    if not items:
        raise DataError(f"{data.root.name} has no {split} split.")
    return items


def account_of(data: DataSet, plural: str) -> tuple[str, ...]:
    """`DataSet.account`, the same for every data set; `plural` is what its inputs are called."""
    found = f"{len(data.train):,} {plural} to train and {len(data.valid):,} to validate ({data.title})."
    test = (
        f"{len(data.test):,} {plural} to test." if data.test else "No test split: all figures are validation figures."
    )
    rest = (f"{len(data.unlabelled):,} {plural} without a label.",) if data.unlabelled else ()
    return found, test, *rest, f"The model learns: {some_classes(data.classes)}."


def some_classes(classes: Sequence[str]) -> str:
    """The first few classes, and how many there are where that is not all."""
    more = f", … ({len(classes)} in all)" if len(classes) > NAMED_CLASSES else ""
    return ", ".join(classes[:NAMED_CLASSES]) + more
