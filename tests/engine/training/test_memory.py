import dataclasses
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from toy import STAGE, TOY, TinyClassifier, draw_squares

from engine.errors import TrainingError
from engine.events import BatchHalved, Event, RunResumed, StageFinished, StageStarted
from engine.recipe import Recipe, Stage
from engine.training import memory
from engine.training.memory import halve_until_it_fits, is_out_of_memory
from engine.training.recipe_loop import train_recipe


class Greedy(TinyClassifier):
    """Runs out of memory on batches above `fits`, as CUDA would say it."""

    fits = 2

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        if len(pictures) > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return super().forward(pictures)


@pytest.mark.device
def test_the_batch_is_halved_until_it_fits(tmp_path: Path) -> None:
    objective = TOY.build_objective()
    data = objective.open_data(draw_squares(tmp_path / "toy"))
    stage = dataclasses.replace(STAGE, batch_size=16, epochs=1)
    recipe = Recipe(name="greedy", backbone="tiny", stages=(stage,))
    events = list(train_recipe(objective, recipe, model=Greedy(3), data=data, folder=tmp_path / "c", workers=0))
    halved = [(event.old, event.new) for event in events if isinstance(event, BatchHalved)]
    assert halved == [(16, 8), (8, 4), (4, 2)]
    assert [event.batch_size for event in events if isinstance(event, StageStarted)] == [16, 8, 4, 2]
    assert isinstance(events[-1], StageFinished)
    resumed = list(train_recipe(objective, recipe, model=Greedy(3), data=data, folder=tmp_path / "c", workers=0))
    assert isinstance(resumed[0], RunResumed)
    assert not [event for event in resumed if isinstance(event, BatchHalved)]


def test_the_stage_starts_again_with_the_weights_from_before() -> None:
    model, seen = TinyClassifier(3), []

    def train(stage: Stage) -> Iterator[Event]:
        seen.append((stage.batch_size, model.head[3].bias.detach().clone()))
        with torch.no_grad():
            model.head[3].bias.add_(1)
        if stage.batch_size > 4:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        yield StageFinished(stage=0, seconds=1, peak_memory=0)

    list(halve_until_it_fits(train, dataclasses.replace(STAGE, batch_size=8), model=model, stage_index=0))
    assert [size for size, _ in seen] == [8, 4]
    assert torch.equal(seen[0][1], seen[1][1])


def test_not_even_one_sample_is_said_plainly() -> None:
    def train(stage: Stage) -> Iterator[Event]:
        raise torch.OutOfMemoryError("CUDA out of memory.")
        yield

    with pytest.raises(TrainingError, match="Not even one sample"):
        list(halve_until_it_fits(train, STAGE, model=TinyClassifier(3), stage_index=0))


WORDS = [
    "CUDA out of memory. Tried to allocate 2.00 GiB.",
    "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some other API call",
    "HIP out of memory. Tried to allocate 20 MiB",
    "MPS backend out of memory (MPS allocated: 8 GB)",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "cuDNN error: CUDNN_STATUS_NOT_SUPPORTED. This error may appear if you passed in a non-contiguous input.",
    "GET was unable to find an engine to execute this computation",
    "FIND was unable to find an engine to execute this computation",
    "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.",
    "[enforce fail at alloc_cpu.cpp:79] data. DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes.",
]


@pytest.mark.parametrize("words", WORDS)
def test_memory_that_does_not_suffice_is_known_in_all_its_words(words: str) -> None:
    kinds = [RuntimeError, *([torch.AcceleratorError] if hasattr(torch, "AcceleratorError") else [])]
    for kind in kinds:
        assert is_out_of_memory(kind(words))
    try:
        try:
            raise RuntimeError(words)
        except RuntimeError as cause:
            raise RuntimeError("the backward pass failed") from cause
    except RuntimeError as wrapped:
        assert is_out_of_memory(wrapped)


def test_gradients_are_given_back_before_the_next_try() -> None:
    model, seen = TinyClassifier(3), []

    def train(stage: Stage) -> Iterator[Event]:
        seen.append([parameter.grad is None for parameter in model.parameters()])
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        if stage.batch_size > 4:
            raise RuntimeError("CUDA error: out of memory")
        yield StageFinished(stage=0, seconds=1, peak_memory=0)

    list(halve_until_it_fits(train, dataclasses.replace(STAGE, batch_size=8), model=model, stage_index=0))
    assert all(all(some) for some in seen) and len(seen) == 2


def test_other_mistakes_are_not_taken_for_memory() -> None:
    def train(stage: Stage) -> Iterator[Event]:
        raise RuntimeError("shapes do not match")
        yield

    with pytest.raises(RuntimeError, match="shapes"):
        list(halve_until_it_fits(train, STAGE, model=TinyClassifier(3), stage_index=0))


def test_memory_is_given_back_only_where_much_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        memory.ctypes, "CDLL", lambda name: asked.append(name) or SimpleNamespace(malloc_trim=asked.append)
    )
    monkeypatch.setattr(memory, "LARGE_SHARE", 1.0)
    memory.give_back_when_short()
    assert asked == []
    monkeypatch.setattr(memory, "LARGE_SHARE", 0.0)
    memory.give_back_when_short()
    assert asked == ["libc.so.6", 0]

    def elsewhere(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(memory.ctypes, "CDLL", elsewhere)
    memory.give_back_when_short()
