"""The model bundle: a folder with `model.safetensors` and `config.json` that says how to build and use the model.

Every checkpoint of a run is one. What is opened is not trusted: the config is checked field by field, weights are
safetensors alone, and every shape must fit the model that the config describes.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import BundleError
from engine.recipe import NEW_CHANNELS
from engine.task import ModelPlan
from engine.training.checkpoint import CONFIG_FILE, EVALUATION_FILE, MODEL_FILE, best_checkpoint

if TYPE_CHECKING:
    from torch import nn

    from engine.recipe import Recipe

FORMAT = 1
MAX_CLASSES = 253
MAX_CONFIG_BYTES = 1_000_000
MAX_IMAGE_SIZE = 2048
MAX_CHANNELS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleConfig:
    """What a bundle says of its model.

    `image_size` is the shorter side in pixels that it was trained at last. `decision` turns figures into an answer: numbers
    by name, or a number for each class.
    """

    task: str
    objective: str
    plan: ModelPlan
    image_size: int
    metrics: dict[str, float]
    decision: dict[str, Any]
    dataset: str


def build_config(
    *, task: str, objective: str, recipe: "Recipe", plan: ModelPlan, dataset: str, seed: int
) -> dict[str, Any]:
    """What `train_recipe` writes into each checkpoint's config beside the stage's own values."""
    from engine.recipe import recipe_to_dict

    return {
        "format": FORMAT,
        "task": task,
        "objective": objective,
        **asdict(plan),
        "dataset": dataset,
        "seed": seed,
        "recipe": recipe_to_dict(recipe),
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
    raise BundleError(
        f"{folder} is neither a model bundle (config.json, model.safetensors) nor a run with a checkpoint."
    )


def read_config(bundle: Path) -> BundleConfig:
    """The checked config of a bundle; `BundleError` names the field that is wrong."""
    path = bundle / CONFIG_FILE
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise BundleError(f"{path} is larger than {MAX_CONFIG_BYTES // 1000} kB: that is no model config.")
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise BundleError(f"{path} cannot be read ({problem}).") from None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        found = values.get("format") if isinstance(values, dict) else type(values).__name__
        raise BundleError(f"{path} has format {found!r}; this version reads {FORMAT}. Update the app, or export again.")
    _check(path, values, "classes", _is_class_list(values.get("classes")), f"2 to {MAX_CLASSES} different names")
    fits = type(values.get("image_size")) is int and 16 <= values["image_size"] <= MAX_IMAGE_SIZE
    _check(path, values, "image_size", fits, f"a whole number from 16 to {MAX_IMAGE_SIZE}")
    for name in ("task", "objective", "backbone"):
        _check(path, values, name, isinstance(values.get(name), str) and len(values[name]) < 200, "a short text")
    metrics = values.get("metrics", {})
    _check(path, values, "metrics", _are_numbers(metrics), "numbers by name")
    decision, count = values.get("decision", {}), len(values["classes"])
    _check(path, values, "decision", _is_decision(decision, count), "by name a number, or one for each class")
    channels, how = values.get("channels", 3), values.get("new_channels", NEW_CHANNELS[0])
    _check(path, values, "channels", type(channels) is int and 1 <= channels <= MAX_CHANNELS, f"1 to {MAX_CHANNELS}")
    _check(path, values, "new_channels", how in NEW_CHANNELS, f"one of {', '.join(NEW_CHANNELS)}")
    return BundleConfig(
        task=values["task"],
        objective=values["objective"],
        plan=ModelPlan(
            backbone=values["backbone"], classes=tuple(values["classes"]), channels=channels, new_channels=how
        ),
        image_size=values["image_size"],
        metrics=metrics,
        decision=decision,
        dataset=str(values.get("dataset", "")),
    )


def read_evaluation(bundle_or_run: str | Path) -> dict[str, Any] | None:
    """The validation figures that belong to a bundle's weights; None where the checkpoint fell inside an epoch."""
    try:
        values = json.loads((resolve_bundle(bundle_or_run) / EVALUATION_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def load_weights(model: "nn.Module", bundle: Path) -> None:
    """The bundle's weights into `model`, which must have exactly these tensors in these shapes."""
    weights = _read_weights(bundle)
    expected = model.state_dict()
    for name in expected.keys() ^ weights.keys():
        where = "lacks" if name in expected else "has an unknown"
        raise BundleError(
            f"{bundle / MODEL_FILE} {where} tensor {name}: it is not a model of the kind its config says."
        )
    for name, tensor in weights.items():
        if tensor.shape != expected[name].shape:
            shapes = f"{tuple(tensor.shape)} instead of {tuple(expected[name].shape)}"
            raise BundleError(f"{name} in {bundle / MODEL_FILE} has shape {shapes}.")
    model.load_state_dict(weights)


def init_weights(model: "nn.Module", bundle: Path, classes: Sequence[str]) -> list[str]:
    """Start `model` from a bundle's weights; the names of tensors left as they were.

    The same classes in the same order take everything; other classes take all but the last layer, which is called `head`.
    Everything else must fit: a bundle of another backbone is refused.
    """
    weights, config, expected = _read_weights(bundle), read_config(bundle), model.state_dict()
    fitting = {name for name, tensor in weights.items() if name in expected and tensor.shape == expected[name].shape}
    misfits = sorted(name for name in (weights.keys() | expected.keys()) - fitting if not name.startswith("head."))
    if misfits:
        raise BundleError(
            f"{bundle} holds another kind of model (its backbone is {config.plan.backbone}): {len(misfits)} tensors do not fit, "
            f"among them {misfits[0]}. Choose the same backbone, or start without it."
        )
    if config.plan.classes != tuple(classes):
        fitting = {name for name in fitting if not name.startswith("head.")}
    model.load_state_dict(expected | {name: weights[name] for name in fitting})
    return sorted(expected.keys() - fitting)


def _read_weights(bundle: Path) -> "dict[str, Any]":
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(bundle / MODEL_FILE)
    except (SafetensorError, OSError, ValueError) as problem:
        raise BundleError(f"{bundle / MODEL_FILE} is damaged or not safetensors ({problem}).") from None


def _check(path: Path, values: dict[str, Any], name: str, fits: bool, expected: str) -> None:
    if not fits:
        raise BundleError(f"{name} in {path} is {str(values.get(name))[:80]!r}; expected {expected}.")


def _is_class_list(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 2 <= len(value) <= MAX_CLASSES
        and all(isinstance(name, str) and 0 < len(name) < 200 for name in value)
        and len(set(value)) == len(value)
    )


def _is_decision(value: Any, classes: int) -> bool:
    def is_number(part: Any) -> bool:
        return isinstance(part, int | float) and not isinstance(part, bool) and math.isfinite(part)

    return isinstance(value, dict) and all(
        is_number(part) or (isinstance(part, list) and len(part) == classes and all(map(is_number, part)))
        for part in value.values()
    )


def _are_numbers(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(number, int | float) for number in value.values())
