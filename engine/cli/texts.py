"""The commands that are about texts alone: bring a table, let a language model write, see which words push an answer."""

from pathlib import Path
from typing import Annotated

import typer

from engine.bundle.config import BundleConfig
from engine.cli.terminal import AsJson, people, print_json, says_what_is_wrong
from engine.data.texts.own import keep_texts, look_at_table
from engine.errors import DataError
from engine.library.listing import find_model
from engine.tasks.lesson import TEMPERATURE
from engine.tasks.registry import get_task

Model = Annotated[str, typer.Argument(help="A run (its name or folder) or a model bundle's folder.")]


@says_what_is_wrong
def add_texts(
    file: Path,
    *,
    text: Annotated[str, typer.Option(help="The column with the texts; guessed if left out.")] = "",
    label: Annotated[str, typer.Option(help="The column with the labels; guessed if left out.")] = "",
    encoding: Annotated[str, typer.Option(help="Of files that are not UTF-8, such as cp1252.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a data set of two columns of a table, or of a folder of text files."""
    if file.is_file():
        found = look_at_table(file, encoding)
        text, label = text.lower() or found.text, label.lower() or found.label
        people.print(f"texts: {text}; labels: {label}")
    folder = keep_texts(file, text=text, label=label, encoding=encoding)
    people.print(f"python -m engine train imdb --dataset {folder}", soft_wrap=True)
    print_json(as_json, {"folder": str(folder), "text": text, "label": label})


@says_what_is_wrong
def write(
    run_or_bundle: Model,
    start: str,
    *,
    tokens: Annotated[int, typer.Option(help="How many are added.")] = 30,
    temperature: Annotated[float, typer.Option(help="Low repeats what is likeliest, high dares more.")] = TEMPERATURE,
    seed: Annotated[int, typer.Option(help="The same seed writes the same.")] = 0,
    untuned: Annotated[bool, typer.Option("--untuned", help="As the model was before it was fine-tuned.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let a language model go on with a text."""
    from engine.serving.predictor import load_predictor
    from engine.serving.writing import load_untuned, write_on

    predictor = load_predictor(find_model(run_or_bundle))
    if _kind_of(predictor.config) != "language":
        raise DataError(f"{run_or_bundle} is no language model. Choose the one that it started from.")
    writer = load_untuned(predictor) if untuned else predictor
    written = write_on(writer, start, tokens=tokens, temperature=temperature, seed=seed)
    people.print(written, markup=False, soft_wrap=True)
    print_json(as_json, {"written": written})


@says_what_is_wrong
def explain(run_or_bundle: Model, text: str, *, as_json: AsJson = False) -> None:
    """Judge a text, and say how much each of its words speaks for the answer."""
    from engine.serving.predictor import load_predictor
    from engine.serving.pushes import explain_words

    predictor = load_predictor(find_model(run_or_bundle))
    if _kind_of(predictor.config) != "text":
        raise DataError(f"{run_or_bundle} is no classifier of texts. Choose one.")
    prediction, pushes = explain_words(predictor, text)
    people.print(prediction.in_words())
    for push in pushes:
        people.print(f"{push.push:+8.2f}  {push.words.strip()}", markup=False)
    rows = [{"words": push.words, "push": push.push} for push in pushes]
    print_json(as_json, {**prediction.summary(), "pushes": rows})


def _kind_of(config: BundleConfig) -> str:
    return get_task(config.task).aim(config.objective).kind
