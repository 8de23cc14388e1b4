"""Models by name: runs, downloads and samples are found, listed, deleted and had back; nothing else is."""

import os
import time
from pathlib import Path

import pytest
from untrained import BACKBONE, STREET_STAGE, edit, save_untrained

from engine.errors import BundleError, RunError
from engine.hub import library
from engine.hub.export import export_bundle
from engine.hub.library import downloads_folder, find_model, known_model, list_models
from engine.hub.trash import KEPT_SECONDS, delete_model, list_deleted, restore_model, trash_folder
from engine.recipe import Recipe
from engine.runs.store import QUEUED_FILE, STARTING_FILE, RunSpec, create_run, write_worker
from engine.serving.predictor import load_predictor

CLASSES = ("sky", "road", "car")
DOWNLOAD = "me--streets--0123456789ab"


@pytest.fixture
def run(lab_home: Path) -> Path:
    recipe = Recipe(name="tiny", backbone=BACKBONE, stages=(STREET_STAGE,))
    made = create_run(RunSpec(task="camvid", dataset="drawn-streets", recipe=recipe))
    save_untrained(made / "checkpoints", CLASSES)
    return made


@pytest.fixture
def three(run: Path) -> list[str]:
    export_bundle(run, downloads_folder() / DOWNLOAD)
    export_bundle(run, library.SAMPLES_FOLDER / "camvid")
    return [run.name, DOWNLOAD, "sample-camvid"]


def test_runs_come_first_then_downloads_then_samples(three: list[str]) -> None:
    assert [model.name for model in list_models()] == three == [model.name for model in list_models("camvid")]
    assert [model.origin for model in list_models()] == ["run", "download", "sample"]
    assert list_models("planet") == []
    for name in three:
        assert load_predictor(find_model(name)).classes == known_model(name).config.plan.classes == CLASSES


def test_a_damaged_model_hides_no_other(three: list[str]) -> None:
    edit(downloads_folder() / DOWNLOAD, classes=[])
    assert [model.name for model in list_models()] == [three[0], three[2]]


def test_a_run_without_a_checkpoint_says_so(lab_home: Path) -> None:
    recipe = Recipe(name="tiny", backbone=BACKBONE, stages=(STREET_STAGE,))
    made = create_run(RunSpec(task="camvid", dataset="drawn-streets", recipe=recipe))
    with pytest.raises(BundleError, match="has no checkpoint yet"):
        known_model(made.name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../runs", "/", "sample-", "sample-../..", "a\0b", "nothing", "x" * 5000]
)
def test_only_what_is_listed_is_known(three: list[str], name: str) -> None:
    with pytest.raises(BundleError, match="There is no model"):
        known_model(name)


def test_a_path_is_no_name(three: list[str], run: Path) -> None:
    assert find_model(str(run)) == run, "the command line takes any folder"
    with pytest.raises(BundleError, match="There is no model"):
        known_model(str(run))


def test_what_is_deleted_can_be_had_back(three: list[str], run: Path) -> None:
    for name in three[:2]:
        delete_model(name)
    assert [model.name for model in list_models()] == three[2:]
    assert {deleted.name for deleted in list_deleted()} == set(three[:2])
    for name in three[:2]:
        restore_model(name)
    assert [model.name for model in list_models()] == three
    assert list_deleted() == [] and not (run / ".deleted").exists()
    with pytest.raises(BundleError, match="There is no deleted model"):
        restore_model(three[0])


def test_samples_stay_and_so_does_what_is_going_on(three: list[str], run: Path) -> None:
    with pytest.raises(BundleError, match="comes with the app"):
        delete_model("sample-camvid")
    for name in (QUEUED_FILE, STARTING_FILE):
        (run / name).write_text("{}")
        with pytest.raises(RunError, match="Stop it first"):
            delete_model(run.name)
        (run / name).unlink()
    write_worker(run, os.getpid(), slots=(), events_size=0, log_size=0)
    with pytest.raises(RunError, match="Stop it first"):
        delete_model(run.name)
    assert [model.name for model in list_models()] == three


def test_a_name_that_was_taken_meanwhile_is_not_overwritten(three: list[str]) -> None:
    delete_model(DOWNLOAD)
    (downloads_folder() / DOWNLOAD).mkdir()
    with pytest.raises(BundleError, match="There is another"):
        restore_model(DOWNLOAD)


@pytest.mark.parametrize("name", ["..", "../hub", "../../x", ""])
def test_nothing_is_restored_from_elsewhere(three: list[str], name: str, lab_home: Path) -> None:
    delete_model(DOWNLOAD)
    (lab_home / ".deleted").touch()
    with pytest.raises(BundleError, match="There is no deleted model"):
        restore_model(name)


def test_after_a_week_the_trash_forgets(three: list[str]) -> None:
    delete_model(DOWNLOAD)
    (stamp,) = trash_folder().glob("*/*/.deleted")
    long_ago = time.time() - KEPT_SECONDS - 1
    os.utime(stamp, (long_ago, long_ago))
    delete_model(three[0])
    assert [deleted.name for deleted in list_deleted()] == [three[0]]
