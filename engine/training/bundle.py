"""The model bundle: a folder with `model.safetensors` and `config.json` that says how to build and use the model.

Every checkpoint of a run is one. What is opened is not trusted: the config is checked field by field, weights are
safetensors alone, and every shape must fit the model that the config describes.

Ours in `config.json` is what stands under `lesson_lab`. Beside it a text model has the config of its library, which so can open
the folder too. Format 1 had ours alone, at the top.
"""

import itertools
import json
import math
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from engine.bundle_files import CONFIG_FILE, EVALUATION_FILE, MODEL_FILE, OURS, best_checkpoint
from engine.errors import BundleError, RecipeError
from engine.recipe import NEW_CHANNELS, Recipe, Stage, recipe_from_dict, recipe_to_dict, stage_from_dict
from engine.task import ModelPlan

if TYPE_CHECKING:
    from torch import nn

T = TypeVar("T")
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
HOW = ("dataset", "recipe", "stage", "seed")
LIBRARY_FILE_1 = "backbone.json"  # where format 1 kept what a text model's library wants to know
DTYPES = ("F32", "F16", "BF16", "I64")  # numbers of BatchNorm's batches are integers
MAX_CLASSES = 253
MAX_CONFIG_BYTES = 1_000_000
MAX_EVALUATION_BYTES = 20_000_000
MAX_HEADER_BYTES = 10_000_000
MAX_COMPUTED = 300_000_000  # numbers that are no weights, such as masks
MAX_CHANNELS = 16
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@runtime_checkable
class Headed(Protocol):
    """A model that shares all but some tensors with models of other objectives, or knows of tensors that only those have.

    `has_classes` says whether its head answers about classes: then it is of no use to a data set with other ones.
    `complete(names)` gives those of its tensors that a model of another objective never has their pretrained values, where the
    backbone has some; it returns the names of those.
    """

    has_classes: bool

    def is_head(self, name: str) -> bool: ...
    def complete(self, names: Sequence[str]) -> list[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleConfig:
    """What a bundle says of its model.

    `stage` is the one that it was trained by last: inputs should be as large as there. `decision` turns figures into an
    answer: numbers by name, or a number for each class. `remarks` have to be said beside its figures.
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


def build_config(
    *,
    task: str,
    objective: str,
    recipe: Recipe,
    plan: ModelPlan,
    dataset: str,
    seed: int,
    remarks: Sequence[str] = (),
) -> dict[str, Any]:
    """What `train_recipe` writes into each checkpoint's config beside the stage's own values."""
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
        _check_files(bundle)
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise BundleError(f"{path} is larger than {MAX_CONFIG_BYTES // 1000} kB: that is no model config.")
        values = json.loads(path.read_text(encoding="utf-8"))
        json.dumps(values, ensure_ascii=False).encode()  # half a character ("\ud800") could be written nowhere
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
    _check(path, values, "classes", _is_class_list(values.get("classes")), f"2 to {MAX_CLASSES} different names")
    stage = _parsed(path, values, "stage", stage_from_dict, "a stage's knobs")
    remarks = values.get("remarks", [])
    are_texts = isinstance(remarks, list) and all(isinstance(remark, str) and len(remark) < 500 for remark in remarks)
    _check(path, values, "remarks", are_texts and len(remarks) < 20, "a few short texts")
    for name in ("task", "objective", "backbone"):
        _check(path, values, name, _is_line(values.get(name)) and len(values[name]) < 200, "a short text in one line")
    metrics = values.get("metrics", {})
    _check(path, values, "metrics", _are_numbers(metrics), "numbers by name")
    decision, count = values.get("decision", {}), len(values["classes"])
    _check(path, values, "decision", _is_decision(decision, count), "by name a number, or one for each class")
    _check(
        path, values, "seed", type(values.get("seed", 0)) is int and _is_number(values.get("seed", 0)), "a whole number"
    )
    _check(path, values, "dataset", _is_line(values.get("dataset", "")), "a name in one line")
    channels, how = values.get("channels", 3), values.get("new_channels", NEW_CHANNELS[0])
    _check(path, values, "channels", type(channels) is int and 1 <= channels <= MAX_CHANNELS, f"1 to {MAX_CHANNELS}")
    _check(path, values, "new_channels", how in NEW_CHANNELS, f"one of {', '.join(NEW_CHANNELS)}")
    return BundleConfig(
        task=values["task"],
        objective=values["objective"],
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
        dataset=values.get("dataset", "")[:500],
        recipe=_parsed(path, values, "recipe", recipe_from_dict, "a list of stages"),
        seed=values.get("seed", 0),
        remarks=tuple(remarks),
    )


def read_library_config(bundle: Path) -> dict[str, Any]:
    """What a bundle's config says to the library that knows its architecture; empty where no library does."""
    try:
        values = json.loads((bundle / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return {name: value for name, value in values.items() if name != OURS} if OURS in values else {}


def read_evaluation(bundle_or_run: str | Path) -> dict[str, Any] | None:
    """The validation figures that belong to a bundle's weights; None where the checkpoint fell inside an epoch."""
    path = resolve_bundle(bundle_or_run) / EVALUATION_FILE
    try:
        if not path.is_file() or path.stat().st_size > MAX_EVALUATION_BYTES:
            return None
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def check_weights(model: "nn.Module", bundle: Path) -> None:
    """`BundleError` unless the bundle has exactly the tensors of `model`, in their shapes; it may be on the meta device."""
    from engine.training.checkpoint import own_tensors

    expected, found = own_tensors(model), _read_shapes(bundle)
    for name in expected.keys() ^ found.keys():
        where = "lacks" if name in expected else "has an unknown"
        raise BundleError(
            f"{bundle / MODEL_FILE} {where} tensor {name[:80]}: it is not a model of the kind its config says."
        )
    for name, shape in found.items():
        if shape != tuple(expected[name].shape):
            shapes = f"{str(shape)[:80]} instead of {tuple(expected[name].shape)}"
            raise BundleError(f"{name} in {bundle / MODEL_FILE} has shape {shapes}.")


def load_weights(model: "nn.Module", bundle: Path) -> None:
    """The bundle's weights into `model`, which must have exactly these tensors in these shapes."""
    from engine.training.checkpoint import load_tensors

    check_weights(model, bundle)
    load_tensors(model, read_weights(bundle))


def init_weights(model: "nn.Module", bundle: Path, classes: Sequence[str]) -> list[str]:
    """Start `model` from a bundle's weights; the names of tensors left as they were.

    The same classes in the same order take everything; other classes take all but the head. Everything else must fit: a
    bundle of another backbone is refused. What is the head, a model may say: see `Headed`.
    """
    from engine.training.checkpoint import load_tensors, own_tensors

    fitting, weights = fitting_tensors(model, bundle, classes), read_weights(bundle)
    load_tensors(model, {name: weights[name] for name in fitting})
    fresh = sorted(own_tensors(model).keys() - fitting)
    filled = model.complete(fresh) if isinstance(model, Headed) else ()
    return [name for name in fresh if name not in filled]


def fitting_tensors(model: "nn.Module", bundle: Path, classes: Sequence[str]) -> set[str]:
    """The names of what `init_weights` takes; `BundleError` where it would. The model may be on the meta device."""
    from engine.training.checkpoint import own_tensors

    config, shapes, expected = read_config(bundle), _read_shapes(bundle), own_tensors(model)
    is_head = model.is_head if isinstance(model, Headed) else _is_head
    fitting = {name for name, shape in shapes.items() if name in expected and shape == tuple(expected[name].shape)}
    misfits = sorted(name for name in (shapes.keys() | expected.keys()) - fitting if not is_head(name))
    if misfits:
        raise BundleError(
            f"{bundle} holds another kind of model (its backbone is {config.plan.backbone}): {len(misfits)} tensors do not fit, "
            f"among them {misfits[0][:80]}. Choose the same backbone, or start without it."
        )
    if config.plan.classes != tuple(classes) and learns_classes(model):
        fitting = {name for name in fitting if not is_head(name)}
    return fitting


def build_checked(
    build: "Callable[[], nn.Module]", bundle: Path, *, check: "Callable[[nn.Module], object]"
) -> "nn.Module":
    """What `build` makes by what a bundle says, once `check` has raised nothing for it.

    That is tried on the meta device first: whatever sizes somebody wrote there take no memory before they are known to be the
    weights' own, nor does a number of layers that the weights do not have take time.
    """
    import torch

    with torch.device("meta"), _at_most(3 * len(_read_shapes(bundle)) + 1000, bundle):
        sketch = build()
    check(sketch)
    computed = sum(buffer.numel() for buffer in sketch.buffers())
    if computed > MAX_COMPUTED:
        raise BundleError(
            f"The model that {bundle / CONFIG_FILE} describes has {computed:,} numbers beside its weights."
        )
    return build()


@contextmanager
def _at_most(parameters: int, bundle: Path) -> Iterator[None]:
    """`BundleError` for a model of more parameters, as soon as one too many is made; models tie some, and make some twice."""
    from torch.nn.modules.module import register_module_parameter_registration_hook

    made, here = itertools.count(1), threading.get_ident()

    def tell(*_: Any) -> None:
        if threading.get_ident() == here and next(made) > parameters:
            raise BundleError(f"{bundle / MODEL_FILE} has far fewer tensors than the model that its config describes.")

    hook = register_module_parameter_registration_hook(tell)
    try:
        yield
    finally:
        hook.remove()


def learns_classes(model: "nn.Module") -> bool:
    """Whether what a model gives are answers about the data set's classes."""
    return model.has_classes if isinstance(model, Headed) else True


def _is_head(name: str) -> bool:
    return name.startswith("head.")


def read_weights(bundle: Path) -> "dict[str, Any]":
    """The bundle's tensors by name; `BundleError` where the file is damaged."""
    from safetensors.torch import load_file

    with _told_as_damage(bundle / MODEL_FILE):
        weights = load_file(bundle / MODEL_FILE)
    for name, tensor in weights.items():
        # Both ends are infinite, or NaN, where any number is; finding them takes no memory.
        if tensor.is_floating_point() and tensor.numel() and not all(end.isfinite() for end in tensor.aminmax()):
            raise BundleError(
                f"{name[:80]} in {bundle / MODEL_FILE} has numbers that are not finite: the model gives no answers."
            )
    return weights


def _read_shapes(bundle: Path) -> dict[str, tuple[int, ...]]:
    """The names and shapes of the bundle's tensors, from the head of the file alone."""
    from safetensors import safe_open

    with _told_as_damage(bundle / MODEL_FILE), safe_open(bundle / MODEL_FILE, "pt") as weights:
        found = {name: weights.get_slice(name) for name in weights.keys()}  # noqa: SIM118
        for name, part in found.items():
            if part.get_dtype() not in DTYPES:
                raise BundleError(
                    f"{name[:80]} in {bundle / MODEL_FILE} has numbers of type {part.get_dtype()}: no model's."
                )
        return {name: tuple(part.get_shape()) for name, part in found.items()}


@contextmanager
def _told_as_damage(file: Path) -> Iterator[None]:
    from safetensors import SafetensorError

    try:
        _check_files(file.parent)
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
        if length > MAX_HEADER_BYTES:  # safetensors reads up to ten times as much, and needs a gigabyte for it
            raise ValueError(f"its header is said to have {length} bytes")
        yield
    except (SafetensorError, OSError, ValueError) as problem:
        raise BundleError(f"{file} is damaged or not safetensors ({problem}).") from None


def _check_files(bundle: Path) -> None:
    """A bundle has files of its own: a link could make it somebody else's, and a pipe would keep a reader waiting."""
    for file in bundle.iterdir():
        if not (file.is_file() or file.is_dir()) or not _is_inside(file, bundle):
            raise BundleError(
                f"{file.name[:80]!r} in {bundle} is no file, or a link that leads out of the folder. Copy what it stands for."
            )


def _is_inside(file: Path, folder: Path) -> bool:
    return not file.is_symlink() or file.resolve().is_relative_to(folder.resolve())


def _check(path: Path, values: dict[str, Any], name: str, fits: bool, expected: str) -> None:
    if not fits:
        raise BundleError(f"{name} in {path} is {str(values.get(name))[:80]!r}; expected {expected}.")


def _parsed(path: Path, values: dict[str, Any], name: str, parse: Callable[[Any], T], expected: str) -> T:
    try:
        return parse(values[name])
    except (RecipeError, KeyError, TypeError, ValueError, AttributeError) as problem:
        found = str(values.get(name))[:80]
        raise BundleError(f"{name} in {path} is {found!r}; expected {expected}: {str(problem)[:200]}.") from None


def _is_class_list(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 2 <= len(value) <= MAX_CLASSES
        and all(_is_line(name) and 0 < len(name) < 200 for name in value)
        and len(set(value)) == len(value)
    )


def _is_decision(value: Any, classes: int) -> bool:
    def is_number(part: Any) -> bool:
        return _is_number(part) and math.isfinite(part)

    return isinstance(value, dict) and all(
        is_number(part) or (isinstance(part, list) and len(part) == classes and all(map(is_number, part)))
        for part in value.values()
    )


def _are_numbers(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_number, value.values()))


def _is_number(value: Any) -> bool:
    """One that computers count with: Python's whole numbers have no end, and many of them fit no float."""
    return isinstance(value, float) or (type(value) is int and abs(value) < 2**63)


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and not CONTROL.search(value)
