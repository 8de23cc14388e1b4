"""Pointing'04 through our recipe and through fastai's point learner, beside "always the training mean", in pixels.

    python -m pip install -r benchmarks/requirements.txt
    LESSON_LAB_MIRROR=… python -m benchmarks.heads_vs_fastai

Persons 11 and 12 are held out: nobody in training is in validation. Both sides start from the same ImageNet weights of
EfficientNet-Lite0 and train the same epochs at the same sizes with two loader workers; fastai with `ImageBlock` and
`PointBlock`, `y_range` −1 to 1 and `fine_tune`, once at its default rate and once at 1e-2, which its own course takes for head
centres; its defaults otherwise. Face widths are those of the label files.
"""

# pyright: reportMissingImports=false
# (fastai is in this folder's own requirements)

import argparse
import json
import time
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from engine.data.loaders import Share
from engine.data.pictures.block import Data
from engine.data.pictures.feed import build_loaders
from engine.data.pictures.point_layouts import pointing_face
from engine.data.sources.fetching import fetch
from engine.models.backbones import load_offline_weights
from engine.recipe import OFFLINE_BACKBONE, Recipe
from engine.task import plan_model
from engine.tasks.heads import HEADS, POOLED
from engine.training.recipe_loop import train_recipe

WORKERS = 2
COURSE_RATE = 1e-2  # fastai's course, head centres in BIWI


def truth(data: Data, items: tuple[Path, ...]) -> Tensor:
    """Columns and rows in pixels (N, 2)."""
    return torch.tensor([data.block.label(item) for item in items])


def ours(data: Data, recipe: Recipe, seed: int, aim: str = "") -> tuple[Tensor, float]:
    """Points predicted for the validation pictures (N, 2) in pixels, and the minutes of training."""
    objective = HEADS.build_objective(aim)
    torch.manual_seed(seed)
    model = objective.build_model(plan_model(recipe, data))
    started = time.perf_counter()
    for _ in train_recipe(objective, recipe, model=model, data=data, seed=seed, workers=WORKERS):
        pass
    minutes = (time.perf_counter() - started) / 60
    model.eval()
    with torch.inference_mode():
        batches = build_loaders(data, recipe.stages[-1], seed=seed, share=Share(workers=0)).valid
        relative = torch.cat([model(images) for images, _ in batches])
    return in_pixels(relative, data), minutes


def fastais(data: Data, recipe: Recipe, seed: int, base_lr: float = 2e-3) -> tuple[Tensor, float]:
    """The same through fastai; 2e-3 is the default of `fine_tune`."""
    import fastai.callback.progress
    import fastai.callback.schedule  # noqa: F401 (both add methods to Learner)
    from fastai.data.block import DataBlock
    from fastai.data.transforms import FuncSplitter
    from fastai.torch_core import set_seed
    from fastai.vision.augment import Resize, ResizeMethod, aug_transforms
    from fastai.vision.core import Normalize, TensorPoint
    from fastai.vision.data import ImageBlock, PointBlock
    from fastai.vision.learner import vision_learner

    set_seed(seed)
    valid = set(data.valid)

    def loaders(size: int, batch_size: int):
        block = DataBlock(
            blocks=(ImageBlock, PointBlock),
            get_items=lambda _: [*data.train, *data.valid],
            get_y=lambda item: TensorPoint(torch.tensor([data.block.label(item)])),
            splitter=FuncSplitter(lambda item: item in valid),
            item_tfms=Resize(data.size_at(size), method=ResizeMethod.Squish),
            batch_tfms=[*aug_transforms(), Normalize.from_stats((0.5,) * 3, (0.5,) * 3)],
        )
        return block.dataloaders(data.root, bs=batch_size, num_workers=WORKERS)

    first = recipe.stages[0]
    loaded = loaders(first.image_size, first.batch_size)
    learner = vision_learner(loaded, OFFLINE_BACKBONE, pretrained=False, y_range=(-1, 1))
    load_offline_weights(learner.model[0].model)
    started = time.perf_counter()
    with learner.no_bar(), learner.no_logging():
        for size in dict.fromkeys(stage.image_size for stage in recipe.stages):
            stages = [stage for stage in recipe.stages if stage.image_size == size]
            frozen, full = (sum(s.epochs for s in stages if s.is_frozen is is_frozen) for is_frozen in (True, False))
            if size != first.image_size:
                learner.dls = loaders(size, stages[0].batch_size)
            learner.fine_tune(full, base_lr, freeze_epochs=frozen)
        minutes = (time.perf_counter() - started) / 60
        predicted, _ = learner.get_preds()
    return in_pixels(predicted.as_subclass(Tensor).view(-1, 2), data), minutes


def in_pixels(relative: Tensor, data: Data) -> Tensor:
    """From −1..1 to the pixels of the pictures on disk."""
    height, width = data.shape
    return (relative + 1) / 2 * torch.tensor([width, height])


def describe(predicted: Tensor, data: Data) -> dict[str, float]:
    """Mean and median distance in pixels, and the mean and median share of the face's own width."""
    distances = (predicted - truth(data, data.valid)).norm(dim=1)
    shares = distances / torch.tensor([pointing_face(item)[2] for item in data.valid])
    return {
        "mean_px": distances.mean().item(),
        "median_px": distances.median().item(),
        "p95_px": distances.quantile(0.95).item(),
        "mean_of_face": shares.mean().item(),
        "median_of_face": shares.median().item(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Head centres: ours, fastai's, and the training mean.")
    parser.add_argument("--recipe", default="cpu")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument(
        "--only", nargs="*", help="'ours', 'ours, pooled', 'fastai', 'fastai at 1e-2': only these sides"
    )
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    chosen = parser.parse_args()

    data = HEADS.build_objective().open_data(fetch("pointing04"))
    recipe = HEADS.recipe(chosen.recipe)
    print(f"torch {torch.__version__}; {len(data.train)} pictures to train, {len(data.valid)} of others to validate")
    constant = truth(data, data.train).mean(0).expand(len(data.valid), 2)
    rows = {"always the training mean": describe(constant, data)}
    sides = {
        "ours": ours,
        "ours, pooled": partial(ours, aim=POOLED),
        "fastai": fastais,
        "fastai at 1e-2": partial(fastais, base_lr=COURSE_RATE),
    }
    for name, train in sides.items():
        if chosen.only and name not in chosen.only:
            continue
        predicted, minutes = train(data, recipe, chosen.seed)
        rows[name] = {**describe(predicted, data), "minutes": minutes}
        print(name, rows[name], flush=True)
    for name, row in rows.items():
        print(f"| {name} | {' | '.join(f'{key} {value:.4g}' for key, value in row.items())} |")
    if chosen.out:
        chosen.out.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
