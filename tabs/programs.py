"""The Python behind every button: each function gives a whole program that does with the engine what the page does."""

import dataclasses
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

from engine import api
from engine.data.sources.fetching import SOURCES
from engine.recipe import LR_STEPS, Recipe, Stage, recipe_source, stage_source
from engine.tasks.registry import get_task
from tabs.door.paths import APP, shown_name
from tabs.reading.examples import examples_of

LINE = 110  # letters
_WORD = re.compile(r"\b[A-Za-z]\w*(?=[(,])")


def data_code(task: str, dataset: str, stage: Stage, block: Sequence[str] = ()) -> str:
    """Open a data set, walk one sample through the six questions, look at samples as training reads them.

    `block` are the lines that put the data set together from parts, where it can be told so: `engine.kinds.data_block`.
    """
    snippets = get_task(task).input_kind.snippets
    names = [_opener(dataset), "Stage", *snippets.look_names]
    if block:
        names += sorted(set(_WORD.findall("\n".join(block))) & set(api.__all__))
        body = [*block, f"data = block.open({_folder(dataset)})"]
    else:
        names.append("get_task")
        body = [f"data = get_task({task!r}).build_objective().open_data({_folder(dataset)})"]
    body += [
        f"stage = {stage_source(stage)}",
        "for step in data.summary(stage):",
        '    print(step.question, step.answer, step.code, sep="\\n    ")',
        "",
        *snippets.look,
    ]
    return _program(names, body)


def rate_code(task: str, dataset: str, recipe: Recipe, init_from: str, *, steps: int = LR_STEPS) -> str:
    """Run the LR finder on the recipe's first stage."""
    body = [
        *_start_lines(task, dataset, recipe, init_from, seed=42),
        f'asked = {{"model": start.model, "data": data, "steps": {steps}, "head_rate": start.head_rate}}',
        "for event in find_lr(objective, recipe.stages[0], **asked):",
        "    if isinstance(event, RatesSuggested):",
        '        print(event.suggestions, event.reading, event.reading_lr, sep="\\n")',
    ]
    return _program(["RatesSuggested", "find_lr", *_start_names(dataset, init_from)], body, is_guarded=True)


def train_code(task: str, dataset: str, recipe: Recipe, init_from: str, *, seed: int) -> str:
    """Train a recipe's stages one after the other on one model, with checkpoints in a folder of the program's own."""
    body = [
        *_start_lines(task, dataset, recipe, init_from, seed=seed),
        f'folder = Path("my-{task}-{recipe.name}/checkpoints")  # with checkpoints in it, training goes on from them',
        "for event in train_recipe(",
        f"    objective, recipe, model=start.model, config=start.config, data=data, folder=folder, seed={seed}",
        "):",
        "    if isinstance(event, RunResumed):",
        '        print("resumed in stage", event.stage + 1, "after step", event.step)',
        "    if isinstance(event, EpochFinished):",
        "        stage = recipe.stages[event.stage]",
        "        print(stage.name, event.epoch, event.train_loss, event.valid_loss, event.metrics)",
    ]
    names = ["EpochFinished", "RunResumed", "train_recipe", *_start_names(dataset, init_from)]
    return _program(names, body, others=("from pathlib import Path",), is_guarded=True)


def results_code(task: str, dataset: str, model: str, objective: str = "", *, split: str = "valid") -> str:
    """Comparisons of a model on a split, and its figures over the whole of it; those on validation were stored with it."""
    snippets = get_task(task).input_kind.snippets
    body = [
        f"data = get_task({task!r}).build_objective({_quoted(objective)}).open_data({_folder(dataset)})",
        f"predictor = load_predictor({model!r})",
        *(line.replace("{split}", _quoted(split)) for line in snippets.judge),
    ]
    if split == "valid":
        names = ["find_model", "read_evaluation"]
        body.append(f'print((read_evaluation(find_model({model!r})) or {{}}).get("metrics", "no whole epoch yet"))')
    else:
        names = ["evaluate"]
        body += [
            f"asked = {{'data': data, 'items': data.items({_quoted(split)}), 'stage': predictor.config.stage}}",
            "print(evaluate(predictor.objective, predictor.model, **asked).metrics)",
        ]
    return _program([_opener(dataset), "get_task", "load_predictor", *names, *snippets.judge_names], body)


def try_code(task: str, dataset: str, model: str) -> str:
    """Predict one input: of a task of pictures one that comes with the app, or one of a data set of your own."""
    names, body = ["load_predictor"], [f"predictor = load_predictor({model!r})"]
    picture = next((example.given for example in examples_of(task) if isinstance(example.given, Path)), None)
    if picture and (not dataset or _opener(dataset) == "fetch"):
        found = repr(str(picture.relative_to(APP)))
    elif picture:
        names.append(_opener(dataset))
        body.append(f"folder = {_folder(dataset)}")
        found = 'min(path for kind in ("jpg", "png", "tif") for path in folder.rglob(f"*.{kind}"))'
    else:
        found = ""
    body += [line.replace("{picture}", found) for line in get_task(task).input_kind.snippets.example]
    return _program(names, [*body, 'print(prediction.in_words(), prediction.summary(), sep="\\n")'])


def _start_names(dataset: str, init_from: str) -> list[str]:
    return ["Recipe", "Stage", "get_task", "start_model", _opener(dataset), *(["find_model"] if init_from else [])]


def _start_lines(task: str, dataset: str, recipe: Recipe, init_from: str, *, seed: int) -> list[str]:
    named = dataclasses.replace(recipe, backbone=shown_name(recipe.backbone))
    start = f", init_from=find_model({init_from!r})" if init_from else ""
    return [
        f"task = get_task({task!r})",
        f"objective = task.build_objective({_quoted(recipe.objective)})",
        f"data = objective.open_data({_folder(dataset)})",
        *f"recipe = {recipe_source(named)}".splitlines(),
        f"start = start_model(task, recipe, data, dataset={shown_name(dataset)!r}, seed={seed}{start})",
    ]


def _quoted(objective: str) -> str:
    """The name of an objective as an argument; nothing for a task's first."""
    return repr(objective) if objective else ""


def _folder(dataset: str) -> str:
    return f"{_opener(dataset)}({shown_name(dataset)!r})"


def _opener(dataset: str) -> str:
    return "fetch" if any(source.name == dataset for source in SOURCES) else "resolve_dataset"


def _program(names: Sequence[str], body: Sequence[str], *, others: Sequence[str] = (), is_guarded: bool = False) -> str:
    """A program that imports `names` from the engine, and before them `others`.

    Training loads data in processes of its own, which on most systems import the program again: hence the guard.
    """
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
    listed = ", ".join(sorted(set(names)))
    if len(listed) > LINE:
        lines = textwrap.wrap(listed, LINE - 4, initial_indent="    ", subsequent_indent="    ")
        listed = "(\n" + "\n".join(lines) + ",\n)"
    blocks = [[*others, ""] if others else [], [f"from engine.api import {listed}", ""], body]
    return "\n".join(line for block in blocks for line in block) + "\n"
