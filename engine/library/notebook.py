"""A notebook that trains a bundle's model again: the same data set, recipe and seed, and its figures beside the new ones."""

import json
import math
from pathlib import Path
from typing import Any

from engine.bundle.config import BundleConfig, Training, read_config
from engine.data.sources.fetching import SOURCES
from engine.library.history import cut_short, read_history
from engine.library.paths import is_folder
from engine.recipe import Recipe, recipe_source
from engine.tasks.registry import get_task

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
ALONE = """No other model is named whose weights it started from. Older versions wrote none down: if its author knows one, give it
to `start_model` as `init_from`."""
STARTED = """It started from another model's weights: that one is trained first, into {folders}. For the first no start is
named but its backbone. If an exported model was started from, its weights had been rounded to half precision: not so here."""
ENDED = """{ended} This notebook trains to the recipe's end: to compare like with like, stop it there too."""
CODE = """import sys

CODE = "lesson-3-lab"  # the folder with the app's code
sys.path.insert(0, CODE)"""
FETCHED = """from engine.api import fetch, get_task

DATASET = {dataset!r}
folder = fetch(DATASET)"""
OWN = """from engine.api import get_task, resolve_dataset

DATASET = {dataset!r}  # its author's own: get it, and name its folder
folder = resolve_dataset(DATASET)"""
DATA = """
task = get_task({task!r})
objective = task.build_objective({objective!r})
data = objective.open_data(folder)
print(len(data.train), "to train on,", len(data.valid), "held out; classes:", *data.classes)"""
TRAIN = """from pathlib import Path

from engine.api import EpochFinished, RunResumed, start_model, train_recipe

SEED = {seed}
start = start_model(task, recipe, data, dataset=DATASET, seed=SEED{start})
checkpoints = Path({folder!r}) / "checkpoints"
for event in train_recipe(
    objective, recipe, model=start.model, config=start.config, data=data, folder=checkpoints, seed=SEED
):
    if isinstance(event, RunResumed):
        print("resumed in stage", event.stage + 1, "after step", event.step)
    if isinstance(event, EpochFinished):
        print(recipe.stages[event.stage].name, event.epoch, event.train_loss, event.valid_loss, event.metrics)"""
COMPARE = """from engine.api import read_evaluation

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
        train = TRAIN.format(seed=training.seed, start=start, folder=folder)
        programs += [_data(training), _recipe(training.recipe), train]
        start = f", init_from={folder!r}"
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
    return f"from engine.api import Recipe, Stage\n\n{note}recipe = {recipe_source(recipe)}"


def _number(value: float) -> str:
    return repr(value) if math.isfinite(value) else f"float({str(value)!r})"


def _cell(kind: str, text: str) -> dict[str, Any]:
    code = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": text.splitlines(keepends=True), **code}
