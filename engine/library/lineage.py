"""What a run's weights come from, and what training has made of them, in words and figures."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import EngineError, RunError
from engine.library.listing import known_model, model_name
from engine.runs.snapshot import RunSnapshot
from engine.runs.store import find_run, read_spec
from engine.task import Aim, Metric
from engine.tasks.registry import get_task

MOST = 20  # models that one goes back to


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestor:
    """A model that others went on from, by its name; `figure` is its own, by its aim's `metric`, None where none was measured."""

    name: str
    metric: Metric
    figure: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """What a training has made of what it started from, in a sentence, and whether that is worse."""

    said: str
    is_worse: bool = False


def ancestors_of(run: str) -> tuple[Ancestor, ...]:
    """The models that a run's weights come from, the first first; one that is gone, and all before it, are left out."""
    found: list[Ancestor] = []
    name = _start_of(run)
    while name and len(found) < MOST and name not in {one.name for one in found}:
        try:
            config = known_model(name).config
            metric = get_task(config.task).aim(config.objective).metric
        except EngineError:  # deleted, or of another version
            break
        found.insert(0, Ancestor(name=name, metric=metric, figure=config.metrics.get(metric.name)))
        name = _start_of(name.partition("@")[0])
    return tuple(found)


def since_start(snapshot: RunSnapshot, aim: Aim, written: Callable[[str, float], str]) -> Since | None:
    """What the model could do before the run's first step, and what it can since; None where that was not measured.

    `written(metric, value)` is a figure as it is shown.
    """
    start = next((row for row in snapshot.start_rows if row.stage == 0), None)
    best, metric = snapshot.best_row, aim.metric
    if start is None or metric.name not in start.metrics:
        return None
    before = start.metrics[metric.name]
    began = f"Before the first step its {metric.name.replace('_', ' ')} was {written(metric.name, before)}"
    if best is None or metric.name not in best.metrics:
        return Since(said=f"{began}.")
    now = best.metrics[metric.name]
    if not metric.is_better(before, now):
        return Since(said=f"{began}; its best since is {written(metric.name, now)}.")
    return Since(
        said=f"{began}, and its best since is {written(metric.name, now)}: training has made it worse. The model that it "
        "started from is the better one.",
        is_worse=True,
    )


def _start_of(run: str) -> str:
    """The name of the model that a run started from; "" where that was the backbone's own weights, or there is no such run."""
    try:
        source = read_spec(find_run(run)).init_from
    except RunError:
        return ""
    return model_name(source) if source else ""
