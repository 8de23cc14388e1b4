"""The model bundle: a folder with `model.safetensors` and `config.json` that says how to build and use the model.

Every checkpoint of a run is one. What is opened is not trusted: here the config is checked field by field, and in
`engine.bundle.weights` the weights.

Ours in `config.json` is what stands under `lesson_lab`. Beside it a text model has the config of its library, which so can open
the folder too. Format 1 had ours alone, at the top.
"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.bundle.fields import (
    MAX_CLASSES,
    MAX_FIGURES,
    are_numbers,
    check,
    fewest_classes,
    is_class_list,
    is_decision,
    is_line,
    is_name,
    is_number,
    parsed,
    read_values,
)
from engine.bundle.figures import is_evaluation
from engine.bundle.files import CONFIG_FILE, EVALUATION_FILE, MODEL_FILE, OURS, best_checkpoint, check_files
from engine.errors import BundleError
from engine.recipe import NEW_CHANNELS, Recipe, Stage, recipe_from_dict, recipe_to_dict, stage_from_dict
from engine.task import ModelPlan

FORMAT = 2
KNOWN_FORMATS = (1, 2)
WHAT = (
    "format",
    "task",
    "objective",
    "backbone",
    "classes",
    "channels",
    "new_channels",
    "metrics",
    "decision",
    "remarks",
)
HOW = ("dataset", "recipe", "stage", "seed", "starts")
LIBRARY_FILE_1 = "backbone.json"  # where format 1 kept what a text model's library wants to know
MAX_STARTS = 8
MAX_CONFIG_BYTES = 1_000_000
MAX_EVALUATION_BYTES = 20_000_000
MAX_CHANNELS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What repeats a training: the recipe, the seed, the data set's name or folder, and for which objective of which task."""

    task: str
    objective: str
    dataset: str
    recipe: Recipe
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleConfig:
    """What a bundle says of its model.

    `stage` is the one that it was trained by last: inputs should be as large as there. `decision` turns figures into an
    answer: numbers by name, or a number for each class. `remarks` have to be said beside its figures. `starts` are the trainings
    before its own, the first first, each from the weights of the one before; older versions wrote none down.
    """

    task: str
    objective: str
    plan: ModelPlan
    stage: Stage
    metrics: dict[str, float]
    decision: dict[str, Any]
    dataset: str
    recipe: Recipe
    seed: int
    remarks: tuple[str, ...] = ()
    starts: tuple[Training, ...] = ()

    @property
    def trainings(self) -> tuple[Training, ...]:
        """All that the weights went through, the first first: the starts, and the bundle's own training."""
        own = Training(
            task=self.task, objective=self.objective, dataset=self.dataset, recipe=self.recipe, seed=self.seed
        )
        return (*self.starts, own)


def build_config(
    *,
    task: str,
    objective: str,
    recipe: Recipe,
    plan: ModelPlan,
    dataset: str,
    seed: int,
    remarks: Sequence[str] = (),
    starts: Sequence[Training] = (),
) -> dict[str, Any]:
    """What `train_recipe` writes into each checkpoint's config beside the stage's own values.

    `starts` are the `trainings` of the bundle that it starts from; of too many the first are left out.
    """
    # Older versions refuse a field that they do not know: what has no start stays theirs to read.
    more = {"starts": [dataclasses.asdict(start) for start in starts[-MAX_STARTS:]]} if starts else {}
    return {
        "format": FORMAT,
        "task": task,
        "objective": objective,
        "backbone": plan.backbone,
        "classes": list(plan.classes),
        "channels": plan.channels,
        "new_channels": plan.new_channels,
        "dataset": dataset,
        "seed": seed,
        "remarks": list(remarks),
        "recipe": recipe_to_dict(recipe),
        **more,
    }


def resolve_bundle(bundle_or_run: str | Path) -> Path:
    """The bundle at a path: the folder itself, or the best checkpoint of a run."""
    folder = Path(bundle_or_run).expanduser().absolute()
    if (folder / CONFIG_FILE).is_file() and (folder / MODEL_FILE).is_file():
        return folder
    checkpoint = best_checkpoint(folder / "checkpoints")
    if checkpoint:
        return checkpoint
    if (folder / "recipe.json").is_file():
        raise BundleError(f"The run {folder.name} has no checkpoint yet: the first comes with its first epoch.")
    if not folder.exists():
        raise BundleError(
            f"{folder.name} is neither a model bundle nor a run: nothing of that name is here. Look at how it is written; "
            "`python -m engine models` lists the models."
        )
    raise BundleError(
        f"{folder} is neither a model bundle (config.json, model.safetensors) nor a run with a checkpoint."
    )


def read_config(bundle: Path) -> BundleConfig:
    """The checked config of a bundle; `BundleError` names the field that is wrong."""
    path, values = bundle / CONFIG_FILE, _read_ours(bundle)
    objective = values.get("objective")
    outputs = f"{fewest_classes(objective)} to {MAX_CLASSES} different names"
    check(path, values, "classes", is_class_list(values.get("classes"), objective), outputs)
    stage = parsed(path, values, "stage", stage_from_dict, "a stage's knobs")
    remarks = values.get("remarks", [])
    are_texts = isinstance(remarks, list) and all(isinstance(remark, str) and len(remark) < 500 for remark in remarks)
    check(path, values, "remarks", are_texts and len(remarks) < 20, "a few short texts")
    check(path, values, "backbone", is_name(values.get("backbone")), "a short text in one line")
    metrics = values.get("metrics", {})
    check(path, values, "metrics", are_numbers(metrics), f"up to {MAX_FIGURES} numbers by name")
    decision, count = values.get("decision", {}), len(values["classes"])
    expected = f"by up to {MAX_FIGURES} names a number, or one for each class"
    check(path, values, "decision", is_decision(decision, count), expected)
    channels, how = values.get("channels", 3), values.get("new_channels", NEW_CHANNELS[0])
    check(path, values, "channels", type(channels) is int and 1 <= channels <= MAX_CHANNELS, f"1 to {MAX_CHANNELS}")
    check(path, values, "new_channels", how in NEW_CHANNELS, f"one of {', '.join(NEW_CHANNELS)}")
    starts, fields = values.get("starts", []), {field.name for field in dataclasses.fields(Training)}
    are_starts = isinstance(starts, list) and all(isinstance(one, dict) and one.keys() == fields for one in starts)
    check(path, values, "starts", are_starts and len(starts) <= MAX_STARTS, f"up to {MAX_STARTS} whole trainings")
    own = _read_training(path, values)
    return BundleConfig(
        task=own.task,
        objective=own.objective,
        plan=ModelPlan(
            backbone=values["backbone"],
            classes=tuple(values["classes"]),
            channels=channels,
            new_channels=how,
            files=bundle,
        ),
        stage=stage,
        metrics=metrics,
        decision=decision,
        dataset=own.dataset,
        recipe=own.recipe,
        seed=own.seed,
        remarks=tuple(remarks),
        starts=tuple(_read_training(f"a start in {path}", start) for start in starts),
    )


def _read_ours(bundle: Path) -> dict[str, Any]:
    """Our part of a bundle's config: fields that this version knows, as yet unchecked."""
    path = bundle / CONFIG_FILE
    try:
        check_files(bundle)
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise BundleError(f"{path} is larger than {MAX_CONFIG_BYTES // 1000} kB: that is no model config.")
        values = read_values(path)
    except (OSError, ValueError, RecursionError) as problem:
        raise BundleError(f"{path} cannot be read ({problem}).") from None
    values = values.get(OURS, values) if isinstance(values, dict) else None
    if not isinstance(values, dict):
        raise BundleError(f"{path} is no model config of this app.")
    if values.get("format") not in KNOWN_FORMATS:
        raise BundleError(
            f"{path} has format {str(values.get('format'))[:80]}; this version reads {FORMAT} and older ones. Update the app, "
            "or export the model again."
        )
    if values["format"] == 1 and (bundle / LIBRARY_FILE_1).is_file():
        raise BundleError(
            f"{bundle} was made by an older version, which kept text models in another way. Train it again."
        )
    unknown = sorted(values.keys() - {*WHAT, *HOW})
    if unknown:
        raise BundleError(f"{path} has a field {unknown[0][:80]!r} that this version does not know. Update the app.")
    return values


def _read_training(where: Path | str, values: dict[str, Any]) -> Training:
    """The fields that a bundle has of its own training and of those before it."""
    for name in ("task", "objective"):
        check(where, values, name, is_name(values.get(name)), "a short text in one line")
    seed, dataset = values.get("seed", 0), values.get("dataset", "")
    check(where, values, "seed", type(seed) is int and is_number(seed), "a whole number")
    check(where, values, "dataset", is_line(dataset), "a name in one line")
    return Training(
        task=values["task"],
        objective=values["objective"],
        dataset=dataset[:500],
        recipe=parsed(where, values, "recipe", recipe_from_dict, "a list of stages"),
        seed=seed,
    )


def read_library_config(bundle: Path) -> dict[str, Any]:
    """What a bundle's config says to the library that knows its architecture; empty where no library does."""
    try:
        values = json.loads((bundle / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return {name: value for name, value in values.items() if name != OURS} if OURS in values else {}


def read_evaluation(bundle_or_run: str | Path) -> dict[str, Any] | None:
    """The validation figures that belong to a bundle's weights; None for a checkpoint inside an epoch, or no figures."""
    path = resolve_bundle(bundle_or_run) / EVALUATION_FILE
    try:
        if not path.is_file() or path.stat().st_size > MAX_EVALUATION_BYTES:
            return None
        values = read_values(path)
    except (OSError, ValueError, RecursionError):
        return None
    return values if is_evaluation(values) else None
