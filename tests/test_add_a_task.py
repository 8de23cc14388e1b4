"""docs/add-a-task.md, followed to the letter in a copy of the code: the fifth task trains, answers, and has its tab."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.check_house import faults

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "add-a-task.md").read_text("utf-8")
BLOCKS = re.findall(r"^`(\S+)`:\n\n```(py|diff)\n(.*?)^```", PAGE, re.S | re.M)
FILES = {path: code for path, kind, code in BLOCKS if kind == "py"}
CHANGES = [(path, code) for path, kind, code in BLOCKS if kind == "diff"]
DRAWN = "engine/data/"  # drawn data, and its place in the catalog, are no part of what a task costs
MOST_LINES = 150

FOLLOWED = """
import dataclasses
from pathlib import Path

import gradio as gr

from engine.api import evaluate, fetch, get_task, load_predictor, start_model, train_recipe
from tabs.page import build_page
from tabs.views.registry import view_of

task = get_task("shapes")
objective = task.build_objective()
data = objective.open_data(fetch("drawn-shapes"))
assert data.classes == ("circle", "square", "triangle") and (len(data.train), len(data.valid)) == (192, 48)

stage = dataclasses.replace(task.recipe("quick").stages[0], epochs=2, precision="fp32")
recipe = dataclasses.replace(task.recipe("quick"), stages=(stage,))
begun = start_model(task, recipe, data, dataset="drawn-shapes", seed=1)
folder, asked = Path("run", "checkpoints"), {"seed": 1, "workers": 0}
for event in train_recipe(objective, recipe, model=begun.model, data=data, folder=folder, config=begun.config, **asked):
    pass
assert type(event).__name__ == "StageFinished", event

predictor = load_predictor("run")
figures = evaluate(objective, predictor.model, data=data, items=data.valid, stage=stage)
assert figures.metrics["accuracy"] > 0.6, figures.metrics
assert predictor.predict(data.valid[0]).answer in data.classes

view = view_of(task)
assert "circle" in view.show_legend(data.classes)
assert view.show_samples(data, "valid", 0, 3).count("<img") == 3
assert view.show_augmented(data, stage, 0, 1).count("<img") == 6
assert view.show_frequencies(data).count("%") == 3
assert view.show_comparisons(predictor, data, data.valid[:2]).count("the model says") == 2
assert "triangle" in view.show_evaluation(figures.as_dict())

pages = build_page()
assert ("shapes", "Shapes", True) in pages.pages
steps = [block.label for block in pages.blocks.values() if isinstance(block, gr.Tab) and block.page == "shapes"]
assert "1 Data" in steps and "5 Try it" in steps, steps
print("accuracy", figures.metrics["accuracy"])
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the code with the page's files and changes in it."""
    copy = tmp_path / "house"
    left_out = shutil.ignore_patterns("__pycache__")
    for folder in ("engine", "tabs"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=left_out)
    (copy / "assets").symlink_to(ROOT / "assets")
    for path, code in FILES.items():
        assert not (copy / path).exists(), path
        (copy / path).write_text(code, "utf-8")
    for path, change in CHANGES:
        text = (copy / path).read_text("utf-8")
        before, after = side_of(change, "-"), side_of(change, "+")
        assert text.count(before) == 1, f"{path} is not what docs/add-a-task.md changes:\n{before}"
        (copy / path).write_text(text.replace(before, after), "utf-8")
    return copy


def side_of(change: str, sign: str) -> str:
    """The lines that a change finds ("-"), or leaves ("+")."""
    return "".join(f"{line[1:]}\n" for line in change.splitlines() if line[:1] in (sign, " "))


def test_the_page_is_followed_to_the_letter(house: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(house), "LESSON_LAB_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", FOLLOWED], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_it_takes_two_files_and_few_lines() -> None:
    counted = {path: code for path, code in FILES.items() if not path.startswith(DRAWN)}
    lines = sum(len(code.splitlines()) for code in counted.values())
    assert sorted(path.partition("/")[0] for path in counted) == ["engine", "tabs"]
    assert lines <= MOST_LINES, f"The two files have {lines} lines."
    assert f"{lines} lines" in PAGE
    changed = {path for path, _ in CHANGES if not path.startswith(DRAWN)}
    assert changed == {"engine/tasks/registry.py", "tabs/views/registry.py"}


def test_the_house_has_room_for_it(house: Path) -> None:
    """A page that has somebody write what `make check` refuses would be no help."""
    assert faults(house) == []


@pytest.mark.parametrize("rule", [("check",), ("format", "--check")], ids=["rules", "form"])
def test_its_code_reads_like_the_rest(rule: tuple[str, ...], house: Path) -> None:
    command = [sys.executable, "-m", "ruff", *rule, "--config", str(ROOT / "pyproject.toml"), *FILES]
    done = subprocess.run(command, cwd=house, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
