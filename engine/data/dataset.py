"""What every data set can be asked, whatever its inputs are; and the six questions' answers, as they are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

from engine.data.account import Account
from engine.errors import DataError
from engine.recipe import Stage

Item = Any  # what one sample goes by: a picture's file, a text's row number
NAMED_CLASSES = 3
ALL = "all"  # everything that has a label, as a split


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
        """The items of "train", "valid", "test", or of "all" of them; `DataError` for a split that is not there."""
        ...

    def label(self, item: Item, /) -> Any:
        """An item's label, as the data set writes it."""
        ...

    def summary(self, stage: Stage) -> list[SummaryStep]:
        """The six questions walked on the first training sample, as `stage` would see it."""
        ...

    def account(self) -> Account:
        """What was found when the data set was opened, counted."""
        ...


D = TypeVar("D", bound=DataSet)


def items_of(data: DataSet, split: str) -> tuple[Item, ...]:
    """`DataSet.items`, the same for every data set."""
    splits = {"train": data.train, "valid": data.valid, "test": data.test}
    items = {**splits, ALL: tuple(dict.fromkeys(item for some in splits.values() for item in some))}.get(split)
    if items is None:
        raise DataError(
            f"There is no split {split!r}. The splits are: train, valid, test; all is everything with a label."
        )
    if not items:
        raise DataError(f"{data.root.name} has no {split} split.")
    return items


def first_split(data: DataSet) -> str:
    """The split that a model is judged on where nobody has said which: validation, or else what there is."""
    return next((name for name in ("valid", "test", "train") if getattr(data, name)), "valid")


def nothing_to_learn(
    root: Path, train: int, valid: int, source: str, left_out: Mapping[str, Sequence[str]] | None = None
) -> DataError:
    """What to raise where there is nothing to train or to validate on."""
    lost = "".join(f" {len(names)} left out: {reason} ({names[0]})." for reason, names in (left_out or {}).items())
    return DataError(
        f"{root} gives {train} inputs to train and {valid} to validate ({source}). Both need at least one.{lost}"
    )


def check_can_train(data: DataSet) -> None:
    """`DataError` for a data set that has only a test split, to be judged on."""
    if not data.train or not data.valid:
        raise nothing_to_learn(data.root, len(data.train), len(data.valid), data.title)


def some_classes(classes: Sequence[str]) -> str:
    """The first few classes, and how many there are where that is not all."""
    more = f", … ({len(classes)} in all)" if len(classes) > NAMED_CLASSES else ""
    return ", ".join(classes[:NAMED_CLASSES]) + more
