"""Who is the host and who a visitor, and what the engine lets each of them do."""

import asyncio
import dataclasses
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio.context import LocalContext
from untrained import STREET_STAGE, save_untrained

import app
from engine.data.sources.fetching import fetch, resolve_dataset
from engine.errors import AccessError
from engine.host import access
from engine.host.access import HOST, Limits, Person, identify_by, may_load
from engine.hub.publish import publish
from engine.hub.remote import fetch_bundle
from engine.library.card import CardChoices
from engine.library.trash import delete_model, restore_model
from engine.recipe import Recipe
from engine.runs import queue
from engine.runs.fetches import Fetches
from engine.runs.queue import queued_runs, resume, start, stop, submit
from engine.runs.store import RunSpec, create_run, list_runs, read_spec
from engine.runs.watch import load_snapshot
from engine.tasks.camvid import CAMVID
from tabs import models_page
from tabs.door import people
from tabs.door import register as registers
from tabs.door.people import CALLER, GUESSES_AT_ONCE, Passwords, SignIn, by_address
from tabs.door.register import Register, open_register, own_code
from tabs.door.space import by_account
from tabs.home import show_rights
from tabs.panels import people_form
from tabs.panels.dataset_picker import dataset_status
from tabs.panels.train import poll_run, start_run
from tabs.reading.models import models_of
from tabs.reading.opened import owner_name, run_label, runs_of

PASSWORDS = Passwords(host="the host's own", visitors="the class's own")
RECIPE = Recipe(name="tiny", backbone=CAMVID.backbones[0], stages=(STREET_STAGE,))
ANNA, BEN = Person(name="anna", is_host=False), Person(name="ben", is_host=False)


@pytest.fixture(autouse=True)
def own_page() -> Iterator[None]:
    """After each test everybody is the host again, and nobody signs in."""
    yield
    identify_by(lambda: HOST)
    registers._Desk.register = None


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SignIn:
    """A class's, which has nobody in it yet; wrong passwords take no time."""
    monkeypatch.setattr(people, "FAILURE_SECONDS", 0.0)
    return SignIn(PASSWORDS, Register(tmp_path / "people.json"))


def asked_by(**request: Any) -> None:
    LocalContext.request.set(SimpleNamespace(**request))  # type: ignore[arg-type]


@pytest.fixture
def no_request() -> Iterator[None]:
    yield
    LocalContext.request.set(None)


@pytest.mark.parametrize(
    ("name", "password", "is_in"),
    [
        ("host", "the host's own", True),
        ("host", "the class's own", False),
        ("anna", "the class's own", True),
        ("anna", "the host's own", False),
        ("", "the class's own", False),
        ("x" * 41, "the class's own", False),
        ("anna", "", False),
        ("anna", "ü", False),
    ],
)
def test_only_the_right_password_opens(door: SignIn, name: str, password: str, is_in: bool) -> None:
    assert asyncio.run(door.check(name, password)) is is_in


def test_wrong_passwords_delay_nobody_else(door: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty connections that guess from one address, beside a class that signs in from there, and one somewhere else."""
    monkeypatch.setattr(people, "FAILURE_SECONDS", 0.5)

    async def sign_in(name: str, password: str, caller: str) -> float:
        CALLER.set(caller)
        began = time.monotonic()
        is_in = await door.check(name, password)
        assert is_in == (password == PASSWORDS.visitors)
        return time.monotonic() - began

    async def guess(number: int) -> None:
        for attempt in range(3):
            await asyncio.create_task(sign_in(f"anna {number}", f"guess {attempt}", "one"))

    async def inside() -> list[float]:
        guessing = [asyncio.create_task(guess(number)) for number in range(20)]
        await asyncio.sleep(0.2)
        own = [sign_in(f"student {number}", PASSWORDS.visitors, "one") for number in range(30)]
        waited = await asyncio.gather(*own, sign_in("elsewhere", PASSWORDS.visitors, "two"))
        assert not any(task.done() for task in guessing), "they were slowed down meanwhile"
        await asyncio.gather(*guessing)
        return waited

    assert max(asyncio.run(inside())) < 1.0


def test_guesses_from_one_address_have_a_bound(door: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    trying, most, pause = 0, 0, asyncio.sleep

    async def wait(seconds: float) -> None:
        nonlocal trying, most
        trying += 1
        most = max(most, trying)
        await pause(0.01)
        trying -= 1

    monkeypatch.setattr(people.asyncio, "sleep", wait)

    async def attack() -> None:
        await asyncio.gather(*(door.check("anna", f"guess {number}") for number in range(3 * GUESSES_AT_ONCE)))

    asyncio.run(attack())
    assert 1 < most <= GUESSES_AT_ONCE


def test_a_name_asks_for_the_code_that_its_owner_was_shown(door: SignIn) -> None:
    assert door.is_right("Anna Lee", PASSWORDS.visitors)
    code = door.register.code_of("Anna Lee")
    for name in ("Anna Lee", "anna lee", "Ànna Lee", "ANNALEE", "\u0410nna Lee", "Anna\u200b Lee"):
        assert not door.is_right(name, PASSWORDS.visitors), "it is taken"
        assert not door.is_right(name, f"{PASSWORDS.visitors} {'a' * len(code)}")
        assert not door.is_right(name, f"wrong {code}") and not door.is_right(name, code)
        assert door.is_right(name, f"{PASSWORDS.visitors} {code}")
        assert door.register.name_of(name) == "Anna Lee", "whoever is let in by it is the same person"
    assert not door.is_right("Ben", f"{PASSWORDS.visitors} {code}"), "nobody is called so yet"


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "hóst",
        "HOST",
        "ho st",
        "h\u200bost",
        "\uff48ost",
        "h0st",
        "\u04bbo\u0455\u0442",
        "h\u03bfst",
        "hos\u1d1b",
    ],
)
def test_nothing_that_looks_like_the_host_is_let_in(door: SignIn, name: str) -> None:
    assert not door.is_right(name, PASSWORDS.visitors) and not door.is_right(name, PASSWORDS.host)


@pytest.mark.parametrize("name", ["", "x" * 41, " ", "\u200b", "a\nb", "a\u202eb", "a\x00b", "\u0301"])
def test_a_name_can_be_seen(door: SignIn, name: str) -> None:
    assert not door.is_right(name, PASSWORDS.visitors)


def test_the_register_outlives_the_server_and_holds_no_code(door: SignIn, tmp_path: Path) -> None:
    for name in ("Anna", "\u674e\u96f7", "\u041c\u0430\u0440\u0438\u044f", "Zoë"):
        assert door.is_right(name, PASSWORDS.visitors)
    code = door.register.code_of("Anna")
    kept = (tmp_path / "people.json").read_text("utf-8")
    assert code and code not in kept
    again = SignIn(PASSWORDS, Register(tmp_path / "people.json"))
    assert again.register.names() == door.register.names() and again.register.code_of("Anna") == ""
    assert not again.is_right("Anna", PASSWORDS.visitors) and again.is_right("Anna", f"{PASSWORDS.visitors} {code}")
    for damaged in ("", "[]", '{"anna": {}}', '{"anna": 7}', "\x00"):
        (tmp_path / "people.json").write_text(damaged)
        assert Register(tmp_path / "people.json").names() == []


@pytest.mark.usefixtures("no_request")
def test_the_host_resets_a_code_and_nobody_else(door: SignIn) -> None:
    assert door.is_right("Anna", PASSWORDS.visitors)
    old = door.register.code_of("Anna")
    identify_by(door.who)
    asked_by(username="Anna", client=None, session_hash=None)
    assert own_code() == "" and show_rights()
    open_register(door.register)
    assert own_code() == old and old in people_form.show_oneself()
    with pytest.raises(AccessError, match="Only the host"):
        door.register.reset("Anna")
    with pytest.raises(gr.Error, match="Only the host"):
        people_form.new_code("Anna")
    assert people_form.listed_names()["choices"] == []
    asked_by(username="host", client=None, session_hash=None)
    assert people_form.listed_names()["choices"] == ["Anna"] and own_code() == ""
    assert "anna" in people_form.new_code("anna") and "Choose a name" in people_form.new_code(None)
    new = door.register.code_of("Anna")
    assert new != old and door.is_right("Anna", f"{PASSWORDS.visitors} {new}")
    assert not door.is_right("Anna", f"{PASSWORDS.visitors} {old}")
    with pytest.raises(gr.Error, match="Nobody is called 'Ben'"):
        people_form.new_code("Ben")


@pytest.mark.usefixtures("no_request")
def test_who_is_asking(door: SignIn) -> None:
    by_sign_in = door.who
    assert by_sign_in() == by_address() == HOST, "the server itself"
    asked_by(username="host", client=SimpleNamespace(host="127.0.0.1"), session_hash="s1")
    assert by_sign_in() == Person(name="host") and by_address().is_host
    asked_by(username="anna", client=SimpleNamespace(host="192.168.0.7"), session_hash="s2")
    assert by_sign_in() == ANNA and by_address() == Person(name="192.168.0.7", is_host=False)
    asked_by(username=None, client=None, session_hash=None)
    assert not any(who().is_host for who in (by_sign_in, by_address))
    asked_by(username=None, client=SimpleNamespace(host="::1"), session_hash=None)
    assert by_address().is_host and not by_sign_in().is_host


def test_a_page_for_oneself_has_no_visitors_and_one_for_others_has(monkeypatch: pytest.MonkeyPatch) -> None:
    def door(*arguments: str, passwords: Passwords | None = None) -> Any:
        identify_by(lambda: HOST)
        before = access._DOOR.identify
        app.set_door(app.read_settings(list(arguments)), passwords)
        return access._DOOR.identify if access._DOOR.identify is not before else None

    monkeypatch.delenv("SPACE_ID", raising=False)
    for host in ("127.0.0.1", "localhost", "::1"):
        assert door("--host", host) is None
    assert door("--host", "0.0.0.0", "--visitor-minutes", "3") is by_address
    assert access.visitor_limits() == Limits(minutes=3.0)
    assert door("--share", passwords=PASSWORDS).__func__ is SignIn.who
    monkeypatch.setenv("SPACE_ID", "me/lab")
    assert door("--host", "0.0.0.0") is by_account
    assert access.visitor_limits().model_bytes == app.SPACE_MODEL_BYTES


def test_a_link_needs_two_passwords_and_has_no_default(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*arguments: str, host: str = "", visitors: str = "") -> Any:
        for name, value in ((app.HOST_PASSWORD, host), (app.VISITORS_PASSWORD, visitors)):
            monkeypatch.setenv(name, value)
        return app.read_passwords(app.read_settings(list(arguments)))

    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: False))
    assert read() is None
    for given in ({}, {"host": "long enough"}, {"host": "long enough", "visitors": "short"}):
        with pytest.raises(SystemExit, match="needs 8 letters or more"):
            read("--share", **given)
    with pytest.raises(SystemExit, match="must be another one"):
        read("--share", host="the very same", visitors="the very same")
    assert read(host="long enough", visitors="also long") == Passwords(host="long enough", visitors="also long")
    assert app.HOST_PASSWORD not in app.os.environ, "workers do not see it"


def test_what_is_the_host_s_alone(streets: Path, lab_home: Path) -> None:
    run = create_run(RunSpec(task="camvid", dataset=str(streets), recipe=RECIPE))
    save_untrained(run / "checkpoints", ("sky", "road"))
    identify_by(lambda: ANNA)
    for action in (
        lambda: delete_model(run.name),
        lambda: restore_model(run.name),
        lambda: fetch("camvid_tiny"),
        lambda: Fetches().start("camvid_tiny"),
        lambda: fetch_bundle("me/streets"),
        lambda: publish(run, CardChoices(repo_id="x")),
        lambda: resolve_dataset(str(streets)),
        lambda: resolve_dataset("/etc"),
    ):
        with pytest.raises(AccessError, match="Only the host of this page may"):
            action()
    assert run.is_dir()
    own = lab_home / "data" / "own" / "texts-1"
    own.mkdir(parents=True)
    assert resolve_dataset("own/texts-1") == own, "what somebody brought to the page is theirs to use"
    for path in (str(own), "own/../..", "own/texts-1/..", "own/", "data/own/texts-1", "~", "."):
        with pytest.raises(AccessError, match="Only the host of this page may open a folder"):
            resolve_dataset(path)
    assert fetch("drawn-streets").is_dir(), "drawing costs nothing"


def make(person: Person, recipe: Recipe = RECIPE, dataset: str = "drawn-streets") -> Path:
    identify_by(lambda: person)
    return create_run(RunSpec(task="camvid", dataset=dataset, recipe=recipe))


def test_a_visitor_s_run_is_marked_and_limited(drawn_streets: Path) -> None:
    run = make(ANNA)
    spec = read_spec(run)
    assert (spec.owner, spec.minutes) == ("anna", Limits().minutes)
    submit(run)
    identify_by(lambda: BEN)
    for action in (stop, resume):
        with pytest.raises(AccessError, match="somebody else's"):
            action(run)
    identify_by(lambda: ANNA)
    stop(run)
    resume(run)
    identify_by(lambda: HOST)
    stop(run)
    assert read_spec(create_run(dataclasses.replace(spec, owner="", minutes=0))).minutes == 0


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (dataclasses.replace(RECIPE, backbone="resnet152"), "allows the backbones"),
        (dataclasses.replace(RECIPE, stages=(dataclasses.replace(STREET_STAGE, image_size=512),)), "up to 224 pixels"),
        (
            dataclasses.replace(RECIPE, stages=(STREET_STAGE, dataclasses.replace(STREET_STAGE, text_length=512))),
            "up to 256 tok",
        ),
    ],
)
def test_a_visitor_s_training_is_small(drawn_streets: Path, recipe: Recipe, message: str) -> None:
    with pytest.raises(AccessError, match=message):
        submit(make(ANNA, recipe))
    submit(make(HOST, recipe))


def test_a_visitor_has_few_runs_and_none_on_a_folder_of_this_machine(drawn_streets: Path, streets: Path) -> None:
    for person in (ANNA, BEN):
        for _ in range(Limits().runs):
            submit(make(person))
        with pytest.raises(AccessError, match="how many you may have"):
            submit(make(person))
    identify_by(lambda: Person(name="cleo", is_host=False))
    with pytest.raises(AccessError, match="open a folder"):
        submit(make(Person(name="cleo", is_host=False), dataset=str(streets)))


def start_tiny(recipe: Recipe = RECIPE) -> Path:
    return start(RunSpec(task="camvid", dataset="drawn-streets", recipe=recipe))


def test_of_a_run_that_is_refused_nothing_is_left(drawn_streets: Path) -> None:
    identify_by(lambda: ANNA)
    run = start_tiny()
    assert load_snapshot(run).status == "queued" and read_spec(run).owner == "anna"
    with pytest.raises(AccessError, match="allows the backbones"):
        start_tiny(dataclasses.replace(RECIPE, backbone="resnet152"))
    with pytest.raises(gr.Error, match="up to 224 pixels"):
        start_run(CAMVID, "drawn-streets", "lesson", CAMVID.backbones[0], "zeros", "", 42)
    assert list_runs() == [run]


def test_resuming_is_within_the_limits_too(drawn_streets: Path) -> None:
    identify_by(lambda: ANNA)
    stopped = []
    for _ in range(Limits().runs + 1):
        stopped.append(start_tiny())
        stop(stopped[-1])
    *some, last = stopped
    for run in some:
        resume(run)
    with pytest.raises(AccessError, match="how many you may have"):
        resume(last)
    identify_by(lambda: HOST)
    resume(last)
    assert queued_runs() == stopped


def test_the_whole_queue_has_an_end_for_visitors(drawn_streets: Path) -> None:
    limits = Limits(waiting=3)

    def ask(person: Person) -> None:
        identify_by(lambda: person, limits)

    for number in range(limits.waiting):
        ask(Person(name=f"page {number}", is_host=False))  # whoever opens another page has another name
        start_tiny()
    ask(ANNA)
    with pytest.raises(AccessError, match="3 runs wait already"):
        start_tiny()
    ask(HOST)
    host_s = start_tiny()
    stop(host_s)
    stop(queued_runs()[0])
    ask(ANNA)
    mine = start_tiny()
    stop(mine)
    ask(HOST)
    resume(host_s)
    ask(ANNA)
    with pytest.raises(AccessError, match="3 runs wait already"):
        resume(mine)


def test_of_many_who_come_together_no_more_get_in(drawn_streets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    identify_by(lambda: ANNA, Limits(runs=2))
    together, check = threading.Barrier(6), queue.check_training

    def slowly(*asked: Any, **counted: int) -> None:
        check(*asked, **counted)
        time.sleep(0.05)

    monkeypatch.setattr(queue, "check_training", slowly)

    def ask(_: int) -> bool:
        together.wait()
        try:
            return bool(start_tiny())
        except AccessError:
            return False

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(ask, range(6))) == 2
    assert len(list_runs()) == len(queued_runs()) == 2


def test_a_run_that_nobody_queued_has_nothing_to_stop(lab_home: Path) -> None:
    run = make(HOST)
    assert poll_run(CAMVID, {}, run.name, "").stopper["visible"] is False
    submit(run)
    assert poll_run(CAMVID, {}, run.name, "").stopper["visible"] is True


def test_people_see_their_own_runs_first_and_what_they_may_do(drawn_streets: Path) -> None:
    runs = {person: make(person) for person in (ANNA, BEN, HOST)}
    for run in runs.values():
        save_untrained(run / "checkpoints", ("sky", "road"))
    for person, run in runs.items():
        identify_by(lambda person=person: person)
        assert runs_of(CAMVID)[0] == models_of(CAMVID)[0].name == run.name
        assert set(runs_of(CAMVID)) == {run.name for run in runs.values()}
        assert models_page.may_be_deleted(run.name) == may_load() == person.is_host
        assert not models_page.may_be_deleted("sample-camvid") and not models_page.may_be_deleted("")
        assert bool(show_rights()) != person.is_host
        assert dataset_status("camvid_tiny").fetch_button["visible"] == person.is_host
        assert dataset_status("drawn-heads").fetch_button["visible"]
    assert run_label(runs[ANNA].name).endswith("· anna") and not run_label(runs[HOST].name).endswith("·")
    assert owner_name("page x12") == "a visitor" and owner_name("account anna") == "anna"


def test_a_visitor_finds_no_button_for_somebody_else_s_run(drawn_streets: Path) -> None:
    run = make(BEN)
    submit(run)
    for person, is_theirs in ((BEN, True), (ANNA, False), (HOST, True)):
        identify_by(lambda person=person: person)
        assert poll_run(CAMVID, {}, run.name, "").stopper["visible"] is is_theirs


def test_a_spec_that_was_tampered_with_is_refused(drawn_streets: Path) -> None:
    run = make(HOST)
    identify_by(lambda: ANNA)
    with pytest.raises(AccessError, match="A visitor's run is theirs"):
        submit(run)
