"""The command line: every knob has its option, `--json` is for programs, and mistakes end with a message."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner
from untrained import STREET_STAGE, save_untrained
from untrained_tags import save_untrained_tags

from engine.cli.app import app
from engine.cli.terminal import progress_bar, show_training
from engine.data.sources.fetching import SOURCES
from engine.events import EpochFinished, RunStopped, StageStarted
from engine.host.home import data_folder, runs_folder
from engine.kinds.mask import open_masks
from engine.recipe import Recipe, knob_fields
from engine.runs.store import RunSpec, create_run, list_runs, read_events, read_spec
from engine.tasks.registry import get_task

REPOSITORY = Path(__file__).parents[3]
KNOBS = [name for name, _ in knob_fields()]


def call(*arguments: object, code: int = 0) -> tuple[dict[str, Any], str]:
    """The command's JSON (its last line on standard output) and what it says to people."""
    result = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    lines = result.stdout.splitlines()
    return json.loads(lines[-1]) if lines else {}, " ".join(result.stderr.split())


@pytest.fixture
def run_folder(streets: Path, lab_home: Path) -> Path:
    """A run with one untrained checkpoint."""
    recipe = Recipe(name="tiny", backbone="mobilenetv3_small_100", stages=(STREET_STAGE,))
    folder = create_run(RunSpec(task="camvid", dataset=str(streets), recipe=recipe))
    save_untrained(folder / "checkpoints", open_masks(streets).classes, dataset=str(streets))
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Two that are whole, and between them one that is not. Their names would be markup, were they taken for it."""
    for name, size in (("[a]one.png", (40, 30)), ("two.jpg", (30, 50))):
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)).save(
            tmp_path / name
        )
    (tmp_path / "[b]broken.jpg").write_bytes(b"no picture at all")
    return [tmp_path / name for name in ("[a]one.png", "[b]broken.jpg", "two.jpg")]


@pytest.mark.parametrize("command", ["train", "lr-find"])
def test_what_only_the_worker_finds_out_is_the_runs_message(command: str, streets: Path) -> None:
    answer, people = call(command, "camvid", "--dataset", streets, "--backbone", "resnet43", code=1)
    assert answer["status"] == "failed" and answer["run"] == str(list_runs()[0])
    assert "timm has no backbone 'resnet43'" in people


@pytest.mark.parametrize("command", ["train", "lr-find"])
def test_each_knob_has_its_option_and_no_option_is_a_knob_of_its_own(command: str) -> None:
    group = typer.main.get_command(app)
    options = {parameter.name: parameter for parameter in group.commands[command].params}
    assert set(KNOBS) <= set(options)
    own = {"task", "objective", "dataset", "backbone", "new_channels", "init_from", "run_dir", "seed", "as_json"} | (
        {"recipe", "prepare"} if command == "train" else {"steps"}
    )
    assert set(options) - set(KNOBS) == own
    for name, declared in knob_fields():
        assert options[name].opts == [f"--{name.replace('_', '-')}"]
        assert options[name].help.startswith(declared.help)


def test_datasets_lists_what_there_is() -> None:
    answer, people = call("datasets")
    assert answer == {"datasets": [{"name": source.name, "ready": False} for source in SOURCES]}
    assert "drawn-streets" in people


def test_fetch_draws_the_drawn_streets(monkeypatch: pytest.MonkeyPatch) -> None:
    answer, _ = call("fetch", "drawn-streets")
    assert answer == {"name": "drawn-streets", "folder": str(data_folder() / "drawn-streets")}
    assert open_masks(Path(answer["folder"])).shape == (120, 160)
    ready = {row["name"]: row["ready"] for row in call("datasets")[0]["datasets"]}
    assert ready == {source.name: source.name == "drawn-streets" for source in SOURCES}


def test_runs_lists_the_runs(run_folder: Path) -> None:
    answer, people = call("runs")
    known = {"run": run_folder.name, "folder": str(run_folder), "task": "camvid", "recipe": "tiny", "status": "new"}
    assert answer == {"runs": [{**known, "best": {}, "remarks": []}]}
    assert f"{run_folder.name} streets new" in people


def test_without_runs_the_first_step_is_named() -> None:
    answer, people = call("runs")
    assert answer == {"runs": []}
    assert people == "No runs yet: python -m engine train TASK makes the first."


def test_predict_answers_the_good_ones_and_names_the_bad_one(run_folder: Path, pictures: list[Path], tmp_path) -> None:
    answer, people = call("predict", run_folder.name, *pictures, "--out", tmp_path / "out", code=1)
    first, broken, second = answer["predictions"]
    assert [one["file"] for one in (first, broken, second)] == list(map(str, pictures))
    assert (first["height"], first["width"], second["height"], second["width"]) == (30, 40, 50, 30)
    assert sum(first["shares"].values()) == pytest.approx(1)
    assert np.asarray(Image.open(first["saved"])).shape == (30, 40)
    assert broken.keys() == {"file", "error"}
    assert "✗ [b]broken.jpg is not a picture that can be read." in people
    # Where the temporary folder has a long name, a line breaks in this one.
    assert "[a]one.png:" in people.replace(" ", "")


def test_predict_ends_well_when_all_were_answered(run_folder: Path, pictures: list[Path]) -> None:
    bundle = next((run_folder / "checkpoints").glob("stage*"))
    answer, _ = call("predict", bundle, pictures[0], pictures[2])
    assert len(answer["predictions"]) == 2
    assert list(answer["predictions"][0]["shares"]) == list(open_masks(Path(read_spec(run_folder).dataset)).classes)


def test_evaluate_measures_a_split(run_folder: Path) -> None:
    answer, people = call("evaluate", run_folder, "--split", "test")
    assert (answer["split"], answer["items"]) == ("test", 2)
    assert set(answer["metrics"]) == {"pixel_accuracy", "mean_iou", "valid_loss"}
    assert 0 <= answer["metrics"]["pixel_accuracy"] <= 1
    assert sum(map(sum, answer["confusion"])) > 0
    assert "2 inputs of streets, test split" in people
    larger, _ = call("evaluate", run_folder, "--split", "test", "--image-size", "40")
    assert larger["loss"] != answer["loss"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "wind"], "There is no task 'wind'. The tasks are: planet, camvid, heads"),
        (
            ["train", "camvid", "--dataset", "nowhere"],
            "'nowhere' is neither a folder, nor a table or an archive, nor a data set that the app knows",
        ),
        (["train", "camvid", "--dataset", "camvid_tiny"], "Get it: python -m engine fetch camvid_tiny"),
        (["train", "camvid", "--max-lr", "7"], "Learning rate is 7. Give a number from 1e-07 to 1."),
        (["train", "camvid", "--max-lr", "fast"], "Learning rate is 'fast'."),
        (["train", "camvid", "--precision", "fp8"], "Precision is 'fp8'. Choose one of: auto, fp32, bf16, fp16."),
        (["train", "camvid", "--recipe", "none"], "CamVid has no recipe 'none'. There are: quick"),
        (
            ["train", "camvid", "--recipe", "quick", "--epochs", "1"],
            "--recipe quick has knobs of its own: leave out --epochs",
        ),
        (["train", "camvid", "--dataset", "STREETS", "--init-from", "nobody"], "neither a model bundle"),
        (["fetch", "mnist"], "There is no data set 'mnist'. There are: camvid"),
        (["evaluate", "nothing"], "is neither a model bundle"),
        (["evaluate", "RUN", "--split", "half"], "There is no split 'half'. The splits are: train, valid, test"),
        (["predict", "nothing", "x.png"], "is neither a model bundle"),
    ],
)
def test_a_mistake_is_a_message_and_leaves_no_run(
    request, streets: Path, lab_home: Path, arguments, message: str
) -> None:
    places = {"STREETS": str(streets)}
    if "RUN" in arguments:
        places["RUN"] = str(request.getfixturevalue("run_folder"))
    before = list_runs()
    _, people = call(*(places.get(argument, argument) for argument in arguments), code=1)
    assert people.startswith("✗ ")
    assert message in people
    assert list_runs() == before


def test_a_model_of_other_classes_is_not_evaluated(streets: Path, tmp_path: Path) -> None:
    stranger = save_untrained(tmp_path / "checkpoints", ("cat", "dog"))
    _, people = call("evaluate", stranger, "--dataset", streets, code=1)
    assert "streets has the classes" in people and "none of them is the same" in people


def test_train_then_evaluate_then_predict(streets: Path, pictures: list[Path]) -> None:
    """The commands as people call them, in processes of their own."""

    def run(*arguments: object, code: int = 0) -> dict[str, Any]:
        command = [sys.executable, "-m", "engine", *map(str, arguments), "--json"]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == code, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    knobs = ["--epochs=1", "--image-size=32", "--batch-size=4", "--max-lr=1e-4,1e-3", "--precision=fp32"]
    knobs += ["--train-from", "-1"]  # apart, as people type it: a negative number is no option
    trained = run("train", "camvid", "--dataset", streets, *knobs, "--seed", 3)
    folder = Path(trained["run"])
    assert trained["status"] == "finished"
    assert folder.parent == runs_folder()
    spec, (events, _) = read_spec(folder), read_events(folder)
    assert (spec.seed, spec.dataset, spec.recipe.stages[0].max_lr) == (3, str(streets), (1e-4, 1e-3))
    started = next(event for event in events if isinstance(event, StageStarted))
    assert (started.input_size, started.batch_size, started.train_items) == ("32×43 px", 4, 10)
    epoch = next(event for event in events if isinstance(event, EpochFinished))
    figures = epoch.metrics | {"valid_loss": epoch.valid_loss}
    assert trained["best"] == figures | {"train_loss": epoch.train_loss}
    assert call("evaluate", folder.name)[0]["metrics"] == figures
    assert call("runs")[0]["runs"][0]["best"] == epoch.metrics
    answers = call("predict", folder.name, *pictures, code=1)[0]["predictions"]
    assert ["error" in answer for answer in answers] == [False, True, False]


def test_the_program_s_help_names_every_command() -> None:
    command = [sys.executable, "-m", "engine", "--help"]
    environment = os.environ | {"COLUMNS": "120", "NO_COLOR": "1"}
    said = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True).stdout
    for name in ("datasets", "fetch", "lr-find", "train", "evaluate", "predict", "runs"):
        assert re.search(rf"^\W*{name}\b", said, re.MULTILINE)


def test_a_folder_s_run_goes_on_with_the_same_command_and_no_other(streets: Path, tmp_path: Path) -> None:
    settings = (
        "train",
        "camvid",
        "--dataset",
        streets,
        "--epochs",
        "1",
        "--image-size",
        "32",
        "--run-dir",
        tmp_path / "r",
    )
    made, people = call(*settings, "--prepare")
    assert made == {"run": str(tmp_path / "r"), "status": "new"}
    assert f"accelerate launch -m engine.runs.worker {tmp_path / 'r'}" in people
    assert (
        call(*settings, "--prepare")[0] == call("train", "camvid", "--run-dir", tmp_path / "r", "--prepare")[0] == made
    )
    for other in (
        (*settings, "--seed", "7"),
        (*settings, "--batch-size", "2"),
        ("train", "planet", "--run-dir", tmp_path / "r", "--dataset", streets),
    ):
        _, people = call(*other, "--prepare", code=1)
        assert "is a run already, and one of other settings" in people


def test_a_folder_named_as_the_one_it_lies_in_is_kept_as_a_path(
    streets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").symlink_to(streets)
    monkeypatch.chdir(tmp_path)
    made, _ = call("train", "camvid", "--dataset", "mine", "--prepare")
    assert read_spec(Path(made["run"])).dataset == str(tmp_path / "mine")


def test_a_damaged_run_does_not_hide_the_others(run_folder: Path) -> None:
    broken = runs_folder() / "20200101-000000-camvid"
    broken.mkdir()
    (broken / "recipe.json").write_text("{")
    answer, people = call("runs")
    assert [row["run"] for row in answer["runs"]] == [run_folder.name]
    assert "recipe.json is damaged" in people


def test_files_of_one_name_are_written_side_by_side(run_folder: Path, pictures: list[Path], tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    Image.new("RGB", (50, 20)).save(tmp_path / "more" / "two.jpg")
    answer, _ = call("predict", run_folder, pictures[2], tmp_path / "more" / "two.jpg", "--out", tmp_path / "out")
    first, second = (Path(one["saved"]) for one in answer["predictions"])
    assert first != second
    for saved, size in ((first, (30, 50)), (second, (50, 20))):
        with Image.open(saved) as mask:
            assert mask.size == size


def test_tags_are_evaluated_with_augmentation_predicted_into_a_table_and_submitted(chips: Path, tmp_path: Path) -> None:
    kaggle = tmp_path / "kaggle"
    shutil.copytree(chips / "train", kaggle / "train-jpg")
    shutil.copyfile(chips / "labels.csv", kaggle / "train_v2.csv")
    shutil.copytree(chips / "train", kaggle / "test-jpg")
    data = get_task("planet").build_objective().open_data(kaggle)
    bundle = save_untrained_tags(tmp_path / "checkpoints", data.classes, decision={})
    plain, augmented = (call("evaluate", bundle, "--dataset", kaggle, *more)[0] for more in ((), ("--tta",)))
    assert plain["items"] == augmented["items"] == len(data.valid) and plain["loss"] != augmented["loss"]
    call("predict", bundle, *data.valid[:2], "--csv", tmp_path / "tags.csv")
    with (tmp_path / "tags.csv").open(newline="") as file:
        assert [Path(row["file"]).name for row in csv.DictReader(file)] == [item.name for item in data.valid[:2]]
    written = []
    for number, more in enumerate(((), ("--tta",), ("--tta", "--threshold", "0.5"))):
        out = tmp_path / f"{number}.csv"
        answer, said = call("submit", bundle, "--dataset", kaggle, "--out", out, *more)
        command = f"kaggle competitions submit -c planet-understanding-the-amazon-from-space -f {out} -m"
        assert command in said and "late submission" in said and "public and a private score" in said
        assert answer["items"] == len(data.unlabelled) == len(out.read_text().splitlines()) - 1
        written.append(out.read_text())
    assert written[2] not in written[:2]


def test_a_run_whose_time_is_over_says_so(capsys):
    with progress_bar() as bar:
        show_training(RunStopped(reason="Its time is over."), bar, bar.add_task("x"))
    assert "Its time is over." in capsys.readouterr().err
