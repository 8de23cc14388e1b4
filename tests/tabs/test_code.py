"""The programs that the page shows run as given."""

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


@pytest.fixture
def finished_run(streets: Path) -> str:
    run_dir = create_run(RunSpec(task="camvid", dataset=str(streets), recipe=RECIPE))
    assert main(run_dir) == 0
    return run_dir.name


def test_looking_at_data(streets, capsys):
    run_program(data_code("camvid", str(streets), STAGE))
    said = capsys.readouterr().out
    assert "Where are the inputs?" in said and "'Road'" in said


def test_training_and_finding_a_rate_from_scratch_and_from_a_run(streets, finished_run, capsys, monkeypatch):
    from engine.training import lr_finder

    # The real finder, with fewer steps: a hundred would cost this test half a minute.
    monkeypatch.setattr(lr_finder, "find_lr", partial(lr_finder.find_lr, steps=12))
    run_program(train_code("camvid", str(streets), RECIPE, ""))
    assert "tiny 1 " in capsys.readouterr().out
    run_program(rate_code("camvid", str(streets), RECIPE, finished_run))
    assert "valley" in capsys.readouterr().out


def test_results_and_predictions_of_a_run(streets, finished_run, capsys):
    run_program(results_code("camvid", str(streets), finished_run))
    assert "pixel_accuracy" in capsys.readouterr().out
    run_program(try_code(str(streets), finished_run))
    assert "Road" in capsys.readouterr().out


def test_registered_data_is_fetched_and_a_stage_shows_only_what_is_its_own():
    assert "fetch('drawn-streets')" in train_code("camvid", "drawn-streets", RECIPE, "")
    assert eval(stage_source(STAGE)) == STAGE
    assert "momentum" not in stage_source(STAGE)
