"""What the commands share: options made from knobs, mistakes shown as messages, progress, and JSON for programs."""

import csv
import functools
import inspect
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from engine.errors import EngineError, RecipeError
from engine.events import (
    BatchHalved,
    CacheProgressed,
    EpochFinished,
    Event,
    LossDiverged,
    PrecisionChosen,
    RunStopped,
    StageStarted,
    StartJudged,
    StepFinished,
    Warned,
)
from engine.recipe import Knob, knob_fields
from engine.task import Aim, Task
from engine.tasks.registry import get_task

# Names of files and messages are printed as they are, whatever brackets are in them.
people = Console(stderr=True, highlight=False, markup=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object last on standard output.")]
Dataset = Annotated[str, typer.Option(help="A registered data set, or a folder in a layout that the task knows.")]

WIDE = 120  # columns
P = ParamSpec("P")
R = TypeVar("R")


def says_what_is_wrong(command: Callable[P, R]) -> Callable[P, R]:
    """Show an `EngineError` as its message alone and end with exit code 1; bugs keep their traceback."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except EngineError as error:
            print_problem(error)
            raise typer.Exit(1) from None

    return wrapped


def print_problem(problem: EngineError) -> None:
    """What is wrong, marked as such."""
    people.print(Text.assemble(("✗ ", "bold red"), str(problem)), soft_wrap=True)


def refuse_foreign(task: Task, aim: Aim, knobs: Iterable[str]) -> None:
    """`RecipeError` for the first of the knobs given that means nothing to what the aim's models read."""
    for knob in knobs:
        if knob not in aim.input_kind.knobs:
            raise RecipeError(f"{task.title} has no use for --{knob.replace('_', '-')}. Leave it out.")


def with_knobs(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each knob of a stage, made from its declaration; the command gets them as `knobs`."""
    parameters = []
    for name, declared in knob_fields():
        option = typer.Option(help=_option_help(declared), show_default=False, rich_help_panel="Knobs of the stage")
        kind = inspect.Parameter.KEYWORD_ONLY
        parameters.append(inspect.Parameter(name, kind, default=None, annotation=Annotated[str | None, option]))
    own = [p for p in inspect.signature(command).parameters.values() if p.name != "knobs"]

    @functools.wraps(command)
    def wrapped(**values: Any) -> None:
        knobs = {p.name: values.pop(p.name) for p in parameters}
        command(knobs={name: text for name, text in knobs.items() if text is not None}, **values)

    wrapped.__signature__ = inspect.Signature([*own, *parameters])  # pyright: ignore[reportAttributeAccessIssue]
    wrapped.__annotations__ = {p.name: p.annotation for p in (*own, *parameters)}
    return wrapped


def _option_help(declared: Knob) -> str:
    if declared.choices:
        return f"{declared.help} One of: {', '.join(declared.choices)}."
    unit = f" {declared.unit}" if declared.unit else ""
    pair = {"never": "", "may": " One number, or two with a comma.", "always": " Two numbers with a comma."}
    return f"{declared.help}{pair[declared.pair]} From {declared.minimum:g} to {declared.maximum:g}{unit}."


def show_training(event: Event, bar: Progress, line: TaskID) -> None:
    """One event of a run: the bar moves, or a line is printed above it."""
    if isinstance(event, StepFinished):
        bar.update(line, completed=event.step, description=f"epoch {event.epoch}, loss {event.loss:.3f}")
    elif isinstance(event, StageStarted):
        bar.update(line, completed=0, total=event.epochs * event.steps_per_epoch)
        people.print(
            f"stage {event.stage + 1} of {event.stages}, {event.name}: {event.input_size}, "
            f"batch {event.batch_size}, {event.trainable_parameters:,} parameters learn"
            + (f"; the frozen body is run on {event.views} views of each sample, and no more" if event.views else "")
        )
    elif isinstance(event, StartJudged):
        people.print(f"before the first step: valid {event.valid_loss:.4f}, {figures_in_words(event.metrics)}")
    elif isinstance(event, EpochFinished):
        figures = figures_in_words(event.metrics)
        seconds = event.train_seconds + event.valid_seconds
        people.print(
            f"epoch {event.epoch}: train {event.train_loss:.4f}, valid {event.valid_loss:.4f}, {figures} ({seconds:.0f} s)"
        )
    elif isinstance(event, CacheProgressed):
        bar.update(line, completed=event.done, total=event.total, description="preparing once")
    elif isinstance(event, PrecisionChosen) and event.seconds_per_step:
        people.print(f"precision {event.precision}. {event.reason}", soft_wrap=True)
    elif isinstance(event, BatchHalved):
        people.print(f"out of memory: the stage starts again with a batch of {event.new} instead of {event.old}")
    elif isinstance(event, Warned | LossDiverged):
        people.print(event.message, soft_wrap=True)
    elif isinstance(event, RunStopped) and event.reason:
        people.print(event.reason, soft_wrap=True)


def progress_bar() -> Progress:
    """A bar on standard error that is gone when it is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    return Progress(*columns, TimeRemainingColumn(), console=people, transient=True)


def listing(*heads: str, wide: tuple[str, ...] = ()) -> Table:
    """A table without lines, whose first column is never broken; the `wide` heads come last, on wide terminals alone."""
    table = Table(box=None, pad_edge=False)
    for number, head in enumerate((*heads, *(wide if is_wide() else ()))):
        table.add_column(head, no_wrap=number == 0)
    return table


def is_wide() -> bool:
    """Whether there is room for more than eighty columns can show."""
    return people.width >= WIDE


def main_figure(task: str, objective: str, metrics: Mapping[str, float]) -> str:
    """The figure that the best checkpoint is picked by, by name; "" where it was not measured."""
    name = get_task(task).aim(objective).metric.name
    return f"{name} {metrics[name]:.4f}" if name in metrics else ""


def figures_in_words(metrics: Mapping[str, float]) -> str:
    """All figures in one line."""
    return ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())


def print_json(as_json: bool, values: dict[str, Any]) -> None:
    """The answer for programs, on standard output, when it was asked for."""
    if as_json:
        sys.stdout.write(json.dumps(values) + "\n")


def write_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Each row as a line of JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows with the same columns as a CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
