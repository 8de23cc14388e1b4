"""Planet's real sample through our recipes and through fastai's `vision_learner`: F2 and training time, over five splits.

    python -m pip install -r benchmarks/requirements.txt
    LESSON_LAB_MIRROR=… python -m benchmarks.planet_vs_fastai

Both start from the same ImageNet weights of EfficientNet-Lite0, on the same random 80/20 splits, with the same epochs at the
same sizes and two loader workers. fastai trains each size with `fine_tune`, its defaults otherwise and the lesson's
augmentation; ours with the recipe named. F2 is computed by one function for both. Figures are taken after each
size of one training. Minutes are wall-clock since its beginning, with validation and, for ours, with making the caches.
"""

# pyright: reportMissingImports=false
# (fastai is in this folder's own requirements)

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from engine.data.loaders import Share
from engine.data.pictures.block import Data
from engine.data.pictures.feed import build_loaders
from engine.data.pictures.transforms import ABOVE_STRENGTHS, build_augmentation
from engine.data.sources.fetching import fetch
from engine.kinds.tags import open_tags
from engine.kinds.thresholds import best_threshold, cross_fitted, lesson_f2
from engine.models.backbones import load_offline_weights
from engine.recipe import OFFLINE_BACKBONE, Recipe
from engine.serving.augmented import build_augmented
from engine.task import plan_model
from engine.tasks.planet import PLANET
from engine.training.recipe_loop import train_recipe

WORKERS = 2


def by_size(recipe: Recipe) -> list[Recipe]:
    """The recipe cut into one for each of its resolutions."""
    sizes = dict.fromkeys(stage.image_size for stage in recipe.stages)
    return [replace(recipe, stages=tuple(s for s in recipe.stages if s.image_size == size)) for size in sizes]


def ours(data: Data, recipe: Recipe, seed: int) -> Iterator[dict[str, float]]:
    """Train the recipe and give the figures after each size; the last weights count, as they do for fastai."""
    objective = PLANET.build_objective()
    torch.manual_seed(seed)
    model = objective.build_model(plan_model(recipe, data))
    minutes = 0.0
    for part in by_size(recipe):
        started = time.perf_counter()
        for _ in train_recipe(objective, part, model=model, data=data, seed=seed, workers=WORKERS):
            pass
        minutes += (time.perf_counter() - started) / 60
        valid = build_loaders(data, part.stages[-1], seed=seed, share=Share(workers=0)).valid
        figures = {"minutes": minutes}
        for name, used in (("", model), ("_tta", build_augmented(objective, model))):
            used.eval()
            with torch.inference_mode():
                answers = [(used(images).sigmoid(), target) for images, target in valid]
            probabilities, truth = (torch.cat(parts) for parts in zip(*answers, strict=True))
            figures |= {f"{key}{name}": value for key, value in scores(probabilities, truth).items()}
        yield figures


def fastais(data: Data, recipe: Recipe, seed: int) -> Iterator[dict[str, float]]:
    """The same sizes and epochs through fastai, with the figures after each size."""
    import fastai.callback.progress
    import fastai.callback.schedule  # noqa: F401 (both add methods to Learner)
    from fastai.data.block import DataBlock, MultiCategoryBlock
    from fastai.data.transforms import FuncSplitter
    from fastai.torch_core import set_seed
    from fastai.vision.augment import Resize, aug_transforms
    from fastai.vision.core import Normalize
    from fastai.vision.data import ImageBlock
    from fastai.vision.learner import vision_learner

    set_seed(seed)
    valid = set(data.valid)

    def loaders(size: int, batch_size: int):
        block = DataBlock(
            blocks=(ImageBlock, MultiCategoryBlock(vocab=list(data.classes))),
            get_items=lambda _: [*data.train, *data.valid],
            get_y=lambda item: list(data.block.label(item)),
            splitter=FuncSplitter(lambda item: item in valid),
            item_tfms=Resize(size),
            batch_tfms=[
                *aug_transforms(flip_vert=True, max_lighting=0.1, max_zoom=1.05, max_warp=0.0),
                Normalize.from_stats((0.5,) * 3, (0.5,) * 3),
            ],
        )
        return block.dataloaders(data.root, bs=batch_size, num_workers=WORKERS)

    first = recipe.stages[0]
    learner = vision_learner(loaders(first.image_size, first.batch_size), OFFLINE_BACKBONE, pretrained=False)
    load_offline_weights(learner.model[0].model)
    minutes = 0.0
    with learner.no_bar(), learner.no_logging():
        for part in by_size(recipe):
            size, batch_size = part.stages[0].image_size, part.stages[0].batch_size
            frozen, full = (
                sum(s.epochs for s in part.stages if s.is_frozen is is_frozen) for is_frozen in (True, False)
            )
            started = time.perf_counter()
            if size != first.image_size:
                learner.dls = loaders(size, batch_size)
            learner.fine_tune(full, freeze_epochs=frozen)
            minutes += (time.perf_counter() - started) / 60
            probabilities, truth = learner.get_preds()
            yield {"minutes": minutes, **scores(probabilities.as_subclass(Tensor), truth.as_subclass(Tensor))}


def scores(probabilities: Tensor, truth: Tensor) -> dict[str, float]:
    """F2 at the lesson's threshold, and at one that never saw the sample it judges."""
    return {"f2": lesson_f2(probabilities, truth), "f2_tuned": cross_fitted(probabilities, truth, best_threshold)}


def main() -> None:
    parser = argparse.ArgumentParser(description="Our Planet recipes and fastai, side by side.")
    parser.add_argument("--dataset", default="planet_sample")
    parser.add_argument("--recipe", default="cpu-progressive")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    chosen = parser.parse_args()

    root, recipe = fetch(chosen.dataset), PLANET.recipe(chosen.recipe)
    transforms = partial(build_augmentation, strengths=ABOVE_STRENGTHS, from_above=True)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    results: dict[str, dict[str, list[dict[str, float]]]] = {}
    for seed in range(chosen.seeds):
        data = open_tags(root, transforms=transforms, split_seed=seed)
        for side, train in (("ours", ours), ("fastai", fastais)):
            name = ""
            for part, figures in zip(by_size(recipe), train(data, recipe, seed), strict=True):
                name += f"{' → ' if name else ''}{part.stages[0].image_size} px"
                results.setdefault(name, {"ours": [], "fastai": []})[side].append(figures)
                print(name, seed, side, {key: round(value, 4) for key, value in figures.items()}, flush=True)
        if chosen.out:
            chosen.out.write_text(json.dumps(results, indent=1))
    for name, rows in results.items():
        for side, figures in rows.items():
            cells = (f"{key} {spread([row[key] for row in figures])}" for key in figures[0])
            print(f"| {name} | {side} | {' | '.join(cells)} |")
        ratio = [t["minutes"] / o["minutes"] for o, t in zip(rows["ours"], rows["fastai"], strict=True)]
        print(f"| {name} | fastai's time over ours | {spread(ratio)} |")


def spread(values: list[float]) -> str:
    """Mean (smallest to largest)."""
    return f"{statistics.mean(values):.4f} ({min(values):.4f} to {max(values):.4f})"


if __name__ == "__main__":
    main()
