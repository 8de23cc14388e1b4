import dataclasses
import errno
import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from engine.errors import EngineError, RunError
from engine.events import RunDied, StepFinished, Warned, to_json
from engine.host.home import runs_folder
from engine.recipe import Recipe, Stage
from engine.runs.store import (
    ELSEWHERE_SECONDS,
    EVENTS_FILE,
    FORMAT,
    LOG_FILE,
    LOG_LINES,
    SPEC_FILE,
    WORKER_FILE,
    RunSpec,
    append_event,
    clear_stop,
    create_run,
    find_run,
    list_runs,
    log_tail,
    read_events,
    read_spec,
    read_worker,
    request_stop,
    stop_requested,
    worker_alive,
    write_whole,
    write_worker,
)
from engine.tasks.registry import get_task

SPEC = RunSpec(
    task="camvid",
    dataset="drawn-streets",
    recipe=Recipe(
        name="one", backbone="none", stages=(Stage(max_lr=(1e-5, 1e-3)), Stage(weight_decay=0)), objective="mask"
    ),
    seed=7,
    init_from="/somewhere",
    job="lr-find",
    title="A title – ünlike others",
)


@pytest.fixture(autouse=True)
def lab(tmp_path, monkeypatch):
    monkeypatch.setenv("LESSON_LAB_HOME", str(tmp_path / "home"))


def step(number, loss=1.0):
    return StepFinished(stage=0, epoch=1, step=number, loss=loss, lr=(1e-3,), momentum=0.9, seconds=0.1)


def test_a_spec_comes_back_as_it_was():
    assert read_spec(create_run(SPEC)) == SPEC


def test_runs_are_listed_newest_first_and_nothing_else_is():
    assert list_runs() == []
    made = [create_run(SPEC) for _ in range(3)]
    (runs_folder() / "holiday").mkdir()
    (runs_folder() / ".hidden").mkdir()
    (runs_folder() / ".hidden" / SPEC_FILE).touch()
    (runs_folder() / "notes.txt").touch()
    assert list_runs() == made[::-1]
    assert all(run_dir.name.endswith("-camvid") for run_dir in made)


def test_a_run_is_found_by_name_and_by_path(tmp_path, monkeypatch):
    here, elsewhere = create_run(SPEC), create_run(SPEC, folder=tmp_path / "my" / "run")
    monkeypatch.chdir(tmp_path)
    assert find_run(here.name) == find_run(str(here)) == here
    assert find_run("my/run") == find_run(elsewhere) == elsewhere
    with pytest.raises(RunError, match="no run 'nothing'"):
        find_run("nothing")


def test_a_run_does_not_move_in_with_other_files(tmp_path):
    (tmp_path / "thesis.txt").touch()
    for folder in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(RunError, match="there already"):
            create_run(SPEC, folder=folder)
    (tmp_path / "empty").mkdir()
    assert read_spec(create_run(SPEC, folder=tmp_path / "empty")) == SPEC


def test_a_full_disk_is_told_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path):
    def full(number):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    made = create_run(SPEC)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        for folder in (None, tmp_path / "own"):
            with pytest.raises(EngineError, match="Could not make the run's folder: the disk is full"):
                create_run(SPEC, folder=folder)
        with pytest.raises(OSError, match="No space"):
            write_whole(made / SPEC_FILE, "{}")
    assert list(runs_folder().iterdir()) == [made] and not (tmp_path / "own").exists()
    assert [path.name for path in made.iterdir()] == [SPEC_FILE] and read_spec(made) == SPEC


def test_a_run_of_format_1_is_for_what_its_task_was_about_then():
    run_dir = create_run(dataclasses.replace(SPEC, task="heads", recipe=dataclasses.replace(SPEC.recipe, objective="")))
    assert read_spec(run_dir).recipe.objective == ""
    values = json.loads((run_dir / SPEC_FILE).read_text())
    (run_dir / SPEC_FILE).write_text(json.dumps({**values, "format": 1}))
    assert read_spec(run_dir).recipe.objective == get_task("heads").before == "point"
    (run_dir / SPEC_FILE).write_text(json.dumps({**values, "format": 1, "task": "planet"}))
    assert read_spec(run_dir).recipe.objective == ""


def test_a_spec_that_cannot_be_read_says_why(tmp_path):
    with pytest.raises(RunError, match="no run in"):
        read_spec(tmp_path / "nothing")
    run_dir = create_run(SPEC)
    values = json.loads((run_dir / SPEC_FILE).read_text())
    (run_dir / SPEC_FILE).write_text(json.dumps({**values, "format": FORMAT + 1}))
    with pytest.raises(RunError, match="Update the app"):
        read_spec(run_dir)
    values["recipe"]["stages"][0]["epochs"] = 0
    for damage in ("{", "[]", "{}", '{"format": 1}', json.dumps({**values, "more": 1}), json.dumps(values)):
        (run_dir / SPEC_FILE).write_text(damage)
        with pytest.raises(RunError, match="is damaged"):
            read_spec(run_dir)


@pytest.mark.parametrize(
    "changes",
    [
        *({"owner": None}, {"dataset": None}, {"title": 5}, {"task": ["camvid"]}, {"init_from": {}}, {"job": "dance"}),
        *({"job": ["train"]}, {"seed": 1.5}, {"seed": True}, {"minutes": "5"}, {"recipe": None}, {"recipe": []}),
    ],
    ids=str,
)
def test_a_spec_with_a_value_of_another_type_is_damaged(changes):
    run_dir = create_run(SPEC)
    values = json.loads((run_dir / SPEC_FILE).read_text())
    (run_dir / SPEC_FILE).write_text(json.dumps(values | changes))
    with pytest.raises(RunError, match=r"is damaged .* Delete the run and make it again"):
        read_spec(run_dir)


def test_a_spec_says_which_of_its_values_is_damaged():
    run_dir = create_run(SPEC)
    values = json.loads((run_dir / SPEC_FILE).read_text())
    (run_dir / SPEC_FILE).write_text(json.dumps(values | {"title": ["x" * 1000]}))
    with pytest.raises(RunError, match=r"title is \['x+\)"):
        read_spec(run_dir)
    (run_dir / SPEC_FILE).write_text("[" * 100_000)
    with pytest.raises(RunError, match="is damaged"):
        read_spec(run_dir)


def test_a_spec_of_an_older_version_is_read():
    run_dir = create_run(SPEC)
    values = json.loads((run_dir / SPEC_FILE).read_text())
    for name in ("owner", "minutes", "title"):
        del values[name]
    (run_dir / SPEC_FILE).write_text(json.dumps(values | {"objective": "mask"}))
    assert read_spec(run_dir) == dataclasses.replace(SPEC, title="")
    (run_dir / SPEC_FILE).write_text(json.dumps(values | {"minutes": 5}))
    assert read_spec(run_dir).minutes == 5.0


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "~nobody-of-that-name/run", ""])
def test_a_name_that_no_file_can_have_is_no_run(name, lab_home):
    with pytest.raises(RunError, match="There is no run"):
        find_run(name)


def test_events_are_read_from_where_one_stopped():
    run_dir = create_run(SPEC)
    assert read_events(run_dir) == ([], 0)
    append_event(run_dir, step(1))
    events, offset = read_events(run_dir)
    assert events == [step(1)]
    assert offset == (run_dir / EVENTS_FILE).stat().st_size
    assert read_events(run_dir, offset) == ([], offset)
    append_event(run_dir, Warned(message="Zeile\nzwei"))
    append_event(run_dir, step(2, loss=float("inf")))
    events, offset = read_events(run_dir, offset)
    assert events == [Warned(message="Zeile\nzwei"), step(2, loss=float("inf"))]
    assert read_events(run_dir, offset) == ([], offset)


def test_a_half_line_waits_for_its_end():
    run_dir = create_run(SPEC)
    append_event(run_dir, step(1))
    line = to_json(Warned(message="ä"), at=0.0).encode() + b"\n"
    whole = line.replace(b"\\u00e4", "ä".encode())
    _, offset = read_events(run_dir)
    for cut in range(1, len(whole)):
        with (run_dir / EVENTS_FILE).open("r+b") as file:
            file.truncate(offset)
            file.seek(offset)
            file.write(whole[:cut])
        assert read_events(run_dir) == ([step(1)], offset)
        assert read_events(run_dir, offset) == ([], offset)
    with (run_dir / EVENTS_FILE).open("ab") as file:
        file.write(whole[-1:])
    assert read_events(run_dir, offset) == ([Warned(message="ä")], offset + len(whole))


def test_a_line_that_a_kill_cut_off_does_not_swallow_the_next():
    run_dir = create_run(SPEC)
    for cut in (b"\xc3", b"{", b'{"event": "Warned"', b'{"event": "Warned"}', b"7", b"[1]", b"\0\0\0", b"[" * 100_000):
        append_event(run_dir, step(1))
        with (run_dir / EVENTS_FILE).open("ab") as file:
            file.write(cut)
    append_event(run_dir, RunDied())
    events, offset = read_events(run_dir)
    assert events == [step(1)] * 8 + [RunDied()]
    assert offset == (run_dir / EVENTS_FILE).stat().st_size


def test_a_kill_in_the_middle_of_writing_leaves_lines_that_can_be_read(tmp_path):
    run_dir = create_run(SPEC)
    code = (
        "import sys; from pathlib import Path\n"
        "from engine.events import Warned; from engine.runs.store import append_event\n"
        "while True: append_event(Path(sys.argv[1]), Warned(message='x' * 5000))"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(run_dir)]) as writer:
        while len(read_events(run_dir)[0]) < 20:
            assert writer.poll() is None
        writer.kill()
    append_event(run_dir, RunDied())
    events, _ = read_events(run_dir)
    assert events[-1] == RunDied()
    assert set(events[:-1]) == {Warned(message="x" * 5000)}


def test_the_log_s_tail_is_its_last_lines_of_this_time():
    run_dir = create_run(SPEC)
    assert log_tail(run_dir) == ""
    log = run_dir / LOG_FILE
    log.write_bytes(b"".join(b"old %d\n" % number for number in range(5000)))
    size = log.stat().st_size
    assert log_tail(run_dir).splitlines() == [f"old {number}" for number in range(5000 - LOG_LINES, 5000)]
    assert log_tail(run_dir, since=size) == ""
    with log.open("ab") as file:
        file.write(b"new \xff\n")
    assert log_tail(run_dir, since=size) == "new \ufffd"


def test_a_stop_can_be_asked_for_twice_and_taken_back_twice():
    run_dir = create_run(SPEC)
    assert not stop_requested(run_dir)
    for _ in range(2):
        request_stop(run_dir)
        assert stop_requested(run_dir)
    for _ in range(2):
        clear_stop(run_dir)
        assert not stop_requested(run_dir)


def test_a_worker_is_alive_while_its_process_is_the_same_one():
    run_dir = create_run(SPEC)
    assert not worker_alive(run_dir)
    write_worker(run_dir, os.getpid(), slots=("host",), events_size=0, log_size=0)
    assert worker_alive(run_dir)

    record = json.loads((run_dir / WORKER_FILE).read_text())
    (run_dir / WORKER_FILE).write_text(json.dumps({**record, "created": record["created"] - 3600}))
    assert not worker_alive(run_dir), "another process has its number now"

    wrong = [{"pid": "x"}, {"pid": -1}, {"pid": 0}, {"pid": True}, {"created": None}, {"slots": "host"}, {"slots": [1]}]
    wrong += [{"host": 5}, {"host": None}, {"events_size": -1}, {"log_size": 0.5}, {"events_size": 10**400}]
    damages = [json.dumps(record | change) for change in wrong]
    for damage in ("", "{}", "[]", '{"pid": 1}', "[" * 100_000, *damages):
        (run_dir / WORKER_FILE).write_text(damage)
        assert read_worker(run_dir) is None
        assert not worker_alive(run_dir)


def test_a_worker_of_another_machine_is_alive_while_it_writes():
    run_dir = create_run(SPEC)
    write_worker(run_dir, os.getpid(), slots=("host",), events_size=0, log_size=0)
    record = json.loads((run_dir / WORKER_FILE).read_text())
    (run_dir / WORKER_FILE).write_text(json.dumps({**record, "pid": 2**22 + 1, "host": "another"}))
    assert worker_alive(run_dir)
    long_ago = time.time() - 2 * ELSEWHERE_SECONDS
    os.utime(run_dir / WORKER_FILE, (long_ago, long_ago))
    assert not worker_alive(run_dir)
    append_event(run_dir, Warned(message="still here"))
    assert worker_alive(run_dir)


def test_a_zombie_is_not_alive():
    run_dir = create_run(SPEC)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    write_worker(run_dir, child.pid, slots=("host",), events_size=0, log_size=0)
    assert worker_alive(run_dir)
    child.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
    assert not worker_alive(run_dir)
    child.communicate()
    assert not worker_alive(run_dir)


def test_files_are_written_whole_and_nothing_is_left_beside_them():
    run_dir = create_run(SPEC)
    write_worker(run_dir, os.getpid(), slots=("0", "1"), events_size=3, log_size=4)
    assert {path.name for path in run_dir.iterdir()} == {SPEC_FILE, WORKER_FILE}
    record = read_worker(run_dir)
    assert record
    assert (record.slots, record.events_size, record.log_size) == (("0", "1"), 3, 4)
