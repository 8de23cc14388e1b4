"""A bundle to hand on: a checkpoint without what only a trainer needs, with a card that says what it is."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.bundle.config import FORMAT, read_config, resolve_bundle
from engine.bundle.files import CONFIG_FILE, EVALUATION_FILE, MODEL_FILE, OURS
from engine.bundle.weights import read_weights
from engine.data.texts.tokenizers import PIECES_FILE, WORDS_FILE
from engine.data.whole_folder import making_whole
from engine.errors import BundleError
from engine.host.home import disk_told
from engine.library.card import CARD_FILE, write_card
from engine.library.curves import CURVE_FILES, draw_curves
from engine.library.history import TRAINING_FILE, history_of, write_history
from engine.library.notebook import NOTEBOOK_FILE, write_notebook
from engine.library.onnx_export import export_onnx
from engine.library.paths import forget_paths
from engine.library.usage import ONNX_FILE

if TYPE_CHECKING:
    from torch import Tensor

    from engine.training.evaluate import Evaluation

COPIED = (CONFIG_FILE, EVALUATION_FILE, WORDS_FILE, PIECES_FILE, "tokenizer_config.json", "special_tokens_map.json")
TOLD = (TRAINING_FILE, *CURVE_FILES)
# All that a bundle may hold. Nothing else is published, and nothing else is taken from outside.
BUNDLE_FILES = (MODEL_FILE, *COPIED, *TOLD, CARD_FILE, ONNX_FILE, NOTEBOOK_FILE)


def export_bundle(
    bundle_or_run: str | Path, target: Path, *, half: bool = True, onnx: bool = False, notebook: bool = True
) -> Path:
    """Write the bundle, or a run's best, into the new folder `target`, whole or not at all; with `half` in half precision.

    With `onnx` the model comes as ONNX too, or `BundleError` says why it cannot; with `notebook` comes one that trains it again.

    Matrices and kernels become fp16; vectors, such as BatchNorm's statistics, stay as they are: they are small, and may need
    fp32's range.
    """
    if target.exists():
        raise BundleError(f"{target} is there already. Give another name, or delete it.")
    with disk_told(f"export {Path(bundle_or_run).name}"), making_whole(target) as fresh:
        source = _copy(bundle_or_run, fresh, half=half)
        _write_config(fresh, _config_values(fresh))
        forget_paths(fresh)
        _tell_training(source, fresh)
        if onnx:
            export_onnx(fresh)
        if notebook:
            write_notebook(fresh)
        write_card(fresh)  # last: it tells of what is there
    return target


def _copy(bundle_or_run: str | Path, fresh: Path, *, half: bool) -> Path:
    """Fill a folder with what is handed on of a bundle, or of a run's best; where that came from.

    A run that trains deletes its best checkpoint when it has a better one. What was copied meanwhile may lack files.
    """
    while True:
        source = resolve_bundle(bundle_or_run)
        try:
            read_config(source)
            weights = read_weights(source)
            _save_weights(halved(weights) if half else weights, fresh / MODEL_FILE)
            for name in COPIED:
                (fresh / name).unlink(missing_ok=True)
                if (source / name).is_file():
                    shutil.copyfile(source / name, fresh / name)
        except (BundleError, FileNotFoundError):
            if resolve_bundle(bundle_or_run) == source:
                raise
        else:
            if resolve_bundle(bundle_or_run) == source:
                return source


def _config_values(bundle: Path) -> dict[str, Any]:
    """What a bundle's config says, in this version's format: in format 1 ours stood at the top."""
    values = json.loads((bundle / CONFIG_FILE).read_text(encoding="utf-8"))
    beside = values if OURS in values else {}
    return {**beside, OURS: {**values.get(OURS, values), "format": FORMAT}}


def _write_config(bundle: Path, values: dict[str, Any]) -> None:
    (bundle / CONFIG_FILE).write_text(json.dumps(values, indent=1), encoding="utf-8")


def halved(weights: "dict[str, Tensor]") -> "dict[str, Tensor]":
    """The tensors with two or more dimensions in fp16, where it has the range for them."""
    import torch

    def half(tensor: "Tensor") -> "Tensor":
        fits = tensor.dtype == torch.float32 and tensor.ndim > 1
        small = tensor.half() if fits else tensor
        return small if small.isfinite().all() else tensor

    return {name: half(tensor) for name, tensor in weights.items()}


def record_evaluation(bundle: Path, evaluation: "Evaluation") -> None:
    """Make what was measured the bundle's own figures, and write its card and its notebook anew."""
    values = _config_values(bundle)
    values[OURS]["metrics"] = evaluation.as_dict()["metrics"]
    _write_config(bundle, values)
    (bundle / EVALUATION_FILE).write_text(json.dumps(evaluation.as_dict(), indent=1), encoding="utf-8")
    if (bundle / NOTEBOOK_FILE).is_file():
        write_notebook(bundle)
    write_card(bundle)


def _save_weights(weights: "dict[str, Any]", file: Path) -> None:
    from safetensors import SafetensorError

    from engine.bundle.tensors import save_tensors

    try:
        save_tensors(weights, file)
    except SafetensorError as problem:  # what the disk said is in its words
        raise OSError(str(problem)) from None


def _tell_training(source: Path, target: Path) -> None:
    """The history and curves of the run that a checkpoint lies in, or those that came with a bundle."""
    run_dir = source.parent.parent
    history = history_of(run_dir)
    if history:
        write_history(history, target)
        draw_curves(run_dir, target)
        return
    for name in TOLD:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
