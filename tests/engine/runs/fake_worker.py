"""A worker without torch: the real `main`, with a run's title saying what happens instead of training."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

from engine.errors import TrainingError
from engine.events import Event, RunResumed, RunStarted, StageFinished, StageStarted, StepFinished
from engine.runs.store import RunSpec, read_events
from engine.runs.worker import main

QUICK_STEPS = 3
PATIENCE = 30.0  # no fake worker outlives a test by more


def perform(spec: RunSpec, run_dir: Path, should_stop: Callable[[], bool]) -> Iterator[Event]:
    said, _ = read_events(run_dir)
    if said:
        taken = sum(isinstance(event, StepFinished) for event in said)
        yield RunResumed(stage=0, step=taken)
    yield RunStarted(device="cpu", device_name="pretended", processes=1, backbone="none", parameters=0)
    if spec.title == "mistake":
        raise TrainingError("The rate is too high. Halve it.")
    if spec.title == "bug":
        raise KeyError("lost")
    yield StageStarted(
        stage=0,
        stages=1,
        name="only",
        epochs=1,
        steps_per_epoch=QUICK_STEPS,
        input_size="32×32 px",
        batch_size=1,
        train_items=QUICK_STEPS,
        valid_items=1,
        trainable_parameters=1,
    )
    steps, until = 0, time.monotonic() + PATIENCE
    while steps < QUICK_STEPS if spec.title == "quick" else time.monotonic() < until:
        if should_stop():
            return
        steps += 1
        yield StepFinished(stage=0, epoch=1, step=steps, loss=1.0, lr=(1e-3,), momentum=0.9, seconds=0.01)
        time.sleep(0.01)
    yield StageFinished(stage=0, seconds=1.0, peak_memory=0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], perform=perform))
