"""The files of a model bundle by name, and which of a run's checkpoints, bundles all, count. Nothing here imports torch."""

import json
import re
from pathlib import Path

from engine.errors import BundleError

MODEL_FILE = "model.safetensors"
CONFIG_FILE = "config.json"
EVALUATION_FILE = "evaluation.json"
LATEST_FILE, BEST_FILE = "latest.json", "best.json"  # name the checkpoints that count
CHECKPOINT = re.compile(r"stage(\d+)-step(\d+)")
OURS = "lesson_lab"  # what in `config.json` is for us; the rest is for libraries that know the architecture


def latest_checkpoint(folder: Path) -> Path | None:
    """The checkpoint that a resumed run starts from; `folder` is the run's `checkpoints/`.

    Where that is not written down, or cannot be read, it is the one that came furthest.
    """
    return pointed_checkpoint(folder, LATEST_FILE) or _furthest(folder)


def best_checkpoint(folder: Path) -> Path | None:
    """The checkpoint with the best main metric of the last stage that has one, else the latest."""
    return pointed_checkpoint(folder, BEST_FILE) or latest_checkpoint(folder)


def pointed_checkpoint(folder: Path, pointer: str) -> Path | None:
    """The checkpoint that `LATEST_FILE` or `BEST_FILE` names; None where that is not there, or cannot be read."""
    try:
        name = json.loads((folder / pointer).read_text())["folder"]
        # A run that came from elsewhere must not lead out of its own folder.
        is_here = Path(name).name == name and (folder / name / MODEL_FILE).is_file()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return folder / name if is_here else None


def _furthest(folder: Path) -> Path | None:
    whole = [file.parent for file in folder.glob(f"stage*-step*/{MODEL_FILE}") if file.is_file()]
    found = [(int(match[1]), int(match[2]), path) for path in whole if (match := CHECKPOINT.fullmatch(path.name))]
    return max(found)[2] if found else None


def check_files(bundle: Path) -> None:
    """`BundleError` for a file that is not the bundle's own: a link may be somebody else's, a pipe keeps a reader waiting."""
    for file in bundle.iterdir():
        if not (file.is_file() or file.is_dir()) or not _is_inside(file, bundle):
            raise BundleError(
                f"{file.name[:80]!r} in {bundle} is no file, or a link that leads out of the folder. Copy what it stands for."
            )


def _is_inside(file: Path, folder: Path) -> bool:
    return not file.is_symlink() or file.resolve().is_relative_to(folder.resolve())
