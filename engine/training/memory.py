"""When a stage does not fit in memory: half the batch, from the stage's first step, and say so."""

import contextlib
import copy
import ctypes
import dataclasses
import gc
from collections.abc import Callable, Generator

import psutil
import torch
from accelerate.state import PartialState
from accelerate.utils.memory import should_reduce_batch_size
from torch import nn

from engine.errors import TrainingError
from engine.events import BatchHalved, Event
from engine.host.machine import usable_memory
from engine.recipe import Stage

LARGE_SHARE = 0.5


def halve_until_it_fits(
    train: Callable[[Stage], Generator[Event, None, bool]], stage: Stage, *, model: nn.Module, stage_index: int
) -> Generator[Event, None, bool]:
    """Run `train(stage)`; whenever it runs out of memory, again with half the batch and the weights from before.

    Returns what `train` returns. Raises `TrainingError` when not even a batch of one fits.
    """
    weights = {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
    while True:
        try:
            return (yield from train(stage))
        except (RuntimeError, MemoryError) as problem:
            if not (isinstance(problem, MemoryError) or should_reduce_batch_size(problem)):
                raise
            if PartialState().num_processes > 1:  # the others are waiting for this one inside a collective
                raise TrainingError(
                    f"Out of memory with a batch of {stage.batch_size} over {PartialState().num_processes} processes. "
                    "Start again with a smaller batch size."
                ) from None
            old = stage.batch_size
        # Outside the except block: the exception's traceback holds the tensors that filled the memory.
        if old == 1:
            raise TrainingError("Not even one sample fits in memory. Choose a smaller resolution or backbone.")
        stage = dataclasses.replace(stage, batch_size=old // 2)
        free_memory()
        model.load_state_dict(copy.copy(weights))
        yield BatchHalved(stage=stage_index, old=old, new=stage.batch_size)


def give_back_when_short() -> None:
    """Hand memory that nobody holds any more to the system, where this process has half of what it may have.

    Batches of ever other lengths leave holes between what is held, which add up: a text model's worker grew to 20 GB of which it
    needed a fraction. Only glibc can be asked; elsewhere nothing happens.
    """
    if psutil.Process().memory_info().rss < usable_memory() * LARGE_SHARE:
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def free_memory() -> None:
    """Give back what nobody holds any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
