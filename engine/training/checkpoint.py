"""Checkpoints: everything a run needs to go on as if it had never stopped.

A checkpoint is a folder under `checkpoints/`, itself a model bundle (`model.safetensors`, `config.json`) with the optimiser's
state and the progress beside it. It is written under another name and renamed when whole. Where an epoch's end comes soon after
another it has no optimiser, which is twice as large as the weights: its figures and weights count, and a run goes on from the
newest that has one. `latest.json` and `best.json` name the ones that count. Kept beside them are the two newest that a run may go
on from, in case one is damaged, and the end of every stage, from which other runs may start; the others are deleted. Where
`best.json` was lost, those with figures stay until there is a new best one: it is among them. There is no random state to save:
see `engine.data.seeding`.
"""

import dataclasses
import json
import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from engine.bundle.files import (
    BEST_FILE,
    CONFIG_FILE,
    EVALUATION_FILE,
    LATEST_FILE,
    MODEL_FILE,
    OURS,
    checkpoints_in,
    latest_checkpoint,
    pointed_checkpoint,
    stage_of,
)
from engine.bundle.tensors import load_tensors, own_tensors, save_tensors
from engine.errors import RunError
from engine.recipe import recipe_from_dict
from engine.training.carried import Carrying, carried

OPTIMIZER_FILE = "optimizer.safetensors"
PROGRESS_FILE = "progress.json"
CARRIED, OWN = "carried:", "own:"
# What tells one training from another in a bundle's config.
SAME = ("task", "objective", "backbone", "classes", "dataset", "seed", "recipe")


@runtime_checkable
class Documented(Protocol):
    """A model that is nothing without files beside its weights, such as a tokenizer's.

    `save_files(folder)` writes them, and returns what another library wants to find in `config.json`.
    """

    def save_files(self, folder: Path) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands: steps taken in a stage, what the epoch's loss adds up to so far, and what the stage settled on.

    `best` is the run's best main figure with inputs of the size `best_size` (in words, "" in an older version's checkpoint).
    Without `has_moments` the optimiser is not kept with it.
    """

    stage: int
    step: int
    batch_size: int
    precision: str
    loss_sum: float = 0.0
    loss_count: float = 0.0
    best: float | None = None
    best_size: str = ""
    has_moments: bool = True
    scaler: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(
    folder: Path,
    *,
    model: nn.Module,
    optimizer: Optimizer,
    progress: Progress,
    config: dict[str, Any],
    evaluation: dict[str, Any] | None,
    best: bool,
    own: Mapping[str, Tensor] | None = None,
) -> str:
    """Write a checkpoint into `folder` (a run's `checkpoints/`) and make it the latest, and the best if it is; its name.

    `own` are the weights of the last step, where `model` has the mean of the last ones meanwhile: a run goes on from them.
    Raises `RunError` where the disk is full or cannot be written to; the checkpoints before it stay.
    """
    texts: dict[str, Any] = {PROGRESS_FILE: dataclasses.asdict(progress), CONFIG_FILE: {OURS: config}}
    if evaluation is not None:
        texts[EVALUATION_FILE] = evaluation
    name = f"stage{progress.stage}-step{progress.step:06d}"
    partial = folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f".partial-{uuid.uuid4().hex}"  # not by tempfile, whose folders nobody else may read
        partial.mkdir()
        save_tensors(own_tensors(model), partial / MODEL_FILE)
        if progress.has_moments:
            save_file(_optimizer_tensors(model, optimizer, own or {}), partial / OPTIMIZER_FILE)
        if isinstance(model, Documented):
            texts[CONFIG_FILE] = {**model.save_files(partial), OURS: config}
        for file, values in texts.items():
            (partial / file).write_text(json.dumps(values, indent=1))
        for file in partial.iterdir():
            _flush(file)
        target = folder / name
        old = folder / f".partial-{uuid.uuid4().hex}"
        if target.exists():  # a killed worker's, or the same step's that lacks the optimiser: never without either
            target.rename(old)
        partial.rename(target)
        shutil.rmtree(old, ignore_errors=True)
        _point(folder / LATEST_FILE, name)
        if best:
            _point(folder / BEST_FILE, name)
    except (OSError, SafetensorError) as problem:
        if partial != folder:
            shutil.rmtree(partial, ignore_errors=True)
        raise RunError(
            f"The checkpoint {folder / name} cannot be written ({problem}). Make room on the disk, then resume: the "
            "checkpoint before it is kept."
        ) from None
    _delete_others(folder)
    return name


def read_progress(checkpoint: Path) -> Progress:
    """Where the run stood; `RunError` when the checkpoint is damaged."""
    try:
        return Progress(**json.loads((checkpoint / PROGRESS_FILE).read_text()))
    except (OSError, ValueError, TypeError, RecursionError) as problem:
        raise RunError(f"The checkpoint {checkpoint} is damaged ({problem}). Start the run anew.") from None


def sound_checkpoint(folder: Path) -> tuple[Path | None, list[str]]:
    """The newest whole checkpoint in a run's `checkpoints/`, and for each newer one what is damaged, in words."""
    damages = []
    for checkpoint in _newest_first(folder):
        problem = damage_of(checkpoint)
        if not problem:
            return checkpoint, damages
        damages.append(f"The checkpoint {checkpoint.name} is damaged: {problem}.")
    return None, damages


def _newest_first(folder: Path) -> list[Path]:
    """What a run may go on from, damaged or not; the end of a stage that was passed has no optimiser any more."""
    latest, passed = pointed_checkpoint(folder, LATEST_FILE), _stage_ends(folder)
    others = [path for path in reversed(checkpoints_in(folder, whole=False)) if path != latest]
    found = [latest, *others] if latest else others
    return [path for path in found if _had_moments(path) and (path not in passed or (path / OPTIMIZER_FILE).is_file())]


def _had_moments(checkpoint: Path) -> bool:
    try:
        return read_progress(checkpoint).has_moments
    except RunError:
        return True  # damaged: that is said when it is its turn


def damage_of(checkpoint: Path) -> str:
    """What is wrong with a checkpoint's files, in words; "" where all are whole."""
    readers: dict[Path, Callable[[Path], Any]] = dict.fromkeys(sorted(checkpoint.glob("*.json")), _read_json)
    tensors = (MODEL_FILE, OPTIMIZER_FILE) if _had_moments(checkpoint) else (MODEL_FILE,)
    # Opening compares the size that the header promises with the file's own.
    readers |= {checkpoint / name: lambda file: safe_open(file, "pt").keys() for name in tensors}
    for file, read in readers.items():
        try:
            read(file)
        except (OSError, ValueError, RecursionError, SafetensorError) as problem:
            return f"{file.name} cannot be read ({problem})"
    try:
        read_progress(checkpoint)
    except RunError:
        return f"{PROGRESS_FILE} does not say where the run stood"
    return ""


def _read_json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def check_same_training(checkpoint: Path, config: Mapping[str, Any]) -> None:
    """`RunError` where a checkpoint's config says that it is of another training than `config` does; an empty one fits all."""
    written = _read_json(checkpoint / CONFIG_FILE).get(OURS, {})
    for name in SAME:
        before, now = written.get(name), config.get(name)
        if name == "recipe" and before and now:  # by its values: an older version may have written fewer fields
            before, now = recipe_from_dict(before), recipe_from_dict(now)
        if name in config and before != now:
            raise RunError(
                f"{checkpoint.parent} holds checkpoints of another training: its {name} is {str(before)[:80]}, not "
                f"{str(now)[:80]}. Give another folder, or delete that one."
            )


def load_checkpoint_model(checkpoint: Path, model: nn.Module) -> None:
    """The checkpoint's weights into `model`, which must have exactly its tensors; else `RunError`."""
    tensors, expected = load_file(checkpoint / MODEL_FILE), own_tensors(model)
    shapes = [{name: tuple(tensor.shape) for name, tensor in some.items()} for some in (tensors, expected)]
    if shapes[0] != shapes[1]:
        raise RunError(
            f"The weights in {checkpoint} are those of another model. Give another folder for the checkpoints, or delete it."
        )
    load_tensors(model, tensors)


def load_checkpoint_optimizer(checkpoint: Path, model: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    """The checkpoint's moments into `optimizer`, which must hold the same parameters of `model`; and what that carries.

    Returns the weights of the last step by name, where the checkpoint's own are a mean; else nothing.
    """
    tensors = load_file(checkpoint / OPTIMIZER_FILE)
    if isinstance(model, Carrying):
        model.carry(_marked(tensors, CARRIED))
    names: dict[Tensor, str] = {parameter: name for name, parameter in model.named_parameters()}
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            for moment in ("exp_avg", "exp_avg_sq", "step"):
                saved = tensors.get(f"{moment}:{names[parameter]}")
                if saved is not None:
                    # Laid out in memory like the parameter: the fused optimiser walks both side by side.
                    like = torch.empty_like(parameter) if moment != "step" else torch.empty((), device=parameter.device)
                    optimizer.state[parameter][moment] = like.detach().copy_(saved)
    return _marked(tensors, OWN)


def _marked(tensors: Mapping[str, Tensor], mark: str) -> dict[str, Tensor]:
    return {key.removeprefix(mark): value for key, value in tensors.items() if key.startswith(mark)}


def _optimizer_tensors(model: nn.Module, optimizer: Optimizer, own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    names: dict[Tensor, str] = {parameter: name for name, parameter in model.named_parameters()}
    moments = {
        f"{moment}:{names[parameter]}": value.contiguous()
        for parameter, state in optimizer.state.items()
        for moment, value in state.items()
    }
    beside = {CARRIED: carried(model), OWN: own}
    return moments | {
        f"{mark}{name}": value.contiguous() for mark, values in beside.items() for name, value in values.items()
    }


def _point(pointer: Path, name: str) -> None:
    partial = pointer.with_suffix(".partial")
    partial.write_text(json.dumps({"folder": name}))
    _flush(partial)
    os.replace(partial, pointer)


def _delete_others(folder: Path) -> None:
    latest, best, ends = latest_checkpoint(folder), pointed_checkpoint(folder, BEST_FILE), _stage_ends(folder)
    resumable = [path for path in checkpoints_in(folder) if (path / OPTIMIZER_FILE).is_file()][-2:]
    for other in folder.iterdir():
        may_be_best = best is None and (other / EVALUATION_FILE).is_file()
        if other.is_dir() and other not in (latest, *resumable, best, *ends) and not may_be_best:
            shutil.rmtree(other, ignore_errors=True)
    for end in set(ends) - {latest, *resumable, best}:
        (end / OPTIMIZER_FILE).unlink(missing_ok=True)  # others start from its weights; this run is beyond it


def _stage_ends(folder: Path) -> list[Path]:
    """The last checkpoint of each stage that the latest one has left behind."""
    latest = latest_checkpoint(folder)
    last = {stage: path for path in checkpoints_in(folder) if (stage := stage_of(path)) is not None}
    return [path for stage, path in last.items() if latest and stage < (stage_of(latest) or 0)]


def _flush(file: Path) -> None:
    descriptor = os.open(file, os.O_RDWR)  # Windows flushes nothing that is open for reading
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
