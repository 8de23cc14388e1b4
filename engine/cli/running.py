"""A run on the command line: what its options ask for, and its worker, followed to the end."""

import dataclasses
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from engine.cli.terminal import people, print_json, progress_bar, refuse_foreign, show_training
from engine.data.sources.fetching import resolve_dataset
from engine.errors import RecipeError, RunError
from engine.events import Event
from engine.fitting import fitted, in_words
from engine.host.home import data_folder
from engine.library.listing import find_model
from engine.recipe import Recipe, parse_knob
from engine.runs.devices import card_warning
from engine.runs.runner import KEEP_MEMORY, WORKER_COMMAND
from engine.runs.snapshot import RunSnapshot
from engine.runs.store import LOG_FILE, RunSpec, create_run, log_tail, read_events
from engine.task import Task


def run_of(wanted: RunSpec, before: RunSpec | None, folder: Path | None) -> Path:
    """The folder of the run that is wanted: a new one, or the one that is there already (`before`), if it is the same."""
    if folder is None or before is None:
        return create_run(wanted, folder=folder)
    if wanted != before:
        raise RunError(
            f"{folder} is a run already, and one of other settings. To go on with it: python -m engine train "
            f"{before.task} --run-dir {folder}. For another run, give another folder."
        )
    return folder


def follow(folder: Path) -> None:
    """Be beside a run's worker until it ends, and show how far it is."""
    said = card_warning()
    if said:
        people.print(said, soft_wrap=True)
    with progress_bar() as bar:
        line = bar.add_task("starting")
        for event in _follow_worker(folder):
            show_training(event, bar, line)


def finish(folder: Path, snapshot: RunSnapshot, as_json: bool, told: dict[str, Any]) -> None:
    """Say how a run ended, to people and to programs; exit code 1 where it did not end well."""
    people.print(f"{snapshot.status}: {folder}", soft_wrap=True)
    is_well = snapshot.status in ("finished", "stopped")
    if not is_well:
        people.print(snapshot.message or log_tail(folder), soft_wrap=True)
    print_json(as_json, {"run": str(folder), "status": snapshot.status, **told})
    if not is_well:
        raise typer.Exit(1)


def spec_of(task: Task, recipe: Recipe, *, dataset: str, init_from: str, seed: int) -> RunSpec:
    """The run that the options ask for; folders become absolute."""
    name = dataset or task.datasets[0]
    root = resolve_dataset(name)
    if recipe.least_steps:  # what is trained stands in the run's folder
        samples = len(task.build_objective(recipe.objective).open_data(root).train)
        asked, recipe = recipe, fitted(recipe, samples)
        for sentence in in_words(asked, recipe, samples):
            people.print(f"{sentence}.", soft_wrap=True)
    start = ""
    if init_from:
        from engine.bundle.config import resolve_bundle

        start = str(find_model(init_from))
        resolve_bundle(start)  # a mistake is told before there is a run
    return RunSpec(
        task=task.name,
        dataset=name if root == data_folder() / name else str(root),
        recipe=recipe,
        seed=seed,
        init_from=start,
    )


def recipe_of(task: Task, name: str, objective: str, backbone: str, new_channels: str, knobs: dict[str, str]) -> Recipe:
    """The recipe of that name, or one stage made of the knobs."""
    if name and objective:
        raise RecipeError(f"--recipe {name} has an objective of its own: leave out --objective.")
    if name and knobs:
        options = ", ".join(f"--{knob.replace('_', '-')}" for knob in knobs)
        raise RecipeError(f"--recipe {name} has knobs of its own: leave out {options}.")
    if name:
        plan = task.recipe(name)
        return dataclasses.replace(plan, backbone=backbone or plan.backbone, new_channels=new_channels)
    aim = task.aim(objective)
    refuse_foreign(task, aim, knobs)
    values = {name: parse_knob(name, text) for name, text in knobs.items()}
    stage = dataclasses.replace(aim.default_stage, **values)
    stage = dataclasses.replace(stage, name="frozen" if stage.is_frozen else "full")
    return Recipe(
        name="one-stage",
        stages=(stage,),
        backbone=backbone or task.backbones[0],
        new_channels=new_channels,
        objective=aim.name if aim is not task.aims[0] else "",
    )


def _follow_worker(folder: Path) -> Iterator[Event]:
    """Start the run's worker and pass on what it says until it ends; Ctrl-C reaches it too, and it stops in order."""
    _, offset = read_events(folder)
    with (folder / LOG_FILE).open("ab") as log:
        environment = {**KEEP_MEMORY, **os.environ}
        worker = subprocess.Popen([*WORKER_COMMAND, str(folder)], stdout=log, stderr=log, env=environment)
    is_over = False
    while not is_over:
        try:
            is_over = worker.poll() is not None
            events, offset = read_events(folder, offset)
            yield from events
            time.sleep(0 if is_over else 0.2)
        except KeyboardInterrupt:
            people.print("stopping at the next batch …")
