"""A run's own process: `python -m engine.runs.worker RUN_DIR` does what recipe.json says and tells it in events.jsonl.

The run folder is all it shares with anybody. Under `accelerate launch` every process trains and the first one writes.
"""

import math
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from engine.errors import EngineError
from engine.events import (
    Event,
    RatesSuggested,
    RunFailed,
    RunFinished,
    RunResumed,
    RunStarted,
    RunStopped,
    StageFinished,
)
from engine.host.machine import fit_threads
from engine.runs.accounts import write_account
from engine.runs.claim import claimed, signals_noted
from engine.runs.store import (
    CHECKPOINTS_FOLDER,
    EVENTS_FILE,
    LOG_FILE,
    RunSpec,
    append_event,
    file_size,
    log_tail,
    read_spec,
    stop_requested,
)

Perform = Callable[[RunSpec, Path, Callable[[], bool]], Iterator[Event]]


def perform(spec: RunSpec, run_dir: Path, should_stop: Callable[[], bool]) -> Iterator[Event]:
    """Do what the spec says, event by event; ends before it is done when `should_stop()` was true."""
    from engine.bundle.config import resolve_bundle
    from engine.data.sources.fetching import resolve_dataset
    from engine.host.machine import describe_machine
    from engine.runs.start import starting
    from engine.tasks.registry import get_task
    from engine.training.checkpoint import sound_checkpoint
    from engine.training.distributed import agreed, join
    from engine.training.lr_finder import find_lr
    from engine.training.recipe_loop import train_recipe

    state, folder, recipe = join(), run_dir / CHECKPOINTS_FOLDER, spec.recipe
    agree_to_stop = partial(agreed, should_stop)
    if agree_to_stop():
        return
    checkpoint, _ = sound_checkpoint(folder)
    if checkpoint is None and file_size(run_dir / EVENTS_FILE):  # an earlier worker left nothing to go on from
        yield RunResumed(stage=0, step=0)
    task = get_task(spec.task)
    objective = task.build_objective(recipe.objective)
    data = objective.open_data(resolve_dataset(spec.dataset))
    if state.is_main_process:
        write_account(run_dir, data.account())
    begun = yield from starting(
        task,
        recipe,
        data,
        dataset=spec.dataset,
        seed=spec.seed,
        init_from=resolve_bundle(spec.init_from) if spec.init_from and not checkpoint else None,
        checkpoint=checkpoint,
    )
    yield RunStarted(
        device=str(state.device),
        device_name=describe_machine().name,
        processes=state.num_processes,
        backbone=recipe.backbone,
        parameters=sum(parameter.numel() for parameter in begun.model.parameters()),
    )
    asked = {"model": begun.model, "data": data, "seed": spec.seed, "should_stop": agree_to_stop}
    if spec.job == "lr-find":
        yield from find_lr(objective, recipe.stages[0], steps=spec.lr_steps, head_rate=begun.head_rate, **asked)
        return
    import torchmetrics  # noqa: F401  (here, so that the first validation does not seem longer than it is)

    yield from train_recipe(objective, recipe, folder=folder, config=begun.config, is_trained=begun.is_trained, **asked)


def main(run_dir: str | Path, *, perform: Perform = perform, minutes: float = math.inf) -> int:
    """Be a run's worker, from its beginning or last checkpoint on; 0 when it finished or stopped, 1 when it failed.

    It stops after `minutes`, or the run's own, as if asked to. A `RunError` says that there is no such run or that it has a
    worker already.
    """
    run_dir = Path(run_dir).absolute()
    spec = read_spec(run_dir)
    minutes = min(minutes, spec.minutes or math.inf)
    ends = time.monotonic() + 60 * minutes
    with signals_noted() as noted:

        def is_asked() -> bool:
            return bool(noted) or stop_requested(run_dir)

        def should_stop() -> bool:
            return is_asked() or time.monotonic() > ends

        if os.environ.get("RANK", "0") != "0":
            for _ in perform(spec, run_dir, should_stop):
                pass
            return 0
        with claimed(run_dir):
            ending = _follow(spec, run_dir, perform, should_stop)
            if isinstance(ending, RunStopped) and not is_asked() and should_stop():
                over = f"Its time at a stretch, {minutes:g} min, is over. Resume goes on for another {minutes:g} min."
                ending = RunStopped(reason=over)
            append_event(run_dir, ending)
    return 1 if isinstance(ending, RunFailed) else 0


def _follow(spec: RunSpec, run_dir: Path, perform: Perform, should_stop: Callable[[], bool]) -> Event:
    """Write down what happens, and return how it ended."""
    started, is_complete = time.monotonic(), False
    try:
        for event in perform(spec, run_dir, should_stop):
            append_event(run_dir, event)
            last_stage = isinstance(event, StageFinished) and event.stage == len(spec.recipe.stages) - 1
            is_complete = is_complete or last_stage or isinstance(event, RatesSuggested)
    except EngineError as error:
        return RunFailed(message=str(error), log_tail=log_tail(run_dir))
    except Exception as error:
        with (run_dir / LOG_FILE).open("a", encoding="utf-8") as log:
            traceback.print_exc(file=log)
        message = (
            f"The worker stopped at an error that the app should have handled (a bug): {type(error).__name__}: {error}"
        )
        return RunFailed(message=message, log_tail=log_tail(run_dir))
    return RunFinished(seconds=time.monotonic() - started) if is_complete else RunStopped()


if __name__ == "__main__":
    fit_threads()
    try:
        code = main(*sys.argv[1:2])
    except EngineError as error:
        sys.exit(str(error))
    from engine.training.distributed import leave

    leave(code)
