"""The command line: what the page does, without the page.

`--json` prints one JSON object last on standard output; everything for people goes to standard error. Mistakes of the user
end with a message and exit code 1.
"""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.compare import compare
from engine.cli.data import check, fetch_from_hub, push_data
from engine.cli.diagnosing import diagnose
from engine.cli.hub import delete, deploy_space, export, load, models, publish, restore
from engine.cli.models import evaluate, predict, submit
from engine.cli.running import finish, follow, recipe_of, run_of, spec_of
from engine.cli.suspects import suspects
from engine.cli.terminal import (
    AsJson,
    Dataset,
    figures_in_words,
    is_wide,
    listing,
    main_figure,
    people,
    print_json,
    print_problem,
    progress_bar,
    says_what_is_wrong,
    with_knobs,
)
from engine.cli.texts import add_texts, explain, write
from engine.data.sources.fetching import ON_HUB, SOURCES, FetchProgress, fetch, is_ready
from engine.errors import RunError
from engine.host.machine import fit_threads
from engine.recipe import LR_STEPS, NEW_CHANNELS
from engine.runs.remarks import in_short, remarks_of
from engine.runs.setbacks import setbacks_of
from engine.runs.store import SPEC_FILE, create_run, list_runs, read_spec
from engine.runs.watch import load_snapshot
from engine.tasks.registry import get_task

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Lesson 3 Lab's engine.", callback=fit_threads)
COMMANDS = (
    check,
    diagnose,
    evaluate,
    predict,
    submit,
    add_texts,
    write,
    explain,
    models,
    export,
    publish,
    load,
    delete,
    restore,
)
for command in (*COMMANDS, suspects, compare, push_data, deploy_space):
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
InitFrom = Annotated[str, typer.Option(help="A run, a run's stage (RUN@2) or a bundle whose weights to start from.")]
RunDir = Annotated[Path | None, typer.Option(help="The run's folder; a stopped training there goes on.")]


@app.command()
@says_what_is_wrong
def datasets(as_json: AsJson = False) -> None:
    """List the data sets and which of them are on this machine."""
    table = listing("name", "size", "here", "what")
    for source in SOURCES:
        size = f"{source.size / 1e6:.0f} MB" if source.size else "drawn" if source.is_drawn else "–"
        table.add_row(source.name, size, "yes" if is_ready(source.name) else "", source.title)
    people.print(table)
    print_json(as_json, {"datasets": [{"name": s.name, "ready": is_ready(s.name)} for s in SOURCES]})


@app.command("fetch")
@says_what_is_wrong
def fetch_command(
    name: Annotated[
        str, typer.Argument(help="A registered data set, or OWNER/NAME[@REVISION] of the Hugging Face Hub.")
    ],
    *,
    config: Annotated[str, typer.Option(help="Of the Hub: which of a repository's parts.")] = "",
    input_column: Annotated[str, typer.Option("--input", help="Of the Hub: the column of pictures or texts.")] = "",
    target_column: Annotated[str, typer.Option("--target", help='Of the Hub: the column of labels, or "x,y".')] = "",
    as_json: AsJson = False,
) -> None:
    """Download a data set, check it, unpack it."""
    if ON_HUB.fullmatch(name):
        fetch_from_hub(name, config, input_column, target_column, as_json=as_json)
        return
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
    init_from: InitFrom = "",
    run_dir: RunDir = None,
    seed: Seed = 42,
    steps: Annotated[int, typer.Option(help="How many rates to try: with more of them chance counts less.")] = LR_STEPS,
    as_json: AsJson = False,
    knobs: dict[str, str],
) -> None:
    """Try learning rates from tiny to far too large, as a run of its own, and suggest some."""
    chosen = get_task(task)
    recipe = recipe_of(chosen, "", objective, backbone, new_channels, knobs)
    spec = spec_of(chosen, recipe, dataset=dataset, init_from=init_from, seed=seed)
    folder = create_run(dataclasses.replace(spec, job="lr-find", lr_steps=steps), folder=run_dir)
    follow(folder)
    snapshot = load_snapshot(folder)
    table = listing("suggestion", "rate")
    for name, rate in snapshot.suggestions.items():
        table.add_row(name, f"{rate:.1e}")
    if snapshot.suggestions:
        people.print(table)
    people.print(snapshot.reading, soft_wrap=True)
    finish(
        folder,
        snapshot,
        as_json,
        {"suggestions": snapshot.suggestions, "reading": snapshot.reading, "reading_lr": snapshot.reading_lr},
    )


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
    init_from: InitFrom = "",
    run_dir: RunDir = None,
    seed: Seed = 42,
    prepare: Annotated[bool, typer.Option(help="Only make the run's folder, for a worker of your own.")] = False,
    as_json: AsJson = False,
    knobs: dict[str, str],
) -> None:
    """Train a recipe, or one stage made of the knobs, as a run that can be stopped and resumed."""
    chosen = get_task(task)
    before = read_spec(run_dir) if run_dir and (run_dir / SPEC_FILE).is_file() else None
    if before and before.task == task and not (recipe or objective or knobs or backbone or dataset or init_from):
        wanted = before
    else:
        plan = recipe_of(chosen, recipe, objective, backbone, new_channels, knobs)
        wanted = spec_of(chosen, plan, dataset=dataset, init_from=init_from, seed=seed)
    folder = run_of(wanted, before, run_dir)
    if prepare:
        people.print(f"ready: {folder}")
        people.print(f"accelerate launch -m engine.runs.worker {folder}", soft_wrap=True)
        print_json(as_json, {"run": str(folder), "status": "new"})
        return
    follow(folder)
    snapshot = load_snapshot(folder)
    remarks = remarks_of(folder)
    setbacks = setbacks_of(snapshot, wanted.recipe, chosen.aim(wanted.recipe.objective))
    for said in (*setbacks, *remarks):
        people.print(said, soft_wrap=True)
    best = snapshot.best_row
    figures = best.metrics | {"train_loss": best.train_loss, "valid_loss": best.valid_loss} if best else {}
    finish(folder, snapshot, as_json, {"best": figures, "setbacks": setbacks, "remarks": remarks})


@app.command()
@says_what_is_wrong
def runs(as_json: AsJson = False) -> None:
    """List the runs, newest first."""
    table = listing("run", "data set", "status", "best", wide=("recipe", "all figures"))
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
        figure = main_figure(spec.task, spec.recipe.objective, best) + (in_short(remarks) if best else "")
        row = [folder.name, Path(spec.dataset).name, snapshot.status, figure]
        table.add_row(*row, *([spec.recipe.name, figures_in_words(best)] if is_wide() else []))
        known = {"run": folder.name, "folder": str(folder), "task": spec.task, "recipe": spec.recipe.name}
        rows.append({**known, "status": snapshot.status, "best": best, "remarks": remarks})
    people.print(table if rows else "No runs yet: python -m engine train TASK makes the first.")
    print_json(as_json, {"runs": rows})
