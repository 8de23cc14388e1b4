"""`python -m engine diagnose RUN` says what the page says, and gives it to programs."""

import json
from pathlib import Path

from made_cases import Made, made_events, straight
from typer.testing import CliRunner

from engine.api import diagnose_run
from engine.cli.app import app
from engine.events import RunFinished
from engine.recipe import Recipe, Stage, recipe_from_dict
from engine.runs.store import RunSpec, append_event, create_run
from engine.tasks.camvid import CAMVID

BY_HEART = Made(
    stage=Stage(epochs=6, max_lr=6e-4),
    loss=straight(1.0, 0.05),
    valid=(0.8, 0.6, 0.5, 0.6, 0.7, 0.8),
    figure=(0.8,) * 6,
)


def run_of(job: str = "train") -> Path:
    recipe = Recipe(name="made", stages=(BY_HEART.stage,), backbone="none")
    folder = create_run(RunSpec(task="camvid", dataset="drawn-streets", recipe=recipe, job=job))
    for event in (*made_events(BY_HEART, metric=CAMVID.aim().metric), RunFinished(seconds=1.0)):
        append_event(folder, event)
    return folder


def test_findings_are_told_with_a_recipe_that_can_be_read_again() -> None:
    folder = run_of()
    result = CliRunner().invoke(app, ["diagnose", folder.name, "--json"])
    assert result.exit_code == 0, result.output
    (finding,) = json.loads(result.stdout.splitlines()[-1])["findings"]
    assert finding["name"] == "overfitting" and finding["where"] == [60, 120]
    assert recipe_from_dict(finding["remedy"]["recipe"]).stages[0].epochs == 3
    words = " ".join(result.stderr.split())
    assert "Overfitting (likely, steps 60 to 120)" in words and "Can't tell yet" in words and "epochs=3" in words
    assert [one.name for one in diagnose_run(folder).findings] == ["overfitting"]


def test_a_finder_s_run_and_none_at_all_are_refused_in_words() -> None:
    finder = CliRunner().invoke(app, ["diagnose", run_of("lr-find").name])
    assert finder.exit_code == 1 and "Give a training run" in " ".join(finder.stderr.split())
    assert CliRunner().invoke(app, ["diagnose", "nothing"]).exit_code == 1
