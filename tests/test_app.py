"""What `python app.py` says when the page cannot be opened."""

from typing import Any

import pytest

from app import read_settings, serve


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
