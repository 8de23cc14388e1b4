"""Which labels of a data set look wrong: held-out predictions for each sample, and what they say of its label."""

import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from engine.data.dataset import ALL, DataSet, Item
from engine.data.own.edits import label_of, name_of
from engine.data.pictures.block import Data
from engine.data.pictures.files import picture_size
from engine.data.texts.dataset import TextData
from engine.errors import DataError
from engine.noise.bodies import gridded, mapped, pooled
from engine.noise.confident import FEWEST, judge_classes, judge_tags
from engine.noise.folds import Folds, fold
from engine.noise.heads import class_loss, components, held_out, number_loss, tags_loss
from engine.noise.places import held_out_places
from engine.noise.residuals import judge_residuals
from engine.noise.suspects import KINDS, Suspect, Suspicion, fingerprint, keep_suspicion, most_suspect, read_suspicion
from engine.noise.words import count_terms, held_out_shares

MOST = 1000  # suspects that are kept of each order, or a tenth of the samples
MOST_ITEMS = 50_000  # samples that are judged; of more, these are spread over them
MOST_MAPS = 8_000
FEWEST_ITEMS = 20  # samples from which on a model can be asked
TEXTS_AT_ONCE = 500

Told = Callable[[int, int], None]


class Found(NamedTuple):
    """What is found of each sample, in the samples' order: see `Suspect`."""

    proposed: list[Any]
    score: list[float]
    loss: list[float]
    is_confident: list[bool]
    why: list[str]


def suspicion_of(kind: str, data: DataSet) -> Suspicion | None:
    """What was found in a data set before; None where nobody has looked since it changed."""
    return read_suspicion(f"{kind}-{fingerprint(data)}")


def find_suspects(kind: str, data: DataSet, *, on_progress: Told = lambda done, total: None) -> Suspicion:
    """The labels that look wrong, from what was found before or from models that are trained now; `DataError` where that is
    not known for a kind, or where there are too few samples. `on_progress` is told how far it is, as (done, in all).
    """
    mark = f"{kind}-{fingerprint(data)}"
    found = read_suspicion(mark)
    if found is None:
        found = search(kind, data, on_progress)
        keep_suspicion(mark, found)
    return found


def search(kind: str, data: DataSet, told: Told = lambda done, total: None) -> Suspicion:
    """The same, always anew."""
    began = time.perf_counter()
    if kind not in KINDS:
        raise DataError("Wrong labels are found for tags, labels, texts, points and numbers; not for these data.")
    items, most = data.items(ALL), MOST_MAPS if kind == "point" else MOST_ITEMS
    places = range(0, len(items), -(-len(items) // most))
    chosen = [items[place] for place in places]
    if len(chosen) < FEWEST_ITEMS:
        raise DataError(
            f"{data.root.name} has {len(chosen)} labelled samples. From {FEWEST_ITEMS} on, some can be judged by the others."
        )
    folds, found, notes = _FINDERS[kind](data, chosen, told)
    given = [label_of(data, item) for item in chosen]
    suspects = [
        Suspect(
            place=place,
            name=name_of(data, item),
            given=label,
            proposed=proposed,
            score=score,
            loss=loss,
            is_confident=is_confident,
            why=why,
        )
        for place, item, label, proposed, score, loss, is_confident, why in zip(
            places, chosen, given, *found, strict=True
        )
    ]
    return Suspicion(
        kind=kind,
        suspects=most_suspect(suspects, most=max(MOST, len(chosen) // 10)),
        judged=len(chosen),
        total=len(items),
        folds=folds.count,
        groups=folds.groups,
        seconds=round(time.perf_counter() - began, 1),
        notes=tuple(notes),
    )


Finding = tuple[Folds, Found, Sequence[str]]


def _find_tags(data: DataSet, items: Sequence[Item], told: Told) -> Finding:
    assert isinstance(data, Data)
    has = torch.tensor([[float(name in data.label(item)) for name in data.classes] for item in items])
    folds = fold(data, items, [tuple(sorted(data.label(item))) for item in items])
    shares = tag_shares(data, items, has, folds, told)
    judged = judge_tags(shares, has)
    proposed = [[data.classes[at] for at in row.nonzero()[:, 0].tolist()] for row in judged.proposed]
    why = [
        _said_tags(data.classes, given, wanted, row)
        for given, wanted, row in zip(has > 0, judged.proposed, shares, strict=True)
    ]
    found = Found(proposed, judged.doubt.tolist(), judged.loss.tolist(), judged.is_off.tolist(), why)
    return folds, found, _rare(data.classes, has.sum(0).int().tolist())


def tag_shares(data: Data, items: Sequence[Item], has: Tensor, folds: Folds, told: Told) -> Tensor:
    """The held-out probability of each tag (N, K)."""
    inputs = components(pooled(data, items, told))
    return held_out(inputs, has, torch.tensor(folds.part_of), len(data.classes), tags_loss).sigmoid()


def _find_classes(data: DataSet, items: Sequence[Item], told: Told) -> Finding:
    given = torch.tensor([data.classes.index(data.label(item)) for item in items])
    folds = fold(data, items, given.tolist())
    assert isinstance(data, Data)
    inputs = components(pooled(data, items, told))
    shares = held_out(inputs, given, torch.tensor(folds.part_of), len(data.classes), class_loss).softmax(1)
    return _of_classes(data, given, shares, folds)


def _find_texts(data: DataSet, items: Sequence[Item], told: Told) -> Finding:
    assert isinstance(data, TextData)
    given = torch.tensor(data.labels(items))
    folds = fold(data, items, given.tolist())
    return _of_classes(data, given, text_shares(data, items, given, folds, told), folds)


def text_shares(data: TextData, items: Sequence[int], given: Tensor, folds: Folds, told: Told) -> Tensor:
    """The held-out probability of each class (N, K); counting the words is half of the work."""
    total = 2 * len(items)
    some = (data.texts(items[start : start + TEXTS_AT_ONCE]) for start in range(0, len(items), TEXTS_AT_ONCE))
    has = count_terms(some, len(items), lambda done, count: told(done, total))
    parts = torch.tensor(folds.part_of)
    return held_out_shares(
        has, given, parts, len(data.classes), lambda done, count: told(len(items) + len(items) * done // count, total)
    )


def _of_classes(data: DataSet, given: Tensor, shares: Tensor, folds: Folds) -> Finding:
    judged = judge_classes(shares, given)
    rows = zip(given.tolist(), judged.proposed.tolist(), shares.tolist(), strict=True)
    why = [
        f"A model that had not seen it: {data.classes[other]} {_share(row[other])}, {data.classes[own]} {_share(row[own])}."
        for own, other, row in rows
    ]
    proposed = [data.classes[at] for at in judged.proposed.tolist()]
    found = Found(proposed, judged.margin.tolist(), judged.loss.tolist(), judged.is_off.tolist(), why)
    return folds, found, _rare(data.classes, given.bincount(minlength=len(data.classes)).tolist())


def _find_points(data: DataSet, items: Sequence[Item], told: Told) -> Finding:
    assert isinstance(data, Data)
    sizes = torch.tensor([picture_size(item)[::-1] for item in items], dtype=torch.float32)  # width, height
    given = torch.tensor([data.label(item) for item in items])
    folds = fold(data, items, ["" for _ in items])
    found = held_out_places(mapped(data, items, told), given / sizes, torch.tensor(folds.part_of)) * sizes
    judged = judge_residuals(given - found, folds.group_of)
    proposed = (given - judged.residual).clamp(min=0).minimum(sizes - 1e-3)
    distance = judged.residual.norm(dim=1).tolist()
    why = [
        f"A model that had not seen it puts the point {away:.0f} pixels away, {times:.1f} times its usual error."
        for away, times in zip(distance, judged.score.tolist(), strict=True)
    ]
    points = [tuple(round(number, 1) for number in point) for point in proposed.tolist()]
    return folds, Found(points, judged.score.tolist(), distance, judged.is_off.tolist(), why), ()


def _find_numbers(data: DataSet, items: Sequence[Item], told: Told) -> Finding:
    assert isinstance(data, Data)
    given = torch.tensor([data.label(item) for item in items], dtype=torch.float32)
    known = given.isfinite()
    mean = given.nanmean(0)
    spread = (given - mean).square().nanmean(0).sqrt().clamp(min=1e-6)
    folds = fold(data, items, _fifths(given[:, 0]))
    inputs = components(gridded(data, items, told))
    parts = torch.tensor(folds.part_of)
    numbers = held_out(inputs, (given - mean) / spread, parts, len(data.classes), number_loss) * spread + mean
    each = [judge_residuals((given - numbers)[:, [at]], folds.group_of) for at in range(len(data.classes))]
    scores = torch.stack([one.score for one in each], 1)
    worst = scores.argmax(1)
    loss = (((given - numbers) / spread).square().nan_to_num().sum(1) / known.sum(1).clamp(min=1)).tolist()
    proposed: list[Any] = []
    why: list[str] = []
    for row, at in enumerate(worst.tolist()):
        name, wanted = data.classes[at], (given[row, at] - each[at].residual[row, 0]).item()
        label = dict(zip(data.classes, data.label(items[row]), strict=True))
        proposed.append({**label, name: float(f"{wanted:.4g}")})
        why.append(
            f"A model that had not seen it says {name} {wanted:.4g} in place of {label[name]:.4g}: "
            f"{scores[row, at]:.1f} times its usual error."
        )
    is_off = torch.stack([one.is_off for one in each], 1).any(1)
    return folds, Found(proposed, scores.max(1).values.tolist(), loss, is_off.tolist(), why), ()


def _fifths(numbers: Tensor) -> list[Hashable]:
    ranks = numbers.nan_to_num().argsort().argsort()
    return (ranks * 5 // len(numbers)).tolist()


def _said_tags(classes: Sequence[str], given: Tensor, wanted: Tensor, shares: Tensor) -> str:
    changed = (given != wanted).nonzero()[:, 0].tolist()
    said = [
        f"{classes[at]} {_share(float(shares[at]))}, and it is {'' if given[at] else 'not '}given"
        for at in sorted(changed, key=lambda at: float(shares[at] if given[at] else 1 - shares[at]))
    ]
    return f"A model that had not seen it says {'; '.join(said)}."


def _share(share: float) -> str:
    """A probability in words: nothing is certain."""
    return "under 1%" if share < 0.01 else "over 99%" if share > 0.99 else f"{share:.0%}"


def _rare(classes: Sequence[str], counts: Sequence[int]) -> list[str]:
    few = [f"{name} ({count})" for name, count in zip(classes, counts, strict=True) if count < FEWEST]
    if not few:
        return []
    return [f"Too rare to be judged with confidence: {', '.join(few[:8])}{' and others' if len(few) > 8 else ''}."]


_FINDERS: dict[str, Callable[[DataSet, Sequence[Item], Told], Finding]] = {
    "tags": _find_tags,
    "label": _find_classes,
    "text": _find_texts,
    "point": _find_points,
    "number": _find_numbers,
}
