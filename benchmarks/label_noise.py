"""Wrong labels planted in real data, and how many of them head the queue; beside cleanlab on the same predictions.

    python -m pip install -r benchmarks/requirements.txt
    python -m engine fetch planet_sample; python -m engine fetch imdb; python -m engine fetch pointing04
    python -m benchmarks.label_noise tags texts points [--seeds 3] [--out FILE]

Tags: 100 pictures of planet_sample, training and validation together; in half of them, by chance, the weather becomes another
of the four, in the others one of the common tags that are not the weather (those that 10 % to 90 % of the pictures have) is
added where it is missing and taken away where it is given. Texts: a subset, 2,000 of the training reviews of imdb, of which 200
are turned round. Points: 40 pictures of pointing04 whose point moves half to two face widths, in any direction in which it
stays in the picture.

What is wrong in the archives themselves counts against the queue, since nobody knows where that is. "Corrected" stands for a
person who goes through the first 100 (200, 40): of a planted label the truth is restored, any other is kept. A model is trained
on the planted, the corrected and the true labels, and always judged on true ones. The settings were chosen with the seeds 1 to
3; those here begin with 11.
"""

# pyright: reportMissingImports=false
# (cleanlab is in this folder's own requirements)

import argparse
import itertools
import json
import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from engine.data.dataset import ALL
from engine.data.pictures.block import Data
from engine.data.pictures.files import picture_size
from engine.data.pictures.point_layouts import pointing_face
from engine.data.sources.fetching import resolve_dataset
from engine.data.texts.dataset import open_texts
from engine.host.machine import fit_threads
from engine.kinds.point import open_points
from engine.noise import bodies
from engine.noise.confident import judge_classes, judge_tags
from engine.noise.folds import fold
from engine.noise.heads import components, held_out, tags_loss
from engine.noise.places import held_out_places
from engine.noise.residuals import judge_residuals
from engine.noise.words import count_terms, fitted, held_out_shares
from engine.task import plan_model
from engine.tasks.registry import get_task
from engine.tasks.weather import WEATHER
from engine.training.evaluate import evaluate
from engine.training.recipe_loop import train_recipe

TAGS, TEXTS, REVIEWS, POINTS = 100, 200, 2000, 40
COMMON = (0.1, 0.9)
SUBSET_SEED = 7
FIRST_SEED = 11
THRESHOLD = 0.2


def quiet(done: int, total: int) -> None:
    """Nobody looks on."""


def hits(order: Any, planted: set[int], count: int) -> float:
    """The share of planted labels among the first `count`."""
    return sum(int(place) in planted for place in list(order)[:count]) / count


def queue_of(score: Tensor, is_off: Tensor) -> list[int]:
    """The places as the page queues them."""
    return sorted(range(len(score)), key=lambda at: (not is_off[at], -float(score[at])))


def plant_tags(data: Data, truth: Tensor, seed: int) -> tuple[Tensor, set[int]]:
    """The tags (N, K) with 100 pictures' changed, and which."""
    chance, given = random.Random(seed), truth.clone()
    sky = [data.classes.index(name) for name in WEATHER]
    common = [
        at for at in range(truth.shape[1]) if at not in sky and COMMON[0] <= float(truth[:, at].mean()) <= COMMON[1]
    ]
    chosen = chance.sample(range(len(truth)), TAGS)
    for place in chosen:
        if chance.random() < 0.5:
            other = chance.choice([at for at in sky if not truth[place, at]])
            given[place, sky] = 0
            given[place, other] = 1
        else:
            at = chance.choice(common)
            given[place, at] = 1 - given[place, at]
    return given, set(chosen)


def f_two(logits: Tensor, truth: Tensor) -> float:
    """F2 at the lesson's threshold, averaged over the pictures."""
    guess = (logits.sigmoid() > THRESHOLD).float()
    both = (guess * truth).sum(1)
    return (5 * both / (4 * truth.sum(1) + guess.sum(1))).nan_to_num().mean().item()


def tags(seeds: int) -> dict[str, Any]:
    from cleanlab.filter import find_label_issues
    from cleanlab.multilabel_classification import get_label_quality_scores

    data = get_task("planet").build_objective().open_data(resolve_dataset("planet_sample"))
    items = data.items(ALL)
    truth = torch.tensor([[float(name in data.label(item)) for name in data.classes] for item in items])
    began = time.perf_counter()
    inputs = components(bodies.pooled(data, items, quiet))
    body_seconds = time.perf_counter() - began
    is_valid = torch.tensor([item in set(data.valid) for item in items])
    rows: list[dict[str, float]] = []
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        given, planted = plant_tags(data, truth, seed)
        began = time.perf_counter()
        folds = fold(data, items, [tuple(row.nonzero()[:, 0].tolist()) for row in given])
        shares = held_out(inputs, given, torch.tensor(folds.part_of), len(data.classes), tags_loss).sigmoid()
        judged = judge_tags(shares, given)
        queue = queue_of(judged.doubt, judged.is_off)
        row = {"seconds": body_seconds + time.perf_counter() - began, "ours": hits(queue, planted, TAGS)}
        row["loss"] = hits(judged.loss.argsort(descending=True).tolist(), planted, TAGS)
        lists = [given_row.nonzero()[:, 0].tolist() for given_row in given]
        for by in ("self_confidence", "normalized_margin", "confidence_weighted_entropy"):
            ranked = find_label_issues(
                lists, shares.double().numpy(), multi_label=True, return_indices_ranked_by=by, n_jobs=1
            )
            row[f"cleanlab, {by}"] = hits(ranked, planted, TAGS)
        quality = np.argsort(get_label_quality_scores(lists, shares.double().numpy()))
        row["cleanlab, label quality"] = hits(quality, planted, TAGS)
        found = set(queue[:TAGS]) & planted
        corrected = given.clone()
        corrected[list(found)] = truth[list(found)]
        sides = torch.where(is_valid, 1, 0)
        for name, labels in (("planted", given), ("corrected", corrected), ("true", truth)):
            logits = _held(inputs, labels, sides, len(data.classes))
            row[f"{name}: validation F2"] = f_two(logits, truth[is_valid])
            row[f"{name}: validation loss"] = functional.binary_cross_entropy_with_logits(
                logits, truth[is_valid]
            ).item()
        rows.append(row)
        print("tags", seed, json.dumps({key: round(value, 4) for key, value in row.items()}), flush=True)
    return {"pictures": len(items), "rows": rows}


def _held(inputs: Tensor, labels: Tensor, sides: Tensor, outputs: int) -> Tensor:
    """The validation pictures' logits by a head that learnt from the training pictures."""
    return held_out(inputs, labels, sides, outputs, tags_loss)[sides == 1]


def texts(seeds: int) -> dict[str, Any]:
    from cleanlab.filter import find_label_issues

    data = open_texts(resolve_dataset("imdb"))
    rows_of = sorted(random.Random(SUBSET_SEED).sample(sorted(data.train), REVIEWS))
    truth = torch.tensor(data.labels(rows_of))
    began = time.perf_counter()
    has = count_terms([data.texts(rows_of)], REVIEWS, quiet)
    counting = time.perf_counter() - began
    unseen = (data.texts(data.test[start : start + 500]) for start in range(0, len(data.test), 500))
    both = count_terms(itertools.chain([data.texts(rows_of)], unseen), REVIEWS + len(data.test), quiet)
    judged_on = torch.tensor(data.labels(data.test))
    rows: list[dict[str, float]] = []
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        planted = set(random.Random(seed).sample(range(REVIEWS), TEXTS))
        given = truth.clone()
        given[list(planted)] = 1 - given[list(planted)]
        began = time.perf_counter()
        folds = fold(data, rows_of, given.tolist())
        shares = held_out_shares(has, given, torch.tensor(folds.part_of), 2, quiet)
        judged = judge_classes(shares, given)
        queue = queue_of(judged.margin, judged.is_off)
        row = {"seconds": counting + time.perf_counter() - began, "ours": hits(queue, planted, TEXTS)}
        row["loss"] = hits(judged.loss.argsort(descending=True).tolist(), planted, TEXTS)
        for by in ("self_confidence", "normalized_margin", "confidence_weighted_entropy"):
            ranked = find_label_issues(given.numpy(), shares.double().numpy(), return_indices_ranked_by=by, n_jobs=1)
            row[f"cleanlab, {by}"] = hits(ranked, planted, TEXTS)
        found = set(queue[:TEXTS]) & planted
        corrected = given.clone()
        corrected[list(found)] = truth[list(found)]
        seen = torch.arange(REVIEWS + len(data.test)) < REVIEWS
        for name, labels in (("planted", given), ("corrected", corrected), ("true", truth)):
            logits = fitted(both, torch.cat([labels, judged_on]), seen, 2)[REVIEWS:]
            row[f"{name}: test accuracy"] = (logits.argmax(1) == judged_on).float().mean().item()
        rows.append(row)
        print("texts", seed, json.dumps({key: round(value, 4) for key, value in row.items()}), flush=True)
    return {"reviews": REVIEWS, "test": len(data.test), "rows": rows}


def plant_points(items: Sequence[Path], truth: Tensor, sizes: Tensor, seed: int) -> tuple[Tensor, set[int]]:
    """The points (N, 2) with 40 moved by half to two face widths, and which."""
    chance, given = random.Random(seed), truth.clone()
    chosen = chance.sample(range(len(items)), POINTS)
    for place in chosen:
        width = pointing_face(items[place])[2]
        while True:
            turn, away = chance.uniform(0, 2 * math.pi), chance.uniform(0.5, 2) * width
            moved = truth[place] + away * torch.tensor([math.cos(turn), math.sin(turn)])
            if bool((moved >= 0).all() and (moved < sizes[place]).all()):
                break
        given[place] = moved
    return given, set(chosen)


def points(seeds: int, trained_seeds: int) -> dict[str, Any]:
    data = open_points(resolve_dataset("pointing04"))
    items = data.items(ALL)
    truth = torch.tensor([data.label(item) for item in items])
    sizes = torch.tensor([picture_size(item)[::-1] for item in items], dtype=torch.float32)
    began = time.perf_counter()
    maps = bodies.mapped(data, items, quiet)
    body_seconds = time.perf_counter() - began
    rows: list[dict[str, float]] = []
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        given, planted = plant_points(items, truth, sizes, seed)
        began = time.perf_counter()
        folds = fold(data, items, ["" for _ in items])
        places = held_out_places(maps, given / sizes, torch.tensor(folds.part_of)) * sizes
        judged = judge_residuals(given - places, folds.group_of)
        queue = queue_of(judged.score, judged.is_off)
        row = {"seconds": body_seconds + time.perf_counter() - began, "ours": hits(queue, planted, POINTS)}
        row["flagged"] = float(judged.is_off.sum())
        away = (given - places).norm(dim=1)
        row["highest loss, the same predictions"] = hits(away.argsort(descending=True).tolist(), planted, POINTS)
        row["error of the held-out places, pixels"] = (truth - places).norm(dim=1).mean().item()
        if seed < FIRST_SEED + trained_seeds:
            found = list(set(queue[:POINTS]) & planted)
            corrected = given.clone()
            corrected[found] = truth[found]
            for name, labels in (("planted", given), ("corrected", corrected), ("true", truth)):
                model, pixels = _train_points(data, items, labels, seed)
                row[f"{name}: validation mean pixels"] = pixels
                if name == "planted":
                    off = (given - _judged(model, data, items) * sizes).norm(dim=1)
                    row["highest loss, an ordinary model"] = hits(
                        off.argsort(descending=True).tolist(), planted, POINTS
                    )
        rows.append(row)
        print("points", seed, json.dumps({key: round(value, 4) for key, value in row.items()}), flush=True)
    return {"pictures": len(items), "rows": rows}


def _train_points(data: Data, items: Sequence[Path], labels: Tensor, seed: int) -> tuple[torch.nn.Module, float]:
    """A model of the recipe "quick" on these labels, and its mean distance on the validation people by the true ones."""
    task = get_task("heads")
    objective, recipe = task.build_objective(), task.recipe("quick")
    said = dict(zip(items, map(tuple, labels.tolist()), strict=True))
    told = replace(data, block=replace(data.block, label=said.__getitem__))
    torch.manual_seed(seed)
    model = objective.build_model(plan_model(recipe, told))
    for _ in train_recipe(objective, recipe, model=model, data=told, seed=seed):
        pass
    found = evaluate(objective, model, data=data, items=data.valid, stage=recipe.stages[-1], batch_size=32)
    return model, found.metrics["mean_pixels"]


def _judged(model: torch.nn.Module, data: Data, items: Sequence[Path]) -> Tensor:
    """Where a trained model sees the points, as shares of width and height (N, 2)."""
    size = data.size_at(get_task("heads").recipe("quick").stages[-1].image_size)
    model.eval()
    found: list[Tensor] = []
    with torch.inference_mode():
        for start in range(0, len(items), 32):
            pictures = torch.stack([data.sample(item, size)[0] for item in items[start : start + 32]])
            found.append((model(pictures.as_subclass(Tensor)).float().cpu().clamp(-1, 1) + 1) / 2)
    return torch.cat(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="+", choices=("tags", "texts", "points"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trained-seeds", type=int, default=1, help="of points: with how many a model is trained")
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    chosen = parser.parse_args()
    fit_threads()
    runs: dict[str, Callable[[], dict[str, Any]]] = {
        "tags": lambda: tags(chosen.seeds),
        "texts": lambda: texts(chosen.seeds),
        "points": lambda: points(chosen.seeds, chosen.trained_seeds),
    }
    found: dict[str, Any] = {}
    for kind in chosen.kinds:
        found[kind] = runs[kind]()
        rows = found[kind]["rows"]
        print(f"\n| {kind} | mean of {len(rows)} | smallest to largest |\n|---|---|---|")
        for key in dict.fromkeys(key for row in rows for key in row):
            values = [row[key] for row in rows if key in row]
            print(f"| {key} | {statistics.fmean(values):.4f} | {min(values):.4f} to {max(values):.4f} |", flush=True)
    if chosen.out:
        chosen.out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
