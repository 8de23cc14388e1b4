"""The learning-rate range test (Smith 2015): try rates from tiny to far too large, and look where the loss falls.

It sets a stage up as training does and takes the same steps. Nothing of it stays: weights, gradients, flags, dropout and random
state are as before when the generator ends.
"""

import math
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.data.dataset import DataSet
from engine.data.loaders import Loaders
from engine.data.seeding import derive_seed
from engine.errors import RecipeError, TrainingError
from engine.events import Event, RateTried
from engine.recipe import LR_STEPS, Stage, rate_text
from engine.task import Objective
from engine.training.carried import forget
from engine.training.dropout import dropouts
from engine.training.lr_reading import LEAST_STEPS, suggest
from engine.training.memory import halve_until_it_fits
from engine.training.ready import Ready
from engine.training.setup import never, prepare_stage

FIRST_RATE, LAST_RATE = 1e-7, 10.0
SMOOTHING = 0.9  # of the running average by which the search ends
BLOW_UP = 4.0  # it ends when that is so many times its best


def find_lr(
    objective: Objective,
    stage: Stage,
    *,
    model: nn.Module,
    data: DataSet,
    seed: int = 42,
    steps: int = LR_STEPS,
    head_rate: float | None = None,
    should_stop: Callable[[], bool] = never,
    workers: int | None = None,
) -> Generator[Event, None, bool]:
    """Train a few batches at rates that grow by a factor, and suggest some; ends early when the loss blows up.

    `head_rate` is the rate that trained the head of the weights one starts from, where that is known: the reading of an unfrozen
    stage ends its slice below it. The generator returns False when it was asked to stop. Raises `RecipeError` for
    too few steps, and `TrainingError` when the loss is not finite before there is a curve to read.
    """
    if steps <= LEAST_STEPS:
        raise RecipeError(
            f"{steps} rates to try are too few for a curve, whose first {LEAST_STEPS} do not count. Try {LR_STEPS} or more."
        )
    test = partial(
        range_test,
        objective,
        model=model,
        data=data,
        seed=derive_seed(seed, "lr-find"),
        steps=steps,
        head_rate=head_rate,
        should_stop=should_stop,
        workers=workers,
    )
    return (yield from halve_until_it_fits(test, stage, model=model, stage_index=0))


def range_test(
    objective: Objective,
    stage: Stage,
    *,
    model: nn.Module,
    data: DataSet,
    seed: int,
    steps: int,
    head_rate: float | None,
    should_stop: Callable[[], bool],
    workers: int | None,
) -> Generator[Event, None, bool]:
    """`find_lr` with one batch size."""
    before = _remember(model)
    tried: list[RateTried] = []
    try:
        ready = yield from prepare_stage(
            objective,
            replace(stage, weight_decay=0.0),  # the curve is the rate's alone
            model=model,
            data=data,
            seed=seed,
            should_stop=should_stop,
            workers=workers,
            keeps_activations=False,
        )
        if ready is None:
            return False
        for event in try_rates(ready, steps):
            if should_stop():
                return False
            tried.append(event)
            yield event
    finally:
        _restore(model, before)
    rates, losses = (np.array([getattr(event, name) for event in tried]) for name in ("lr", "loss"))
    yield suggest(rates, losses, is_frozen=stage.is_frozen, head_rate=head_rate)
    return True


def try_rates(ready: Ready, steps: int) -> Iterator[RateTried]:
    """A training step at each of `steps` rates, one rate for all layer groups, until the loss blows up."""
    average, best = 0.0, math.inf
    ready.train_mode()
    forget(ready.model)
    for step, (inputs, target) in enumerate(_endless(ready.loaders, steps), start=1):
        rate = FIRST_RATE * (LAST_RATE / FIRST_RATE) ** ((step - 1) / (steps - 1))
        for group in ready.optimizer.param_groups:
            group["lr"] = rate
        torch.manual_seed(derive_seed(ready.seed, "step", step, ready.accelerator.process_index))
        loss_sum, count = ready.step(inputs, target)
        loss = loss_sum / max(count, 1)
        if not math.isfinite(loss):
            if step <= LEAST_STEPS:
                raise TrainingError(
                    f"The loss stopped being a number at rate {step} of {steps} ({rate_text(rate)}), which is too early for a "
                    "curve: the rate is not what is wrong. Choose fp32 as the precision, start from other weights, or look at "
                    "the data."
                )
            return
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        smoothed = average / (1 - SMOOTHING**step)  # without the pull to zero at its beginning
        yield RateTried(step=step, steps=steps, lr=rate, loss=loss, smoothed=smoothed)
        best = min(best, smoothed) if step >= LEAST_STEPS else best
        if step > LEAST_STEPS and smoothed > BLOW_UP * best:
            return


def _endless(loaders: Loaders, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    taken = 0
    while taken < steps:
        for batch in loaders.train:
            yield batch
            taken += 1
            if taken == steps:
                return
        loaders.train_batches.epoch += 1  # a model that carries what it read reads on


def _remember(model: nn.Module) -> dict[str, Any]:
    """What a range test changes: the weights on the CPU, what learns, gradients, modes, dropout and random state."""
    return {
        "weights": {name: tensor.detach().clone() for name, tensor in model.state_dict().items()},
        "learns": [parameter.requires_grad for parameter in model.parameters()],
        "gradients": [parameter.grad for parameter in model.parameters()],
        "training": [(module, module.training) for module in model.modules()],
        "dropout": dropouts(model),
        "random": torch.get_rng_state(),
        "random on GPUs": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def _restore(model: nn.Module, before: dict[str, Any]) -> None:
    model.load_state_dict(before["weights"])
    for parameter, learns, gradient in zip(model.parameters(), before["learns"], before["gradients"], strict=True):
        parameter.requires_grad_(learns)
        parameter.grad = gradient
    for module, is_training in before["training"]:
        module.training = is_training
    for module, name, p in before["dropout"]:
        setattr(module, name, p)
    forget(model)
    torch.set_rng_state(before["random"])
    torch.cuda.set_rng_state_all(before["random on GPUs"])
