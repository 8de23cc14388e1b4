"""Does half precision generalise better, as the lesson says it may? The same recipe in fp32 and in bf16 on several splits.

    LESSON_LAB_MIRROR=… python -m benchmarks.half_precision [--splits 5] [--recipe quick]

Planet's sample, split anew each time; both formats see the same samples with the same changes and the same dropout. Figures are
of the last epoch, on validation; what counts is the difference of each pair, and how far these differences are spread.
"""

import argparse
import statistics
from dataclasses import replace

import torch

from engine.data.sources.fetching import fetch
from engine.events import EpochFinished
from engine.task import plan_model
from engine.tasks.registry import get_task
from engine.training.recipe_loop import train_recipe

FORMATS = ("fp32", "bf16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--recipe", default="quick")
    given = parser.parse_args()
    task = get_task("planet")
    objective, recipe = task.build_objective(), task.recipe(given.recipe)
    print("| split | F2 fp32 | F2 bf16 | loss fp32 | loss bf16 |\n|---|---|---|---|---|")
    found: list[dict[str, tuple[float, float]]] = []
    for split in range(given.splits):
        data = objective.open_data(fetch("planet_sample"), split_seed=split)
        last: dict[str, tuple[float, float]] = {}
        for precision in FORMATS:
            stages = tuple(replace(stage, precision=precision) for stage in recipe.stages)
            torch.manual_seed(split)
            model = objective.build_model(plan_model(recipe, data))
            for event in train_recipe(objective, replace(recipe, stages=stages), model=model, data=data, seed=split):
                if isinstance(event, EpochFinished):
                    last[precision] = event.metrics["f2"], event.valid_loss
        found.append(last)
        cells = [f"{last[name][at]:.4f}" for at in (0, 1) for name in FORMATS]
        print(f"| {split} | {' | '.join(cells)} |", flush=True)
    for at, name in enumerate(("F2", "loss")):
        moved = [one["bf16"][at] - one["fp32"][at] for one in found]
        spread = statistics.stdev(moved) if len(moved) > 1 else 0.0
        print(f"{name}: bf16 less fp32 {statistics.fmean(moved):+.4f} in the mean, standard deviation {spread:.4f}")


if __name__ == "__main__":
    main()
