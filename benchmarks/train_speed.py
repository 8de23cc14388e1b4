"""The same U-Net on the same pictures through our `fit` and through fastai's `Learner`: images a second, as a ratio.

    python -m pip install -r benchmarks/requirements.txt
    LESSON_LAB_MIRROR=… python -m benchmarks.train_speed

Both train a ResNet-34 body with random weights at half size, with two loader workers and the same kind of augmentation;
each otherwise with its own defaults. A repeat is two epochs of each, one after the other; the second epoch counts, so
that our cache, our choice of precision and everybody's warm-up are behind. The first epoch stands beside it.
"""

# pyright: reportMissingImports=false
# (fastai is in this folder's own requirements)

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from engine.data.pictures.block import Data
from engine.data.sources.fetching import fetch
from engine.events import EpochFinished, PrecisionChosen, StageFinished
from engine.kinds.mask import build_mask_objective
from engine.models.backbones import build_pyramid
from engine.models.unet import UNet
from engine.recipe import Stage
from engine.training.loop import fit

BACKBONE = "resnet34"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WORKERS = 2


def build_model(classes: int, *, normalises: bool) -> UNet:
    """The U-Net; fastai's batches come normalised, so there the model's own step is the identity."""
    torch.manual_seed(0)
    mean, std = (MEAN, STD) if normalises else ((0.0,) * 3, (1 / 255,) * 3)
    return UNet(build_pyramid(BACKBONE, pretrained=False), classes, mean=mean, std=std)


def ours(data: Data, stage: Stage) -> dict[str, float]:
    """Seconds of each epoch's training part through `fit`."""
    model = build_model(len(data.classes), normalises=True).to(memory_format=torch.channels_last)
    seconds, precision, total = [], "", 0.0
    for event in fit(build_mask_objective(), stage, model=model, data=data, workers=WORKERS):
        if isinstance(event, EpochFinished):
            seconds.append(event.train_seconds)
        elif isinstance(event, PrecisionChosen):
            precision = event.precision
        elif isinstance(event, StageFinished):
            total = event.seconds
    print(
        f"    ours    {precision} epochs {', '.join(f'{s:.1f}' for s in seconds)} s, the stage {total:.1f} s",
        flush=True,
    )
    return {"first": seconds[0], "second": seconds[-1]}


def fastais(data: Data, stage: Stage) -> dict[str, float]:
    """Seconds of each epoch's training part through fastai's Learner."""
    import fastai.callback.progress
    import fastai.callback.schedule  # noqa: F401 (both add methods to Learner)
    from fastai.callback.core import Callback
    from fastai.data.block import DataBlock
    from fastai.data.transforms import FuncSplitter
    from fastai.learner import Learner
    from fastai.losses import CrossEntropyLossFlat
    from fastai.vision.augment import Resize, ResizeMethod, aug_transforms
    from fastai.vision.core import Normalize
    from fastai.vision.data import ImageBlock, MaskBlock

    class Clock(Callback):
        def before_train(self) -> None:
            self.started = time.perf_counter()

        def after_train(self) -> None:
            seconds.append(time.perf_counter() - self.started)

    seconds: list[float] = []
    valid = set(data.valid)
    block = DataBlock(
        blocks=(ImageBlock, MaskBlock(codes=[*data.classes, "Void"])),
        get_items=lambda _: [*data.train, *data.valid],
        get_y=lambda item: data.block.label(item),  # fastai asks for the signature, which a method of a dict has not
        splitter=FuncSplitter(lambda item: item in valid),
        item_tfms=Resize(data.size_at(stage.image_size), method=ResizeMethod.Squish),
        batch_tfms=[*aug_transforms(), Normalize.from_stats(MEAN, STD)],
    )
    loaders = block.dataloaders(data.root, bs=stage.batch_size, num_workers=WORKERS)
    model = build_model(len(data.classes), normalises=False)
    void = len(data.classes)
    learner = Learner(
        loaders,
        model,
        loss_func=CrossEntropyLossFlat(axis=1, ignore_index=void),
        splitter=lambda m: [[p for part in group for p in part.parameters()] for group in m.layer_groups()],
    )
    if stage.is_frozen:
        learner.freeze()
    else:
        learner.unfreeze()
    started = time.perf_counter()
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(stage.epochs, stage.lr_slice[1], cbs=Clock())
    total = time.perf_counter() - started
    print(f"    fastai  fp32 epochs {', '.join(f'{s:.1f}' for s in seconds)} s, the stage {total:.1f} s", flush=True)
    return {"first": seconds[0], "second": seconds[-1]}


def few(data: Data, images: int) -> Data:
    """The data set's first pictures; validation is not timed and stays as small as can be."""
    return replace(data, train=data.train[:images], valid=data.valid[:8])


def profile(data: Data, stage: Stage) -> Iterator[str]:
    """Where the time of our training steps goes in the precision that `auto` picks, by kind of operation, as lines of a table."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as profiled

    from engine.training.setup import prepare_stage

    model = build_model(len(data.classes), normalises=True).to(memory_format=torch.channels_last)
    setting_up = prepare_stage(build_mask_objective(), stage, model=model, data=data, seed=0, workers=WORKERS)
    while True:
        try:
            next(setting_up)
        except StopIteration as end:
            ready = end.value
            break
    ready.train_mode()
    waited, worked = 0.0, 0.0
    batches = iter(ready.loaders.train)
    ready.step(*next(batches))  # the first step warms up
    with profiled(activities=[ProfilerActivity.CPU]) as trace:
        while True:
            started = time.perf_counter()
            batch = next(batches, None)
            waited += time.perf_counter() - started
            if batch is None:
                break
            started = time.perf_counter()
            ready.step(*batch)
            worked += time.perf_counter() - started
    kinds = {
        "convolution, backward": ("convolution_backward",),
        "convolution, forward": ("convolution", "mkldnn_convolution"),
        "BatchNorm": ("batch_norm",),
        "optimiser": ("adam", "optimizer"),
        "enlarging (decoder, logits)": ("upsample", "interpolate"),
        "cross-entropy, softmax": ("softmax", "nll_loss"),
    }
    shares = dict.fromkeys([*kinds, "everything else"], 0.0)
    for row in trace.key_averages():
        name = row.key.lower()
        kind = next((kind for kind, parts in kinds.items() if any(part in name for part in parts)), "everything else")
        shares[kind] += row.self_cpu_time_total / 1e6
    total = waited + worked
    yield f"in {ready.progress.precision}"
    yield f"| waiting for a batch | {waited / total:.1%} |"
    for kind, seconds in sorted(shares.items(), key=lambda pair: -pair[1]):
        yield f"| {kind} | {seconds / total:.1%} |"


def main() -> None:
    parser = argparse.ArgumentParser(description="Our fit and fastai's Learner, side by side.")
    parser.add_argument("--dataset", default="camvid-tiramisu")
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--image-size", type=int, default=180)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--profile", action="store_true", help="only say where our own time goes")
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    chosen = parser.parse_args()

    data = few(build_mask_objective().open_data(fetch(chosen.dataset)), chosen.images)
    base = Stage(epochs=2, max_lr=1e-3, image_size=chosen.image_size, batch_size=chosen.batch_size)
    stages = {"frozen": replace(base, train_from=-1), "unfrozen": base}
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {len(data.train)} images of {chosen.dataset}")
    figures = {}
    for name, stage in stages.items():
        if chosen.profile:
            print(f"\n{name}\n", *profile(data, stage), sep="\n")
            continue
        print(f"{name}: {stage.batch_size} × {data.size_at(stage.image_size)}")
        rows = [(ours(data, stage), fastais(data, stage)) for _ in range(chosen.repeats)]
        figures[name] = {
            epoch: {
                "ours": [len(data.train) / mine[epoch] for mine, _ in rows],
                "fastai": [len(data.train) / theirs[epoch] for _, theirs in rows],
                "ratio": [theirs[epoch] / mine[epoch] for mine, theirs in rows],
            }
            for epoch in ("first", "second")
        }
    for name, epochs in figures.items():
        for epoch, columns in epochs.items():
            cells = " | ".join(
                f"{statistics.mean(values):.2f} ({min(values):.2f} to {max(values):.2f})" for values in columns.values()
            )
            print(f"| {name}, {epoch} epoch | {cells} |")
    if chosen.out:
        chosen.out.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
