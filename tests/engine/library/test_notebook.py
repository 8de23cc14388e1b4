"""The notebook that comes with a model trains it again, and says so in figures."""

import json
import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny_text import save_tiny
from untrained import edit, save_untrained

from engine.bundle.config import read_config, read_evaluation, resolve_bundle
from engine.bundle.files import MODEL_FILE
from engine.data.drawn.reviews import draw_reviews
from engine.data.drawn.streets import STREET_CLASSES
from engine.errors import BundleError
from engine.events import Warned
from engine.library.card import CARD_FILE, write_card
from engine.library.export import export_bundle
from engine.library.listing import SAMPLES_FOLDER
from engine.library.notebook import NOTEBOOK_FILE, write_notebook
from engine.recipe import Recipe, Stage, recipe_to_dict
from engine.runs.store import RunSpec, create_run, read_events
from engine.runs.worker import main as work
from engine.tasks.imdb import CLASSIFIER, LANGUAGE_MODEL, TRANSDUCTIVE

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


def trained(task: str, folder: Path, recipe: Recipe, start: Path | str = "", seed: int = 7) -> Path:
    run = create_run(RunSpec(task=task, dataset=str(folder), recipe=recipe, init_from=str(start), seed=seed))
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


def text_recipe(elsewhere: Path, aim: str) -> Recipe:
    """Of a tiny model in a folder of one's own; beside it lie reviews."""
    if not (elsewhere / "reviews").exists():
        save_tiny(elsewhere / "bert")
        draw_reviews(elsewhere / "reviews", train=24, valid=8, test=4, unlabelled=8)
    stages = (replace(STAGE, batch_size=8),)
    return Recipe(name=f"tiny {aim}", stages=stages, backbone=str(elsewhere / "bert"), objective=aim)


def test_a_notebook_for_texts(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = text_recipe(elsewhere, LANGUAGE_MODEL)
    bundle = export_bundle(trained("imdb", elsewhere / "reviews", recipe), elsewhere / "bundle")
    names = run_cells(bundle / NOTEBOOK_FILE)
    assert names["recipe"] == replace(recipe, backbone="./bert") and names["reproduced"] == names["published"]
    assert "perplexity" in capsys.readouterr().out


def test_what_a_model_started_from_is_trained_first(elsewhere: Path) -> None:
    """From one language model to the next, to a classifier: the same figures, and the same weights, to the last bit."""
    recipes = [text_recipe(elsewhere, aim) for aim in (LANGUAGE_MODEL, TRANSDUCTIVE, CLASSIFIER)]
    run: Path | str = ""
    for seed, recipe in enumerate(recipes):
        run = trained("imdb", elsewhere / "reviews", recipe, run, seed)
    bundle = export_bundle(run, elsewhere / "bundle", half=False)
    (_, introduction), *_ = cells(bundle / NOTEBOOK_FILE)
    assert "into `reproduced-start1/` and then `reproduced-start2/`" in introduction
    card = (bundle / CARD_FILE).read_text()
    first = "1. `language_model` of `imdb`, on a data set of the publisher's own (reviews): recipe `tiny language_model`, seed 0"
    assert first in card and "\n2. `language_model_transductive` of `imdb`" in card
    shutil.rmtree(run)
    names = run_cells(bundle / NOTEBOOK_FILE)
    assert names["reproduced"] == names["published"] == read_config(bundle).metrics
    again = resolve_bundle(elsewhere / "reproduced")
    assert read_config(again).starts == read_config(bundle).starts != ()
    assert (again / MODEL_FILE).read_bytes() == (bundle / MODEL_FILE).read_bytes()


def test_a_start_with_other_classes_gives_its_body_alone(elsewhere: Path, streets: Path) -> None:
    """A new head is random: the notebook draws the same numbers for it."""
    other = save_untrained(elsewhere / "other", STREET_CLASSES[:2], backbone=STREETS.backbone, dataset=str(streets))
    (elsewhere / "streets").symlink_to(streets)
    run = trained("camvid", streets, STREETS, other)
    (said,) = [event.message for event in read_events(run)[0] if isinstance(event, Warned)]
    assert "has other classes" in said and "start afresh" in said and "head" not in said
    bundle = export_bundle(run, elsewhere / "bundle", half=False)
    programs = [text for kind, text in cells(bundle / NOTEBOOK_FILE) if kind == "code"]
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, program in enumerate(programs):
        if number == 3:  # the start was not trained at all
            shutil.copytree(other, elsewhere / "reproduced-start1")
            continue
        with pytest.warns(UserWarning, match="has other classes") if number == 6 else nullcontext():
            exec(compile(program, f"cell {number}", "exec"), names)
    assert names["reproduced"] == names["published"]


def test_without_a_start_none_is_made_up(tmp_path: Path) -> None:
    bundle = save_untrained(tmp_path / "run" / "checkpoints", STREET_CLASSES)
    notebook = "".join(text for _, text in cells(write_notebook(bundle)))
    assert "No other model is named" in notebook and "init_from=" not in notebook
    assert "started from weights" not in write_card(bundle)


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
        starts=[
            {
                "task": evil,
                "objective": evil,
                "dataset": f"/home/somebody/{evil}",
                "recipe": recipe_to_dict(Recipe(name=evil, backbone=evil, stages=(stage,))),
                "seed": 1,
            }
        ],
    )
    programs = dict(enumerate(text for kind, text in cells(write_notebook(bundle)) if kind == "code"))
    assert "somebody" not in "".join(programs.values())
    names: dict[str, Any] = {"DATASET": ""}
    for recipe in (2, 5):
        exec(compile(programs[recipe], "cell", "exec"), names)
        assert names["recipe"] == read_config(bundle).recipe and names["recipe"].name == evil
    assert all(compile(program, "cell", "exec") for program in programs.values())
    with pytest.raises(BundleError, match="reproduced is neither"):  # nothing is trained yet
        exec(compile(programs[7], "cell", "exec"), names)
    assert names["published"] == {evil: 0.5, "loss": float("inf")}


def test_a_bundle_may_come_without(tmp_path: Path) -> None:
    source = save_untrained(tmp_path / "run" / "checkpoints", STREET_CLASSES)
    bundle = export_bundle(source, tmp_path / "bundle", notebook=False)
    assert not (bundle / NOTEBOOK_FILE).exists() and NOTEBOOK_FILE not in (bundle / CARD_FILE).read_text()


@pytest.mark.parametrize("task", ["planet", "camvid", "heads", "imdb", "weather", "turns"])
def test_the_cards_and_notebooks_that_come_with_the_app_are_those_of_today(task: str, tmp_path: Path) -> None:
    shipped, again = SAMPLES_FOLDER / task, tmp_path / task
    shutil.copytree(shipped, again)
    write_notebook(again)
    write_card(again)
    for name in (NOTEBOOK_FILE, CARD_FILE):
        assert (again / name).read_text(encoding="utf-8") == (shipped / name).read_text(encoding="utf-8"), name
