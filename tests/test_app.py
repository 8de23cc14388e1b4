"""What `python app.py` says when the page cannot be opened."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app import check_mcp, read_settings, serve, settle_home
from tabs.door.people import Passwords


class Refuses:
    """Stands for a page whose server cannot be started."""

    def __init__(self, problem: Exception) -> None:
        self.problem = problem

    def launch(self, **settings: Any) -> None:
        raise self.problem


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (OSError("Cannot find empty port in range: 7860-7860"), "Port 7860 of 127.0.0.1 is taken"),
        (
            ValueError("When localhost is not accessible, a shareable link must be created"),
            "add localhost .* to NO_PROXY",
        ),
    ],
)
def test_a_server_that_cannot_start_says_what_to_do(problem: Exception, message: str) -> None:
    with pytest.raises(SystemExit, match=message):
        serve(Refuses(problem), read_settings(["--host", "127.0.0.1", "--port", "7860"]))  # type: ignore[arg-type]


@pytest.mark.parametrize("problem", [OSError("no more threads"), ValueError("a mistake of ours")])
def test_any_other_problem_is_not_hidden(problem: Exception) -> None:
    with pytest.raises(type(problem), match=str(problem)):
        serve(Refuses(problem), read_settings([]))  # type: ignore[arg-type]


def test_assistants_need_a_page_without_passwords_and_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    check_mcp(None)
    with pytest.raises(SystemExit, match="without passwords"):
        check_mcp(Passwords(host="the host's own", visitors="the class's own"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r"gradio\[mcp\]"):
        check_mcp(None)


def test_a_home_that_cannot_be_written_to_is_replaced_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.setenv("LESSON_LAB_HOME_NOTE", "")
    assert settle_home() == ""
    taken = tmp_path / "a-file"
    taken.touch()  # root may write to a read-only folder, but nobody makes one under a file
    monkeypatch.setenv("LESSON_LAB_HOME", str(taken / "home"))
    said = settle_home()
    assert "cannot be written to" in said and os.environ["LESSON_LAB_HOME_NOTE"] == said
    assert Path(os.environ["LESSON_LAB_HOME"]).is_dir()
    shutil.rmtree(os.environ["LESSON_LAB_HOME"])


def test_a_space_says_that_it_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LESSON_LAB_HOME_NOTE", "")
    monkeypatch.setenv("SPACE_ID", "me/lab")
    assert "forgets" in settle_home()


def test_a_link_that_could_not_be_made_is_said_plainly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Offline:
        share_url = None
        server = SimpleNamespace(config=SimpleNamespace(timeout_keep_alive=5))

        def launch(self, **settings: Any) -> None:
            assert settings["share"]

    monkeypatch.setattr("tabs.door.sessions.bound_sessions", lambda page: None)
    serve(Offline(), read_settings(["--share", "--host", "127.0.0.1", "--port", "7860"]))  # type: ignore[arg-type]
    assert "No public link could be made. The page is open at http://127.0.0.1:7860" in capsys.readouterr().out
