"""Models by name: runs, downloads and samples are found, listed, deleted and had back; nothing else is."""

import errno
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest
from typer.testing import CliRunner
from untrained import BACKBONE, STREET_STAGE, edit, save_untrained

from engine.bundle.files import MODEL_FILE
from engine.cli.app import app
from engine.errors import AccessError, BundleError, EngineError, RunError
from engine.events import RunFailed
from engine.host.access import HOST, Person, identify_by
from engine.library import listing
from engine.library.export import export_bundle
from engine.library.listing import (
    downloads_folder,
    find_model,
    known_model,
    list_models,
    list_stage_ends,
    model_name,
)
from engine.library.trash import KEPT_SECONDS, delete_model, empty_trash, list_deleted, restore_model, trash_folder
from engine.recipe import Recipe, stage_to_dict
from engine.runs.store import QUEUED_FILE, STARTING_FILE, RunSpec, append_event, create_run, write_worker
from engine.runs.watch import load_snapshot
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
    export_bundle(run, listing.SAMPLES_FOLDER / "camvid")
    return [run.name, DOWNLOAD, "sample-camvid"]


def test_runs_come_first_then_downloads_then_samples(three: list[str]) -> None:
    assert [model.name for model in list_models()] == three == [model.name for model in list_models("camvid")]
    assert [model.origin for model in list_models()] == ["run", "download", "sample"]
    assert list_models("planet") == []
    for name in three:
        assert load_predictor(find_model(name)).classes == known_model(name).config.plan.classes == CLASSES


def test_a_predictor_is_loaded_by_the_name_that_the_command_line_knows(three: list[str]) -> None:
    for name in three:
        assert load_predictor(name).config.plan.classes == CLASSES


def test_the_end_of_a_run_s_stage_is_a_model_to_start_from(run: Path) -> None:
    (first,) = (run / "checkpoints").glob("stage*")
    for stage in (0, 1):
        end = first.with_name(f"stage{stage}-step000004")
        shutil.copytree(first, end)
        edit(end, stage=stage_to_dict(replace(STREET_STAGE, name=f"part-{stage}")))
    shutil.rmtree(first)
    names = [f"{run.name}@2", f"{run.name}@1"]
    assert [model.name for model in list_stage_ends(run.name)] == names
    for name, stage in zip(names, (1, 0), strict=True):
        assert find_model(name) == known_model(name).source == run / "checkpoints" / f"stage{stage}-step000004"
        assert known_model(name).config.stage.name == f"part-{stage}" and model_name(find_model(name)) == name
        assert load_predictor(name).classes == CLASSES
    with pytest.raises(BundleError, match="has no checkpoint of stage 3"):
        known_model(f"{run.name}@3")
    with pytest.raises(BundleError, match=r"is a part of a run\. Delete the whole run"):
        delete_model(names[0])


def test_a_model_is_the_same_until_its_weights_are_others(three: list[str]) -> None:
    before = {name: known_model(name) for name in three}
    assert {name: known_model(name) for name in three} == before and len(set(before.values())) == 3
    weights = before[DOWNLOAD].folder / MODEL_FILE
    os.utime(weights, (1, 1))
    assert {name for name in three if known_model(name) != before[name]} == {DOWNLOAD}


def test_a_model_s_name_is_found_by_what_it_is_loaded_from(three: list[str]) -> None:
    assert [model_name(str(known_model(name).source)) for name in three] == three
    assert model_name("") == ""


def test_on_windows_a_model_s_name_is_a_path_s_last_part_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "Path", PureWindowsPath)
    monkeypatch.setattr(listing, "SAMPLES_FOLDER", PureWindowsPath("C:\\lab\\assets\\models"))
    assert model_name("C:\\lab\\assets\\models\\camvid") == "sample-camvid"
    assert model_name("D:\\home\\runs\\20260101-camvid") == "20260101-camvid"


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


@pytest.mark.parametrize("job", ["train", "lr-find"])
def test_a_run_without_a_checkpoint_can_be_deleted_too(lab_home: Path, job: Any) -> None:
    recipe = Recipe(name="tiny", backbone=BACKBONE, stages=(STREET_STAGE,))
    made = create_run(RunSpec(task="camvid", dataset="drawn-streets", recipe=recipe, job=job))
    append_event(made, RunFailed(message="No memory.", log_tail=""))
    (made / QUEUED_FILE).touch()
    with pytest.raises(RunError, match="Stop it first"):
        delete_model(made.name)
    (made / QUEUED_FILE).unlink()
    delete_model(made.name)
    assert not made.exists() and [deleted.name for deleted in list_deleted()] == [made.name]
    restore_model(made.name)
    assert load_snapshot(made).message == "No memory."
    (made.parent / "holiday").mkdir()
    with pytest.raises(BundleError, match="There is no model"):
        delete_model("holiday")


def test_a_damaged_download_can_be_deleted(three: list[str]) -> None:
    edit(downloads_folder() / DOWNLOAD, classes=[])
    delete_model(DOWNLOAD)
    assert not (downloads_folder() / DOWNLOAD).exists()


def test_what_is_deleted_twice_lies_there_once(three: list[str], run: Path) -> None:
    for note in ("first", "second"):
        shutil.rmtree(downloads_folder() / DOWNLOAD, ignore_errors=True)
        export_bundle(run, downloads_folder() / DOWNLOAD)
        (downloads_folder() / DOWNLOAD / "note").write_text(note)
        delete_model(DOWNLOAD)
    (lies,) = trash_folder().glob("hub/*")
    assert not (lies / DOWNLOAD).exists() and (lies / "note").read_text() == "second"
    restore_model(DOWNLOAD)
    assert load_predictor(find_model(DOWNLOAD)).classes == CLASSES


def full(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("is_other_disk", [False, True])
def test_where_the_disk_is_full_everything_stays_where_it_is(
    three: list[str], monkeypatch: pytest.MonkeyPatch, is_other_disk: bool
) -> None:
    def elsewhere(source: Path, target: Path) -> Path:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    def fill(source: Path, target: Path, **_: Any) -> Path:
        target.mkdir()
        (target / "half").touch()
        raise shutil.Error([(str(source), str(target), str(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))])

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", elsewhere if is_other_disk else full)
        patched.setattr(shutil, "copytree", fill)
        with pytest.raises(EngineError, match=f"Could not delete {DOWNLOAD}: the disk is full"):
            delete_model(DOWNLOAD)
    assert [model.name for model in list_models()] == three and list_deleted() == []
    assert not (downloads_folder() / DOWNLOAD / ".deleted").exists()
    delete_model(DOWNLOAD)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", elsewhere if is_other_disk else full)
        patched.setattr(shutil, "copytree", fill)
        with pytest.raises(EngineError, match=f"Could not bring {DOWNLOAD} back: the disk is full"):
            restore_model(DOWNLOAD)
    assert [deleted.name for deleted in list_deleted()] == [DOWNLOAD]
    assert not [path for path in downloads_folder().iterdir() if path.is_dir()]
    restore_model(DOWNLOAD)
    assert [model.name for model in list_models()] == three


def test_a_trash_on_another_disk(three: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def only_here(source: Path, target: Path) -> Path:
        if source.parent != target.parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", only_here)
    delete_model(DOWNLOAD)
    assert not (downloads_folder() / DOWNLOAD).exists()
    restore_model(DOWNLOAD)
    assert [model.name for model in list_models()] == three and list(trash_folder().glob("hub/*")) == []


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
    assert list_deleted() == [] and list(trash_folder().glob("*/*")) == []


def test_the_trash_can_be_emptied(three: list[str]) -> None:
    empty_trash()
    for name in three[:2]:
        delete_model(name)
    empty_trash()
    assert list_deleted() == [] and not trash_folder().exists()
    assert [model.name for model in list_models()] == three[2:]
    identify_by(lambda: Person(name="anna", is_host=False))
    try:
        with pytest.raises(AccessError, match="may empty the trash"):
            empty_trash()
    finally:
        identify_by(lambda: HOST)


def test_the_command_line_deletes_for_good(three: list[str]) -> None:
    def run_cli(*arguments: str) -> int:
        return CliRunner().invoke(app, ["delete", *arguments]).exit_code

    assert run_cli(three[0]) == 0 and [deleted.name for deleted in list_deleted()] == [three[0]]
    assert run_cli(DOWNLOAD, "--forever") == 0 and list_deleted() == []
    assert run_cli("--forever") == 0 and run_cli() == 1
    assert [model.name for model in list_models()] == three[2:]
