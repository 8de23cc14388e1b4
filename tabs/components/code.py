"""The Python behind every button: each function gives a whole program that does with the engine what the page does."""

import dataclasses
from collections.abc import Sequence

from engine.data.sources import SOURCES
from engine.recipe import NEW_CHANNELS, Recipe, Stage

REGISTRY = "from engine.tasks.registry import get_task"
FIND_RUN = "from engine.runs.store import find_run"
PREDICTOR = "from engine.serving.predictor import load_predictor"
STAGE = "from engine.recipe import Stage"
PLAN = "from engine.task import ModelPlan"


def data_code(task: str, dataset: str, stage: Stage) -> str:
    """Open a data set, walk one sample through the six questions, look at samples before and after transforms."""
    imports = [
        _source_import(dataset),
        STAGE,
        REGISTRY,
        "from engine.serving.inspect import show_augmented, show_samples",
    ]
    body = [
        f"data = get_task({task!r}).build_objective().open_data({_folder(dataset)})",
        f"stage = {stage_source(stage)}",
        "for step in data.summary(stage):",
        '    print(step.question, step.answer, step.code, sep="\\n    ")',
        "",
        'for sample in show_samples(data, split="valid", count=3):',
        "    print(sample.name, sample.picture.shape, sample.target.shape)",
        "for sample in show_augmented(data, stage, index=0, count=3, seed=0):",
        "    print(sample.name, sample.picture.shape)",
    ]
    return _program(imports, body)


def rate_code(task: str, dataset: str, recipe: Recipe, init_from: str) -> str:
    """Run the LR finder on the recipe's first stage."""
    imports = [
        _source_import(dataset),
        *_weights_imports(init_from),
        "from engine.events import RatesSuggested",
        PLAN,
        STAGE,
        REGISTRY,
        "from engine.training.lr_finder import find_lr",
    ]
    body = [
        *_model_lines(task, dataset, recipe, init_from),
        f"stage = {stage_source(recipe.stages[0])}",
        "for event in find_lr(objective, stage, model=model, data=data):",
        "    if isinstance(event, RatesSuggested):",
        '        print(event.suggestions, event.reading, event.reading_lr, sep="\\n")',
    ]
    return _program(imports, body, is_guarded=True)


def train_code(task: str, dataset: str, recipe: Recipe, init_from: str) -> str:
    """Train a recipe's stages one after the other on one model."""
    imports = [
        _source_import(dataset),
        *_weights_imports(init_from),
        "from engine.events import EpochFinished",
        PLAN,
        STAGE,
        REGISTRY,
        "from engine.training.loop import fit",
    ]
    body = [
        *_model_lines(task, dataset, recipe, init_from),
        "stages = [",
        *(f"    {stage_source(stage)}," for stage in recipe.stages),
        "]",
        "for stage in stages:",
        "    for event in fit(objective, stage, model=model, data=data):",
        "        if isinstance(event, EpochFinished):",
        "            print(stage.name, event.epoch, event.train_loss, event.valid_loss, event.metrics)",
    ]
    return _program(imports, body, is_guarded=True)


def results_code(task: str, dataset: str, run: str) -> str:
    """Figures and comparisons of a run's best checkpoint on the validation split."""
    imports = [
        _source_import(dataset),
        "from engine.hub.bundle import read_evaluation",
        FIND_RUN,
        "from engine.serving.inspect import compare_predictions, rank_by_loss",
        PREDICTOR,
        REGISTRY,
    ]
    body = [
        f"run = find_run({run!r})",
        f"data = get_task({task!r}).build_objective().open_data({_folder(dataset)})",
        "predictor = load_predictor(run)",
        "worst = rank_by_loss(predictor, data)[:4]",
        "for case in compare_predictions(predictor, data, [item for item, loss in worst]):",
        "    print(case.name, case.loss, case.prediction.in_words())",
        'print(read_evaluation(run)["metrics"])',
    ]
    return _program(imports, body)


def try_code(dataset: str, run: str) -> str:
    """Predict one picture; any file of your own does as well."""
    imports = [_source_import(dataset), FIND_RUN, PREDICTOR]
    body = [
        f"predictor = load_predictor(find_run({run!r}))",
        f"folder = {_folder(dataset)}",
        'picture = sorted([*folder.rglob("*.jpg"), *folder.rglob("*.png")])[0]  # or any picture of your own',
        "prediction = predictor.predict(picture)",
        'print(prediction.in_words(), prediction.summary(), sep="\\n")',
    ]
    return _program(imports, body)


def stage_source(stage: Stage) -> str:
    """`Stage(…)` with only what differs from the defaults."""
    fields = [field for field in dataclasses.fields(stage) if getattr(stage, field.name) != field.default]
    return f"Stage({', '.join(f'{field.name}={getattr(stage, field.name)!r}' for field in fields)})"


def _model_lines(task: str, dataset: str, recipe: Recipe, init_from: str) -> list[str]:
    start = [f"init_weights(model, resolve_bundle(find_run({init_from!r})), data.classes)"] if init_from else []
    more = f", new_channels={recipe.new_channels!r}" if recipe.new_channels != NEW_CHANNELS[0] else ""
    return [
        f"objective = get_task({task!r}).build_objective()",
        f"data = objective.open_data({_folder(dataset)})",
        f"plan = ModelPlan(backbone={recipe.backbone!r}, classes=data.classes, channels=data.channels{more})",
        "model = objective.build_model(plan, pretrained=True)",
        *start,
    ]


def _weights_imports(init_from: str) -> list[str]:
    return ["from engine.hub.bundle import init_weights, resolve_bundle", FIND_RUN] if init_from else []


def _source_import(dataset: str) -> str:
    return f"from engine.data.sources import {_opener(dataset)}"


def _folder(dataset: str) -> str:
    return f"{_opener(dataset)}({dataset!r})"


def _opener(dataset: str) -> str:
    return "fetch" if any(source.name == dataset for source in SOURCES) else "resolve_dataset"


def _program(imports: Sequence[str], body: Sequence[str], *, is_guarded: bool = False) -> str:
    """Training loads data in processes of its own, which on most systems import the program again: hence the guard."""
    if is_guarded:
        body = [
            "",
            "def main():",
            *(f"    {line}" for line in body),
            "",
            "",
            'if __name__ == "__main__":',
            "    main()",
        ]
    return "\n".join([*sorted(imports), "", *body]) + "\n"
