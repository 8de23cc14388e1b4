"""Images a second and peak memory of one training stage in every precision that the device has, against fp32.

    python -m benchmarks.precision --backbone resnet34 --image-size 360 --batch-size 8

Weights are random (speed does not depend on them); the second of two epochs counts, without validation.
"""

import argparse
from dataclasses import replace

import torch

from engine.data.sources.fetching import fetch
from engine.events import EpochFinished, StageFinished
from engine.kinds.mask import build_mask_objective
from engine.recipe import Stage
from engine.task import ModelPlan
from engine.training.loop import fit
from engine.training.precision import supported_precisions, this_device


def main() -> None:
    parser = argparse.ArgumentParser(description="One training stage in every precision.")
    parser.add_argument("--dataset", default="camvid-tiramisu")
    parser.add_argument("--backbone", default="resnet34")
    parser.add_argument("--images", type=int, default=367)
    parser.add_argument("--image-size", type=int, default=180)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--train-from", type=int, default=0)
    chosen = parser.parse_args()

    objective = build_mask_objective()
    data = objective.open_data(fetch(chosen.dataset))
    data = replace(data, train=data.train[: chosen.images], valid=data.valid[:8])
    print(f"torch {torch.__version__} on {this_device()}; {chosen.backbone}, batch {chosen.batch_size}, ", end="")
    print(f"{data.size_at(chosen.image_size)}, {len(data.train)} images an epoch")
    print("| precision | images/s | against fp32 | peak memory, GB |\n|---|---|---|---|")
    baseline = 0.0
    for precision in supported_precisions(this_device()):
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        torch.manual_seed(0)
        model = objective.build_model(ModelPlan(backbone=chosen.backbone, classes=data.classes), pretrained=False)
        stage = Stage(
            epochs=2,
            max_lr=1e-3,
            image_size=chosen.image_size,
            batch_size=chosen.batch_size,
            train_from=chosen.train_from,
            precision=precision,
        )
        speed, memory = 0.0, 0
        for event in fit(objective, stage, model=model, data=data):
            if isinstance(event, EpochFinished):
                steps = len(data.train) // chosen.batch_size
                speed = steps * chosen.batch_size / event.train_seconds
            elif isinstance(event, StageFinished):
                memory = event.peak_memory
        baseline = baseline or speed
        memory_text = f"{memory / 1e9:.2f}" if memory else "not counted"
        print(f"| {precision} | {speed:.2f} | {speed / baseline:.2f}× | {memory_text} |", flush=True)


if __name__ == "__main__":
    main()
