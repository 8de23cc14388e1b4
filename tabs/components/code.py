"""The Python behind every button: each function gives a whole program that does with the engine what the page does."""

import dataclasses
from textwrap import dedent

from engine.data.sources import SOURCES
from engine.recipe import Recipe, Stage


def data_code(task: str, dataset: str, stage: Stage) -> str:
    """Open a data set, walk one sample through the six questions, look at samples before and after transforms."""
    return _program(
        "from engine.recipe import Stage\n" + _source_import(dataset) + "from engine.serving.inspect import "
        "class_frequencies, show_augmented, show_samples\nfrom engine.tasks.registry import get_task",
        f"""
        data = get_task({task!r}).build_objective().open_data({_folder(dataset)})
        stage = {stage_source(stage)}
        for step in data.summary(stage):
            print(step.question, step.answer, step.code, sep="\\n    ")

        for sample in show_samples(data, split="valid", count=3):
            print(sample.name, sample.picture.shape, sample.mask.shape)
        for sample in show_augmented(data, stage, index=0, count=3, seed=0):
            print(sample.name, sample.picture.shape)
        print(class_frequencies(data))
        """,
    )


def rate_code(task: str, dataset: str, recipe: Recipe, init_from: str) -> str:
    """Run the LR finder on the recipe's first stage."""
    return _program(
        _source_import(dataset)
        + _weights_import(init_from)
        + "from engine.events import RatesSuggested\nfrom engine.recipe import Stage\n"
        "from engine.tasks.registry import get_task\nfrom engine.training.lr_finder import find_lr",
        f"""
        objective = get_task({task!r}).build_objective()
        data = objective.open_data({_folder(dataset)})
        model = objective.build_model(data.classes, backbone={recipe.backbone!r}, pretrained=True)
        START
        stage = {stage_source(recipe.stages[0])}
        for event in find_lr(objective, stage, model=model, data=data):
            if isinstance(event, RatesSuggested):
                print(event.suggestions, event.reading, event.reading_lr, sep="\\n")
        """,
    ).replace("START\n", _start(init_from))


def train_code(task: str, dataset: str, recipe: Recipe, init_from: str) -> str:
    """Train a recipe's stages one after the other on one model."""
    stages = "".join(f"    {stage_source(stage)},\n" for stage in recipe.stages)
    return (
        _program(
            _source_import(dataset)
            + _weights_import(init_from)
            + "from engine.events import EpochFinished\nfrom engine.recipe import Stage\n"
            "from engine.tasks.registry import get_task\nfrom engine.training.loop import fit",
            f"""
            objective = get_task({task!r}).build_objective()
            data = objective.open_data({_folder(dataset)})
            model = objective.build_model(data.classes, backbone={recipe.backbone!r}, pretrained=True)
            START
            stages = [
            STAGES]
            for stage in stages:
                for event in fit(objective, stage, model=model, data=data):
                    if isinstance(event, EpochFinished):
                        print(stage.name, event.epoch, event.train_loss, event.valid_loss, event.metrics)
            """,
        )
        .replace("START\n", _start(init_from))
        .replace("STAGES", stages)
    )


def results_code(task: str, dataset: str, run: str) -> str:
    """Figures and comparisons of a run's best checkpoint on the validation split."""
    return _program(
        "import json\n\n" + _source_import(dataset) + "from engine.runs.store import find_run\n"
        "from engine.serving.inspect import compare_predictions\nfrom engine.serving.predictor import load_predictor\n"
        "from engine.tasks.registry import get_task",
        f"""
        run = find_run({run!r})
        data = get_task({task!r}).build_objective().open_data({_folder(dataset)})
        for case in compare_predictions(load_predictor(run), data, count=4):
            print(case.name, case.accuracy)
        evaluation = json.loads((run / "evaluation.json").read_text())
        print(evaluation["metrics"], dict(zip(evaluation["classes"], evaluation["iou"])), sep="\\n")
        """,
    )


def try_code(dataset: str, run: str) -> str:
    """Predict one picture; any file of your own does as well."""
    return _program(
        _source_import(dataset) + "from engine.runs.store import find_run\n"
        "from engine.serving.predictor import load_predictor",
        f"""
        predictor = load_predictor(find_run({run!r}))
        folder = {_folder(dataset)}
        picture = sorted([*folder.rglob("*.jpg"), *folder.rglob("*.png")])[0]  # or any picture of your own
        prediction = predictor.predict(picture)
        print(prediction.mask.shape, prediction.confidence.mean(), prediction.shares, sep="\\n")
        """,
    )


def stage_source(stage: Stage) -> str:
    """`Stage(…)` with only what differs from the defaults."""
    fields = [field for field in dataclasses.fields(stage) if getattr(stage, field.name) != field.default]
    return f"Stage({', '.join(f'{field.name}={getattr(stage, field.name)!r}' for field in fields)})"


def _weights_import(init_from: str) -> str:
    if not init_from:
        return ""
    return "from engine.hub.bundle import init_weights, resolve_bundle\nfrom engine.runs.store import find_run\n"


def _start(init_from: str) -> str:
    return f"init_weights(model, resolve_bundle(find_run({init_from!r})), data.classes)\n" if init_from else ""


def _source_import(dataset: str) -> str:
    name = "fetch" if _is_registered(dataset) else "resolve_dataset"
    return f"from engine.data.sources import {name}\n"


def _folder(dataset: str) -> str:
    return f"{'fetch' if _is_registered(dataset) else 'resolve_dataset'}({dataset!r})"


def _is_registered(dataset: str) -> bool:
    return any(source.name == dataset for source in SOURCES)


def _program(imports: str, body: str) -> str:
    lines = imports.split("\n")
    plain = [line for line in lines if line.startswith("import ")]
    ours = sorted(line for line in lines if line.startswith("from "))
    head = "\n".join([*plain, ""] if plain else []) + ("\n" if plain else "")
    return f"{head}{chr(10).join(ours)}\n\n{dedent(body).strip()}\n"
