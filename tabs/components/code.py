"""The Python behind every button: each function gives a whole program that does with the engine what the page does."""

import dataclasses
from collections.abc import Sequence

from engine.data.sources import SOURCES
from engine.recipe import Recipe, Stage, recipe_source, stage_source
from tabs.components.opened import example_pictures
from tabs.components.paths import APP, shown_name

REGISTRY = "from engine.tasks.registry import get_task"
FIND_MODEL = "from engine.hub.library import find_model"
PREDICTOR = "from engine.serving.predictor import load_predictor"
STAGE = "from engine.recipe import Stage"
STANDARD = ("from pathlib import Path",)
PLAN = "from engine.training.recipe_loop import plan_now"
RECIPE = "from engine.recipe import Recipe, Stage"
BUNDLE = "from engine.training.bundle import"
WEIGHTS = "from engine.training.bundle_weights import init_weights"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Snippets:
    """Lines that differ between pictures and texts, each with the imports it needs: to look at `data`, to look at
    `predictor`'s mistakes on it, and to give `predictor` something to judge; there `{picture}` stands for a picture's path."""

    look_imports: tuple[str, ...]
    look: tuple[str, ...]
    judge_imports: tuple[str, ...]
    judge: tuple[str, ...]
    example: tuple[str, ...]


PICTURE_SNIPPETS = Snippets(
    look_imports=("from engine.serving.inspect import show_augmented, show_samples",),
    look=(
        'for sample in show_samples(data, split="valid", count=3):',
        "    print(sample.name, sample.picture.shape, sample.target.shape)",
        "for sample in show_augmented(data, stage, index=0, count=3, seed=0):",
        "    print(sample.name, sample.picture.shape)",
    ),
    judge_imports=("from engine.serving.inspect import compare_predictions, rank_by_loss",),
    judge=(
        "worst = rank_by_loss(predictor, data)[:4]",
        "for case in compare_predictions(predictor, data, [item for item, loss in worst]):",
        "    print(case.name, case.loss, case.prediction.in_words())",
    ),
    example=(
        "picture = {picture}  # or one of your own",
        "prediction = predictor.predict(picture)",
    ),
)
TEXT_SNIPPETS = Snippets(
    look_imports=("from engine.data.words import tokenize",),
    look=(
        "for item in data.valid[:3]:",
        "    (text,) = data.texts([item])",
        "    print(data.label(item), tokenize(text)[:20])",
    ),
    judge_imports=("from engine.serving.inspect import rank_by_loss",),
    judge=(
        "for item, loss in rank_by_loss(predictor, data)[:4]:",
        "    (text,) = data.texts([item])",
        "    print(data.label(item), loss, predictor.predict(text).in_words(), text[:200])",
    ),
    example=(
        'prediction = predictor.predict("I liked this movie because it made me laugh.")  # or a text of your own',
    ),
)


def data_code(task: str, dataset: str, stage: Stage, snippets: Snippets = PICTURE_SNIPPETS) -> str:
    """Open a data set, walk one sample through the six questions, look at samples as training reads them."""
    imports = [_source_import(dataset), STAGE, REGISTRY, *snippets.look_imports]
    body = [
        f"data = get_task({task!r}).build_objective().open_data({_folder(dataset)})",
        f"stage = {stage_source(stage)}",
        "for step in data.summary(stage):",
        '    print(step.question, step.answer, step.code, sep="\\n    ")',
        "",
        *snippets.look,
    ]
    return _program(imports, body)


def rate_code(task: str, dataset: str, recipe: Recipe, init_from: str) -> str:
    """Run the LR finder on the recipe's first stage."""
    imports = [
        _source_import(dataset),
        *([f"{BUNDLE} resolve_bundle", WEIGHTS, FIND_MODEL] if init_from else []),
        "from engine.events import RatesSuggested",
        RECIPE,
        REGISTRY,
        "from engine.training.lr_finder import find_lr",
        PLAN,
    ]
    body = [
        *_model_lines(task, dataset, recipe, init_from),
        "for event in find_lr(objective, recipe.stages[0], model=model, data=data):",
        "    if isinstance(event, RatesSuggested):",
        '        print(event.suggestions, event.reading, event.reading_lr, sep="\\n")',
    ]
    return _program(imports, body, is_guarded=True)


def train_code(task: str, dataset: str, recipe: Recipe, init_from: str, *, seed: int) -> str:
    """Train a recipe's stages one after the other on one model, with checkpoints in a folder of the program's own."""
    imports = [
        "from pathlib import Path",
        "import torch",
        _source_import(dataset),
        *(
            [f"{BUNDLE} build_config, read_config, resolve_bundle", WEIGHTS, FIND_MODEL]
            if init_from
            else [f"{BUNDLE} build_config"]
        ),
        "from engine.events import EpochFinished",
        RECIPE,
        REGISTRY,
        f"{PLAN}, train_recipe",
    ]
    body = [
        f"torch.manual_seed({seed})",
        *_model_lines(task, dataset, recipe, init_from),
        "config = build_config(",
        f"    task={task!r}, objective=objective.name, recipe=recipe, plan=plan, dataset={shown_name(dataset)!r}, seed={seed},",
        *(["    starts=read_config(start).trainings,"] if init_from else []),
        ")",
        f'folder = Path("my-{recipe.name}/checkpoints")  # with checkpoints in it, training goes on from them',
        f"for event in train_recipe(objective, recipe, model=model, data=data, folder=folder, config=config, seed={seed}):",
        "    if isinstance(event, EpochFinished):",
        "        stage = recipe.stages[event.stage]",
        "        print(stage.name, event.epoch, event.train_loss, event.valid_loss, event.metrics)",
    ]
    return _program(imports, body, is_guarded=True)


def results_code(
    task: str, dataset: str, model: str, objective: str = "", snippets: Snippets = PICTURE_SNIPPETS
) -> str:
    """Figures and comparisons of a model on the validation split."""
    imports = [
        _source_import(dataset),
        "from engine.training.bundle import read_evaluation",
        FIND_MODEL,
        *snippets.judge_imports,
        PREDICTOR,
        REGISTRY,
    ]
    body = [
        f"model = find_model({model!r})",
        f"data = get_task({task!r}).build_objective({_quoted(objective)}).open_data({_folder(dataset)})",
        "predictor = load_predictor(model)",
        *snippets.judge,
        'print((read_evaluation(model) or {}).get("metrics", "no whole epoch yet"))',
    ]
    return _program(imports, body)


def try_code(task: str, dataset: str, model: str, snippets: Snippets = PICTURE_SNIPPETS) -> str:
    """Predict one input: of a task of pictures one that comes with the app, or one of a data set of your own."""
    imports, body = [FIND_MODEL, PREDICTOR], [f"predictor = load_predictor(find_model({model!r}))"]
    picture = next(iter(example_pictures(task)), None)
    if picture and (not dataset or _opener(dataset) == "fetch"):
        found = repr(str(picture.relative_to(APP)))
    elif picture:
        imports.append(_source_import(dataset))
        body.append(f"folder = {_folder(dataset)}")
        found = 'min(path for kind in ("jpg", "png", "tif") for path in folder.rglob(f"*.{kind}"))'
    else:
        found = ""
    body += [line.replace("{picture}", found) for line in snippets.example]
    return _program(imports, [*body, 'print(prediction.in_words(), prediction.summary(), sep="\\n")'])


def _model_lines(task: str, dataset: str, recipe: Recipe, init_from: str) -> list[str]:
    start = [f"start = resolve_bundle(find_model({init_from!r}))"] if init_from else []
    taking = ["init_weights(model, start, data.classes)"] if init_from else []
    named = dataclasses.replace(recipe, backbone=shown_name(recipe.backbone))
    return [
        f"objective = get_task({task!r}).build_objective({_quoted(recipe.objective)})",
        f"data = objective.open_data({_folder(dataset)})",
        *f"recipe = {recipe_source(named)}".splitlines(),
        *start,
        f"plan = plan_now(objective, recipe, data{', start' if init_from else ''})",
        f"model = objective.build_model(plan, pretrained={not init_from})",
        *taking,
    ]


def _quoted(objective: str) -> str:
    """The name of an objective as an argument; nothing for a task's first."""
    return repr(objective) if objective else ""


def _source_import(dataset: str) -> str:
    return f"from engine.data.sources import {_opener(dataset)}"


def _folder(dataset: str) -> str:
    return f"{_opener(dataset)}({shown_name(dataset)!r})"


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
    standard = [line for line in imports if line in STANDARD]
    others = sorted({line for line in imports if line.startswith("import ")} - set(standard))
    ours = sorted(line for line in imports if line not in standard and line not in others)
    blocks = [block for block in (standard, others, ours) if block]
    return "\n\n".join("\n".join(block) for block in [*blocks, body]) + "\n"
