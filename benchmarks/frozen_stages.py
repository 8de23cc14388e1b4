"""Frozen stages with the body's activations kept, and with the body run in every epoch: seconds of an epoch, and figures.

    LESSON_LAB_MIRROR=… python -m benchmarks.frozen_stages [--seeds 3] [--only planet]

Every frozen stage of a shipped recipe that can be trained on this machine's archives is listed, with whether its activations are
kept and why not. Where they are, the first stage of the recipe is trained both ways, from the backbone's own weights, and longer.
Figures are the main metric on validation, one for each seed.
"""

import argparse
import statistics
import time
from dataclasses import replace
from typing import Any
from unittest import mock

import torch

from engine.data.dataset import DataSet
from engine.data.sources.fetching import fetch
from engine.events import EpochFinished, StageStarted
from engine.recipe import Recipe, Stage
from engine.task import Task, plan_model
from engine.tasks.registry import TASKS
from engine.training import setup
from engine.training.frozen import Cut, kept_views
from engine.training.layer_groups import layer_groups
from engine.training.loop import fit

DATA = {"planet": "planet_sample", "heads": "pointing04"}


def listed(task: Task, recipe: Recipe, stage: Stage, data: DataSet) -> str:
    """Whether a stage's activations are kept, in words."""
    objective = task.build_objective(recipe.objective)
    model = objective.build_model(plan_model(replace(recipe, backbone=task.backbones[0]), data), pretrained=False)
    views = kept_views(model, layer_groups(model), stage, is_changed=objective.feed.changes(stage))
    if views:
        return f"{views} views, {stage.epochs} epochs"
    return "no: the model cannot be cut" if not isinstance(model, Cut) else f"no: {stage.epochs} epochs are too few"


def trained(task: Task, recipe: Recipe, stage: Stage, data: DataSet, seed: int, *, keeps: bool) -> dict[str, Any]:
    """One stage from the backbone's own weights: seconds of an epoch and of preparing, steps in one, and the last figures."""
    objective = task.build_objective(recipe.objective)
    torch.manual_seed(seed)
    model = objective.build_model(plan_model(recipe, data))
    patch = mock.patch.object(setup, "kept_views", (lambda *asked, **more: 0) if not keeps else kept_views)
    epochs, figure, began, first = list[float](), 0.0, time.perf_counter(), 0.0
    with patch:
        for event in fit(objective, stage, model=model, data=data, seed=seed):
            if isinstance(event, StageStarted):
                first = time.perf_counter() - began
            if isinstance(event, EpochFinished):
                epochs.append(event.train_seconds + event.valid_seconds)
                figure = event.metrics[objective.main_metric]
    return {"epoch": statistics.median(epochs), "prepared": first, "all": time.perf_counter() - began, "figure": figure}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    for task in TASKS:
        if task.name not in DATA or given.only not in ("", task.name):
            continue
        data = task.build_objective().open_data(fetch(DATA[task.name]))
        print("\n| recipe | frozen stage | kept |\n|---|---|---|")
        for recipe in task.recipes:
            for stage in recipe.stages:
                if stage.is_frozen:
                    print(
                        f"| {task.name}, {recipe.name} | {stage.name} | {listed(task, recipe, stage, data)} |",
                        flush=True,
                    )
        recipe = task.recipes[0]
        stage = replace(recipe.stages[0], precision="fp32")
        print(
            "\n| stage | run anew: epoch s, all s | kept: epoch s, all s | ratios | figures, run anew | figures, kept |"
        )
        print("|---|---|---|---|---|---|")
        for epochs in (stage.epochs, 10):
            for augmentation in (stage.augmentation, "none"):
                tried = replace(stage, epochs=epochs, augmentation=augmentation)
                rows = {
                    keeps: [trained(task, recipe, tried, data, seed, keeps=keeps) for seed in range(given.seeds)]
                    for keeps in (False, True)
                }
                middle = {
                    (keeps, name): statistics.median(row[name] for row in some)
                    for keeps, some in rows.items()
                    for name in ("epoch", "all")
                }
                figures = {keeps: ", ".join(f"{row['figure']:.4f}" for row in some) for keeps, some in rows.items()}
                ratios = [middle[False, name] / middle[True, name] for name in ("epoch", "all")]
                print(
                    f"| {tried.name}, {epochs} epochs, {augmentation} | {middle[False, 'epoch']:.2f}, {middle[False, 'all']:.1f} "
                    f"| {middle[True, 'epoch']:.2f}, {middle[True, 'all']:.1f} | {ratios[0]:.1f}, {ratios[1]:.1f} "
                    f"| {figures[False]} | {figures[True]} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
