"""A notebook that trains a bundle's model again: the same data set, recipe and seed, and its figures beside the new ones."""

import json
import math
from pathlib import Path
from typing import Any

from engine.data.sources import SOURCES
from engine.hub.history import cut_short, read_history
from engine.hub.paths import is_folder
from engine.recipe import Recipe, recipe_source
from engine.tasks.registry import get_task
from engine.training.bundle import BundleConfig, Training, read_config

NOTEBOOK_FILE = "reproduce.ipynb"
NBFORMAT = {"nbformat": 4, "nbformat_minor": 4}
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
# Below the folder in which Jupyter has the notebook.
FOLDER = "reproduced"

INTRODUCTION = """# To train it again: {title}

This notebook trains the model beside it as that was trained: on the same data, by the same recipe, with the same seed. Its last
cell puts both models' validation figures side by side.

1. Get the code of Lesson 3 Lab, the app that trained it, and name its folder in the next cell.
2. Install what it needs: `pip install -r requirements.txt` in that folder.
3. Run the cells. Checkpoints go into `{folder}/`; with some there, training goes on from them.

On the same kind of machine the figures should be the same; on another one they differ as two seeds' do, or less.

{notes}"""
ALONE = """No other model is named whose weights it started from. Older versions wrote none down: if its author knows one, load
that with `init_weights` of `engine.training.bundle_weights` before you train."""
STARTED = """It started from another model's weights: that one is trained first, into {folders}. For the first no start is
named but its backbone. If an exported model was started from, its weights had been rounded to half precision: not so here."""
ENDED = """{ended} This notebook trains to the recipe's end: to compare like with like, stop it there too."""
CODE = """import sys

CODE = "lesson-3-lab"  # the folder with the app's code
sys.path.insert(0, CODE)"""
FETCHED = """from engine.data.sources import fetch
from engine.tasks.registry import get_task

DATASET = {dataset!r}
folder = fetch(DATASET)"""
OWN = """from engine.data.sources import resolve_dataset
from engine.tasks.registry import get_task

DATASET = {dataset!r}  # its author's own: get it, and name its folder
folder = resolve_dataset(DATASET)"""
DATA = """
objective = get_task({task!r}).build_objective({objective!r})
data = objective.open_data(folder)
print(len(data.train), "to train on,", len(data.valid), "held out; classes:", *data.classes)"""
MODEL = """import torch

from engine.training.recipe_loop import plan_now

SEED = {seed}
torch.manual_seed(SEED)
plan = plan_now(objective, recipe, data)
model = objective.build_model(plan)
starts = ()"""
MODEL_FROM = """import torch

from engine.training.bundle import read_config, resolve_bundle
from engine.training.bundle_weights import init_weights
from engine.training.recipe_loop import plan_now

SEED = {seed}
torch.manual_seed(SEED)
start = resolve_bundle({start!r})
plan = plan_now(objective, recipe, data, start)
model = objective.build_model(plan, pretrained=False)
init_weights(model, start, data.classes)
starts = read_config(start).trainings"""
TRAIN = """from pathlib import Path

from engine.events import EpochFinished
from engine.training.bundle import build_config
from engine.training.recipe_loop import train_recipe

config = build_config(
    task={task!r}, objective=objective.name, recipe=recipe, plan=plan, dataset=DATASET, seed=SEED, starts=starts
)
checkpoints = Path({folder!r}) / "checkpoints"
for event in train_recipe(objective, recipe, model=model, data=data, folder=checkpoints, config=config, seed=SEED):
    if isinstance(event, EpochFinished):
        print(recipe.stages[event.stage].name, event.epoch, event.train_loss, event.valid_loss, event.metrics)"""
COMPARE = """from engine.training.bundle import read_evaluation

published = {metrics}
reproduced = (read_evaluation({folder!r}) or {{}}).get("metrics", {{}})
for name, value in published.items():
    print(f"{{name:20}} {{value:10.5f}} published {{reproduced.get(name, float('nan')):10.5f}} here")"""


def write_notebook(bundle: Path) -> Path:
    """Write `reproduce.ipynb` into a bundle's folder, from its config and history; where it went."""
    config = read_config(bundle)
    cells = [_cell("markdown", _introduction(bundle, config)), *(_cell("code", code) for code in _programs(config))]
    target = bundle / NOTEBOOK_FILE
    target.write_text(json.dumps({"cells": cells, "metadata": KERNEL, **NBFORMAT}, indent=1), encoding="utf-8")
    return target


def _introduction(bundle: Path, config: BundleConfig) -> str:
    folders = " and then ".join(f"`{folder}/`" for folder in _folders(config)[:-1])
    notes = [STARTED.format(folders=folders) if folders else ALONE]
    if ended := cut_short(read_history(bundle), config.recipe):
        notes.append(ENDED.format(ended=ended))
    return INTRODUCTION.format(title=get_task(config.task).title, folder=FOLDER, notes="\n\n".join(notes))


def _programs(config: BundleConfig) -> list[str]:
    """The code cells. Whatever the config says stands in them as literals: it is not trusted."""
    programs, start = [CODE], ""
    for training, folder in zip(config.trainings, _folders(config), strict=True):
        model = (MODEL_FROM if start else MODEL).format(seed=training.seed, start=start)
        programs += [_data(training), _recipe(training.recipe), model, TRAIN.format(task=training.task, folder=folder)]
        start = folder
    metrics = ", ".join(f"{name!r}: {_number(value)}" for name, value in config.metrics.items())
    return [*programs, COMPARE.format(metrics=f"{{{metrics}}}", folder=FOLDER)]


def _folders(config: BundleConfig) -> list[str]:
    """Where each training's checkpoints go, the model's own last."""
    return [*(f"{FOLDER}-start{number}" for number, _ in enumerate(config.starts, start=1)), FOLDER]


def _data(training: Training) -> str:
    is_known = any(source.name == training.dataset for source in SOURCES)
    # Of a folder only its name: where it lies at the author's is of no use to anybody.
    folder = FETCHED.format(dataset=training.dataset) if is_known else OWN.format(dataset=Path(training.dataset).name)
    return folder + DATA.format(task=training.task, objective=training.objective)


def _recipe(recipe: Recipe) -> str:
    note = (
        "# The backbone is its author's own: get that folder, and name it here.\n" if is_folder(recipe.backbone) else ""
    )
    return f"from engine.recipe import Recipe, Stage\n\n{note}recipe = {recipe_source(recipe)}"


def _number(value: float) -> str:
    return repr(value) if math.isfinite(value) else f"float({str(value)!r})"


def _cell(kind: str, text: str) -> dict[str, Any]:
    code = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": text.splitlines(keepends=True), **code}
