"""The diagnosis of a run in its folder."""

from pathlib import Path

from engine.bundle.config import read_evaluation
from engine.diagnosis.diagnose import Diagnosis, diagnose
from engine.errors import BundleError, RunError
from engine.runs.store import find_run, read_spec
from engine.runs.watch import load_snapshot
from engine.tasks.registry import get_task


def diagnose_run(run: str | Path) -> Diagnosis:
    """What the rules say of a training run, given by its name or folder; a `RunError` where there is none."""
    folder = find_run(run)
    spec = read_spec(folder)
    if spec.job != "train":
        raise RunError(f"{folder.name} looked for a learning rate and trained nothing. Give a training run.")
    recipe = spec.recipe
    aim = get_task(spec.task).aim(recipe.objective)
    try:
        evaluation = read_evaluation(folder)
    except BundleError:  # it has no checkpoint yet
        evaluation = None
    return diagnose(load_snapshot(folder), recipe, aim, evaluation)
