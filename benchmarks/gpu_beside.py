"""Parts of `benchmarks.gpu` that set something beside ours: fastai, a server that answers, the tests that a device can run."""

# pyright: reportMissingImports=false
# (fastai is in this folder's own requirements)

import importlib.util
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.gpu_setting import LESSON, Sizes, build, lesson_case
from engine.bundle.config import build_config
from engine.bundle.files import latest_checkpoint
from engine.data.pictures.block import Data
from engine.events import EpochFinished
from engine.host.machine import trained_precisions
from engine.recipe import OFFLINE_BACKBONE, Recipe, Stage
from engine.serving.predictor import load_predictor
from engine.task import plan_model
from engine.training.loop import fit
from engine.training.memory import free_memory
from engine.training.precision import this_device
from engine.training.recipe_loop import train_recipe

WORKERS = 4
WATCHED = """
import sys, pytest, torch

class Waits:
    count = 0

    def pytest_warning_recorded(self, warning_message):
        self.count += "synchroniz" in str(warning_message.message)

if torch.cuda.is_available():
    torch.cuda.set_sync_debug_mode("warn")
watch = Waits()
code = pytest.main(sys.argv[1:], plugins=[watch])
print(watch.count)
sys.exit(code)
"""


def beside_fastai(sizes: Sizes) -> dict[str, Any]:
    """Forty steps at the lesson's sizes, unfrozen and augmented, ours and fastai's in fp16: samples a second of the second half.

    On a CPU, where fastai has no fp16, both are in fp32.
    """
    precision = "fp16" if "fp16" in trained_precisions(this_device().type) else "fp32"
    is_there = importlib.util.find_spec("fastai") is not None
    found: dict[str, Any] = {"format": precision, "fastai": "beside" if is_there else "is not installed"}
    for task in LESSON:
        objective, data, stage, model = lesson_case(task, sizes)
        count, ours = len(data.train), 0.0
        workers = 0 if sizes.is_small else WORKERS
        for event in fit(objective, replace(stage, precision=precision), model=model(), data=data, workers=workers):
            if isinstance(event, EpochFinished):
                ours = count / event.train_seconds
        free_memory()
        theirs = (
            count / fastai_epoch(task, data, stage, model(), workers=workers, half=precision == "fp16")
            if is_there
            else 0.0
        )
        found[task] = {"ours": ours, "fastai": theirs, "ratio": ours / theirs if theirs else None}
        free_memory()
    return found


def fastai_epoch(task: str, data: Data, stage: Stage, model: nn.Module, *, workers: int, half: bool) -> float:
    """Seconds of the training part of fastai's second epoch on the same model, files and sizes."""
    import fastai.callback.progress
    import fastai.callback.schedule  # noqa: F401 (both add methods to Learner)
    from fastai.callback.core import Callback
    from fastai.data.block import DataBlock, MultiCategoryBlock
    from fastai.data.transforms import IndexSplitter
    from fastai.learner import Learner
    from fastai.losses import BCEWithLogitsLossFlat, CrossEntropyLossFlat, MSELossFlat
    from fastai.vision.augment import Resize, ResizeMethod, aug_transforms
    from fastai.vision.core import Normalize, TensorPoint
    from fastai.vision.data import ImageBlock, MaskBlock, PointBlock

    label = data.block.label
    target, loss, answer = {
        "camvid": (
            MaskBlock(codes=[*data.classes, "Void"]),
            CrossEntropyLossFlat(axis=1, ignore_index=len(data.classes)),
            lambda item: label(item),
        ),
        "planet": (
            MultiCategoryBlock(vocab=list(data.classes)),
            BCEWithLogitsLossFlat(),
            lambda item: list(label(item)),
        ),
        "heads": (PointBlock, MSELossFlat(), lambda item: TensorPoint(torch.tensor([label(item)]))),
    }[task]
    seconds: list[float] = []

    class Clock(Callback):
        def before_train(self) -> None:
            self.started = now()

        def after_train(self) -> None:
            seconds.append(now() - self.started)

    block = DataBlock(
        blocks=(ImageBlock, target),
        get_items=lambda _: [*data.train, *data.valid],
        get_y=answer,
        splitter=IndexSplitter(range(len(data.train), len(data.train) + len(data.valid))),
        item_tfms=Resize(data.size_at(stage.image_size), method=ResizeMethod.Squish),
        batch_tfms=[*aug_transforms(), Normalize.from_stats((0.5,) * 3, (0.5,) * 3)],
    )
    for name in ("mean", "std"):  # fastai's batches come normalised: the model's own step becomes the identity
        getattr(model, name).fill_(float(name == "std"))
    loaders = block.dataloaders(data.root, bs=stage.batch_size, num_workers=workers, device=this_device())
    learner = Learner(loaders, model, loss_func=loss)
    learner = learner.to_fp16() if half else learner
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(stage.epochs, stage.lr_slice[1], cbs=Clock())
    return seconds[-1]


def now() -> float:
    """Seconds, when a GPU has done all that it was told to."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def out_of_memory_beside_a_server(sizes: Sizes) -> dict[str, Any]:
    """A model that answers where the card has no room left: the same answer, given on the CPU, and nothing is held on the card.

    Without a card it is asked twice on the CPU.
    """
    objective, data, stage, model = build("planet", sizes)
    recipe = Recipe(name="r", backbone=OFFLINE_BACKBONE, stages=(replace(stage, epochs=1),))
    has_card, item = this_device().type == "cuda", data.train[0]
    with tempfile.TemporaryDirectory() as folder:
        plan = plan_model(recipe, data)
        config = build_config(
            task="planet", objective=objective.name, recipe=recipe, plan=plan, dataset="drawn-chips", seed=42
        )
        for _ in train_recipe(
            objective, recipe, model=model(), data=data, folder=Path(folder) / "c", config=config, workers=0
        ):
            pass
        free_memory()
        bundle = latest_checkpoint(Path(folder) / "c")
        assert bundle
        predictor = load_predictor(bundle)
        _, batch = predictor.prepare(item)
        roomy, device = predictor.logits(batch), predictor.device.type
        batch = batch.repeat(1 if sizes.is_small else 4096, 1, 1, 1)  # more than is left below
        if has_card:
            total = torch.cuda.get_device_properties(0).total_memory
            free_memory()
            torch.cuda.set_per_process_memory_fraction(min(1.0, (torch.cuda.memory_allocated() + 2e8) / total))
        try:
            tight = predictor.logits(batch)
        finally:
            if has_card:
                torch.cuda.set_per_process_memory_fraction(1.0)
        free_memory()
    return {
        "device": device,
        "difference": (tight[0] - roomy[0]).abs().max().item(),
        "held after": torch.cuda.memory_allocated() if has_card else 0,
    }


def marked_tests(sizes: Sizes) -> dict[str, Any]:
    """The tests that are marked for any device, on this one, and how often torch saw the host wait in them."""
    if importlib.util.find_spec("pytest") is None:
        return {"left out": "pytest is not installed"}
    chosen = ["tests/engine/training/test_syncs.py"] if sizes.is_small else ["tests/engine"]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, "-q", "-p", "no:cacheprovider", "-W", "default", "-m", "device", *chosen],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stdout[-500:] + done.stderr[-500:])
    *_, tests, waits = done.stdout.strip().splitlines()
    return {
        "tests": tests,
        "waits of the host": int(waits),
        "did not pass": re.findall(r"^FAILED (.+)$", done.stdout, re.M),
    }
