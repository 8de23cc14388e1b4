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
    return pointed_checkpoint(folder, LATEST_FILE) or next(reversed(checkpoints_in(folder)), None)


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


def checkpoints_in(folder: Path, *, whole: bool = True) -> list[Path]:
    """A run's checkpoints in the order in which they were reached; those without weights only where not `whole`."""
    found = []
    for path in folder.glob("stage*-step*"):
        match = CHECKPOINT.fullmatch(path.name)
        if match and path.is_dir() and ((path / MODEL_FILE).is_file() or not whole):
            found.append((int(match[1]), int(match[2]), path))
    return [path for _, _, path in sorted(found)]


def stage_of(checkpoint: Path) -> int | None:
    """The stage that a checkpoint is of, counted from 0; None for a folder that is not named like one."""
    match = CHECKPOINT.fullmatch(checkpoint.name)
    return int(match[1]) if match else None


def stage_end(folder: Path, stage: int) -> Path | None:
    """The last checkpoint of a stage, counted from 0; `folder` is the run's `checkpoints/`."""
    of_it = [path for path in checkpoints_in(folder) if stage_of(path) == stage]
    return of_it[-1] if of_it else None


def check_files(bundle: Path) -> None:
    """`BundleError` for a file that is not the bundle's own: a link may be somebody else's, a pipe keeps a reader waiting."""
    for file in bundle.iterdir():
        if not (file.is_file() or file.is_dir()) or not _is_inside(file, bundle):
            raise BundleError(
                f"{file.name[:80]!r} in {bundle} is no file, or a link that leads out of the folder. Copy what it stands for."
            )


def _is_inside(file: Path, folder: Path) -> bool:
    return not file.is_symlink() or file.resolve().is_relative_to(folder.resolve())
