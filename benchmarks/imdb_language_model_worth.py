"""What the language model is worth to the classifier: validation accuracy with and without it, over several seeds.

    python -m engine train imdb --dataset imdb --recipe cpu-language --run-dir runs/language
    python -m benchmarks.imdb_language_model_worth --language-model runs/language --out worth.json

Two stages of recipe `cpu`: the head for one epoch on 128 tokens of each review, then everything for one on 256, on
`--train-items` of the training reviews. With one seed, both models start with the same new head, see the same batches in the
same order and drop the same features; one has MiniLM's body as it comes, the other's has first learnt to guess the words of
reviews. (The pooler, which no language model has, is MiniLM's in both.) Nothing is chosen on the figures, and the test reviews
are not touched. The validation reviews were not read by the language model either.

Each finished training is a row in the file `--out`; started again, the rest is trained.
"""

import argparse
import json
import statistics
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from engine.bundle.config import read_config, resolve_bundle
from engine.bundle.weights import init_weights
from engine.data.sources.fetching import resolve_dataset
from engine.data.texts.dataset import TextData, open_texts
from engine.events import BatchHalved, EpochFinished, PrecisionChosen
from engine.kinds.text import build_text_objective
from engine.recipe import Recipe
from engine.runs.store import find_run, write_whole
from engine.runs.watch import load_snapshot
from engine.tasks.imdb import CLASSIFIER_CPU, LANGUAGE_MODEL
from engine.training.planning import plan_now
from engine.training.recipe_loop import train_recipe

BASE = CLASSIFIER_CPU
STAGES, SIDES = ("head", "full"), ("without", "with")
Row = dict[str, Any]


def build_recipe(train_items: int) -> Recipe:
    """The stages of the head and of everything, on some of the reviews."""
    stages = (stage for stage in BASE.stages if stage.name in STAGES)
    return replace(BASE, stages=tuple(replace(stage, train_items=train_items) for stage in stages))


def resolve_language_model(run: str, dataset: str, recipe: Recipe) -> Path:
    """The weights of a finished language model of the same data and body; says what is wrong with any other run."""
    folder = find_run(run)
    status, bundle = load_snapshot(folder).status, resolve_bundle(folder)
    config = read_config(bundle)
    found = (status, config.objective, config.dataset, config.plan.backbone)
    wanted = ("finished", LANGUAGE_MODEL, dataset, recipe.backbone)
    names = ("status", "objective", "data set", "backbone")
    for name, value, expected in zip(names, found, wanted, strict=True):
        if value != expected:
            raise SystemExit(f"{folder}: its {name} is {value!r}, and {expected!r} is needed. Give another run.")
    return bundle


def train(recipe: Recipe, data: TextData, *, seed: int, bundle: Path | None) -> Row:
    """Train one classifier; the figures of its last epoch, and the accuracy after every stage."""
    objective = build_text_objective()
    torch.manual_seed(seed)
    # Both are built from MiniLM's own package, so that the same draws make the same head; the body is then exchanged.
    model = objective.build_model(plan_now(objective, recipe, data))
    if bundle:
        init_weights(model, bundle, data.classes)
    started, epochs, precisions = time.perf_counter(), [], []
    for event in train_recipe(objective, recipe, model=model, data=data, seed=seed):
        match event:
            case EpochFinished():
                epochs.append(event)
            case PrecisionChosen():
                precisions.append(event.precision)
            case BatchHalved():
                raise SystemExit(f"A batch of {event.old} does not fit in memory: the rows would not be comparable.")
            case _:
                pass
    return {
        **epochs[-1].metrics,
        "valid_loss": epochs[-1].valid_loss,
        "after_each_stage": [epoch.metrics["accuracy"] for epoch in epochs],
        "precisions": precisions,
        "minutes": (time.perf_counter() - started) / 60,
    }


def read_rows(out: Path, about: dict[str, Any]) -> dict[str, Row]:
    """The rows that are there; it stops where they were made otherwise."""
    if not out.exists():
        return {}
    saved = json.loads(out.read_text(encoding="utf-8"))
    if saved["about"] != about:
        changed = ", ".join(name for name in about if saved["about"].get(name) != about[name])
        raise SystemExit(f"{out} has rows that were made with another {changed}. Give another file.")
    return saved["rows"]


def main() -> None:
    parser = argparse.ArgumentParser(description="The classifier with and without the language model.")
    parser.add_argument("--language-model", required=True, help="a finished run of the objective language_model")
    parser.add_argument("--dataset", default="imdb")
    parser.add_argument("--train-items", type=int, default=5000, help="how many of the training reviews; 0 is all")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True, help="the file with the finished rows, JSON")
    chosen = parser.parse_args()

    recipe = build_recipe(chosen.train_items)
    bundle = resolve_language_model(chosen.language_model, chosen.dataset, recipe)
    data = open_texts(resolve_dataset(chosen.dataset))
    about = {
        "language_model": f"{find_run(chosen.language_model)}/{bundle.name}",
        "language_model_metrics": read_config(bundle).metrics,
        "dataset": chosen.dataset,
        "valid_items": len(data.valid),
        "stages": json.loads(json.dumps([asdict(stage) for stage in recipe.stages])),
    }
    rows = read_rows(chosen.out, about)
    print(f"torch {torch.__version__}; {bundle}: {read_config(bundle).metrics}; {len(data.valid)} validation reviews")
    for seed in range(chosen.seeds):
        for side in SIDES:
            name = f"{side}, seed {seed}"
            if name not in rows:
                rows[name] = train(recipe, data, seed=seed, bundle=bundle if side == "with" else None)
                write_whole(chosen.out, json.dumps({"about": about, "rows": rows}, indent=1))
            print(name, rows[name], flush=True)

    accuracy = {side: [rows[f"{side}, seed {seed}"]["accuracy"] for seed in range(chosen.seeds)] for side in SIDES}
    accuracy["difference"] = [more - less for less, more in zip(*(accuracy[side] for side in SIDES), strict=True)]
    seeds = " | ".join(f"seed {seed}" for seed in range(chosen.seeds))
    print(f"| language model | {seeds} | mean (smallest to largest) |\n|{'---|' * (chosen.seeds + 2)}")
    for side, values in accuracy.items():
        sign = "+" if side == "difference" else ""
        cells = " | ".join(f"{value:{sign}.4f}" for value in values)
        ends = f"({min(values):{sign}.4f} to {max(values):{sign}.4f})"
        print(f"| {side} | {cells} | {statistics.mean(values):{sign}.4f} {ends} |")


if __name__ == "__main__":
    main()
