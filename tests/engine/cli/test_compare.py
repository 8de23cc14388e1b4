"""`compare` prints what differs and the figures, for people and for programs."""

import json
from dataclasses import replace

import pytest
from made_runs import SPEC, events_of, make_run
from typer.testing import CliRunner

from engine.cli import terminal
from engine.cli.app import app


def call(*arguments: str, code: int = 0) -> tuple[str, str]:
    done = CliRunner().invoke(app, ["compare", *arguments], env={"COLUMNS": "160"})
    assert done.exit_code == code, done.output
    return done.stdout, done.stderr


def test_what_differs_and_the_figures_with_their_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal.people, "width", 160)
    runs = [make_run(SPEC, events_of(0.8)), make_run(replace(SPEC, seed=7), events_of(0.9))]
    out, people = call(*runs, "--json")
    told = json.loads(out)
    assert [(row["name"], row["values"]) for row in told["settings"]] == [("Seed", ["42", "7"])]
    assert [run["best"] for run in told["runs"]] == pytest.approx([0.8, 0.9])
    assert (told["spreads"][0]["n"], told["spreads"][0]["mean"]) == (2, pytest.approx(0.85))
    assert "0.9000 (+0.1000)" in people and "weight decay" not in people and "n = 2" in people
    assert "weight decay" in call(*runs, "--all")[1]


def test_other_data_get_no_differences_and_mistakes_are_told() -> None:
    runs = [make_run(SPEC, events_of(0.8)), make_run(replace(SPEC, dataset="planet_tiny"), events_of(0.9))]
    _, people = call(*runs)
    assert "+0.1000" not in people and "do not say which is better" in people
    assert "The settings are the same" in call(runs[0])[1]
    assert "There is no run 'gone'" in call(runs[0], "gone", code=1)[1]
    assert "too many" in call(*[f"r{number}" for number in range(9)], code=1)[1]
