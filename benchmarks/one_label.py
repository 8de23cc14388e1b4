"""Planet's weather as one label beside the multi-label model cut to its four weather tags: five splits, the same pictures.

    LESSON_LAB_MIRROR=… python -m benchmarks.one_label [--recipe quick] [--splits 5]

Both train the same recipe on the same split of planet_sample, and are judged on pictures that neither has learnt from. Accuracy
is that of the likeliest of the four. Then it is counted what a threshold answers where exactly one of four is right: none, one
that is right, one that is wrong, or several.
"""

import argparse
import json
import statistics
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from engine.data.loaders import Share
from engine.data.pictures.block import Data
from engine.data.pictures.feed import build_loaders
from engine.data.sources.fetching import fetch
from engine.data.splits import by_chance
from engine.task import Objective, plan_model
from engine.tasks.registry import get_task
from engine.tasks.weather import WEATHER
from engine.training.recipe_loop import train_recipe

THRESHOLDS = (0.2, 0.5)


def trained(objective: Objective, data: Data, recipe: str, seed: int) -> Tensor:
    """The logits (N, K) of the validation pictures after a training, at the last stage's size."""
    plan = get_task("planet").recipe(recipe)
    torch.manual_seed(seed)
    model = objective.build_model(plan_model(plan, data))
    for _ in train_recipe(objective, plan, model=model, data=data, seed=seed):
        pass
    model.eval()
    loader = build_loaders(data, plan.stages[-1], seed=seed, share=Share(workers=0)).valid
    with torch.inference_mode():
        return torch.cat([model(pictures) for pictures, _ in loader])


def counted(probabilities: Tensor, truth: Tensor, threshold: float) -> dict[str, float]:
    """What shares of the pictures get no answer above a threshold, the right one alone, a wrong one alone, or several."""
    above = probabilities > threshold
    given = above.sum(1)
    right = above.gather(1, truth[:, None]).squeeze(1)
    shares = {"none": given == 0, "right": (given == 1) & right, "wrong": (given == 1) & ~right, "several": given > 1}
    return {name: share.float().mean().item() for name, share in shares.items()}


def split_again(data: Data, seed: int) -> Data:
    found = by_chance((*data.train, *data.valid), seed=seed)
    return replace(data, train=found.train, valid=found.valid)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="quick")
    parser.add_argument("--splits", type=int, default=5)
    given = parser.parse_args()
    root, sides = fetch("planet_sample"), {}
    objectives = {"one label": get_task("weather").build_objective(), "tags": get_task("planet").build_objective()}
    for seed in range(given.splits):
        for name, objective in objectives.items():
            data = split_again(objective.open_data(root), seed)
            logits = trained(objective, data, given.recipe, seed)
            places = [data.classes.index(one) for one in WEATHER]
            label = partial(_weather, data)
            truth = torch.tensor([label(item) for item in data.valid])
            four = logits[:, places]
            shares = four.softmax(1) if name == "one label" else four.sigmoid()
            row = {"argmax": (four.argmax(1) == truth).float().mean().item()}
            row |= {f"{key} at {at}": value for at in THRESHOLDS for key, value in counted(shares, truth, at).items()}
            sides.setdefault(name, []).append(row)
            print(seed, name, json.dumps({key: round(value, 3) for key, value in row.items()}), flush=True)
    print(f"\n| | {' | '.join(sides)} |\n|---|{'---|' * len(sides)}")
    for key in sides["tags"][0]:
        cells = [[row[key] for row in rows] for rows in sides.values()]
        print(f"| {key} | {' | '.join(f'{statistics.fmean(v):.3f} ({min(v):.3f} to {max(v):.3f})' for v in cells)} |")


def _weather(data: Data, item: object) -> int:
    said = data.label(item)  # pyright: ignore[reportArgumentType]
    return WEATHER.index(said) if isinstance(said, str) else next(WEATHER.index(one) for one in said if one in WEATHER)


if __name__ == "__main__":
    main()
