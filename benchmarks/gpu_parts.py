"""The parts of `benchmarks.gpu`, each of which measures one thing on this machine's device."""

import importlib.util
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_setting import LESSON, PACKAGES, SETS, Sizes, build, lesson_case, tf32
from engine.events import BatchHalved, EpochFinished, PrecisionChosen, StageFinished, StepFinished, Warned
from engine.host.cards import try_cards
from engine.host.machine import describe_machine, trained_precisions
from engine.models.awd_lstm import WeightDropLstm
from engine.recipe import OFFLINE_BACKBONE, Recipe
from engine.training.loop import fit
from engine.training.memory import free_memory, halve_until_it_fits
from engine.training.precision import this_device
from engine.training.ready import Ready
from engine.training.recipe_loop import train_recipe

CLOSE = 0.02  # how far the mean loss of a format may be from that of fp32


def verdicts(sizes: Sizes) -> dict[str, Any]:
    """What is installed, and whether the cards work."""
    machine, device = describe_machine(), this_device()
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "device": machine.name,
        "cores": machine.cores,
        "formats": list(trained_precisions(device.type)),
        "cards": [fault or "works" for fault in try_cards()] if torch.cuda.is_available() else [],
        "missing packages": [name for name in PACKAGES if importlib.util.find_spec(name) is None],
    }
    if device.type == "cuda":
        found["capability"] = torch.cuda.get_device_capability()
        found["built for"] = torch.cuda.get_arch_list()
    return found


def lstm(sizes: Sizes) -> dict[str, Any]:
    """The type that the LSTM computes in, the share of its gradients that become 0, and how far they are from those in fp32."""
    device, found = this_device(), dict[str, Any]()
    torch.manual_seed(0)
    layer = WeightDropLstm(sizes.hidden // 3, sizes.hidden, input_p=0.0, weight_p=0.0).to(device)
    words = torch.randn(sizes.batch, min(70, sizes.words), sizes.hidden // 3, device=device)
    exact: torch.Tensor | None = None
    for name, dtype in (("fp32", None), ("bf16", torch.bfloat16), ("fp16", torch.float16)):
        if name not in ("fp32", *trained_precisions(device.type), "bf16"):
            continue
        layer.zero_grad()
        with torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
            outputs, _ = layer(words, None)
        (outputs.float().square().sum() / 1e6).backward()  # as training divides by all that a batch counts
        grad = layer.weight_hh.grad
        assert grad is not None
        exact = grad.clone() if exact is None else exact
        found[name] = {
            "type": str(outputs.dtype),
            "zero": (grad == 0).float().mean().item(),
            "off": ((grad - exact).norm() / exact.norm()).item(),
        }
    return found


def formats(sizes: Sizes) -> dict[str, Any]:
    """Every task in every format: the mean loss of the last steps against fp32's, samples a second, memory, skipped steps."""
    device, found = this_device(), dict[str, Any]()
    names = ["fp32", *(["tf32"] if device.type == "cuda" else []), *trained_precisions(device.type)[1:]]
    for task in SETS:
        objective, data, stage, model = build(task, sizes)
        found[task] = {}
        for name in names:
            tried = replace(stage, precision="fp32" if name == "tf32" else name)
            losses, seconds, peak, told = list[float](), list[float](), 0, list[str]()
            with tf32(name == "tf32"):
                for event in fit(objective, tried, model=model(), data=data, workers=0):
                    if isinstance(event, StepFinished):
                        losses.append(event.loss)
                        seconds.append(event.seconds)
                    elif isinstance(event, StageFinished):
                        peak = event.peak_memory
                    elif isinstance(event, Warned):
                        told.append(event.message)
            last = losses[: sizes.steps][-sizes.counted :]
            found[task][name] = {
                "loss": statistics.fmean(last),
                "samples a second": stage.batch_size / statistics.median(seconds[2:] or seconds),
                "peak MB": peak / 1e6,
                "told": told,
            }
            free_memory()
        exact = found[task]["fp32"]["loss"]
        for one in found[task].values():
            one["off"] = abs(one["loss"] / exact - 1)
            one["is close"] = one["off"] <= CLOSE
    return found


def syncs(sizes: Sizes) -> dict[str, Any]:
    """How often the host waits for the device in a training step, by task; on a CPU nothing can be counted."""
    if this_device().type != "cuda":
        return {"not counted": "no CUDA device"}
    found = {}
    for task in SETS:
        objective, data, stage, model = build(task, sizes)
        real, counts = Ready.step, list[int]()

        def step(
            self: Ready, *batch: torch.Tensor, real: Any = real, counts: list[int] = counts
        ) -> tuple[float, float]:
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always")
                torch.cuda.set_sync_debug_mode("warn")
                try:
                    return real(self, *batch)
                finally:
                    torch.cuda.set_sync_debug_mode("default")
                    counts.append(sum("synchroniz" in str(one.message) for one in seen))

        setattr(Ready, "step", step)  # noqa: B010 (another signature)
        try:
            for _ in fit(objective, replace(stage, epochs=1), model=model(), data=data, workers=0):
                pass
        finally:
            setattr(Ready, "step", real)  # noqa: B010
        found[task] = {"middle": statistics.median(counts), "most": max(counts)}
    return found


def resume(sizes: Sizes) -> dict[str, Any]:
    """A run that was stopped and goes on, against one that was not: the largest difference between their losses."""
    objective, data, stage, model = build("planet", sizes)
    found = {}
    for name in trained_precisions(this_device().type):
        recipe = Recipe(name="r", backbone=OFFLINE_BACKBONE, stages=(replace(stage, precision=name, epochs=2),))
        told: list[list[float]] = []
        for stops in ((), (2,)):
            with tempfile.TemporaryDirectory() as folder:
                losses: dict[int, float] = {}
                for stop in (*stops, 10**9):
                    for event in train_recipe(
                        objective,
                        recipe,
                        model=model(),
                        data=data,
                        folder=Path(folder) / "c",
                        workers=0,
                        should_stop=lambda losses=losses, stop=stop: len(losses) >= stop,
                    ):
                        if isinstance(event, StepFinished):
                            losses[event.step] = event.loss
                told.append([losses[step] for step in sorted(losses)])
        found[name] = {"steps": len(told[0]), "largest difference": max(abs(a - b) for a, b in zip(*told, strict=True))}
    return found


def out_of_memory(sizes: Sizes) -> dict[str, Any]:
    """A batch that the card has no room for: halved until it fits, and nothing is held afterwards."""
    if this_device().type != "cuda":
        return {"not tried": "no CUDA device"}
    objective, data, stage, model = build("camvid", replace(sizes, pixels=512))
    free_memory()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, 1.5e9 / total))
    halved, before = list[int](), torch.cuda.memory_allocated()
    try:
        large, learner = replace(stage, batch_size=64, epochs=1), model()
        training = halve_until_it_fits(
            lambda one: fit(objective, one, model=learner, data=data, workers=0), large, model=learner, stage_index=0
        )
        halved = [event.new for event in training if isinstance(event, BatchHalved)]
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    free_memory()
    return {"batches": [64, *halved], "held before": before, "held after": torch.cuda.memory_allocated()}


def lesson(sizes: Sizes) -> dict[str, Any]:
    """The lesson's sizes, unfrozen, with a ResNet of its own: samples a second and peak memory in each format."""
    found: dict[str, Any] = {}
    for task in LESSON:
        objective, data, stage, model = lesson_case(task, sizes)
        found[task] = {}
        for name in trained_precisions(this_device().type):
            speed, peak = 0.0, 0
            for event in fit(objective, replace(stage, precision=name), model=model(), data=data):
                if isinstance(event, EpochFinished):
                    speed = len(data.train) / event.train_seconds
                elif isinstance(event, StageFinished):
                    peak = event.peak_memory
            found[task][name] = {"samples a second": speed, "peak MB": peak / 1e6}
            free_memory()
    return found


def loaders(sizes: Sizes) -> dict[str, Any]:
    """Pictures a second that the loaders give alone, by how many processes prepare them."""
    objective, data, stage, _ = build("camvid", sizes)
    for items in (data.train, data.valid):
        for _ in objective.feed.prepare(data, items, stage, None):
            pass
    found = {}
    for workers in (0, 2) if sizes.is_small else (0, 2, 4, 8):
        made = objective.feed.build_loaders(
            data, replace(stage, augmentation="standard"), None, seed=0, share=_share(workers)
        )
        for _ in made.train:  # the processes start
            pass
        began = time.perf_counter()
        seen = sum(len(inputs) for inputs, _ in made.train)
        found[str(workers)] = seen / (time.perf_counter() - began)
    return found


def _share(workers: int) -> Any:
    from engine.data.loaders import Share

    return Share(workers=workers, pin_memory=this_device().type == "cuda")


def serving_beside(sizes: Sizes) -> dict[str, Any]:
    """Seconds of a prediction on the CPU alone, and while another process trains on the device."""
    *_, model = build("planet", sizes)
    judged, batch = model().eval(), torch.zeros(1, 3, sizes.pixels, sizes.pixels, dtype=torch.uint8)

    def middle() -> float:
        seconds = []
        with torch.inference_mode():
            for _ in range(20):
                began = time.perf_counter()
                judged(batch)
                seconds.append(time.perf_counter() - began)
        return statistics.median(seconds)

    alone = middle()
    command = [sys.executable, "-m", "benchmarks.gpu", "--train-forever", *(["--small"] if sizes.is_small else [])]
    other = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert other.stdout
    try:
        other.stdout.readline()  # it has taken its first step
        beside = middle()
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
    return {"alone": alone, "beside a training": beside}


def train_forever(sizes: Sizes) -> None:
    objective, data, stage, model = build("planet", sizes)
    for event in fit(objective, replace(stage, epochs=100), model=model(), data=data, workers=0):
        if isinstance(event, StepFinished) and event.step == 1:
            print("training", flush=True)


def auto(sizes: Sizes) -> dict[str, Any]:
    """What `auto` chooses for each task, why, and how long choosing takes."""
    found = {}
    for task in SETS:
        objective, data, stage, model = build(task, sizes)
        training = fit(objective, replace(stage, precision="auto", epochs=1), model=model(), data=data, workers=0)
        began = time.perf_counter()
        for event in training:
            if isinstance(event, PrecisionChosen):
                found[task] = {"chosen": event.precision, "why": event.reason, "seconds": time.perf_counter() - began}
                break
            began = time.perf_counter()
        training.close()
    return found
