"""The learning-rate range test (Smith 2015): try rates from tiny to far too large, and look where the loss falls.

Nothing of it stays: weights, gradients, flags, dropout and random state are as before when the generator ends.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.data.loaders import Loaders
from engine.data.seeding import derive_seed
from engine.errors import TrainingError
from engine.events import Event, RatesSuggested, RateTried
from engine.recipe import Stage, rate_text
from engine.task import Objective
from engine.training.carried import forget
from engine.training.dropout import dropouts, scale_dropout
from engine.training.layer_groups import freeze, layer_groups, set_train_mode
from engine.training.loop import build_optimizer, check_batch_size, never, prepare_caches, some_of, train_step
from engine.training.precision import build_accelerator, check_precision, fastest_precision

FIRST_RATE, LAST_RATE = 1e-7, 10.0
SMOOTHING = 0.9
BLOW_UP = 4.0  # stop when the smoothed loss is this many times its best
LEAST_STEPS = 10


def find_lr(
    objective: Objective,
    stage: Stage,
    *,
    model: nn.Module,
    data: Any,
    seed: int = 42,
    steps: int = 100,
    should_stop: Callable[[], bool] = never,
    workers: int | None = None,
) -> Iterator[Event]:
    """Train a few batches at rates that grow by a factor, and suggest some; ends early when the loss blows up.

    Raises `TrainingError` when the loss is not finite before there is a curve to read.
    """
    data = some_of(data, stage.train_items)
    yield from prepare_caches(objective, stage, model, data)
    check_precision(stage.precision)
    check_batch_size(stage, model, data)
    before = _remember(model)
    random_state = torch.get_rng_state(), torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    try:
        groups = layer_groups(model)
        freeze(groups, stage.train_from)
        scale_dropout(model, stage.drop_mult)
        set_train_mode(model, groups, stage.train_from)
        loaders = objective.feed.build_loaders(data, stage, model, seed=derive_seed(seed, "lr-find"), workers=workers)
        if stage.precision == "auto":
            images, target = next(iter(loaders.valid))
            stage = replace(stage, precision=fastest_precision(objective.loss, model, images, target)[0])
        accelerator = build_accelerator(stage.precision)
        # One rate for all groups and no weight decay: the curve is the rate's alone.
        optimizer = build_optimizer(model.to(accelerator.device), replace(stage, weight_decay=0.0))
        optimizer = accelerator.prepare(optimizer)
        rates, losses = [], []
        average, best = 0.0, math.inf
        forget(model)
        for step, (images, target) in enumerate(_endless(loaders, steps), start=1):
            if should_stop():
                return
            rate = FIRST_RATE * (LAST_RATE / FIRST_RATE) ** ((step - 1) / (steps - 1))
            for group in optimizer.param_groups:
                group["lr"] = rate
            torch.manual_seed(derive_seed(seed, "lr-find", step))
            loss_sum, count = train_step(
                objective, model, images, target, optimizer=optimizer, accelerator=accelerator, stage=stage
            )
            loss = loss_sum / max(count, 1)
            if not math.isfinite(loss):
                if step <= LEAST_STEPS:
                    raise TrainingError(
                        f"The loss stopped being a number at the {step}. of {steps} rates ({rate_text(rate)}), too early for "
                        "a curve: this is not the rate's fault. Choose fp32 as precision, another start, or look at the data."
                    )
                break
            average = SMOOTHING * average + (1 - SMOOTHING) * loss
            smoothed = average / (1 - SMOOTHING**step)  # as Adam does, for the first steps' sake
            rates.append(rate)
            losses.append(smoothed)
            yield RateTried(step=step, steps=steps, lr=rate, loss=loss, smoothed=smoothed)
            best = min(best, smoothed)
            if step > LEAST_STEPS and smoothed > BLOW_UP * best:
                break
    finally:
        _restore(model, before)
        forget(model)
        torch.set_rng_state(random_state[0])
        if random_state[1]:
            torch.cuda.set_rng_state_all(random_state[1])
    yield suggest(np.array(rates), np.array(losses), is_frozen=stage.is_frozen)


def suggest(rates: np.ndarray, losses: np.ndarray, *, is_frozen: bool) -> RatesSuggested:
    """Suggestions from a finished curve (rates rising, losses smoothed)."""
    suggestions = {
        "valley": float(rates[valley(losses)]),
        "slide": float(rates[slide(rates, losses)]),
        "steep": float(rates[steepest(rates, losses)]),
        "minimum/10": float(rates[int(losses.argmin())] / 10),
    }
    if is_frozen:
        rate = _round(min(suggestions["minimum/10"], max(suggestions["steep"], suggestions["valley"])))
        reading = (
            f"The head alone learns: take one rate where the loss falls steeply, about a tenth of where it turns up "
            f"({rate_text(rates[int(losses.argmin())])}): {rate_text(rate)}."
        )
        return RatesSuggested(suggestions=suggestions, reading=reading, reading_lr=(rate,))
    turn = float(rates[shoots_up(losses)])
    low = _round(turn / 10)
    high = _round(max(suggestions["valley"], low * 3))
    reading = (
        f"Everything learns: start the slice ten times below the point where the loss shoots up ({rate_text(turn)}) and end it "
        f"at a fifth to a tenth of the rate that trained the head; without one at hand, at the valley: "
        f"slice({rate_text(low)}, {rate_text(high)})."
    )
    return RatesSuggested(suggestions=suggestions, reading=reading, reading_lr=(low, high))


def valley(losses: np.ndarray) -> int:
    """Two thirds down the longest stretch of descent: the longest decreasing subsequence of the losses."""
    lengths = np.ones(len(losses), dtype=int)
    previous = np.arange(len(losses))
    for i in range(1, len(losses)):
        higher = np.flatnonzero(losses[:i] > losses[i])
        if len(higher):
            longest = higher[lengths[higher].argmax()]
            lengths[i], previous[i] = lengths[longest] + 1, longest
    end = int(lengths.argmax())
    start = end
    while previous[start] != start:
        start = int(previous[start])
    return start + (end - start) * 2 // 3


def slide(rates: np.ndarray, losses: np.ndarray, *, shift: float = 0.4) -> int:
    """Just before the last downward slide ends: walk back from the blow-up to the first steep descent, then left a bit."""
    slope = np.gradient(losses, np.log10(rates))
    falling = np.flatnonzero(slope < 0.5 * slope.min())
    end = int(falling[-1]) if len(falling) else int(losses.argmin())
    target = rates[end] * 10**-shift
    return int(np.abs(rates - target).argmin())


def steepest(rates: np.ndarray, losses: np.ndarray) -> int:
    """Where the loss falls fastest over the logarithm of the rate."""
    return int(np.gradient(losses, np.log10(rates)).argmin())


def shoots_up(losses: np.ndarray) -> int:
    """The first point behind the minimum where a tenth of the loss's range has been lost again, else the last point."""
    lowest = int(losses.argmin())
    limit = losses[lowest] + 0.1 * (losses[0] - losses[lowest] if losses[0] > losses[lowest] else losses[lowest])
    above = np.flatnonzero(losses[lowest:] > limit)
    return lowest + int(above[0]) if len(above) else len(losses) - 1


def _round(rate: float) -> float:
    """One digit: nobody can tell 1.1e-3 from 1e-3."""
    return float(f"{rate:.0e}")


def _endless(loaders: Loaders, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    taken = 0
    while taken < steps:
        for batch in loaders.train:
            yield batch
            taken += 1
            if taken == steps:
                return
        loaders.train_batches.epoch += 1  # a model that carries what it read reads on


def _remember(model: nn.Module) -> dict:
    return {
        "weights": {name: tensor.detach().clone() for name, tensor in model.state_dict().items()},
        "learns": [parameter.requires_grad for parameter in model.parameters()],
        "gradients": [parameter.grad for parameter in model.parameters()],
        "training": [module.training for module in model.modules()],
        "dropout": dropouts(model),
    }


def _restore(model: nn.Module, before: dict) -> None:
    model.load_state_dict(before["weights"])
    for parameter, learns, gradient in zip(model.parameters(), before["learns"], before["gradients"], strict=True):
        parameter.requires_grad_(learns)
        parameter.grad = gradient
    for module, training in zip(model.modules(), before["training"], strict=True):
        module.training = training
    for module, name, p in before["dropout"]:
        setattr(module, name, p)
