"""One judged sample in plain values, by which many are sifted: right or wrong, how sure, and which errors it is a part of.

Each kind says this of a model's figures and the target as the loss has them; `engine.serving.sifted` gathers it for a split.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from engine.kinds.sureness import temperature_of

VOID = 255
LESSON_THRESHOLD = 0.2
NEAR = 0.05  # of the picture's width: a point that is nearer is called right
FEW_PIXELS = 0.002  # of a picture, below which a confusion is not counted
MOSTLY = 0.9  # of a mask's pixels that are right where it is called right


@dataclass(frozen=True, slots=True, kw_only=True)
class Sifted:
    """What is known of one judged sample.

    margin: how far ahead its answer is of the next one, in 0..1; small where it was a close call.
    unsure: in 0..1, how far the model is from being certain; 0 where its figures say nothing of that.
    truth: the classes that are there. pairs: how often (truth, answer) comes in it, of classes that are taken for each other.
    error: how far off a number or a point is, in `unit`; None for classes.
    """

    is_right: bool
    margin: float = 0.0
    unsure: float = 0.0
    truth: tuple[str, ...] = ()
    pairs: Mapping[tuple[str, str], float] = field(default_factory=dict)
    error: float | None = None
    unit: str = ""


def sift_class(logits: Tensor, target: Tensor, classes: tuple[str, ...], decision: Mapping[str, Any]) -> Sifted:
    """Of logits (K,) and a class's number ()."""
    first, second = (logits.float() / temperature_of(decision)).softmax(0).topk(2)
    answer, truth = classes[int(second[0])], classes[int(target)]
    return Sifted(
        is_right=answer == truth,
        margin=float(first[0] - first[1]),
        unsure=1 - float(first[0]),
        truth=(truth,),
        pairs={(truth, answer): 1.0},
    )


def sift_tags(logits: Tensor, target: Tensor, classes: tuple[str, ...], decision: Mapping[str, Any]) -> Sifted:
    """Of logits (K,) and tags (K,) of 0 and 1. A pair is a tag that was missed and one that was given without being there."""
    shares = logits.float().sigmoid()
    threshold = decision.get("threshold", LESSON_THRESHOLD)
    given = {name for name, share in zip(classes, shares.tolist(), strict=True) if share > threshold}
    there = {name for name, is_there in zip(classes, target.tolist(), strict=True) if is_there}
    missed, extra = sorted(there - given), sorted(given - there)
    return Sifted(
        is_right=given == there,
        margin=float((shares - threshold).abs().min()),
        unsure=float((1 - (2 * (logits.float() / temperature_of(decision)).sigmoid() - 1).abs()).max()),
        truth=tuple(sorted(there)),
        pairs={(one, other): 1.0 for one in missed or ["(nothing missed)"] for other in extra or ["(nothing extra)"]}
        if given != there
        else {},
    )


def sift_mask(logits: Tensor, target: Tensor, classes: tuple[str, ...], decision: Mapping[str, Any]) -> Sifted:
    """Of logits (K, h, w) and a mask (H, W) of classes, 255 for none. Pairs count shares of the pixels."""
    logits = logits.float()
    if logits.shape[1:] != target.shape[-2:]:
        logits = torch.nn.functional.interpolate(logits[None], size=target.shape[-2:], mode="bilinear")[0]
    top = (logits / temperature_of(decision)).softmax(0).topk(2, 0).values
    known = target != VOID
    answer, truth = logits.argmax(0)[known], target[known].long()
    total = max(int(known.sum()), 1)
    places = Counter((truth * len(classes) + answer).tolist())
    pairs = {
        (classes[place // len(classes)], classes[place % len(classes)]): count / total
        for place, count in places.items()
        if count / total >= FEW_PIXELS
    }
    return Sifted(
        is_right=float((answer == truth).float().mean()) >= MOSTLY if len(truth) else True,
        margin=float((top[0] - top[1]).mean()),
        unsure=float(1 - top[0].mean()),
        truth=tuple(classes[number] for number in truth.unique().tolist()),
        pairs=pairs,
    )


def sift_point(logits: Tensor, target: Tensor, classes: tuple[str, ...], decision: Mapping[str, Any]) -> Sifted:
    """Of a point and the true one, each in -1..1 of the picture's sides; the error is in shares of a side."""
    away = float(((logits.float().clamp(-1, 1) - target.as_subclass(Tensor).float()).reshape(-1) / 2).norm())
    return Sifted(is_right=away <= NEAR, error=away, unit="of a side")


def sift_numbers(logits: Tensor, target: Tensor, classes: tuple[str, ...], decision: Mapping[str, Any]) -> Sifted:
    """Of numbers (K,) and targets with their spreads (2, K): right is nearer than half a spread, the error is in spreads."""
    numbers, spreads = target.float().unbind(0)
    off = ((logits.float() - numbers).abs() / spreads)[numbers.isfinite()]
    error = float(off.mean()) if len(off) else 0.0
    return Sifted(is_right=error <= 0.5, error=error, unit="spreads")
