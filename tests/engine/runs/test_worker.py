import os
import runpy
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from engine.errors import RunError
from engine.events import RatesSuggested, RunFailed, RunFinished, RunStopped
from engine.recipe import Recipe, Stage
from engine.runs import worker
from engine.runs.store import (
    LOG_FILE,
    QUEUED_FILE,
    STARTING_FILE,
    WORKER_FILE,
    RunSpec,
    create_run,
    read_events,
    request_stop,
    stop_requested,
    worker_alive,
)
from engine.runs.watch import load_snapshot

fake = runpy.run_path(str(Path(__file__).with_name("fake_worker.py")))["perform"]


def made(folder, title, minutes=0.0):
    recipe = Recipe(name="one", backbone="none", stages=(Stage(),))
    spec = RunSpec(task="fake", dataset="none", recipe=recipe, title=title, minutes=minutes)
    return create_run(spec, folder=folder / "run")


def endings(run_dir) -> list[Any]:
    return [event for event in read_events(run_dir)[0] if isinstance(event, RunFinished | RunStopped | RunFailed)]


def test_a_run_ends_with_one_word_and_leaves_nobody_behind(tmp_path):
    run_dir = made(tmp_path, "quick")
    for said in (QUEUED_FILE, STARTING_FILE):
        (run_dir / said).touch()
    assert worker.main(run_dir, perform=fake) == 0
    assert [type(event) for event in endings(run_dir)] == [RunFinished]
    assert type(read_events(run_dir)[0][-1]) is RunFinished
    assert not (run_dir / WORKER_FILE).exists()
    assert not (run_dir / QUEUED_FILE).exists() and not (run_dir / STARTING_FILE).exists()


def test_everybody_sees_who_has_the_run_and_a_second_worker_is_refused(tmp_path):
    run_dir = made(tmp_path, "slow")

    def perform(spec, run_dir, should_stop):
        assert worker_alive(run_dir)
        yield from ()

    assert worker.main(run_dir, perform=perform) == 0
    assert endings(run_dir) == [RunStopped()], "it ended before its last stage did"


@pytest.mark.parametrize(("minutes", "own", "is_over"), [(0.0, 5.0, True), (5.0, 1e-9, True), (5.0, 5.0, False)])
def test_the_time_that_a_gpu_is_lent_for_ends_a_run_as_its_own_time_does(tmp_path, minutes, own, is_over):
    run_dir = made(tmp_path, "slow", minutes=own)

    def perform(spec, run_dir, should_stop):
        assert should_stop() is is_over
        yield from ()

    assert worker.main(run_dir, perform=perform, minutes=minutes) == 0
    (ending,) = endings(run_dir)
    limit = f"{min(minutes, own):g} min"
    over = f"Its time at a stretch, {limit}, is over. Resume goes on for another {limit}."
    assert ending == RunStopped(reason=over if is_over else "")
    assert load_snapshot(run_dir).message == ending.reason


def test_a_stop_that_was_asked_for_is_heard_and_forgotten(tmp_path):
    run_dir = made(tmp_path, "slow")
    request_stop(run_dir)
    assert worker.main(run_dir, perform=fake, minutes=0.0) == 0, "somebody asked, whatever the time"
    assert endings(run_dir) == [RunStopped()]
    assert not stop_requested(run_dir)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_for_a_stop_and_the_handlers_come_back(tmp_path, number):
    run_dir, former = made(tmp_path, "slow"), signal.getsignal(number)
    timer = threading.Timer(0.1, os.kill, (os.getpid(), number))
    timer.start()
    assert worker.main(run_dir, perform=fake) == 0
    timer.join()
    assert endings(run_dir) == [RunStopped()]
    assert signal.getsignal(number) is former


def test_a_user_s_mistake_is_told_in_its_own_words(tmp_path):
    run_dir = made(tmp_path, "mistake")
    assert worker.main(run_dir, perform=fake) == 1
    assert endings(run_dir) == [RunFailed(message="The rate is too high. Halve it.", log_tail="")]


def test_a_bug_is_called_one_and_leaves_its_traceback(tmp_path):
    run_dir = made(tmp_path, "bug")
    assert worker.main(run_dir, perform=fake) == 1
    (ending,) = endings(run_dir)
    assert "(a bug): KeyError: 'lost'" in ending.message
    assert "Traceback" in ending.log_tail
    assert "Traceback" in (run_dir / LOG_FILE).read_text()


def test_a_search_for_a_rate_is_done_when_rates_are_suggested(tmp_path):
    run_dir = made(tmp_path, "")

    def perform(spec, run_dir, should_stop):
        yield RatesSuggested(suggestions={}, reading="", reading_lr=())

    worker.main(run_dir, perform=perform)
    assert type(endings(run_dir)[0]) is RunFinished


def test_only_the_first_of_several_processes_writes(tmp_path, monkeypatch):
    run_dir = made(tmp_path, "quick")
    monkeypatch.setenv("RANK", "1")
    before = sorted(run_dir.iterdir())
    assert worker.main(run_dir, perform=fake) == 0
    assert sorted(run_dir.iterdir()) == before


def test_where_there_is_no_run_there_is_nothing_to_do(tmp_path):
    with pytest.raises(RunError, match="no run in"):
        worker.main(tmp_path, perform=fake)
    assert list(tmp_path.iterdir()) == []
