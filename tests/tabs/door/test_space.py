"""The page as a Space of the Hub: signing in there, publishing under one's own account, and a GPU that is lent for a minute."""

import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gradio.context import LocalContext
from programs import told_by

from engine.host.access import HOST, Person
from tabs.door.space import BROWSER, OAUTH, Account, account, by_account, has_sign_in
from tabs.door.zero_gpu import _thread, attends

WHO = {"userinfo": {"preferred_username": "anna"}, "access_token": "hf_oauth_x", "expires_at": time.time() + 86_400}


@pytest.fixture
def space(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name, value in {"SPACE_ID": "teacher/lab", "SYSTEM": "spaces", **dict.fromkeys(OAUTH, "x")}.items():
        monkeypatch.setenv(name, value)
    LocalContext.request.set(None)
    yield monkeypatch
    LocalContext.request.set(None)


def asked_by(session_hash: str = "s1", cookie: str = "", **oauth_info: Any) -> None:
    scope = {"session": {"oauth_info": oauth_info}} if oauth_info else {}
    request = SimpleNamespace(scope=scope, cookies={BROWSER: cookie} if cookie else {})
    LocalContext.request.set(SimpleNamespace(session_hash=session_hash, request=request))  # type: ignore[arg-type]


def test_who_is_asking_on_a_space(space: pytest.MonkeyPatch) -> None:
    assert by_account() == HOST and account() is None, "the server itself"
    asked_by()
    assert by_account().name.startswith("page ") and not by_account().is_host and account() is None
    asked_by(**WHO)
    assert by_account() == Person(name="account anna", is_host=False)
    assert account() == Account(name="anna", token="hf_oauth_x") and "hf_oauth_x" not in repr(account())
    asked_by(**WHO | {"userinfo": {"preferred_username": "teacher"}})
    assert by_account() == Person(name="account teacher", is_host=True)


def test_a_browser_is_known_again_after_a_reload(space: pytest.MonkeyPatch) -> None:
    ann, ben = str(uuid.uuid4()), str(uuid.uuid4())
    asked_by("s1", ann)
    before = by_account()
    asked_by("s2", ann)
    assert by_account() == before and not before.is_host
    assert ann not in before.name, "whoever reads a run's folder cannot pose as who made it"
    named = before.name.removeprefix("page ")
    asked_by("s2", ben)
    others = {by_account().name}
    for session, cookie in (("s1", ""), ("s2", ""), (named, ""), (before.name, ""), (ann, ""), ("s3", named)):
        asked_by(session, cookie)
        others.add(by_account().name)
    assert len(others) == 7 and before.name not in others and all(name.startswith("page ") for name in others)
    for nonsense in ("teacher", "x" * 36, f"{ann}{ann}", "account teacher"):
        asked_by("s1", nonsense)
        known = by_account()
        asked_by("s1")
        assert by_account() == known, "no cookie of ours: the page is what is known"
    asked_by("s1", ann, **WHO)
    assert by_account() == Person(name="account anna", is_host=False)


def test_a_space_s_variable_names_more_hosts(space: pytest.MonkeyPatch) -> None:
    asked_by(**WHO)
    for named in ("", ",", "anna2, ann", "nobody"):
        space.setenv("LESSON_LAB_HOSTS", named)
        assert not by_account().is_host
    space.setenv("LESSON_LAB_HOSTS", "ben, anna")
    assert by_account().is_host
    asked_by(**WHO | {"userinfo": {"preferred_username": ""}})
    space.setenv("LESSON_LAB_HOSTS", "ben,")
    assert not by_account().is_host, "nobody's name is no host's"


def test_a_sign_in_ends_and_none_is_believed_elsewhere(space: pytest.MonkeyPatch) -> None:
    asked_by(**WHO | {"expires_at": time.time() - 1})
    assert account() is None
    asked_by(**WHO)
    space.delenv("SYSTEM")
    assert not has_sign_in() and account() is None


def test_people_publish_under_their_own_account_and_the_owner_is_the_host(lab_home: Path) -> None:
    told = told_by("sign_in", home=lab_home)
    assert "Sign in with your account" in told["nobody publishes"]
    assert told["student publishes"].endswith("/student/mine") and told["who made it"] == ["student/mine"]
    assert "is on the Hub already" in told["student publishes to what the page did not make"]
    assert told["nobody loads"].startswith("ben--open--")
    for who in ("nobody loads what is private", "student loads their private one"):
        assert "nothing public of that name" in told[who]
    for who in ("student deletes", "one who poses as the owner deletes"):
        assert "Only the host of this page may delete" in told[who]
    assert told["deleted before"] == [] and told["deleted by the owner"] is True
    assert told["token is in"] == []


def test_a_run_is_attended_while_its_thread_is_there() -> None:
    run, done = Path("runs/r1"), threading.Event()
    thread = threading.Thread(target=done.wait, name=_thread(run))
    thread.start()
    assert attends(run) and not attends(Path("runs/r2"))
    done.set()
    thread.join()
    assert not attends(run)


def test_a_lent_gpu_predicts_and_trains(lab_home: Path) -> None:
    told = told_by("lend_gpu", home=lab_home)
    assert told["is zero"] and told["cuda is pretended"] and told["minutes"] == 1.0
    assert told["said"] == "pos" and told["asked"] == ["/startup-report", "/schedule", "/allow", "/release"]
    assert (told["seconds to predict"], told["seconds to train"]) == ("15", "80")
    assert told["trained"] == ["finished", ""]
    status, message = told["killed at the start"]
    assert status == "failed" and message.startswith("No GPU was lent: ")
    status, message = told["no time left"]
    assert status == "failed" and message.startswith("No GPU was lent: Space app has reached its GPU limit")
