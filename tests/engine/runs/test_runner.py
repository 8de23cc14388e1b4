import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.errors import RunError
from engine.events import RunDied, RunFailed, RunFinished, RunResumed, RunStarted, RunStopped, StepFinished
from engine.host.lent import Lender, borrow_from
from engine.recipe import Recipe, Stage
from engine.runs import runner as runner_module
from engine.runs.devices import HOST_SLOT, device_slots, named_slots
from engine.runs.queue import give_up, queue_position, queued_runs, resume, stop, submit, take
from engine.runs.runner import STARTING_SECONDS, Runner
from engine.runs.store import (
    QUEUED_FILE,
    STARTING_FILE,
    WORKER_FILE,
    RunSpec,
    append_event,
    create_run,
    list_runs,
    read_events,
    read_worker,
    stop_requested,
    worker_alive,
    write_worker,
)
from engine.runs.watch import load_snapshot

FAKE = (sys.executable, str(Path(__file__).with_name("fake_worker.py")))
SLOTS = (HOST_SLOT,)
PATIENCE = 20.0


@pytest.fixture(autouse=True)
def lab(tmp_path, monkeypatch):
    monkeypatch.setenv("LESSON_LAB_HOME", str(tmp_path))
    yield
    for run_dir in list_runs():
        kill(run_dir)


def made(title="slow"):
    recipe = Recipe(name="one", backbone="none", stages=(Stage(),))
    return create_run(RunSpec(task="fake", dataset="none", recipe=recipe, title=title))


def runner(slots=SLOTS, command=FAKE):
    return Runner(command=command, slots=slots)


def wait_until(claim, *runners):
    """Passes over the runs until `claim()` holds."""
    until = time.monotonic() + PATIENCE
    while not claim():
        assert time.monotonic() < until, "waited in vain"
        for each in runners:
            each.tick()
        time.sleep(0.02)


def is_(status, run_dir):
    return lambda: load_snapshot(run_dir).status == status


def has_stepped(run_dir):
    return lambda: bool(load_snapshot(run_dir).train_points)


def said(run_dir, kind) -> list[Any]:
    return [event for event in read_events(run_dir)[0] if isinstance(event, kind)]


def kill(run_dir):
    record = read_worker(run_dir)
    if record and worker_alive(run_dir):
        os.kill(record.pid, signal.SIGKILL)
        wait_until(lambda: not worker_alive(run_dir))


def test_a_run_waits_runs_and_finishes():
    run_dir, looking_after = made("quick"), runner()
    assert load_snapshot(run_dir).status == "new"
    looking_after.tick()
    assert load_snapshot(run_dir).status == "new", "nobody asked for it"
    submit(run_dir)
    assert (load_snapshot(run_dir).status, queue_position(run_dir)) == ("queued", 1)
    looking_after.tick()
    assert load_snapshot(run_dir).status == "running", "from the moment in which it leaves the queue"
    assert queue_position(run_dir) is None
    wait_until(is_("finished", run_dir), looking_after)
    looking_after.tick()
    assert len(said(run_dir, RunStarted)) == len(said(run_dir, RunFinished)) == 1
    assert not said(run_dir, RunDied)
    assert not (run_dir / WORKER_FILE).exists()
    children = psutil.Process().children
    wait_until(lambda: all(child.status() != psutil.STATUS_ZOMBIE for child in children()))


def test_first_in_first_out_and_one_at_a_time():
    looking_after = runner()
    runs = [made("quick") for _ in range(3)]
    order = [runs[2], runs[0], runs[1]]
    for run_dir in order:
        submit(run_dir)
    assert queued_runs() == order
    assert [queue_position(run_dir) for run_dir in order] == [1, 2, 3]
    live = []

    def all_done():
        live.append(sum(map(worker_alive, runs)))
        return all(said(run_dir, RunFinished) for run_dir in runs)

    wait_until(all_done, looking_after)
    assert max(live) == 1
    firsts = [json.loads((run_dir / "events.jsonl").read_text().splitlines()[0])["at"] for run_dir in order]
    assert firsts == sorted(firsts)


def test_each_device_has_a_run_of_its_own():
    runs, looking_after = [made() for _ in range(3)], runner(slots=("0", "GPU-1"))
    for run_dir in runs:
        submit(run_dir)
    looking_after.tick()
    assert [load_snapshot(run_dir).status for run_dir in runs] == ["running", "running", "queued"]
    for run_dir, slot in zip(runs, ("0", "GPU-1"), strict=False):
        wait_until(has_stepped(run_dir), looking_after)
        record = read_worker(run_dir)
        assert record
        assert record.slots == (slot,)
        assert psutil.Process(record.pid).environ()["CUDA_VISIBLE_DEVICES"] == slot
    stop(runs[1])
    wait_until(has_stepped(runs[2]), looking_after)
    assert load_snapshot(runs[0]).status == "running"
    record = read_worker(runs[2])
    assert record
    assert record.slots == ("GPU-1",)


def test_a_worker_keeps_its_memory_unless_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "5000000")
    run_dir, looking_after = made(), runner()
    submit(run_dir)
    looking_after.tick()
    wait_until(has_stepped(run_dir), looking_after)
    record = read_worker(run_dir)
    assert record
    environment = psutil.Process(record.pid).environ()
    assert (environment["MALLOC_MMAP_THRESHOLD_"], environment["MALLOC_TRIM_THRESHOLD_"]) == (str(1 << 30), "5000000")


def test_a_worker_of_the_command_line_fills_a_device():
    by_hand, waiting, looking_after = made(), made(), runner()
    with subprocess.Popen([*FAKE, str(by_hand)], env={**os.environ, "CUDA_VISIBLE_DEVICES": "7"}) as worker:
        wait_until(has_stepped(by_hand))
        submit(waiting)
        looking_after.tick()
        assert load_snapshot(waiting).status == "queued"
        with pytest.raises(RunError, match="is running"):
            submit(by_hand)
        stop(by_hand)
        assert worker.wait(PATIENCE) == 0
    assert load_snapshot(by_hand).status == "stopped"
    wait_until(has_stepped(waiting), looking_after)


def test_a_worker_of_another_machine_fills_no_device_of_this_one():
    elsewhere, here = made(), made("quick")
    write_worker(elsewhere, os.getpid(), slots=SLOTS, events_size=0, log_size=0)
    record = json.loads((elsewhere / WORKER_FILE).read_text())
    (elsewhere / WORKER_FILE).write_text(json.dumps({**record, "pid": 2**22 + 1, "host": "another"}))
    submit(here)
    wait_until(is_("finished", here), runner())
    assert load_snapshot(elsewhere).status != "died" and not said(elsewhere, RunDied)
    (elsewhere / WORKER_FILE).unlink()


def test_a_second_worker_is_refused():
    run_dir, looking_after = made(), runner()
    submit(run_dir)
    wait_until(has_stepped(run_dir), looking_after)
    second = subprocess.run([*FAKE, str(run_dir)], capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert "has a worker already" in second.stderr
    assert load_snapshot(run_dir).status == "running"


def test_stop_ends_a_live_run_and_resume_goes_on():
    run_dir, looking_after = made(), runner()
    submit(run_dir)
    wait_until(has_stepped(run_dir), looking_after)
    for _ in range(2):
        stop(run_dir)
    wait_until(is_("stopped", run_dir), looking_after)
    looking_after.tick()
    assert len(said(run_dir, RunStopped)) == 1
    wait_until(lambda: not stop_requested(run_dir))
    stop(run_dir)
    assert not stop_requested(run_dir), "there was nothing to stop"
    steps = len(load_snapshot(run_dir).train_points)

    resume(run_dir)
    assert load_snapshot(run_dir).status == "queued"
    wait_until(lambda: bool(said(run_dir, RunResumed)), looking_after)
    assert said(run_dir, RunResumed) == [RunResumed(stage=0, step=steps)]
    assert load_snapshot(run_dir).status == "running"


def test_a_waiting_run_is_taken_from_the_queue():
    first, second, looking_after = made(), made("quick"), runner()
    submit(first)
    submit(second)
    looking_after.tick()
    stop(second)
    stop(second)
    assert said(second, RunStopped) == [RunStopped()]
    assert (load_snapshot(second).status, queued_runs()) == ("stopped", [])
    stop(first)
    wait_until(is_("stopped", first), looking_after)
    looking_after.tick()
    assert not said(second, RunStarted)
    resume(second)
    wait_until(is_("finished", second), looking_after)


def test_a_killed_run_is_found_and_can_be_resumed():
    run_dir, looking_after = made(), runner()
    submit(run_dir)
    wait_until(has_stepped(run_dir), looking_after)
    kill(run_dir)
    assert load_snapshot(run_dir).status == "died", "before anybody wrote it down"
    for _ in range(2):
        looking_after.tick()
    assert said(run_dir, RunDied) == [RunDied()]
    assert load_snapshot(run_dir).status == "died"
    resume(run_dir)
    wait_until(lambda: bool(said(run_dir, RunResumed)), looking_after)
    stop(run_dir)
    wait_until(is_("stopped", run_dir), looking_after)


def test_a_killed_run_that_was_not_found_yet_can_be_resumed():
    run_dir, looking_after = made(), runner()
    submit(run_dir)
    wait_until(has_stepped(run_dir), looking_after)
    kill(run_dir)
    resume(run_dir)
    wait_until(lambda: bool(said(run_dir, RunResumed)), looking_after)
    assert said(run_dir, RunDied) == [RunDied()]
    assert load_snapshot(run_dir).status == "running"


def test_a_server_that_starts_again_finds_its_run_going_on(request):
    running, waiting, first = made(), made("quick"), runner()
    request.addfinalizer(first.close)
    first.start()
    submit(running)
    wait_until(has_stepped(running))
    submit(waiting)
    first.close()
    steps = len(load_snapshot(running).train_points)

    second = runner()
    request.addfinalizer(second.close)
    second.start()
    wait_until(lambda: len(load_snapshot(running).train_points) > steps + 5)
    assert (load_snapshot(running).status, load_snapshot(waiting).status) == ("running", "queued")
    stop(running)
    wait_until(is_("finished", waiting))
    assert load_snapshot(running).status == "stopped"
    assert len(said(running, RunStarted)) == len(said(waiting, RunStarted)) == 1


def test_a_run_outlives_the_server_that_started_it():
    run_dir = made()
    submit(run_dir)
    code = (
        "import os, signal, sys; from engine.runs.runner import Runner\n"
        f"Runner(command={FAKE!r}, slots={SLOTS!r}).tick()\n"
        "os.killpg(os.getpgid(0), signal.SIGKILL)"  # Ctrl-C and a closed terminal reach the whole group as well
    )
    server = subprocess.run([sys.executable, "-c", code], start_new_session=True, check=False)
    assert server.returncode == -signal.SIGKILL
    wait_until(has_stepped(run_dir))
    looking_after = runner()
    looking_after.tick()
    assert load_snapshot(run_dir).status == "running"
    stop(run_dir)
    wait_until(is_("stopped", run_dir), looking_after)


def test_two_servers_start_a_run_once():
    runs, servers = [made() for _ in range(4)], [runner(slots=("0", "1", "2", "3")) for _ in range(2)]
    for run_dir in runs:
        submit(run_dir)
    together = threading.Barrier(2)

    def pass_often(server):
        together.wait()
        for _ in range(20):
            server.tick()

    threads = [threading.Thread(target=pass_often, args=(server,)) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for run_dir in runs:
        wait_until(has_stepped(run_dir), *servers)
    for run_dir in runs:
        stop(run_dir)
    for run_dir in runs:
        wait_until(is_("stopped", run_dir), *servers)
        assert len(said(run_dir, RunStarted)) == 1


def test_a_worker_that_cannot_even_start_fails_with_its_log():
    run_dir = made()
    looking_after = runner(command=(sys.executable, "-c", "import no_such_module"))
    for number in (1, 2):
        submit(run_dir) if number == 1 else resume(run_dir)
        wait_until(lambda number=number: len(said(run_dir, RunFailed)) == number, looking_after)
    shown = load_snapshot(run_dir)
    assert shown.status == "failed"
    assert "No module named 'no_such_module'" in shown.log_tail
    assert shown.log_tail.count("no_such_module'") == 1, "only this time's lines"


def test_a_command_that_does_not_exist_fails():
    run_dir, looking_after = made(), runner(command=("/no/such/python",))
    submit(run_dir)
    looking_after.tick()
    shown = load_snapshot(run_dir)
    assert (shown.status, queued_runs()) == ("failed", [])
    assert "/no/such/python" in shown.message


def test_a_worker_killed_before_its_first_word_died():
    run_dir, looking_after = made(), runner(command=(sys.executable, "-c", "import time; time.sleep(60)"))
    submit(run_dir)
    looking_after.tick()
    kill(run_dir)
    looking_after.tick()
    assert read_events(run_dir)[0] == [RunDied()]


def test_a_lent_gpu_is_asked_for_each_queued_run_and_a_refusal_fails_it():
    asked = []
    borrow_from(Lender(forward=lambda *_: None, train=asked.append, attends=lambda run_dir: False))
    first, second, looking_after = made(), made("quick"), runner(slots=())
    try:
        submit(first)
        submit(second)
        assert asked == [first, second]
        looking_after.tick()
        assert load_snapshot(second).status == "queued", "this machine has no device of its own for it"
        give_up(first, RunFailed(message="No time left today.", log_tail=""))
        give_up(first, RunFailed(message="It is told once.", log_tail=""))
        assert said(first, RunFailed) == [RunFailed(message="No time left today.", log_tail="")]
        assert load_snapshot(first).status == "failed" and queued_runs() == [second]
        stop(second)
        assert not take(second), "it was stopped before the GPU came"
        resume(first)
        assert take(first) and asked == [first, second, first]
    finally:
        borrow_from(None)


def test_a_run_that_waits_for_a_lent_gpu_with_nobody_asking_ends_and_can_be_resumed():
    attended, long_ago = set(), time.time() - 2 * STARTING_SECONDS
    lent = Lender(forward=lambda *_: None, train=lambda run_dir: None, attends=attended.__contains__)
    borrow_from(lent)
    waiting, starting, fresh, asked_for = made(), made(), made(), made()
    try:
        for run_dir in (waiting, starting, fresh, asked_for):
            submit(run_dir)
        attended.add(asked_for)
        (starting / QUEUED_FILE).rename(starting / STARTING_FILE)  # whoever took it is gone
        for file in (waiting / QUEUED_FILE, starting / STARTING_FILE, asked_for / QUEUED_FILE):
            os.utime(file, (long_ago, long_ago))
        runner(slots=()).tick()
        assert queued_runs() == [fresh, asked_for]
        for run_dir in (waiting, starting):
            shown = load_snapshot(run_dir)
            assert shown.status == "stopped" and "the server was started anew" in shown.message
            resume(run_dir)
            assert load_snapshot(run_dir).status == "queued"
    finally:
        borrow_from(None)


def test_a_start_that_broke_off_is_given_up_and_a_live_worker_s_is_not():
    ending = RunFailed(message="The GPU is gone.", log_tail="")
    gone, live = made(), made()
    for run_dir in (gone, live):
        submit(run_dir)
        assert take(run_dir)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        write_worker(live, process.pid, slots=SLOTS, events_size=0, log_size=0)
        for run_dir in (gone, live):
            give_up(run_dir, ending)
        shown = load_snapshot(live).status
        process.communicate(b"\n")
    assert said(gone, RunFailed) == [ending] and load_snapshot(gone).status == "failed"
    assert not said(live, RunFailed) and shown == "running"


def test_a_start_that_was_broken_off_is_made_up_for():
    run_dir, waiting, looking_after = made(), made(), runner()
    submit(run_dir)
    submit(waiting)
    (run_dir / QUEUED_FILE).rename(run_dir / STARTING_FILE)
    (run_dir / STARTING_FILE).touch()
    looking_after.tick()
    assert load_snapshot(run_dir).status == load_snapshot(waiting).status == "queued", "its worker may be on its way"
    long_ago = time.time() - 2 * STARTING_SECONDS
    os.utime(run_dir / STARTING_FILE, (long_ago, long_ago))
    wait_until(has_stepped(run_dir), looking_after)
    assert load_snapshot(waiting).status == "queued"


def test_an_ending_that_was_written_before_a_kill_stands():
    run_dir = made()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        write_worker(run_dir, process.pid, slots=SLOTS, events_size=0, log_size=0)
        append_event(run_dir, RunFinished(seconds=1.0))
        process.communicate(b"\n")
    runner().tick()
    assert read_events(run_dir)[0] == [RunFinished(seconds=1.0)]
    assert not (run_dir / WORKER_FILE).exists()


def test_only_what_makes_sense_can_be_queued(tmp_path):
    run_dir, looking_after = made("quick"), runner()
    with pytest.raises(RunError, match="is new; only a stopped, failed or died run"):
        resume(run_dir)
    submit(run_dir)
    with pytest.raises(RunError, match="is queued; only a new run"):
        submit(run_dir)
    wait_until(is_("finished", run_dir), looking_after)
    with pytest.raises(RunError, match="is finished"):
        resume(run_dir)
    with pytest.raises(RunError, match="no run in"):
        submit(tmp_path / "nothing")
    recipe = Recipe(name="one", backbone="none", stages=(Stage(),))
    elsewhere = create_run(RunSpec(task="fake", dataset="none", recipe=recipe), folder=tmp_path / "elsewhere")
    with pytest.raises(RunError, match=r"python -m engine\.runs\.worker"):
        submit(elsewhere)


def test_the_thread_outlives_folders_that_vanish_and_passes_that_fail(tmp_path, caplog, request, monkeypatch):
    def refuse() -> None:
        raise PermissionError("The runs cannot be listed.")

    looking_after = Runner(command=FAKE, slots=SLOTS, interval=0.01)
    request.addfinalizer(looking_after.close)
    looking_after.start()
    vanishing, run_dir = made(), made("quick")
    submit(vanishing)
    wait_until(has_stepped(vanishing))
    record = read_worker(vanishing)
    assert record
    shutil.rmtree(vanishing.rename(tmp_path / "bin"), ignore_errors=True)
    wait_until(lambda: not psutil.pid_exists(record.pid))

    with caplog.at_level(logging.ERROR), monkeypatch.context() as broken:
        broken.setattr(runner_module, "list_runs", refuse)
        wait_until(lambda: "A pass over the runs failed" in caplog.text)
    submit(run_dir)
    wait_until(is_("finished", run_dir))


def test_one_run_s_trouble_is_logged_and_keeps_no_other_from_its_turn(caplog):
    troubled, run_dir, looking_after = made(), made("quick"), runner()
    submit(troubled)
    submit(run_dir)
    (troubled / WORKER_FILE).mkdir()
    with caplog.at_level(logging.ERROR):
        wait_until(is_("finished", run_dir), looking_after)
    assert f"The run in {troubled} cannot be looked after" in caplog.text
    (troubled / WORKER_FILE).rmdir()


def test_devices_are_counted_without_torch(monkeypatch):
    for visible, slots in {"": (HOST_SLOT,), "-1": (HOST_SLOT,), "0": ("0",), "3, GPU-ab": ("3", "GPU-ab")}.items():
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert named_slots() == slots
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert named_slots() and device_slots()
    code = "import sys, engine.runs.runner as r; r.Runner(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_fake_steps_count_from_one():
    run_dir, looking_after = made("quick"), runner()
    submit(run_dir)
    wait_until(is_("finished", run_dir), looking_after)
    assert [event.step for event in said(run_dir, StepFinished)] == [1, 2, 3]
