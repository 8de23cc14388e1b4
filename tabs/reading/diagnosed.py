"""What is wrong with a run, looked at anew when an epoch has ended or the run's state has changed."""

from functools import lru_cache
from typing import Any

from engine.bundle.config import read_evaluation
from engine.data.own.store import is_hidden
from engine.data.sources.fetching import own_name
from engine.diagnosis.diagnose import Diagnosis, diagnose
from engine.errors import BundleError
from engine.runs.snapshot import RunSnapshot
from engine.runs.store import find_run
from engine.tasks.registry import get_task
from tabs.reading.opened import snapshot_of, spec_of


def diagnosis_of(run: str, snapshot: RunSnapshot) -> Diagnosis:
    """What the rules say of a run; without its classes' names where these are somebody else's."""
    return _diagnosed(run, moment_of(snapshot), is_hidden(own_name(spec_of(run).dataset)))


def moment_of(snapshot: RunSnapshot) -> str:
    """Changes when there may be something new to say: not with every step, or the words would never hold still."""
    seen = (snapshot.status, len(snapshot.epoch_rows), snapshot.stage, snapshot.checkpoint, bool(snapshot.divergence))
    return ",".join(map(str, seen))


@lru_cache(maxsize=256)
def _diagnosed(run: str, moment: str, without_figures: bool) -> Diagnosis:
    spec = spec_of(run)
    evaluation = None if without_figures else _evaluation(run)
    return diagnose(snapshot_of(run), spec.recipe, get_task(spec.task).aim(spec.recipe.objective), evaluation)


def _evaluation(run: str) -> dict[str, Any] | None:
    try:
        return read_evaluation(find_run(run))
    except BundleError:  # no checkpoint yet
        return None
