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

from engine.bundle_files import latest_checkpoint
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
    Warned,
)
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
    import torch
    from accelerate import PartialState
    from torch import distributed

    from engine.data.sources import resolve_dataset
    from engine.machine import describe_machine
    from engine.tasks.registry import get_task
    from engine.training.bundle import build_config, read_config, resolve_bundle
    from engine.training.bundle_weights import build_checked, fitting_tensors, init_weights
    from engine.training.lr_finder import find_lr
    from engine.training.memory import halve_until_it_fits
    from engine.training.recipe_loop import planned, train_recipe

    state, folder = PartialState(), run_dir / CHECKPOINTS_FOLDER

    def agree_to_stop() -> bool:
        # Processes that stopped at different batches would wait for each other for ever.
        if state.num_processes == 1:
            return should_stop()
        wish = torch.tensor(float(should_stop()), device=state.device)
        distributed.all_reduce(wish)
        return bool(wish.item())

    if agree_to_stop():
        return
    is_resumed = latest_checkpoint(folder) is not None
    if not is_resumed and file_size(run_dir / EVENTS_FILE):  # an earlier worker left nothing to go on from
        yield RunResumed(stage=0, step=0)
    recipe = spec.recipe
    aim = get_task(spec.task).aim(recipe.objective)
    objective = aim.build()
    data = objective.open_data(resolve_dataset(spec.dataset))
    torch.manual_seed(spec.seed)  # for the layers that start at random
    start = latest_checkpoint(folder) or (resolve_bundle(spec.init_from) if spec.init_from else None)
    before = read_config(start) if start else None
    plan = yield from planned(objective, recipe, data, start)
    build = partial(objective.build_model, plan, pretrained=start is None)
    if start and not is_resumed:
        model = build_checked(build, start, check=partial(fitting_tensors, bundle=start, classes=data.classes))
    else:
        model = build()
    yield RunStarted(
        device=str(state.device),
        device_name=describe_machine().name,
        processes=state.num_processes,
        backbone=recipe.backbone,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
    )
    if start and before and not is_resumed:
        fresh = init_weights(model, start, data.classes)
        if fresh and before.objective == objective.name:
            print("Not taken over:", *fresh)  # into the log
            yield Warned(
                message="The model that this one starts from has other classes. All of it was taken over but for the layers that "
                f"tell classes apart ({len(fresh)} tensors): they start afresh."
            )
        if before.dataset != spec.dataset:
            learnt, now = (Path(dataset).name for dataset in (before.dataset, spec.dataset))
            yield Warned(
                message=f"These weights have learnt from {learnt}, and are now measured on {now}. If some of the same samples "
                "are in both, the figures promise too much."
            )

    asked = {"model": model, "data": data, "seed": spec.seed, "should_stop": agree_to_stop}
    if spec.job == "lr-find":
        finder = partial(find_lr, objective, **asked)
        yield from halve_until_it_fits(finder, recipe.stages[0], model=model, stage_index=0)
        return
    import torchmetrics  # noqa: F401  (here, so that the first validation does not seem longer than it is)

    inherited = before.remarks if before else ()
    starts = (before.starts if is_resumed else before.trainings) if before else ()
    config = build_config(
        task=spec.task,
        objective=objective.name,
        recipe=recipe,
        plan=plan,
        dataset=spec.dataset,
        seed=spec.seed,
        remarks=tuple(dict.fromkeys(remark for remark in (*inherited, aim.remark) if remark)),
        starts=starts,
    )
    yield from train_recipe(objective, recipe, folder=folder, config=config, **asked)


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
        message = f"The worker stumbled over a mistake of ours (a bug): {type(error).__name__}: {error}"
        return RunFailed(message=message, log_tail=log_tail(run_dir))
    return RunFinished(seconds=time.monotonic() - started) if is_complete else RunStopped()


if __name__ == "__main__":
    try:
        code = main(*sys.argv[1:2])
    except EngineError as error:
        sys.exit(str(error))
    from engine.training.distributed import leave

    leave(code)
