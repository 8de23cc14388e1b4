"""What is remembered of open pages is bounded, and what is in use is not what goes."""

import asyncio
from typing import Any

import gradio as gr
import pytest
from starlette.responses import PlainTextResponse

from tabs.door import sessions as module
from tabs.door.sessions import ANSWER_SECONDS, CLOSED_SECONDS, PROGRAM_SECONDS, Sessions, notice_pages


@pytest.fixture
def sessions(build) -> Sessions:
    def make() -> gr.Blocks:
        with gr.Blocks() as page:
            gr.State({"at": 1}), gr.Textbox("a")
        page.queue()
        return page

    return Sessions(build(make))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds, for a test to set."""
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def state_of(sessions: Sessions) -> int:
    return next(key for key, block in sessions.blocks.blocks.items() if isinstance(block, gr.State))


def test_each_session_has_its_own_state_and_no_copy_of_the_settings(sessions: Sessions) -> None:
    key = state_of(sessions)
    sessions["one"][key]["at"] = 2
    assert sessions["one"][key] == {"at": 2} and sessions["two"][key] == {"at": 1}
    sessions["one"][key] = {"at": 3}
    sessions["one"]._update_value_in_config(key, "a picture")
    assert sessions["one"][key] == {"at": 3} and sessions["one"].config_values == {}


def test_a_program_s_session_goes_soon_and_a_closed_page_s_later(sessions: Sessions, clock: list[float]) -> None:
    for name in ("open", "closed", "program"):
        sessions.belongs(name, "somebody")
    sessions.opened("open")
    sessions.opened("closed")
    sessions.closed("closed")
    for seconds, left in (
        (PROGRAM_SECONDS - 1, {"open", "closed", "program"}),
        (2, {"open", "closed"}),
        (CLOSED_SECONDS, {"open"}),
        (1e6, {"open"}),
    ):
        clock[0] += seconds
        sessions.sweep()
        assert set(sessions.session_data) == left


def test_what_is_waited_for_stays(sessions: Sessions, clock: list[float]) -> None:
    sessions.belongs("program", "somebody")
    queue: Any = sessions.blocks._queue
    queue.pending_event_ids_session["program"] = {"event"}
    queue.pending_messages_per_session["program"] = "messages"
    clock[0] += 2 * PROGRAM_SECONDS
    sessions.sweep()
    assert "program" in sessions
    queue.pending_event_ids_session["program"].clear()
    sessions.sweep()
    assert "program" not in sessions and "program" not in queue.pending_messages_per_session


def test_one_person_s_sessions_push_out_their_own(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_OF_A_PERSON", 3)
    sessions.belongs("student's", "student")
    for number in range(6):
        sessions.belongs(f"flood {number}", "flood")
        if number == 0:
            sessions.opened("flood 0")
    assert list(sessions.session_data) == ["student's", "flood 0", "flood 4", "flood 5"], "the open page stays"


def test_what_waits_for_an_answer_is_pushed_out_last(sessions: Sessions, clock: list[float]) -> None:
    """A program's calls beside pages that nobody closed: they are the newest, and the only ones of their person."""
    sessions.capacity = 5
    pending: Any = sessions.blocks._queue.pending_event_ids_session
    for number in range(5):
        sessions.belongs(f"page {number}", f"page {number}")
    for number in range(4):
        sessions.belongs(f"call {number}", "a program")
        pending[f"call {number}"] = {"event"}
    assert [name for name in sessions.session_data if name.startswith("call")] == [
        f"call {number}" for number in range(4)
    ]
    clock[0] += ANSWER_SECONDS + 1
    sessions.belongs("another", "somebody")
    assert "call 0" not in sessions, "nobody fetched its answer"


def test_there_are_no_more_than_fit(sessions: Sessions) -> None:
    sessions.capacity = 4
    sessions.belongs("student's", "student")
    sessions.opened("student's")
    for number in range(10):
        sessions.opened(f"unknown {number}")  # by somebody who is not known and keeps connections open
    assert len(sessions.session_data) == 4 and "student's" in sessions and "unknown 9" in sessions


def test_a_connection_says_that_a_page_is_open(sessions: Sessions) -> None:
    seen: list[Any] = []

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        seen.append(dict(sessions.open_pages))
        if scope["path"].endswith("broken"):
            raise asyncio.CancelledError

    page: Any = sessions.blocks
    for path in ("/gradio_api/heartbeat/one", "/gradio_api/heartbeat/broken", "/elsewhere"):
        try:
            asyncio.run(notice_pages(inside, page)({"type": "http", "path": path, "headers": []}, None, None))  # type: ignore[arg-type]
        except asyncio.CancelledError:
            assert path.endswith("broken")
    assert seen == [{"one": 1}, {"broken": 1}, {}] and not sessions.open_pages
    assert sessions["one"].had_page


@pytest.mark.parametrize(("asked", "status"), [("one", 200), ("two", 404), ("", 404)])
def test_only_who_has_asked_hears_answers(sessions: Sessions, asked: str, status: int) -> None:
    said: list[Any] = []

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("here")(scope, receive, send)

    async def send(message: Any) -> None:
        said.append(message)

    page: Any = sessions.blocks
    page._queue.pending_messages_per_session["one"] = "messages"
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/gradio_api/queue/data",
        "query_string": f"session_hash={asked}".encode(),
        "headers": [],
    }
    asyncio.run(notice_pages(inside, page)(scope, None, send))  # type: ignore[arg-type]
    assert said[0]["status"] == status
