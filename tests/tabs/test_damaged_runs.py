"""One run whose files are valid JSON of the wrong kind is skipped or drawn as far as it goes: it breaks nobody's page."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from untrained import BACKBONE, STREET_STAGE, edit, save_untrained

from engine.cli.app import app
from engine.errors import RunError
from engine.events import CheckpointSaved, EpochFinished, RunStarted, StageStarted, StepFinished, Warned, to_json
from engine.library.export import export_bundle
from engine.library.listing import list_models
from engine.library.trash import delete_model
from engine.recipe import Recipe
from engine.runs.queue import queue_position, queued_runs, stop
from engine.runs.store import (
    EVENTS_FILE,
    QUEUED_FILE,
    SPEC_FILE,
    WORKER_FILE,
    RunSpec,
    append_event,
    create_run,
    list_runs,
    write_worker,
)
from engine.runs.watch import load_snapshot
from engine.tasks.camvid import CAMVID
from tabs.home import show_runs
from tabs.panels.train import poll_run
from tabs.reading.opened import runs_of

DEEP = "[" * 100_000 + "]" * 100_000
STEP = StepFinished(stage=0, epoch=1, step=1, loss=1.0, lr=(1e-3,), momentum=0.9, seconds=0.1)
EPOCH = EpochFinished(
    stage=0,
    epoch=1,
    step=1,
    train_loss=1.0,
    valid_loss=0.75,
    metrics={"pixel_accuracy": 0.5},
    train_seconds=1.0,
    valid_seconds=1.0,
)
EVENTS = (
    RunStarted(device="cpu", device_name="CPU", processes=1, backbone=BACKBONE, parameters=9),
    StageStarted(
        stage=0,
        stages=1,
        name="tiny",
        epochs=1,
        steps_per_epoch=1,
        batch_size=4,
        train_items=4,
        valid_items=4,
        trainable_parameters=9,
    ),
    STEP,
    EPOCH,
    CheckpointSaved(stage=0, step=1, folder="stage0-step000001", best=True),
)


def made(**more: Any) -> Path:
    """A run that has trained an epoch, with its checkpoint."""
    recipe = Recipe(name="tiny", backbone=BACKBONE, stages=(STREET_STAGE,))
    run_dir = create_run(RunSpec(task="camvid", dataset="drawn-streets", recipe=recipe, **more))
    save_untrained(run_dir / "checkpoints", ("sky", "road"))
    for event in EVENTS:
        append_event(run_dir, event)
    return run_dir


def spec_with(**changes: Any) -> Callable[[Path], None]:
    def do(run_dir: Path) -> None:
        path = run_dir / SPEC_FILE
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return do


def event_with(event: Any, **changes: Any) -> Callable[[Path], None]:
    def do(run_dir: Path) -> None:
        with (run_dir / EVENTS_FILE).open("a") as file:
            file.write(json.dumps(json.loads(to_json(event, at=1.0)) | changes) + "\n")

    return do


def worker_with(**changes: Any) -> Callable[[Path], None]:
    def do(run_dir: Path) -> None:
        write_worker(run_dir, os.getpid(), slots=("host",), events_size=0, log_size=0)
        path = run_dir / WORKER_FILE
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return do


def deep(file: str) -> Callable[[Path], None]:
    def do(run_dir: Path) -> None:
        with (run_dir / file).open("a" if file == EVENTS_FILE else "w") as opened:
            opened.write(DEEP + "\n")

    return do


SPECS = {
    "owner": spec_with(owner=None),
    "dataset": spec_with(dataset=None),
    "title": spec_with(title=5),
    "job": spec_with(job="dance"),
    "minutes": spec_with(minutes="x"),
    "seed": spec_with(seed=True),
    "deep": deep(SPEC_FILE),
}
STILL_LISTED = {
    "start": spec_with(init_from="x" * 300),
    "start of nobody": spec_with(init_from="~nobody-of-that-name/run"),
    "metrics": event_with(EPOCH, metrics=None),
    "metric": event_with(EPOCH, metrics={"a": "x"}),
    "loss": event_with(EPOCH, train_loss=None),
    "large": event_with(EPOCH, train_loss=10**400),
    "rate": event_with(STEP, lr=0.1),
    "no rate": event_with(STEP, lr=[]),
    "message": event_with(Warned(message=""), message={"a": 1}),
    "deep event": deep(EVENTS_FILE),
    "pid": worker_with(pid="x"),
    "negative pid": worker_with(pid=-1),
    "large pid": worker_with(pid=2**63),
    "created": worker_with(created=None),
    "host": worker_with(host=5),
    "deep worker": deep(WORKER_FILE),
    "remarks": lambda run_dir: edit(run_dir / "checkpoints" / "stage0-step000001", remarks=[5]),
    "deep config": lambda run_dir: (run_dir / "checkpoints/stage0-step000001/config.json").write_text(DEEP),
}
DAMAGES: Mapping[str, Callable[[Path], object]] = {**SPECS, **STILL_LISTED}


@pytest.mark.parametrize("damage", DAMAGES, ids=DAMAGES.keys())
def test_the_other_runs_are_listed_and_the_damaged_one_can_be_deleted(damage: str, lab_home: Path) -> None:
    sound, other = made(title="sound"), made()
    DAMAGES[damage](other)
    shown = [other.name, sound.name] if damage in STILL_LISTED else [sound.name]
    assert runs_of() == shown
    html = show_runs()
    assert "sound" in html and "1 epoch; Pixel accuracy 0.5000" in html
    assert (other.name in html) is (other.name in shown)
    assert "sound" in poll_run(CAMVID, {}, sound.name, "").live
    assert "0.5000" in poll_run(CAMVID, {}, None, "").live
    listed = CliRunner().invoke(app, ["runs", "--json"])
    assert listed.exit_code == 0, listed.output
    assert [run["run"] for run in json.loads(listed.stdout.splitlines()[-1])["runs"]] == shown
    delete_model(other.name)
    assert list_runs() == [sound] and runs_of() == [sound.name]


@pytest.mark.parametrize("damage", ["metrics", "metric", "loss", "large", "rate", "no rate", "deep event"])
def test_a_run_with_damaged_events_can_be_exported(damage: str, lab_home: Path, tmp_path: Path) -> None:
    run_dir = made()
    DAMAGES[damage](run_dir)
    export_bundle(run_dir, tmp_path / "out")
    assert [model.name for model in list_models()] == [run_dir.name]


@pytest.mark.parametrize("content", [DEEP, '{"at": null}', '{"at": {}}', f'{{"at": 1{"0" * 400}}}', "5"])
def test_a_damaged_place_in_the_queue_is_still_one(content: str, lab_home: Path) -> None:
    run_dir = made(title="waits")
    (run_dir / QUEUED_FILE).write_text(content)
    assert queued_runs() == [run_dir] and queue_position(run_dir) == 1
    assert "next in line" in show_runs()
    stop(run_dir)
    delete_model(run_dir.name)


def test_a_damaged_run_that_waits_can_be_stopped_and_deleted(lab_home: Path) -> None:
    run_dir = made()
    (run_dir / QUEUED_FILE).write_text('{"at": 1}')
    SPECS["owner"](run_dir)
    with pytest.raises(RunError, match="Stop it first"):
        delete_model(run_dir.name)
    stop(run_dir)
    assert load_snapshot(run_dir).status == "stopped"
    delete_model(run_dir.name)
    with pytest.raises(RunError, match="There is no run"):
        stop(run_dir)
