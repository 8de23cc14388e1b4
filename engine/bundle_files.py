"""The files of a model bundle by name, and which of a run's checkpoints, bundles all, count. Nothing here imports torch."""

import json
from pathlib import Path

MODEL_FILE = "model.safetensors"
CONFIG_FILE = "config.json"
EVALUATION_FILE = "evaluation.json"
OURS = "lesson_lab"  # what in `config.json` is for us; the rest is for libraries that know the architecture


def latest_checkpoint(folder: Path) -> Path | None:
    """The checkpoint that a resumed run starts from; `folder` is the run's `checkpoints/`."""
    return _pointed(folder, "latest.json")


def best_checkpoint(folder: Path) -> Path | None:
    """The checkpoint with the best main metric of the last stage that has one, else the latest."""
    return _pointed(folder, "best.json") or latest_checkpoint(folder)


def _pointed(folder: Path, pointer: str) -> Path | None:
    try:
        name = json.loads((folder / pointer).read_text())["folder"]
        # A run that came from elsewhere must not lead out of its own folder.
        is_here = Path(name).name == name and (folder / name / MODEL_FILE).is_file()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return folder / name if is_here else None
