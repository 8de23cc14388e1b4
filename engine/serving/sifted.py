"""A whole split, judged and sifted: which errors come together, in whom, and the samples behind each."""

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.data.dataset import DataSet, Item
from engine.kinds.sifting import Sifted
from engine.serving.inspect import MOST_RANKED, judge
from engine.serving.predictor import Predictor

LISTED, WORST, CLOSEST, UNSURE, RANDOM = "listed", "worst", "closest", "unsure", "random"
ALL, WRONG, RIGHT = "all", "wrong", "right"
SEED = 11


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One sample: its loss, what is known of its answer, and of itself, such as the person."""

    item: Item
    loss: float
    sifted: Sifted
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Samples that have something in common: how many, how many of them are right, and their mean loss and error."""

    name: str
    count: int
    right: int
    loss: float
    error: float | None


def sift(predictor: Predictor, data: DataSet, split: str) -> list[Row]:
    """Every sample of a split, judged; of a very large one some thousand, spread over it. In the split's order."""
    how = predictor.objective.sift or _by_loss_alone
    items = data.items(split)
    items = items[:: -(-len(items) // MOST_RANKED)]
    arranged = predictor.objective.feed.arrange(data, items)
    facts = getattr(getattr(data, "block", None), "facts", lambda item: {})
    rows = {
        judged.item: Row(
            item=judged.item,
            loss=judged.loss,
            sifted=how(judged.logits, judged.target, predictor.classes, predictor.config.decision),
            facts=dict(facts(judged.item)),
        )
        for judged in judge(predictor, data, arranged)
    }
    return [rows[item] for item in items]


def _by_loss_alone(*figures: object) -> Sifted:
    """Of a model whose answers are no labels, such as one that guesses words, only the loss is known."""
    return Sifted(is_right=True)


def ordered(rows: Sequence[Row], order: str) -> list[Row]:
    """Rows by the highest loss, the closest call, the least sure, by chance (the same each time), or as they are listed."""
    if order == RANDOM:
        mixed = list(rows)
        random.Random(SEED).shuffle(mixed)
        return mixed
    key = {
        WORST: lambda row: -row.loss,
        CLOSEST: lambda row: row.sifted.margin,
        UNSURE: lambda row: -row.sifted.unsure,
    }.get(order)
    return sorted(rows, key=key) if key else list(rows)


def chosen(rows: Sequence[Row], *, show: str = ALL, group: str = "", pair: tuple[str, str] | None = None) -> list[Row]:
    """Those that are wrong, or right; of a group, as in "person: 03"; and in which a pair of classes comes together."""
    kept = [row for row in rows if show == ALL or row.sifted.is_right == (show == RIGHT)]
    if group:
        kept = [row for row in kept if group in groups_of(row)]
    return [row for row in kept if pair in row.sifted.pairs] if pair else kept


def groups_of(row: Row) -> list[str]:
    """What a sample has in common with others, each as "what: which"."""
    return [
        *(f"class: {name}" for name in row.sifted.truth),
        *(f"{name}: {value}" for name, value in row.facts.items()),
    ]


def grouped(rows: Sequence[Row]) -> dict[str, list[Group]]:
    """The groups by what they have in common, each the worst first; where all have the same in common, there is none."""
    members: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        for name in groups_of(row):
            members[name].append(row)
    found: dict[str, list[Group]] = defaultdict(list)
    for name, some in members.items():
        errors = [row.sifted.error for row in some if row.sifted.error is not None]
        found[name.partition(": ")[0]].append(
            Group(
                name=name,
                count=len(some),
                right=sum(row.sifted.is_right for row in some),
                loss=sum(row.loss for row in some) / len(some),
                error=sum(errors) / len(errors) if errors else None,
            )
        )
    return {what: sorted(some, key=lambda one: -one.loss) for what, some in found.items() if len(some) > 1}


def mixed_up(rows: Sequence[Row]) -> Counter[tuple[str, str]]:
    """In how many samples each pair of classes comes together: of a wrong answer, or of right ones."""
    return Counter(pair for row in rows for pair in row.sifted.pairs)


def pair_of(written: str) -> tuple[str, str] | None:
    """A pair as the page writes it, with a bar between; None for anything else."""
    one, bar, other = written.partition("|")
    return (one, other) if bar else None


def as_written(pair: tuple[str, str]) -> str:
    """The same, written."""
    return "|".join(pair)
