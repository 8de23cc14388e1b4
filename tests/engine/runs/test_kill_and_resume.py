"""The promise of a run directory, kept by the real worker on drawn streets: killed at any moment, a run loses nothing."""

import os
import signal
import time
from pathlib import Path

import pytest
from untrained import save_untrained

from engine.events import (
    CheckpointSaved,
    EpochFinished,
    Event,
    RunDied,
    RunFinished,
    RunResumed,
    StageStarted,
    StepFinished,
)
from engine.kinds.mask import open_masks
from engine.recipe import Recipe, Stage
from engine.runs import worker
from engine.runs.devices import HOST_SLOT
from engine.runs.queue import resume, submit
from engine.runs.runner import Runner
from engine.runs.store import RunSpec, create_run, list_runs, log_tail, read_events, read_worker, worker_alive
from engine.runs.watch import load_snapshot

PATIENCE = 240.0
EPOCHS, STEPS = 3, 5
BACKBONE = "tf_efficientnet_lite0"
STAGE = Stage(
    name="full",
    epochs=EPOCHS,
    max_lr=(1e-4, 2e-3),
    image_size=32,
    batch_size=2,
    augmentation="standard",
    precision="fp32",
)


@pytest.fixture(autouse=True)
def nobody_is_left_behind():
    yield
    for run_dir in list_runs():
        kill(run_dir)


def kill(run_dir: Path) -> None:
    record = read_worker(run_dir)
    if record and worker_alive(run_dir):
        os.kill(record.pid, signal.SIGKILL)


def make_run(streets: Path, start: Path) -> Path:
    recipe = Recipe(name="one", backbone=BACKBONE, stages=(STAGE,))
    return create_run(RunSpec(task="camvid", dataset=str(streets), recipe=recipe, seed=5, init_from=str(start)))


def wait_until(claim, run_dir: Path, *runners: Runner) -> None:
    """Passes over the runs until `claim(events)` holds."""
    until = time.monotonic() + PATIENCE
    while not claim(read_events(run_dir)[0]):
        assert time.monotonic() < until, log_tail(run_dir)
        for runner in runners:
            runner.tick()
        time.sleep(0.01)


def count(events: list[Event], kind: type) -> int:
    return sum(isinstance(event, kind) for event in events)


def is_over(events: list[Event]) -> bool:
    return count(events, RunFinished) == 1


def steps_taken(events: list[Event]) -> int:
    return max((event.step for event in events if isinstance(event, StepFinished)), default=0)


def last_told(events: list[Event]) -> tuple[dict[int, float], dict[int, tuple]]:
    """What stands in the end of each step and each epoch: a resumed run tells some of them twice."""
    losses = {event.step: event.loss for event in events if isinstance(event, StepFinished)}
    epochs = {
        event.epoch: (event.step, event.train_loss, event.valid_loss, event.metrics)
        for event in events
        if isinstance(event, EpochFinished)
    }
    return losses, epochs


def test_a_run_killed_in_an_epoch_ends_with_the_losses_of_an_unbroken_one(streets: Path, tmp_path: Path) -> None:
    start = save_untrained(tmp_path / "checkpoints", open_masks(streets).classes, backbone=BACKBONE)
    whole = make_run(streets, start)
    assert worker.main(whole) == 0  # in this process: one start less to wait for
    expected, _ = read_events(whole)
    assert steps_taken(expected) == EPOCHS * STEPS

    broken, runner = make_run(streets, start), Runner(slots=(HOST_SLOT,))
    submit(broken)
    wait_until(lambda events: steps_taken(events) >= STEPS + 2 and count(events, CheckpointSaved), broken, runner)
    kill(broken)
    wait_until(lambda events: not worker_alive(broken), broken)
    first, _ = read_events(broken)
    assert STEPS < steps_taken(first) < EPOCHS * STEPS
    assert load_snapshot(broken).status == "died"

    restarted = Runner(slots=(HOST_SLOT,))
    # The worker's loader process holds its lock for a few seconds more, until it misses its parent.
    wait_until(lambda events: events[len(first) :] == [RunDied()], broken, restarted)
    resume(broken)
    wait_until(is_over, broken, restarted)
    events, _ = read_events(broken)
    saved = [event for event in first if isinstance(event, CheckpointSaved)][-1]
    assert [event for event in events if isinstance(event, RunResumed)] == [RunResumed(stage=0, step=saved.step)]
    assert saved.step < steps_taken(first), "steps were lost, and taken again"
    assert count(events, StageStarted) == 2
    assert last_told(events) == last_told(expected)

    rows = [
        [
            (row.epoch, row.global_step, row.train_loss, row.valid_loss, row.metrics, row.best)
            for row in shown.epoch_rows
        ]
        for shown in (load_snapshot(broken), load_snapshot(whole))
    ]
    assert rows[0] == rows[1]
    assert len(rows[0]) == EPOCHS
    assert load_snapshot(broken).train_points == load_snapshot(whole).train_points
