"""Checkpoints: everything a run needs to go on as if it had never stopped.

A checkpoint is a folder under `checkpoints/`, itself a model bundle (`model.safetensors`, `config.json`) with the optimiser's
state and the progress beside it. It is written under another name and renamed when whole; `latest.json` and `best.json`
name the ones that count, and the others are deleted; but where `best.json` was lost, those with figures stay until there is a new
best one: it is among them. There is no random state to save: see `engine.data.seeding`.
"""

import dataclasses
import json
import os
import shutil
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from engine.bundle_files import (
    BEST_FILE,
    CONFIG_FILE,
    EVALUATION_FILE,
    LATEST_FILE,
    MODEL_FILE,
    OURS,
    latest_checkpoint,
    pointed_checkpoint,
)
from engine.errors import RunError
from engine.training.carried import Carrying, carried

OPTIMIZER_FILE = "optimizer.safetensors"
PROGRESS_FILE = "progress.json"
CARRIED = "carried:"


@runtime_checkable
class Documented(Protocol):
    """A model that is nothing without files beside its weights, such as a tokenizer's.

    `save_files(folder)` writes them, and returns what another library wants to find in `config.json`.
    """

    def save_files(self, folder: Path) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands: steps taken in a stage, what the epoch's loss adds up to so far, and what the stage settled on."""

    stage: int
    step: int
    batch_size: int
    precision: str
    loss_sum: float = 0.0
    loss_count: float = 0.0
    best: float | None = None
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
) -> str:
    """Write a checkpoint into `folder` (a run's `checkpoints/`) and make it the latest, and the best if it is; its name.

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
        save_file(_optimizer_tensors(model, optimizer), partial / OPTIMIZER_FILE)
        if isinstance(model, Documented):
            texts[CONFIG_FILE] = {**model.save_files(partial), OURS: config}
        for file, values in texts.items():
            (partial / file).write_text(json.dumps(values, indent=1))
        for file in partial.iterdir():
            _flush(file)
        target = folder / name
        if target.exists():  # one that a killed worker wrote and nobody points to
            shutil.rmtree(target)
        partial.rename(target)
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


def own_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The state dict with each tensor once: tied weights, which go by several names, have their first one."""
    tensors: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            tensors[name] = tensor.detach()
    return tensors


def save_tensors(tensors: dict[str, Tensor], file: Path) -> None:
    """Write them as safetensors, marked as torch's: transformers wants that."""
    file.touch()
    readers = file.stat().st_mode
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, file, metadata={"format": "pt"})
    file.chmod(readers)  # safetensors lets nobody else read


def load_tensors(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """What `own_tensors` gave, or some of it, into `model`."""
    model.load_state_dict(tensors, strict=False)


def read_progress(checkpoint: Path) -> Progress:
    """Where the run stood; `RunError` when the checkpoint is damaged."""
    try:
        return Progress(**json.loads((checkpoint / PROGRESS_FILE).read_text()))
    except (OSError, ValueError, TypeError, RecursionError) as problem:
        raise RunError(f"The checkpoint {checkpoint} is damaged ({problem}). Start the run anew.") from None


def load_checkpoint_model(checkpoint: Path, model: nn.Module) -> None:
    """The checkpoint's weights into `model`."""
    load_tensors(model, load_file(checkpoint / MODEL_FILE))


def load_checkpoint_optimizer(checkpoint: Path, model: nn.Module, optimizer: Optimizer) -> None:
    """The checkpoint's moments into `optimizer`, which must hold the same parameters of `model`; and what that carries."""
    tensors = load_file(checkpoint / OPTIMIZER_FILE)
    if isinstance(model, Carrying):
        model.carry({key.removeprefix(CARRIED): value for key, value in tensors.items() if key.startswith(CARRIED)})
    names: dict[Tensor, str] = {parameter: name for name, parameter in model.named_parameters()}
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            for moment in ("exp_avg", "exp_avg_sq", "step"):
                saved = tensors.get(f"{moment}:{names[parameter]}")
                if saved is not None:
                    # Laid out in memory like the parameter: the fused optimiser walks both side by side.
                    like = torch.empty_like(parameter) if moment != "step" else torch.empty((), device=parameter.device)
                    optimizer.state[parameter][moment] = like.detach().copy_(saved)


def _optimizer_tensors(model: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    names: dict[Tensor, str] = {parameter: name for name, parameter in model.named_parameters()}
    moments = {
        f"{moment}:{names[parameter]}": value.contiguous()
        for parameter, state in optimizer.state.items()
        for moment, value in state.items()
    }
    return moments | {f"{CARRIED}{name}": value.contiguous() for name, value in carried(model).items()}


def _point(pointer: Path, name: str) -> None:
    partial = pointer.with_suffix(".partial")
    partial.write_text(json.dumps({"folder": name}))
    _flush(partial)
    os.replace(partial, pointer)


def _delete_others(folder: Path) -> None:
    latest, best = latest_checkpoint(folder), pointed_checkpoint(folder, BEST_FILE)
    for other in folder.iterdir():
        may_be_best = best is None and (other / EVALUATION_FILE).is_file()
        if other.is_dir() and other not in (latest, best) and not may_be_best:
            shutil.rmtree(other, ignore_errors=True)


def _flush(file: Path) -> None:
    descriptor = os.open(file, os.O_RDWR)  # Windows flushes nothing that is open for reading
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
