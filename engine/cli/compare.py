"""The command that puts runs side by side: the settings that differ, and their figures."""

import dataclasses
from typing import Annotated

import typer
from rich.table import Table

from engine.cli.terminal import AsJson, listing, people, print_json, says_what_is_wrong
from engine.errors import RunError
from engine.runs.compared import (
    MOST_RUNS,
    Figures,
    Setting,
    compare_settings,
    differing,
    figures_of,
    same_but_for_seed,
    spread_of,
)
from engine.runs.store import find_run, read_spec
from engine.runs.watch import load_snapshot
from engine.tasks.registry import get_task

LETTERS = "ABCDEFGH"
NOTHING = "–"


@says_what_is_wrong
def compare(
    runs: Annotated[list[str], typer.Argument(help=f"Runs, by name or folder: up to {MOST_RUNS}.")],
    *,
    whole: Annotated[bool, typer.Option("--all", help="The settings that are the same too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put runs side by side: the settings that differ, and their figures with the differences to the first."""
    if len(runs) > MOST_RUNS:
        raise RunError(f"{len(runs)} runs are too many to compare at once. Give {MOST_RUNS} or fewer.")
    folders = [find_run(run) for run in dict.fromkeys(runs)]
    specs = [read_spec(folder) for folder in folders]
    metrics = [get_task(spec.task).aim(spec.recipe.objective).metric for spec in specs]
    figures = [figures_of(load_snapshot(folder), metric) for folder, metric in zip(folders, metrics, strict=True)]
    settings = compare_settings(specs)
    shown = settings if whole else differing(settings)
    for letter, folder in zip(LETTERS, folders, strict=False):
        people.print(f"{letter}  {folder.name}")
    people.print(_settings_table(shown, len(specs)) if shown else "The settings are the same, the seed too.")
    is_alike = len({(spec.task, metric.name, spec.dataset) for spec, metric in zip(specs, metrics, strict=True)}) == 1
    people.print(_figures_table(figures, metrics[0].name if is_alike else "main metric", is_alike=is_alike))
    if not is_alike:
        people.print("They are of different tasks or data: their figures do not say which is better.", soft_wrap=True)
    spreads = []
    for group in same_but_for_seed(specs):
        spread = spread_of([figures[place].best for place in group])
        if spread:
            names = ", ".join(LETTERS[place] for place in group)
            people.print(
                f"{names} differ in their seed alone: {metrics[group[0]].name} {spread.mean:.4f} ± {spread.deviation:.4f} "
                f"(mean and standard deviation, n = {spread.n})",
                soft_wrap=True,
            )
            spreads.append({"runs": [folders[place].name for place in group], **dataclasses.asdict(spread)})
    told = {
        "runs": [
            {"run": folder.name, "metric": metric.name, **dataclasses.asdict(own)}
            for folder, metric, own in zip(folders, metrics, figures, strict=True)
        ],
        "settings": [dataclasses.asdict(setting) for setting in shown],
        "spreads": spreads,
    }
    print_json(as_json, told)


def _settings_table(settings: list[Setting], runs: int) -> Table:
    table = listing("setting", *LETTERS[:runs])
    for setting in settings:
        table.add_row(f"{setting.where.lower()}: {setting.name.lower()}", *setting.values)
    return table


def _figures_table(figures: list[Figures], metric: str, *, is_alike: bool) -> Table:
    table = listing("run", f"best {metric}", "at epoch", "valid. loss", "train loss", "minutes", "epochs")
    for place, own in enumerate(figures):
        first = figures[0] if place and is_alike else None
        table.add_row(
            LETTERS[place],
            _figure(own.best, first and first.best),
            str(own.best_epoch or NOTHING),
            _figure(own.valid_loss, first and first.valid_loss),
            _figure(own.train_loss, first and first.train_loss),
            f"{own.minutes:.1f}",
            str(own.epochs),
        )
    return table


def _figure(own: float | None, first: float | None) -> str:
    if own is None:
        return NOTHING
    return f"{own:.4f}" if first is None else f"{own:.4f} ({own - first:+.4f})"
