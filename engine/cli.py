"""The command line: what the page does, without the page.

`--json` prints one JSON object last on standard output; everything for people goes to standard error. Mistakes of the user
end with a message and exit code 1.
"""

import dataclasses
import os
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from engine.cli_hub import delete, deploy_space, export, load, models, publish, restore
from engine.cli_models import evaluate, predict, submit
from engine.cli_texts import add_texts, explain, write
from engine.data.sources import SOURCES, FetchProgress, fetch, is_ready, resolve_dataset
from engine.errors import RecipeError, RunError
from engine.events import Event, RatesSuggested, RateTried
from engine.home import data_folder
from engine.hub.library import find_model
from engine.machine import fit_threads
from engine.recipe import NEW_CHANNELS, Recipe, parse_knob
from engine.runs.remarks import in_short, remarks_of
from engine.runs.runner import KEEP_MEMORY, WORKER_COMMAND
from engine.runs.store import (
    LOG_FILE,
    SPEC_FILE,
    RunSpec,
    create_run,
    list_runs,
    log_tail,
    read_events,
    read_spec,
)
from engine.runs.watch import load_snapshot
from engine.task import Objective, Task
from engine.tasks.registry import get_task
from engine.terminal import (
    AsJson,
    Dataset,
    people,
    print_json,
    print_problem,
    progress_bar,
    says_what_is_wrong,
    show_training,
    with_knobs,
)

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Lesson 3 Lab's engine.", callback=fit_threads)
COMMANDS = (evaluate, predict, submit, add_texts, write, explain, models, export, publish, load, delete, restore)
for command in (*COMMANDS, deploy_space):
    app.command()(command)

Backbone = Annotated[
    str, typer.Option(help="A timm model, or a text model of the Hub; the task's first one if not given.")
]
NewChannels = Annotated[
    str, typer.Option(help=f"What a pretrained body makes of channels beside RGB: {', '.join(NEW_CHANNELS)}.")
]
TaskObjective = Annotated[
    str,
    typer.Option(
        "--objective",
        help="Which of a task's objectives: for imdb classifier, language_model, language_model_transductive.",
    ),
]
Seed = Annotated[int, typer.Option(help="Everything random follows from it.")]


@app.command()
@says_what_is_wrong
def datasets(as_json: AsJson = False) -> None:
    """List the data sets and which of them are on this machine."""
    table = Table("name", "what", "size", "here")
    for source in SOURCES:
        size = f"{source.size / 1e6:.0f} MB" if source.size else "drawn" if source.is_drawn else "–"
        table.add_row(source.name, source.title, size, "yes" if is_ready(source.name) else "")
    people.print(table)
    print_json(as_json, {"datasets": [{"name": s.name, "ready": is_ready(s.name)} for s in SOURCES]})


@app.command("fetch")
@says_what_is_wrong
def fetch_command(name: str, as_json: AsJson = False) -> None:
    """Download a data set, check it, unpack it."""
    with progress_bar() as bar:
        tasks: dict[str, Any] = {}

        def show(progress: FetchProgress) -> None:
            if progress.phase not in tasks:
                tasks[progress.phase] = bar.add_task(progress.phase)
            bar.update(tasks[progress.phase], completed=progress.done, total=progress.total or None)

        folder = fetch(name, show)
    people.print(f"{name} is in {folder}")
    print_json(as_json, {"name": name, "folder": str(folder)})


@app.command("lr-find")
@says_what_is_wrong
@with_knobs
def lr_find(
    task: str,
    *,
    objective: TaskObjective = "",
    dataset: Dataset = "",
    backbone: Backbone = "",
    new_channels: NewChannels = NEW_CHANNELS[0],
    init_from: Annotated[str, typer.Option(help="A run or bundle whose weights to start from.")] = "",
    seed: Seed = 42,
    as_json: AsJson = False,
    knobs: dict[str, str],
) -> None:
    """Try learning rates from tiny to far too large, and suggest some."""
    from engine.training.lr_finder import find_lr

    chosen = get_task(task)
    plan = _recipe(chosen, "", objective, backbone, new_channels, knobs)
    goal = chosen.build_objective(plan.objective)
    data = goal.open_data(resolve_dataset(dataset or chosen.datasets[0]))
    stage, model = plan.stages[0], _build_model(goal, data, plan, init_from, seed)
    verdict: RatesSuggested | None = None
    with progress_bar() as bar:
        line = bar.add_task("rates")
        for event in find_lr(goal, stage, model=model, data=data, seed=seed):
            if isinstance(event, RateTried):
                bar.update(
                    line, completed=event.step, total=event.steps, description=f"{event.lr:.1e}: {event.smoothed:.3f}"
                )
            elif isinstance(event, RatesSuggested):
                verdict = event
    assert verdict is not None, "the finder ends with a verdict"
    for name, rate in verdict.suggestions.items():
        people.print(f"{name:>12}  {rate:.1e}")
    people.print(verdict.reading)
    print_json(as_json, {"suggestions": verdict.suggestions, "reading": verdict.reading, "lr": verdict.reading_lr})


@app.command()
@says_what_is_wrong
@with_knobs
def train(
    task: str,
    *,
    recipe: Annotated[str, typer.Option(help="A recipe's name; without one, the knobs make one stage.")] = "",
    objective: TaskObjective = "",
    dataset: Dataset = "",
    backbone: Backbone = "",
    new_channels: NewChannels = NEW_CHANNELS[0],
    init_from: Annotated[str, typer.Option(help="A run or bundle whose weights to start from.")] = "",
    run_dir: Annotated[Path | None, typer.Option(help="The run's folder; a stopped run there goes on.")] = None,
    seed: Seed = 42,
    prepare: Annotated[bool, typer.Option(help="Only make the run's folder, for a worker of your own.")] = False,
    as_json: AsJson = False,
    knobs: dict[str, str],
) -> None:
    """Train a recipe, or one stage made of the knobs, as a run that can be stopped and resumed."""
    folder, chosen = run_dir, get_task(task)
    before = read_spec(folder) if folder and (folder / SPEC_FILE).is_file() else None
    if before and before.task == task and not (recipe or objective or knobs or backbone or dataset or init_from):
        wanted = before
    else:
        plan = _recipe(chosen, recipe, objective, backbone, new_channels, knobs)
        wanted = _spec(chosen, plan, dataset, init_from, seed)
    if folder is None or before is None:
        folder = create_run(wanted, folder=folder)
    elif wanted != before:
        raise RunError(
            f"{folder} is a run already, and one of other settings. To go on with it: python -m engine train "
            f"{before.task} --run-dir {folder}. For another run, give another folder."
        )
    if prepare:
        people.print(f"ready: {folder}")
        people.print(f"accelerate launch -m engine.runs.worker {folder}", soft_wrap=True)
        print_json(as_json, {"run": str(folder), "status": "new"})
        return
    with progress_bar() as bar:
        line = bar.add_task("starting")

        for event in _follow_worker(folder):
            show_training(event, bar, line)
    snapshot = load_snapshot(folder)
    people.print(f"{snapshot.status}: {folder}")
    remarks = remarks_of(folder)
    for remark in remarks:
        people.print(remark, soft_wrap=True)
    is_well = snapshot.status in ("finished", "stopped")
    if not is_well:
        people.print(snapshot.message or log_tail(folder), soft_wrap=True)
    best = snapshot.best_row
    figures = best.metrics | {"train_loss": best.train_loss, "valid_loss": best.valid_loss} if best else {}
    print_json(as_json, {"run": str(folder), "status": snapshot.status, "best": figures, "remarks": remarks})
    if not is_well:
        raise typer.Exit(1)


@app.command()
@says_what_is_wrong
def runs(as_json: AsJson = False) -> None:
    """List the runs, newest first."""
    table = Table("run", "task", "recipe", "data set", "status", "best")
    rows = []
    for folder in list_runs():
        try:
            spec = read_spec(folder)
        except RunError as problem:  # the others are there all the same
            print_problem(problem)
            continue
        snapshot = load_snapshot(folder)
        best = snapshot.best_row.metrics if snapshot.best_row else {}
        remarks = remarks_of(folder)
        figures = ", ".join(f"{name} {value:.4f}" for name, value in best.items()) + (in_short(remarks) if best else "")
        table.add_row(folder.name, spec.task, spec.recipe.name, spec.dataset, snapshot.status, figures)
        known = {"run": folder.name, "folder": str(folder), "task": spec.task, "status": snapshot.status}
        rows.append({**known, "best": best, "remarks": remarks})
    people.print(table if rows else "No runs yet: python -m engine train TASK makes the first.")
    print_json(as_json, {"runs": rows})


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


def _spec(task: Task, recipe: Recipe, dataset: str, init_from: str, seed: int) -> RunSpec:
    """The run that the options ask for; folders become absolute."""
    name = dataset or task.datasets[0]
    root = resolve_dataset(name)
    start = ""
    if init_from:
        _bundle(init_from)  # a mistake is told before there is a run
        start = str(find_model(init_from))
    return RunSpec(
        task=task.name,
        dataset=name if root == data_folder() / name else str(root),
        recipe=recipe,
        seed=seed,
        init_from=start,
    )


def _build_model(objective: Objective, data: Any, recipe: Recipe, init_from: str, seed: int) -> Any:
    import torch

    from engine.training.bundle_weights import build_checked, fitting_tensors, init_weights
    from engine.training.recipe_loop import plan_now

    torch.manual_seed(seed)
    start = _bundle(init_from) if init_from else None
    build = partial(objective.build_model, plan_now(objective, recipe, data, start), pretrained=start is None)
    if start is None:
        return build()
    model = build_checked(build, start, check=partial(fitting_tensors, bundle=start, classes=data.classes))
    init_weights(model, start, data.classes)
    return model


def _bundle(run_or_bundle: str) -> Path:
    """The bundle to start from; torch is imported here."""
    from engine.training.bundle import resolve_bundle

    return resolve_bundle(find_model(run_or_bundle))


def _recipe(task: Task, name: str, objective: str, backbone: str, new_channels: str, knobs: dict[str, str]) -> Recipe:
    if name and objective:
        raise RecipeError(f"--recipe {name} has an objective of its own: leave out --objective.")
    if name and knobs:
        raise RecipeError(f"--recipe {name} has knobs of its own: leave out {', '.join(f'--{k}' for k in knobs)}.")
    if name:
        plan = task.recipe(name)
        return dataclasses.replace(plan, backbone=backbone or plan.backbone, new_channels=new_channels)
    aim = task.aim(objective)
    foreign = [knob for knob in knobs if knob not in aim.knobs]
    if foreign:
        raise RecipeError(f"{task.title} has no use for --{foreign[0].replace('_', '-')}. Leave it out.")
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
