import copy
import dataclasses
import itertools
import math
import os
import random
import subprocess
import sys

import pytest

from engine.errors import RunError
from engine.events import (
    BatchHalved,
    CacheProgressed,
    CheckpointSaved,
    EpochFinished,
    LossDiverged,
    PrecisionChosen,
    RatesSuggested,
    RateTried,
    RunDied,
    RunFailed,
    RunFinished,
    RunResumed,
    RunStarted,
    RunStopped,
    StageFinished,
    StageStarted,
    StepFinished,
    Warned,
)
from engine.recipe import Recipe, Stage
from engine.runs.fold import apply, fold
from engine.runs.queue import submit
from engine.runs.snapshot import EMPTY
from engine.runs.store import EVENTS_FILE, QUEUED_FILE, RunSpec, append_event, create_run, request_stop, write_worker
from engine.runs.watch import Watcher, load_snapshot

pytestmark = pytest.mark.quick

STEPS = 4  # in an epoch
SPEC = RunSpec(task="t", dataset="d", recipe=Recipe(name="one", backbone="none", stages=(Stage(),)))


def stage_started(stage, epochs=2, steps=STEPS, batch_size=8):
    return StageStarted(
        stage=stage,
        stages=2,
        name=f"stage-{stage}",
        epochs=epochs,
        steps_per_epoch=steps,
        input_size="96×128 px",
        batch_size=batch_size,
        train_items=steps * batch_size,
        valid_items=8,
        trainable_parameters=100,
    )


def step(stage, number, steps=STEPS, seconds=0.5):
    return StepFinished(
        stage=stage,
        epoch=(number - 1) // steps + 1,
        step=number,
        loss=10 * stage + number,
        lr=(1e-5 * number, 1e-3 * number),
        momentum=0.9,
        seconds=seconds,
    )


def epoch_finished(stage, epoch, steps=STEPS):
    return EpochFinished(
        stage=stage,
        epoch=epoch,
        step=epoch * steps,
        train_loss=1.0,
        valid_loss=2.0 / (stage + epoch),
        metrics={"accuracy": 0.5},
        train_seconds=2.0,
        valid_seconds=3.0,
    )


def saved(stage, step, best=False):
    return CheckpointSaved(stage=stage, step=step, folder=f"{stage}-{step}", best=best)


def epoch_events(stage, epoch, best=False, steps=STEPS):
    yield from (step(stage, number, steps) for number in range((epoch - 1) * steps + 1, epoch * steps + 1))
    yield epoch_finished(stage, epoch, steps)
    yield saved(stage, epoch * steps, best)


STARTED = RunStarted(device="cuda:0", device_name="H100", processes=2, backbone="resnet34", parameters=1000)
WHOLE_RUN = [
    STARTED,
    CacheProgressed(done=3, total=9),
    PrecisionChosen(stage=0, precision="bf16", seconds_per_step={"bf16": 0.1, "fp32": 0.2}),
    stage_started(0),
    *epoch_events(0, 1, best=True),
    Warned(message="careful"),
    *epoch_events(0, 2, best=True),
    StageFinished(stage=0, seconds=10.0, peak_memory=5),
    stage_started(1),
    *epoch_events(1, 1, best=True),
    *epoch_events(1, 2),
    StageFinished(stage=1, seconds=10.0, peak_memory=7),
    RunFinished(seconds=20.0),
]
FINDER = [
    STARTED,
    *(RateTried(step=n, steps=10, lr=10.0**-n, loss=1.0 * n, smoothed=1.5 * n) for n in (1, 2, 3)),
    RatesSuggested(suggestions={"valley": 1e-3}, reading="Take 1e-3.", reading_lr=(1e-3,)),
    RunFinished(seconds=2.0),
]
TROUBLE = [
    STARTED,
    stage_started(0),
    step(0, 1),
    BatchHalved(stage=0, old=8, new=4),
    stage_started(0, steps=2 * STEPS, batch_size=4),
    step(0, 1, steps=2 * STEPS),
    saved(0, 1),
    step(0, 2, steps=2 * STEPS),
    RunDied(),
    RunResumed(stage=0, step=1),
    stage_started(0, steps=2 * STEPS, batch_size=4),
    LossDiverged(stage=0, step=2, lr=1.0, message="too high"),
    RunFailed(message="too high", log_tail="a\nb"),
    RunStopped(),
]


def test_a_whole_run_is_told_in_full():
    shown = fold(EMPTY, WHOLE_RUN)
    assert (shown.status, shown.seconds) == ("finished", 20.0)
    assert (shown.device, shown.device_name, shown.processes) == ("cuda:0", "H100", 2)
    assert (shown.backbone, shown.parameters, shown.trainable_parameters) == ("resnet34", 1000, 100)
    assert (shown.stage, shown.stages, shown.stage_name) == (1, 2, "stage-1")
    assert (shown.epoch, shown.epochs, shown.step, shown.steps) == (2, 2, 4, 4)
    assert (shown.steps_done, shown.steps_total, shown.stage_starts) == (8, 8, (0, 8))
    assert (shown.input_size, shown.batch_size, shown.train_items, shown.valid_items) == ("96×128 px", 8, 32, 8)
    assert (shown.cache_done, shown.cache_total) == (0, 0), "the stage trains now"
    assert (shown.precision, shown.precision_seconds) == ("bf16", {"bf16": 0.1, "fp32": 0.2})
    assert (shown.warnings, shown.checkpoint, shown.peak_memory) == (("careful",), "1-8", 7)
    assert [at for at, _ in shown.train_points] == list(range(1, 17))
    assert shown.train_points[8:10] == ((9, 11.0), (10, 12.0))
    assert shown.lr_points[0] == (1, 1e-3), "the head's rate"
    assert shown.momentum_points[-1] == (16, 0.9)
    assert [(row.stage_name, row.epoch, row.global_step) for row in shown.epoch_rows] == [
        ("stage-0", 1, 4),
        ("stage-0", 2, 8),
        ("stage-1", 1, 12),
        ("stage-1", 2, 16),
    ]
    assert shown.epoch_rows[0].seconds == 5.0
    assert shown.valid_points[0] == (4, 2.0)
    assert shown.best_row == shown.epoch_rows[2]


def test_an_lr_finder_s_run_is_told_in_full():
    shown = fold(EMPTY, FINDER)
    assert (shown.rates_done, shown.rates_total) == (3, 10)
    assert shown.rate_points == ((1e-1, 1.0), (1e-2, 2.0), (1e-3, 3.0))
    assert (shown.suggestions, shown.reading, shown.reading_lr) == ({"valley": 1e-3}, "Take 1e-3.", (1e-3,))
    again = fold(shown, FINDER[:2])
    assert again.rate_points == ((1e-1, 1.0),), "a new search starts a new curve"


@pytest.mark.parametrize("events", [WHOLE_RUN, FINDER, TROUBLE], ids=["whole", "finder", "trouble"])
def test_folding_is_applying_one_by_one_and_changes_nothing(events):
    one_by_one = EMPTY
    for event in events:
        before = copy.deepcopy(one_by_one)
        after = apply(one_by_one, event)
        assert one_by_one == before
        one_by_one = after
    assert fold(EMPTY, events) == one_by_one
    for cut in range(len(events)):
        assert fold(fold(EMPTY, events[:cut]), iter(events[cut:])) == one_by_one


@pytest.mark.parametrize(
    ("event", "status"),
    [
        (STARTED, "running"),
        (RunResumed(stage=0, step=0), "running"),
        (RunStopped(), "stopped"),
        (RunDied(), "died"),
        (RunFailed(message="m", log_tail="t"), "failed"),
        (RunFinished(seconds=1.0), "finished"),
    ],
)
def test_the_status_follows_the_events(event, status):
    assert EMPTY.status == "new"
    assert apply(fold(EMPTY, WHOLE_RUN[:6]), event).status == status


def test_a_failure_is_told_and_forgotten_when_the_run_goes_on():
    failed = fold(EMPTY, TROUBLE[:-1])
    assert (failed.message, failed.log_tail, failed.divergence) == ("too high", "a\nb", "too high")
    again = apply(failed, RunResumed(stage=0, step=1))
    assert (again.message, again.log_tail, again.divergence) == ("", "", "")


def test_resuming_inside_a_stage_drops_what_came_later():
    resumed = fold(EMPTY, [*WHOLE_RUN, RunResumed(stage=0, step=6)])
    assert resumed.status == "running"
    assert [at for at, _ in resumed.train_points] == [1, 2, 3, 4, 5, 6]
    assert len(resumed.lr_points) == len(resumed.momentum_points) == 6
    assert [row.epoch for row in resumed.epoch_rows] == [1]
    assert resumed.best_row == resumed.epoch_rows[0]
    again = apply(resumed, stage_started(0))
    assert (again.stage, again.stage_name, again.epoch, again.step, again.steps_done) == (0, "stage-0", 2, 2, 6)
    to_its_end = fold(again, [step(0, 7), step(0, 8), *WHOLE_RUN[15:]])
    whole = fold(EMPTY, WHOLE_RUN)
    assert to_its_end.train_points == whole.train_points
    assert to_its_end.epoch_rows == whole.epoch_rows
    assert to_its_end.stage_starts == whole.stage_starts


def test_resuming_between_stages_keeps_the_first():
    killed_in_second = [event for event in WHOLE_RUN if getattr(event, "stage", 0) == 0][:-1]
    for resumed in (RunResumed(stage=0, step=8), RunResumed(stage=1, step=0)):
        shown = fold(EMPTY, [*killed_in_second, stage_started(1), step(1, 1), resumed, stage_started(1), step(1, 1)])
        assert [at for at, _ in shown.train_points] == list(range(1, 10))
        assert (shown.stage, shown.steps_done, shown.stage_starts) == (1, 1, (0, 8))


def test_an_epoch_that_is_said_again_is_one_row():
    shown = fold(EMPTY, [stage_started(0), *epoch_events(0, 1), RunResumed(stage=0, step=4), epoch_finished(0, 1)])
    assert [row.epoch for row in shown.epoch_rows] == [1]


def test_a_halved_batch_starts_its_stage_again():
    shown = fold(EMPTY, TROUBLE[:6])
    assert shown.train_points == ((1, 1.0),)
    assert (shown.batch_size, shown.steps, shown.steps_total, shown.halvings) == (4, 8, 16, (TROUBLE[3],))
    in_second = fold(EMPTY, [*WHOLE_RUN[:-8], BatchHalved(stage=1, old=8, new=4)])
    assert [at for at, _ in in_second.train_points] == list(range(1, 9))


def test_the_time_left_is_the_stage_s_rest_at_the_pace_so_far():
    started = fold(EMPTY, [STARTED, stage_started(0, epochs=3)])
    assert started.seconds_left is None
    in_first = fold(started, [step(0, 1, seconds=1.5), step(0, 2, seconds=1.0)])
    assert in_first.seconds_left == 10 * 1.0, "the first steps are slow: the fastest of them is nearest to the truth"
    in_second = fold(in_first, [step(0, 3), step(0, 4), epoch_finished(0, 1), step(0, 5, seconds=1.0)])
    assert in_second.seconds_left == pytest.approx(7 * 0.75 + 2 * 3.0), "without its three first steps"
    stopped = apply(in_second, RunStopped())
    assert stopped.seconds_left is None
    assert dataclasses.replace(stopped, status="running").seconds_left is None, "not before it was timed again"
    assert apply(in_second, stage_started(1)).seconds_left is None


@pytest.mark.parametrize("slow", [60.0, 1e6])
def test_slow_first_steps_do_not_lengthen_the_time_left(slow):
    started = fold(EMPTY, [STARTED, stage_started(0, epochs=100)])
    events = [step(0, 1, seconds=slow), step(0, 2, seconds=slow / 2), *(step(0, n, seconds=0.5) for n in range(3, 21))]
    assert apply(started, events[0]).seconds_left == (400 - 1) * slow, "nothing else is known"
    for known in range(3, len(events) + 1):
        assert fold(started, events[:known]).seconds_left == pytest.approx((400 - known) * 0.5)
    first_stage = WHOLE_RUN[: WHOLE_RUN.index(stage_started(1))]
    in_second = fold(EMPTY, [*first_stage, stage_started(1), *(step(1, n, seconds=slow) for n in (1, 2, 3))])
    assert apply(in_second, step(1, 4, seconds=0.5)).seconds_left == 4 * 0.5, "of each stage, not of the first alone"
    resumed = fold(in_second, [RunDied(), RunResumed(stage=1, step=3), stage_started(1), step(1, 4, seconds=slow)])
    assert resumed.step_seconds == (slow,), "after a resume they are slow again"


def test_a_loss_that_is_no_number_is_kept():
    shown = apply(fold(EMPTY, WHOLE_RUN[:4]), dataclasses.replace(step(0, 1), loss=math.nan))
    assert math.isnan(shown.train_points[0][1])


def test_a_long_run_folds_in_small_batches():
    # Quadratic work would take minutes: this is here to be noticed, not to be timed.
    total, shown = 50_000, fold(EMPTY, [STARTED, stage_started(0, epochs=100, steps=1000)])
    numbers = iter(range(1, total + 1))
    while batch := [step(0, number, steps=1000) for number in itertools.islice(numbers, 500)]:
        shown = fold(shown, batch)
    assert len(shown.train_points) == shown.steps_done == total


@pytest.fixture
def run_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("LESSON_LAB_HOME", str(tmp_path))
    return create_run(SPEC)


def set_worker(run_dir, pid):
    write_worker(run_dir, pid, slots=("host",), events_size=0, log_size=0)


def test_a_watcher_sees_what_loading_sees(run_dir):
    watcher, generator = Watcher(run_dir), random.Random(0)
    for event in WHOLE_RUN:
        append_event(run_dir, event)
        if generator.random() < 0.5:
            assert watcher.poll() == load_snapshot(run_dir)
    assert watcher.poll() == load_snapshot(run_dir) == fold(EMPTY, WHOLE_RUN)
    assert watcher.poll().train_points is watcher.poll().train_points, "nothing new, nothing copied"


def test_a_watcher_starts_over_when_the_file_shrank(run_dir):
    watcher = Watcher(run_dir)
    for event in WHOLE_RUN:
        append_event(run_dir, event)
    watcher.poll()
    (run_dir / EVENTS_FILE).unlink()
    for event in FINDER:
        append_event(run_dir, event)
    assert watcher.poll() == fold(EMPTY, FINDER)


def test_a_watcher_says_when_the_run_is_gone(tmp_path):
    with pytest.raises(RunError, match="deleted"):
        Watcher(tmp_path / "gone").poll()


def test_who_is_at_it_decides_between_running_queued_and_died(run_dir):
    assert load_snapshot(run_dir).status == "new"
    submit(run_dir)
    assert load_snapshot(run_dir).status == "queued"
    set_worker(run_dir, os.getpid())
    assert load_snapshot(run_dir).status == "running"
    assert not load_snapshot(run_dir).stopping
    request_stop(run_dir)
    assert load_snapshot(run_dir).stopping
    (run_dir / QUEUED_FILE).unlink()

    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        set_worker(run_dir, process.pid)
        process.communicate(b"\n")
    assert load_snapshot(run_dir).status == "died", "gone before its first word"
    append_event(run_dir, STARTED)
    assert load_snapshot(run_dir).status == "died"
    append_event(run_dir, RunStopped())
    assert load_snapshot(run_dir).status == "stopped"
