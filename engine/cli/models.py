"""The commands that use a trained model: measure it, predict with it, write a submission."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.terminal import (
    AsJson,
    Dataset,
    people,
    print_json,
    print_problem,
    progress_bar,
    refuse_foreign,
    says_what_is_wrong,
    write_lines,
    write_table,
)
from engine.data.sources.fetching import resolve_dataset
from engine.data.sources.kaggle import late_submission
from engine.errors import DataError
from engine.library.listing import find_model
from engine.tasks.registry import get_task

Where = Annotated[str, typer.Argument(help="A run (its name or folder) or a model bundle's folder.")]
TestTime = Annotated[bool, typer.Option("--tta", help="Average over flips and turns that change no label.")]


@says_what_is_wrong
def evaluate(
    run_or_bundle: Where,
    *,
    dataset: Dataset = "",
    split: Annotated[
        str, typer.Option(help="train, valid, test, or all; the first there is of valid, test and train if left out.")
    ] = "",
    image_size: Annotated[int, typer.Option(help="Pixels on the shorter side; as trained if 0.")] = 0,
    text_length: Annotated[int, typer.Option(help="Tokens of a text that are read; as trained if 0.")] = 0,
    tta: TestTime = False,
    as_json: AsJson = False,
) -> None:
    """Measure a model on a split of a data set."""
    from engine.bundle.weights import learns_classes
    from engine.data.dataset import first_split
    from engine.serving.augmented import build_augmented
    from engine.serving.predictor import load_predictor
    from engine.training.evaluate import evaluate as measure

    predictor = load_predictor(find_model(run_or_bundle))
    data = predictor.objective.open_data(resolve_dataset(dataset or predictor.config.dataset))
    others: tuple[str, ...] = ()
    if data.classes != predictor.classes and learns_classes(predictor.model):
        data, others = predictor.objective.align(data, predictor.classes)
    split = split or first_split(data)
    items, stage = data.items(split), predictor.config.stage
    given = {"image_size": image_size, "text_length": text_length}
    sizes = {name: value for name, value in given.items() if value}
    task = get_task(predictor.config.task)
    refuse_foreign(task, task.aim(predictor.config.objective), sizes)
    stage = replace(stage, **sizes)
    result = measure(
        predictor.objective,
        build_augmented(predictor.objective, predictor.model) if tta else predictor.model,
        data=data,
        items=items,
        stage=stage,
    )
    people.print(f"{len(items)} inputs of {data.root.name}, {split} split: loss {result.loss:.4f}")
    for name, value in result.metrics.items():
        people.print(f"{name:>20}  {value:.4f}")
    remarks = (*predictor.config.remarks, *others)
    for remark in remarks:
        people.print(remark, soft_wrap=True)
    measured = {"split": split, "items": len(items), "loss": result.loss, "remarks": remarks, **result.as_dict()}
    print_json(as_json, measured)


@says_what_is_wrong
def predict(
    run_or_bundle: Where,
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Files, folders or archives of pictures or of texts, or tables with a row for each."),
    ] = None,
    *,
    text: Annotated[list[str] | None, typer.Option(help="A text, written here.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write each prediction into this folder.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write all predictions into this table.")] = None,
    jsonl: Annotated[
        Path | None, typer.Option(help="Write all predictions into this file, a line of JSON each.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Predict pictures or texts; one that cannot be read is named, and the others go on."""
    from engine.serving.many import gathered, predict_many
    from engine.serving.predictor import load_predictor

    predictor = load_predictor(find_model(run_or_bundle))
    used = Counter[str]()
    answers: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    if not files and not text:
        raise DataError("There is nothing to predict. Give files, or a text with --text.")
    written = [(f"text{number}", said) for number, said in enumerate(text or (), start=1)]
    kind = get_task(predictor.config.task).aim(predictor.config.objective).input_kind
    with gathered(files or (), predictor.objective.inputs_in, kind) as found, progress_bar() as bar:
        line = bar.add_task(kind.plural, total=len(found) + len(written))
        for file, prediction in predict_many(predictor, [*found, *written]):
            bar.advance(line)
            if isinstance(prediction, DataError):
                print_problem(prediction)
                answers.append({"file": file, "error": str(prediction)})
                continue
            answer = {"file": file, **prediction.summary()}
            if out:
                answer["saved"] = str(prediction.save(_place_in(out, file, used)))
            people.print(f"{file}: {prediction.in_words()}")
            answers.append(answer)
            rows.append({"file": file, **prediction.table_row()})
    if csv and rows:
        write_table(csv, rows)
        people.print(f"{len(rows)} predictions are in {csv}")
    if jsonl:
        write_lines(jsonl, answers)
        people.print(f"{len(answers)} lines are in {jsonl}")
    print_json(as_json, {"predictions": answers})
    if any("error" in answer for answer in answers):
        raise typer.Exit(1)


def _place_in(out: Path, file: str, used: Counter[str]) -> Path:
    """Where a prediction goes: by the file's name, which two may have, such as a/1.jpg and b/1.jpg."""
    out.mkdir(parents=True, exist_ok=True)
    stem = Path(file).stem
    used[stem] += 1
    return out / (stem if used[stem] == 1 else f"{stem}-{used[stem]}")


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
    from engine.serving.submission import decide_with_tta, write_submission

    predictor = load_predictor(find_model(run_or_bundle))
    data = predictor.objective.open_data(resolve_dataset(dataset or predictor.config.dataset))
    items = data.unlabelled
    decision = decide_with_tta(predictor, data) if tta and items and threshold is None else None
    with progress_bar() as bar:
        line = bar.add_task("pictures", total=len(items))
        write_submission(
            predictor,
            items,
            out,
            threshold=threshold,
            tta=tta,
            decision=decision,
            on_progress=lambda done, total: bar.update(line, completed=done),
        )
    people.print(f"{len(items)} pictures are in {out}")
    for said in late_submission(str(out)):
        people.print(said, markup=False, soft_wrap=True)
    print_json(as_json, {"submission": str(out), "items": len(items), "tta": tta})
