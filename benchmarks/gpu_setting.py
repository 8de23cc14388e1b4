"""What the parts of `benchmarks.gpu` measure on: sizes, drawn data, models with random weights and without dropout."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from engine.data.dataset import DataSet
from engine.data.pictures.block import Data
from engine.data.sources.fetching import fetch
from engine.recipe import AWD_LSTM_SMALL, OFFLINE_BACKBONE, Recipe, Stage
from engine.task import ModelPlan, Objective
from engine.tasks.registry import get_task
from engine.training.planning import planned

PACKAGES = (
    "torch",
    "torchvision",
    "timm",
    "accelerate",
    "transformers",
    "datasets",
    "torchmetrics",
    "fastai",
    "onnxruntime",
)
SETS = {"camvid": "drawn-streets", "planet": "drawn-chips", "heads": "drawn-heads", "imdb": "drawn-reviews"}
LESSON = {"camvid": ("resnet34", 360, 8), "planet": ("resnet50", 256, 64), "heads": ("resnet34", 120, 64)}
STEPS = 20  # of an epoch; the first of two warms up


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How large everything is: steps of a comparison and those at its end that count, pixels, words, samples in a batch."""

    steps: int
    counted: int
    pixels: int
    words: int
    batch: int
    hidden: int

    @property
    def is_small(self) -> bool:
        return self.pixels < 100


LARGE = Sizes(steps=40, counted=10, pixels=224, words=256, batch=32, hidden=1152)
SMALL = Sizes(steps=4, counted=2, pixels=32, words=32, batch=4, hidden=24)


def build(task: str, sizes: Sizes) -> tuple[Objective, DataSet, Stage, Callable[[], nn.Module]]:
    """A task's objective, its drawn data, a stage, and what makes a model with random weights and no dropout."""
    objective = get_task(task).build_objective()
    data = objective.open_data(fetch(SETS[task]))
    recipe = Recipe(name="gpu", stages=(Stage(),), backbone=AWD_LSTM_SMALL if task == "imdb" else OFFLINE_BACKBONE)
    plan = _result(planned(objective, recipe, data, None))
    stage = Stage(
        name=task,
        max_lr=1e-3,
        image_size=sizes.pixels,
        text_length=sizes.words,
        batch_size=sizes.batch if task != "camvid" else max(2, sizes.batch // 4),
        drop_mult=0.0,
        augmentation="none",
    )
    steps = max(1, len(data.train) // stage.batch_size)
    stage = replace(stage, epochs=-(-sizes.steps // steps), precision="fp32")

    def model() -> nn.Module:
        torch.manual_seed(0)
        made = objective.build_model(plan, pretrained=False)
        for module in made.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        return made

    return objective, data, stage, model


def lesson_case(task: str, sizes: Sizes) -> tuple[Objective, Any, Stage, Callable[[], nn.Module]]:
    """A task at the lesson's size on drawn pictures, repeated until an epoch has enough steps; its ResNet has random weights."""
    backbone, pixels, batch = LESSON[task]
    if sizes.is_small:
        backbone, pixels, batch = OFFLINE_BACKBONE, sizes.pixels, sizes.batch
    objective = get_task(task).build_objective()
    data = objective.open_data(fetch(SETS[task]))
    stage = Stage(name=task, epochs=2, max_lr=1e-3, image_size=pixels, batch_size=batch)
    assert isinstance(data, Data)
    steps = 2 if sizes.is_small else STEPS
    data = replace(
        data, train=(data.train * (1 + steps * batch // len(data.train)))[: steps * batch], valid=data.valid[:8]
    )
    plan = ModelPlan(backbone=backbone, classes=data.classes)
    return objective, data, stage, lambda: objective.build_model(plan, pretrained=False)


def _result(events: Any) -> ModelPlan:
    while True:
        try:
            next(events)
        except StopIteration as end:
            return end.value


@contextlib.contextmanager
def tf32(is_on: bool) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if is_on else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
