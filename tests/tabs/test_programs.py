"""The programs that the page shows run as given."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from tiny_text import save_tiny

from engine import api
from engine.bundle.config import read_config, read_evaluation, resolve_bundle
from engine.data.drawn.reviews import draw_reviews
from engine.events import EpochFinished
from engine.library import listing
from engine.library.listing import SAMPLES_FOLDER
from engine.recipe import Recipe, Stage
from engine.runs.store import RunSpec, create_run, find_run, read_events
from engine.runs.worker import main
from tabs.door.paths import APP
from tabs.programs import (
    data_code,
    rate_code,
    results_code,
    stage_source,
    train_code,
    try_code,
)

STAGE = Stage(name="tiny", epochs=1, max_lr=(1e-4, 1e-3), image_size=32, batch_size=4, precision="fp32")
RECIPE = Recipe(name="tiny", stages=(STAGE,), backbone="tf_efficientnet_lite0")


def run_program(program: str) -> None:
    exec(compile(program, "shown.py", "exec"), {"__name__": "__main__"})


@pytest.fixture(params=["camvid", "planet", "heads"])
def drawn(request: pytest.FixtureRequest) -> tuple[str, Path]:
    """A task of pictures and its drawn data set."""
    fixtures = {"camvid": "streets", "planet": "chips", "heads": "heads"}
    return request.param, request.getfixturevalue(fixtures[request.param])


@pytest.fixture
def finished_run(drawn: tuple[str, Path]) -> str:
    task, folder = drawn
    return finish(task, folder, RECIPE)


def finish(task: str, folder: Path, recipe: Recipe, init_from: str = "") -> str:
    run_dir = create_run(RunSpec(task=task, dataset=str(folder), recipe=recipe, init_from=init_from))
    assert main(run_dir) == 0
    return run_dir.name


def test_looking_at_data(drawn, capsys):
    task, folder = drawn
    run_program(data_code(task, str(folder), STAGE))
    said = capsys.readouterr().out
    assert "Where are the inputs?" in said and ("(48, 64, 3)" in said or "(48, 48, 3)" in said)


def test_training_and_finding_a_rate_from_scratch_and_from_a_run(drawn, finished_run, capsys, monkeypatch, tmp_path):
    # The real finder, with fewer steps: a hundred would cost this test half a minute.
    monkeypatch.setattr(api, "find_lr", partial(api.find_lr, steps=12))
    monkeypatch.chdir(tmp_path)
    task, folder = drawn
    run_program(train_code(task, str(folder), RECIPE, "", seed=42))
    assert "tiny 1 " in capsys.readouterr().out
    # The program trains what the worker trained, and keeps it.
    theirs = read_events(find_run(finished_run))[0]
    epoch = next(event for event in theirs if isinstance(event, EpochFinished))
    kept = read_evaluation(tmp_path / f"my-{task}-tiny")
    assert kept and {name: kept["metrics"][name] for name in epoch.metrics} == epoch.metrics
    run_program(rate_code(task, str(folder), replace(RECIPE, new_channels="mean"), finished_run))
    assert "valley" in capsys.readouterr().out


def test_results_and_predictions_of_a_run(drawn, finished_run, capsys):
    task, folder = drawn
    run_program(results_code(task, str(folder), finished_run))
    assert "valid_loss" in capsys.readouterr().out
    run_program(try_code(task, str(folder), finished_run))
    assert {"camvid": "shares", "planet": "probabilities", "heads": "column"}[task] in capsys.readouterr().out


def test_the_programs_for_texts(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(api, "find_lr", partial(api.find_lr, steps=12))
    monkeypatch.chdir(tmp_path)
    folder, backbone = tmp_path / "reviews", str(save_tiny(tmp_path / "bert"))
    draw_reviews(folder, train=24, valid=8, test=4, unlabelled=8)
    stage = replace(STAGE, text_length=32, batch_size=8)
    language = Recipe(name="words", stages=(stage,), backbone=backbone, objective="language_model")
    classes = Recipe(name="classes", stages=(stage,), backbone=backbone)
    run_program(data_code("imdb", str(folder), stage))
    assert "Where are the inputs?" in (said := capsys.readouterr().out) and "xxbos" in said
    run_program(train_code("imdb", str(folder), language, "", seed=1))
    assert "perplexity" in capsys.readouterr().out
    writer = finish("imdb", folder, language)
    run_program(rate_code("imdb", str(folder), language, writer))
    assert "valley" in capsys.readouterr().out
    run_program(train_code("imdb", str(folder), classes, writer, seed=1))
    assert "roc_auc" in capsys.readouterr().out
    assert [start.recipe.name for start in read_config(resolve_bundle(tmp_path / "my-imdb-classes")).starts] == [
        "words"
    ]
    judge = finish("imdb", folder, classes, str(find_run(writer)))
    for split in ("valid", "test"):
        run_program(results_code("imdb", str(folder), judge, split=split))
        assert "accuracy" in (said := capsys.readouterr().out) and len(said.splitlines()) == 5
    run_program(try_code("imdb", str(folder), judge))
    assert "probabilities" in capsys.readouterr().out


def test_registered_data_is_fetched_and_a_stage_shows_only_what_is_its_own():
    assert "fetch('drawn-streets')" in train_code("camvid", "drawn-streets", RECIPE, "", seed=1)
    assert eval(stage_source(STAGE)) == STAGE
    assert "momentum" not in stage_source(STAGE)


@pytest.mark.parametrize("task", ["camvid", "planet", "heads", "imdb"])
def test_a_model_that_comes_with_the_app_is_tried_without_its_data(task, capsys, monkeypatch):
    monkeypatch.setattr(listing, "SAMPLES_FOLDER", SAMPLES_FOLDER)
    monkeypatch.chdir(APP)
    dataset = read_config(SAMPLES_FOLDER / task).dataset
    program = try_code(task, dataset, f"sample-{task}")
    assert "fetch" not in program and "resolve_dataset" not in program
    run_program(program)
    assert capsys.readouterr().out.count("\n") >= 2
