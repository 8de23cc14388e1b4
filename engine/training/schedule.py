"""The one-cycle policy (Smith and Topin 2017) as functions of the step: nothing to keep, nothing to restore."""

import math

DIV = 25.0  # the cycle starts at max_lr / DIV …
FINAL_DIV = 1e4  # … and ends at max_lr / DIV / FINAL_DIV, as in torch's OneCycleLR


def cosine(start: float, end: float, share: float) -> float:
    """From `start` to `end` along half a cosine; `share` in 0..1 is how far."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))


def one_cycle(step: int, steps: int, *, low: float, high: float, final: float, pct_start: float) -> float:
    """From `low` up to `high` over the first `pct_start` of `steps`, then down to `final`; `step` counts from 0."""
    peak = max(pct_start * steps - 1, 0.0)
    if step <= peak:
        return cosine(low, high, step / peak) if peak > 0 else high
    tail = steps - 1 - peak
    return cosine(high, final, (step - peak) / tail) if tail > 0 else final


def lr_at(step: int, steps: int, *, max_lr: float, pct_start: float) -> float:
    """The learning rate of a step, `max_lr` at the top of the cycle."""
    low = max_lr / DIV
    return one_cycle(step, steps, low=low, high=max_lr, final=low / FINAL_DIV, pct_start=pct_start)


def momentum_at(step: int, steps: int, *, momentum: tuple[float, float], pct_start: float) -> float:
    """Adam's first beta at a step: it mirrors the rate, highest where the rate is lowest."""
    high, low = momentum
    return one_cycle(step, steps, low=high, high=low, final=high, pct_start=pct_start)
