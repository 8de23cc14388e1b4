"""How unusual an error is, for what belongs together: a person whose nose stands out is not suspected for it in each picture."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

FEWEST = 8  # samples of a group from which on it has a middle and a spread of its own
SURE = 6.0  # usual errors from which on a label is taken for wrong; `benchmarks.label_noise` measures it
LEAST = 1e-9


class Residuals(NamedTuple):
    """For each sample: its error without what its whole group is off by, that in usual errors, and whether it is too large."""

    residual: Tensor  # (N, K)
    score: Tensor  # (N,)
    is_off: Tensor  # (N,)


def judge_residuals(errors: Tensor, groups: Sequence[Hashable]) -> Residuals:
    """What held-out errors (N, K), given minus predicted, say; NaN where there is no label, which is never suspected.

    The usual error is the median length of a group's, but never below that of half of all.
    """
    residual = errors.clone()
    places: defaultdict[Hashable, list[int]] = defaultdict(list)
    for place, group in enumerate(groups):
        places[group].append(place)
    large = [torch.tensor(some) for some in places.values() if len(some) >= FEWEST]
    rest = [place for some in places.values() if len(some) < FEWEST for place in some]
    parts = [*large, *([torch.tensor(rest)] if rest else [])]
    for part in parts:
        residual[part] -= errors[part].nanmedian(0).values
    lengths = residual.norm(dim=1)
    usual = lengths.nanmedian() / 2
    score = torch.zeros_like(lengths)
    for part in parts:
        score[part] = lengths[part] / torch.maximum(lengths[part].nanmedian(), usual).clamp(min=LEAST)
    score = score.nan_to_num()
    return Residuals(residual, score, score > SURE)
