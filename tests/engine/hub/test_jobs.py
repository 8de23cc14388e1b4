"""Sending and loading in the background: whose job it is, how far it is, and how it ended."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from engine.errors import EngineError, HubError
from engine.host.access import HOST, Person, identify_by
from engine.hub import jobs as module
from engine.hub.jobs import Job, Jobs, Work


@pytest.fixture(autouse=True)
def host() -> Iterator[None]:
    yield
    identify_by(lambda: HOST)


def wait(jobs: Jobs, key: str) -> Job:
    deadline = time.monotonic() + 10
    while (state := jobs.state(key)) and state.status == "running" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert state
    return state


def waiting(go_on: threading.Event, result: str = "there") -> Work:
    def work(on_progress: Callable[[int, int], None]) -> str:
        on_progress(1, 4)
        go_on.wait(10)
        return result

    return work


def test_a_job_tells_how_far_it_is_and_how_it_ended() -> None:
    jobs, go_on = Jobs(), threading.Event()
    assert jobs.state("x") is None and jobs.state("") is None
    key = jobs.start("load", waiting(go_on))
    while (state := jobs.state(key)) and not state.done:
        time.sleep(0.01)
    assert state == Job(kind="load", owner="", status="running", done=1, total=4)
    go_on.set()
    assert wait(jobs, key) == Job(kind="load", owner="", status="done", done=1, total=4, result="there")


def test_two_people_s_jobs_are_two_and_each_finds_their_own_again() -> None:
    jobs, go_on, keys = Jobs(), threading.Event(), {}
    for name in ("anna", "ben"):
        identify_by(lambda name=name: Person(name=name, is_host=False))
        assert jobs.under_way("publish") == ""
        keys[name] = jobs.start("publish", waiting(go_on, f"{name}/streets"))
        assert jobs.under_way("publish") == keys[name] and jobs.under_way("load") == ""
    identify_by(lambda: Person(name="anna", is_host=False))
    assert jobs.under_way("publish") == keys["anna"] != keys["ben"]
    go_on.set()
    assert [wait(jobs, keys[name]).result for name in keys] == ["anna/streets", "ben/streets"]
    assert jobs.under_way("publish") == "", "it has ended"


def test_only_a_few_are_under_way_and_only_some_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_AT_ONCE", 2)
    monkeypatch.setattr(module, "REMEMBERED", 3)
    jobs, go_on = Jobs(), threading.Event()
    first = [jobs.start("load", waiting(go_on)) for _ in range(2)]
    with pytest.raises(HubError, match="Try again in a minute"):
        jobs.start("load", waiting(go_on))
    go_on.set()
    for key in first:
        wait(jobs, key)
    for _ in range(4):
        newest = jobs.start("load", waiting(go_on))
        assert wait(jobs, newest).status == "done"
    assert [jobs.state(key) for key in first] == [None, None] and jobs.state(newest)


def test_a_job_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(on_progress: Callable[[int, int], None]) -> str:
        raise EngineError("No network.")

    jobs = Jobs()
    state = wait(jobs, jobs.start("load", fail))
    assert (state.status, state.message) == ("failed", "No network.")

    def stumble(on_progress: Callable[[int, int], None]) -> str:
        raise KeyError("secret")

    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    message = wait(jobs, jobs.start("load", stumble)).message
    assert "a bug in the app" in message and "secret" not in message
