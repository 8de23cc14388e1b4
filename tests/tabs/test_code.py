"""The programs that the page shows run as given."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from engine.recipe import Recipe, Stage
from engine.runs.store import RunSpec, create_run
from engine.runs.worker import main
from tabs.components.code import data_code, rate_code, results_code, stage_source, train_code, try_code

STAGE = Stage(name="tiny", epochs=1, max_lr=(1e-4, 1e-3), image_size=32, batch_size=4, precision="fp32")
RECIPE = Recipe(name="tiny", stages=(STAGE,), backbone="tf_efficientnet_lite0")


def run_program(program: str) -> None:
    exec(compile(program, "shown.py", "exec"), {"__name__": "__main__"})


@pytest.fixture(params=["camvid", "planet", "heads"])
def drawn(request: pytest.FixtureRequest) -> tuple[str, Path]:
    """A task and its drawn data set."""
    fixtures = {"camvid": "streets", "planet": "chips", "heads": "heads"}
    return request.param, request.getfixturevalue(fixtures[request.param])


@pytest.fixture
def finished_run(drawn: tuple[str, Path]) -> str:
    task, folder = drawn
    run_dir = create_run(RunSpec(task=task, dataset=str(folder), recipe=RECIPE))
    assert main(run_dir) == 0
    return run_dir.name


def test_looking_at_data(drawn, capsys):
    task, folder = drawn
    run_program(data_code(task, str(folder), STAGE))
    said = capsys.readouterr().out
    assert "Where are the inputs?" in said and ("(48, 64, 3)" in said or "(48, 48, 3)" in said)


def test_training_and_finding_a_rate_from_scratch_and_from_a_run(drawn, finished_run, capsys, monkeypatch):
    from engine.training import lr_finder

    # The real finder, with fewer steps: a hundred would cost this test half a minute.
    monkeypatch.setattr(lr_finder, "find_lr", partial(lr_finder.find_lr, steps=12))
    task, folder = drawn
    run_program(train_code(task, str(folder), RECIPE, ""))
    assert "tiny 1 " in capsys.readouterr().out
    run_program(rate_code(task, str(folder), replace(RECIPE, new_channels="mean"), finished_run))
    assert "valley" in capsys.readouterr().out


def test_results_and_predictions_of_a_run(drawn, finished_run, capsys):
    task, folder = drawn
    run_program(results_code(task, str(folder), finished_run))
    assert "valid_loss" in capsys.readouterr().out
    run_program(try_code(str(folder), finished_run))
    assert {"camvid": "shares", "planet": "probabilities", "heads": "column"}[task] in capsys.readouterr().out


def test_registered_data_is_fetched_and_a_stage_shows_only_what_is_its_own():
    assert "fetch('drawn-streets')" in train_code("camvid", "drawn-streets", RECIPE, "")
    assert eval(stage_source(STAGE)) == STAGE
    assert "momentum" not in stage_source(STAGE)
