"""What a task's models read says which knobs mean something; and what an aim tells without torch is what its objective does."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest
from drawn import drawn_for
from toy import TOY
from typer.testing import CliRunner

from engine.cli.app import app
from engine.data.dataset import DataSet
from engine.inputs import PICTURE, TEXT, TRAINING_KNOBS, InputKind
from engine.recipe import Stage, knob_fields
from engine.task import Aim, Metric, Task
from engine.tasks.registry import TASKS, get_task

KNOBS = tuple(name for name, _ in knob_fields())
# The same toy, were its squares described in words.
TOLD = dataclasses.replace(TOY, aims=(dataclasses.replace(TOY.aims[0], input_kind=TEXT),))
AIMS = [(task, aim) for task in (*TASKS, TOY) for aim in task.aims]


def test_every_knob_means_something_to_some_kind_of_input() -> None:
    assert set(PICTURE.knobs) | set(TEXT.knobs) == set(KNOBS)
    assert set(PICTURE.knobs) & set(TEXT.knobs) == set(TRAINING_KNOBS)


@pytest.mark.parametrize(("kind", "unit"), [(PICTURE, "px"), (TEXT, "tokens")], ids=lambda part: str(part)[:20])
def test_a_kind_s_size_is_one_of_its_own_knobs(kind: InputKind, unit: str) -> None:
    assert kind.size_knob in kind.knobs and kind.size_knob not in TRAINING_KNOBS
    assert kind.unit == unit


@pytest.mark.parametrize(
    ("task", "own", "foreign"),
    [
        (TOY, {"image_size", "augmentation"}, {"text_length", "drop_mult"}),
        (TOLD, {"text_length", "drop_mult"}, {"image_size", "augmentation"}),
    ],
    ids=["pictures", "texts"],
)
def test_a_toy_has_the_knobs_of_what_it_reads(task: Task, own: set[str], foreign: set[str]) -> None:
    knobs = set(task.aim().knobs)
    assert own < knobs and not foreign & knobs
    assert task.aim().size_knob in own


def foreign_knobs() -> list[tuple[Task, str]]:
    return [(task, knob) for task in TASKS for knob in KNOBS if knob not in task.input_kind.knobs]


@pytest.mark.parametrize(("task", "knob"), foreign_knobs(), ids=lambda part: getattr(part, "name", part))
@pytest.mark.parametrize("command", ["train", "lr-find"])
def test_the_command_line_refuses_a_knob_that_the_kind_of_input_has_no_use_for(
    lab_home: Path, command: str, task: Task, knob: str
) -> None:
    option = f"--{knob.replace('_', '-')}"
    value = "none" if knob == "augmentation" else "1" if knob == "drop_mult" else "64"
    result = CliRunner().invoke(app, [command, task.name, option, value])
    assert result.exit_code == 1
    assert f"{task.title} has no use for {option}. Leave it out." in " ".join(result.stderr.split())


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_recipes_leave_the_knobs_alone_that_mean_nothing_to_them(task: Task) -> None:
    stages = [stage for recipe in task.recipes for stage in recipe.stages]
    stages += [aim.default_stage for aim in task.aims]
    for stage in stages:
        changed = {name for name in KNOBS if getattr(stage, name) != getattr(Stage(), name)}
        assert changed <= set(task.input_kind.knobs), stage.name


@pytest.mark.parametrize("task", [*TASKS, TOY], ids=lambda task: task.name)
def test_all_aims_of_a_task_read_the_same(task: Task) -> None:
    assert {aim.input_kind.name for aim in task.aims} == {task.input_kind.name}


def test_models_of_the_first_aim_s_kind_answer_the_task_s_question() -> None:
    heads, imdb = get_task("heads"), get_task("imdb")
    assert [heads.is_answered_by(name) for name in ("place", "point", "mask", "")] == [True, True, False, False]
    assert [imdb.is_answered_by(aim.name) for aim in imdb.aims] == [aim.kind == "text" for aim in imdb.aims]
    assert not all(imdb.is_answered_by(aim.name) for aim in imdb.aims), "a language model gives no label"


@pytest.mark.parametrize(("task", "aim"), AIMS, ids=lambda part: part.name)
def test_an_aim_and_its_objective_agree(task: Task, aim: Aim, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    objective = aim.build()
    data: DataSet = objective.open_data(drawn_for(task, request, tmp_path))
    assert objective.name == aim.name
    assert (objective.main_metric, objective.metric) == (aim.metric.name, aim.metric)
    assert aim.input_kind.unit in objective.feed.size(data, aim.default_stage)
    assert data.channels == aim.input_kind.channels


def test_of_a_metric_the_larger_or_the_smaller_value_is_better() -> None:
    share, pixels = Metric(name="share"), Metric(name="pixels", lower_is_better=True)
    assert share.is_better(0.9, 0.8) and not share.is_better(0.8, 0.9) and not share.is_better(0.8, 0.8)
    assert pixels.is_better(3.0, 4.0) and not pixels.is_better(4.0, 3.0) and not pixels.is_better(4.0, 4.0)
    assert not share.is_better(float("nan"), 0.8) and not pixels.is_better(float("nan"), 4.0)


def test_the_page_knows_without_torch_which_figures_are_better_when_they_are_lower() -> None:
    program = (
        "import sys\n"
        "from engine.tasks.registry import TASKS\n"
        "print(sorted({aim.metric.name for task in TASKS for aim in task.aims if aim.metric.lower_is_better}))\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "['mean_error', 'mean_pixels']"), done.stderr


# Ways to ask what an input is without asking its kind.
ASKS = re.compile(r"size_knob == |is_picture|feed is (not )?[A-Z]|startswith\(.language_model")
ROOT = Path(__file__).parents[2]


def test_nothing_asks_by_accident_whether_an_input_is_a_picture() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in ("engine", "tabs")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if ASKS.search(line)
    ]
    assert found == []
    assert ASKS.search("if predictor.objective.feed is not TEXT_STREAM:") and ASKS.search(
        'x if size_knob == "image_size"'
    )
