"""The notebook that comes with a model trains it again, and says so in figures."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny_text import save_tiny
from untrained import edit, save_untrained

from engine.data.drawn import STREET_CLASSES
from engine.data.drawn_reviews import draw_reviews
from engine.errors import BundleError
from engine.hub.card import CARD_FILE
from engine.hub.export import export_bundle
from engine.hub.notebook import NOTEBOOK_FILE, write_notebook
from engine.recipe import Recipe, Stage, recipe_to_dict
from engine.runs.store import RunSpec, create_run
from engine.runs.worker import main as work
from engine.training.bundle import read_config, read_evaluation

STAGE = Stage(name="tiny", epochs=1, max_lr=(1e-4, 1e-3), image_size=32, text_length=32, batch_size=4, precision="fp32")
# Its weights come with a package: a notebook trains from pretrained ones.
STREETS = Recipe(name="tiny", stages=(STAGE,), backbone="tf_efficientnet_lite0")


def cells(notebook: Path) -> list[tuple[str, str]]:
    """What is in a notebook, as Jupyter reads it: kinds and texts."""
    values = json.loads(notebook.read_text(encoding="utf-8"))
    assert values["nbformat"] == 4 and values["metadata"]["kernelspec"]["name"] == "python3"
    return [(cell["cell_type"], "".join(cell["source"])) for cell in values["cells"]]


def run_cells(notebook: Path) -> dict[str, Any]:
    """Run the code cells one after the other, as Jupyter does."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, (kind, text) in enumerate(cells(notebook)):
        if kind == "code":
            exec(compile(text, f"cell {number}", "exec"), names)
    return names


def trained(task: str, folder: Path, recipe: Recipe) -> Path:
    run = create_run(RunSpec(task=task, dataset=str(folder), recipe=recipe, seed=7))
    assert work(run) == 0
    return run


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without the app's code, whose import path may be changed."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.mark.parametrize(("task", "fixture"), [("camvid", "streets"), ("planet", "chips"), ("heads", "heads")])
def test_a_notebook_reproduces_the_figures(
    request: pytest.FixtureRequest, task: str, fixture: str, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data: Path = request.getfixturevalue(fixture)
    bundle = export_bundle(trained(task, data, STREETS), elsewhere / "bundle")
    (elsewhere / data.name).symlink_to(data)
    capsys.readouterr()
    names = run_cells(bundle / NOTEBOOK_FILE)
    assert names["recipe"].stages == (STAGE,) and names["recipe"].backbone == STREETS.backbone
    evaluation = read_evaluation(elsewhere / "reproduced")
    assert evaluation and evaluation["metrics"] == read_config(bundle).metrics == names["published"]
    said = capsys.readouterr().out
    assert "tiny 1 " in said and "published" in said and "nan" not in said


def test_a_notebook_for_texts(elsewhere: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backbone = str(save_tiny(tmp_path / "bert"))
    draw_reviews(elsewhere / "reviews", train=24, valid=8, test=4, unlabelled=8)
    recipe = Recipe(name="words", stages=(replace(STAGE, batch_size=8),), backbone=backbone, objective="language_model")
    bundle = export_bundle(trained("imdb", elsewhere / "reviews", recipe), elsewhere / "bundle")
    names = run_cells(bundle / NOTEBOOK_FILE)
    assert names["recipe"] == recipe and names["reproduced"] == names["published"]
    assert "perplexity" in capsys.readouterr().out


def test_every_cell_compiles_and_the_first_one_explains(tmp_path: Path) -> None:
    source = save_untrained(tmp_path / "run" / "checkpoints", STREET_CLASSES, dataset="drawn-streets")
    bundle = export_bundle(source, tmp_path / "bundle")
    (kind, text), *programs = cells(bundle / NOTEBOOK_FILE)
    assert kind == "markdown" and "requirements.txt" in text and "Lesson 3 Lab" in text
    assert {kind for kind, _ in programs} == {"code"}
    for _, program in programs:
        compile(program, "cell", "exec")
    assert any("DATASET = 'drawn-streets'\nfolder = fetch(DATASET)" in program for _, program in programs)
    assert f"`{NOTEBOOK_FILE}`" in (bundle / CARD_FILE).read_text()


def test_what_a_config_says_is_never_run(tmp_path: Path) -> None:
    bundle = save_untrained(tmp_path / "run" / "checkpoints", STREET_CLASSES)
    evil = "'''\"\"\"'); raise SystemExit(1) # {0} \\"
    stage = replace(STAGE, name=evil)
    edit(
        bundle,
        dataset=f"/home/somebody/{evil}",
        recipe=recipe_to_dict(Recipe(name=evil, backbone=evil, stages=(stage,))),
        metrics={evil: 0.5, "loss": float("inf")},
    )
    programs = dict(enumerate(text for kind, text in cells(write_notebook(bundle)) if kind == "code"))
    assert "somebody" not in "".join(programs.values())
    names: dict[str, Any] = {"DATASET": ""}
    exec(compile(programs[2], "cell", "exec"), names)
    assert names["recipe"] == read_config(bundle).recipe and names["recipe"].name == evil
    with pytest.raises(BundleError, match="reproduced is neither"):  # nothing is trained yet
        exec(compile(programs[4], "cell", "exec"), names)
    assert names["published"] == {evil: 0.5, "loss": float("inf")}


def test_a_bundle_may_come_without(tmp_path: Path) -> None:
    source = save_untrained(tmp_path / "run" / "checkpoints", STREET_CLASSES)
    bundle = export_bundle(source, tmp_path / "bundle", notebook=False)
    assert not (bundle / NOTEBOOK_FILE).exists() and NOTEBOOK_FILE not in (bundle / CARD_FILE).read_text()
