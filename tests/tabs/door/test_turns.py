"""The page's queue serves people in turn, and one person's flood is refused with a message."""

import asyncio
from pathlib import Path
from typing import Any

import fastapi
import gradio as gr
import pytest
from gradio.data_classes import PredictBodyInternal

from engine.host.access import Person, identify_by
from tabs.door.people import Passwords, SignIn
from tabs.door.register import Register
from tabs.door.turns import MOST_IN_LINE, MOST_WAITING, serve_in_turn

LINE, FREE = 0, 1  # the functions of the page
REQUEST = fastapi.Request({"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""})


def make_page(gone: list[str]) -> gr.Blocks:
    """A page with a line that serves one at a time, and one that serves everybody at once."""
    with gr.Blocks() as page:
        button = gr.Button()
        button.click(lambda: None, concurrency_limit=1, concurrency_id="line")
        button.click(lambda: None, concurrency_limit=None)
    page.queue(max_size=500)
    serve_in_turn(page, gone.append)
    page._queue.active_jobs = [None] * 4
    return page


async def send(page: gr.Blocks, person: str, fn_index: int = LINE, session: str = "") -> Any:
    body: Any = PredictBodyInternal(fn_index=fn_index, data=[], session_hash=session or person, request=REQUEST)  # type: ignore[arg-type]
    return await page._queue.push(body, REQUEST, person)


@pytest.fixture(autouse=True)
def people_sign_in(tmp_path: Path):
    identify_by(SignIn(Passwords(host="a", visitors="b"), Register(tmp_path / "people.json")).who)
    yield
    identify_by(Person)


def test_people_come_in_turn_however_many_requests_one_sends() -> None:
    async def inside() -> str:
        page = make_page([])
        for person in "aaaab":
            assert (await send(page, person))[0]
        order = ""
        for _ in range(5):
            (event,), _, _ = page._queue.get_events() or ([], False, "")
            order += event.username or ""
        return order

    assert asyncio.run(inside()) == "abaaa"


@pytest.mark.parametrize(("fn_index", "most"), [(LINE, MOST_IN_LINE), (FREE, MOST_WAITING)])
def test_too_many_requests_are_refused_and_only_one_s_own(fn_index: int, most: int) -> None:
    async def inside() -> None:
        page = make_page([])
        for number in range(most):
            assert (await send(page, "a", fn_index, f"page {number}"))[0], "by whichever page of theirs"
        with pytest.raises(fastapi.HTTPException) as refused:
            await send(page, "a", fn_index, "one more page")
        assert refused.value.status_code == 429 and "try again" in refused.value.detail
        assert (await send(page, "b", fn_index))[0]

    asyncio.run(inside())


def test_without_sign_in_each_page_is_somebody() -> None:
    identify_by(Person)

    async def inside() -> None:
        page = make_page([])
        for _ in range(MOST_IN_LINE):
            await send(page, "", session="one")
        with pytest.raises(fastapi.HTTPException):
            await send(page, "", session="one")
        assert (await send(page, "", session="two"))[0]

    asyncio.run(inside())


def test_a_session_that_was_forgotten_does_not_end_the_queue() -> None:
    async def inside() -> None:
        page = make_page([])
        for person in "ab":
            await send(page, person)
        del page._queue.pending_messages_per_session["a"]
        page._queue.broadcast_estimations("line")
        assert page._queue.pending_messages_per_session["b"].qsize() > 0

    asyncio.run(inside())


def test_it_is_told_whose_page_has_gone() -> None:
    gone: list[str] = []

    async def inside() -> None:
        page = make_page(gone)
        await send(page, "a")
        await page._queue.clean_events(session_hash="a")
        assert page._queue.get_events() is None

    asyncio.run(inside())
    assert gone == ["a"]
