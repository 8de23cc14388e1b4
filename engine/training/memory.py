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
from torch import nn

from engine.errors import TrainingError
from engine.events import BatchHalved, Event
from engine.host.machine import usable_memory
from engine.recipe import Stage

LARGE_SHARE = 0.5
# How allocators and libraries say it: torch's for CUDA, ROCm and MPS (as `AcceleratorError` too), cuBLAS, cuDNN, a CPU's.
OUT_OF_MEMORY = (
    "out of memory",
    "memory allocation failure",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_NOT_INITIALIZED",  # what it says where there is no room for its handle
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED",
    "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "CUDNN_STATUS_NOT_SUPPORTED",
    "unable to find an engine to execute this computation",
    "not enough memory",
    "can't allocate memory",
)


class TogetherOutOfMemory(MemoryError):
    """One of several processes has no room for its part of a batch, and all of them know it: all can go on with less."""


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
            if not is_out_of_memory(problem):
                raise
            is_agreed = isinstance(problem, TogetherOutOfMemory)
            if PartialState().num_processes > 1 and not is_agreed:  # the others wait for this one inside a collective
                raise TrainingError(
                    f"Out of memory with a batch of {stage.batch_size} over {PartialState().num_processes} processes. "
                    "Start again with a smaller batch size."
                ) from None
            old = stage.batch_size
        # Outside the except block: the exception's traceback holds the tensors that filled the memory.
        if old == 1:
            raise TrainingError("Not even one sample fits in memory. Choose a smaller resolution or backbone.")
        stage = dataclasses.replace(stage, batch_size=old // 2)
        free_memory(model)
        model.load_state_dict(copy.copy(weights))
        yield BatchHalved(stage=stage_index, old=old, new=stage.batch_size)


def is_out_of_memory(problem: BaseException) -> bool:
    """Whether an error, or one that it came from, says that memory did not suffice, in any of the words that there are for it."""
    seen: BaseException | None = problem
    while seen is not None:
        said = str(seen)
        if isinstance(seen, MemoryError | torch.OutOfMemoryError) or any(words in said for words in OUT_OF_MEMORY):
            return True
        seen = seen.__cause__
    return False


def give_back_when_short() -> None:
    """Hand memory that nobody holds any more to the system, where this process has half of what it may have.

    Batches of ever other lengths leave holes between what is held, which add up: a text model's worker grew to 20 GB of which it
    needed a fraction. Only glibc can be asked; elsewhere nothing happens.
    """
    if psutil.Process().memory_info().rss < usable_memory() * LARGE_SHARE:
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def free_memory(model: nn.Module | None = None) -> None:
    """Give back what nobody holds any more, the gradients of `model` with it."""
    if model is not None:
        model.zero_grad(set_to_none=True)
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
