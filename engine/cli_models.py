"""The commands that use a trained model: measure it, predict with it, write a submission."""

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.data.sources import resolve_dataset
from engine.errors import DataError
from engine.runs.store import find_model
from engine.terminal import (
    AsJson,
    Dataset,
    people,
    print_json,
    print_problem,
    progress_bar,
    says_what_is_wrong,
    write_table,
)

Where = Annotated[str, typer.Argument(help="A run (its name or folder) or a model bundle's folder.")]
TestTime = Annotated[bool, typer.Option("--tta", help="Average over flips and turns that change no label.")]


@says_what_is_wrong
def evaluate(
    run_or_bundle: Where,
    *,
    dataset: Dataset = "",
    split: Annotated[str, typer.Option(help="train, valid, or test where the data set has one.")] = "valid",
    image_size: Annotated[int, typer.Option(help="Pixels on the shorter side; as trained if 0.")] = 0,
    tta: TestTime = False,
    as_json: AsJson = False,
) -> None:
    """Measure a model on a split of a data set."""
    from engine.serving.augmented import build_augmented
    from engine.serving.predictor import load_predictor
    from engine.training.evaluate import evaluate as measure

    predictor = load_predictor(find_model(run_or_bundle))
    data = predictor.objective.open_data(resolve_dataset(dataset or predictor.config.dataset))
    if data.classes != predictor.classes:
        raise DataError(f"{data.root.name} has other classes than the model was trained on ({len(predictor.classes)}).")
    items = data.items(split)
    result = measure(
        predictor.objective,
        build_augmented(predictor.objective, predictor.model) if tta else predictor.model,
        data=data,
        items=items,
        image_size=image_size or predictor.config.image_size,
    )
    people.print(f"{len(items)} inputs of {data.root.name}, {split} split: loss {result.loss:.4f}")
    for name, value in result.metrics.items():
        people.print(f"{name:>20}  {value:.4f}")
    print_json(as_json, {"split": split, "items": len(items), "loss": result.loss, **result.as_dict()})


@says_what_is_wrong
def predict(
    run_or_bundle: Where,
    files: Annotated[list[Path], typer.Argument(help="Pictures.")],
    *,
    out: Annotated[Path | None, typer.Option(help="Write each prediction into this folder.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write all predictions into this table.")] = None,
    as_json: AsJson = False,
) -> None:
    """Predict pictures; one that cannot be read is named, and the others go on."""
    from engine.serving.predictor import load_predictor

    predictor = load_predictor(find_model(run_or_bundle))
    answers: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for file in files:
        try:
            prediction = predictor.predict(file)
        except DataError as problem:
            print_problem(problem)
            answers.append({"file": str(file), "error": str(problem)})
            continue
        answer = {"file": str(file), **prediction.summary()}
        if out:
            out.mkdir(parents=True, exist_ok=True)
            answer["saved"] = str(prediction.save(out / file.stem))
        people.print(f"{file}: {prediction.in_words()}")
        answers.append(answer)
        rows.append({"file": str(file), **prediction.table_row()})
    if csv and rows:
        write_table(csv, rows)
        people.print(f"{len(rows)} predictions are in {csv}")
    print_json(as_json, {"predictions": answers})
    if any("error" in answer for answer in answers):
        raise typer.Exit(1)


@says_what_is_wrong
def submit(
    run_or_bundle: Where,
    *,
    dataset: Dataset = "",
    out: Annotated[Path, typer.Option(help="Where the table goes.")] = Path("submission.csv"),
    threshold: Annotated[
        float | None, typer.Option(help="One for all tags; as tuned on validation if left out.")
    ] = None,
    tta: TestTime = False,
    as_json: AsJson = False,
) -> None:
    """Predict the tags of a data set's unlabelled test pictures, as a table that Kaggle takes."""
    from engine.serving.predictor import load_predictor
    from engine.serving.submission import write_submission

    predictor = load_predictor(find_model(run_or_bundle))
    items = predictor.objective.open_data(resolve_dataset(dataset or predictor.config.dataset)).unlabelled
    with progress_bar() as bar:
        line = bar.add_task("pictures", total=len(items))
        write_submission(
            predictor,
            items,
            out,
            threshold=threshold,
            tta=tta,
            on_progress=lambda done, total: bar.update(line, completed=done),
        )
    people.print(f"{len(items)} pictures are in {out}")
    print_json(as_json, {"submission": str(out), "items": len(items), "tta": tta})
