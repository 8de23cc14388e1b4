"""The models that come with the app: one a task, small, sound, and with the figures that their cards say."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.bundle.config import read_config, read_evaluation
from engine.bundle.files import MODEL_FILE
from engine.cli.app import app
from engine.data.sources.fetching import fetch
from engine.library.card import CARD_FILE, CardChoices, build_card
from engine.library.export import BUNDLE_FILES
from engine.serving.predictor import load_predictor
from engine.tasks.registry import TASKS

SAMPLES = Path(__file__).parent.parent / "assets" / "models"
MOST_BYTES = 100_000_000
TASK_NAMES = [task.name for task in TASKS]


def test_there_is_one_for_each_task_and_all_are_small() -> None:
    assert sorted(path.name for path in SAMPLES.iterdir()) == sorted(TASK_NAMES)
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*")) < MOST_BYTES


@pytest.mark.parametrize("task", TASK_NAMES)
def test_a_sample_says_what_it_is(task: str) -> None:
    bundle = SAMPLES / task
    config, card = read_config(bundle), (bundle / CARD_FILE).read_text("utf-8")
    assert config.task == task and {path.name for path in bundle.iterdir()} <= set(BUNDLE_FILES)
    assert config.metrics == (read_evaluation(bundle) or {})["metrics"]
    main = load_predictor(bundle).objective.main_metric
    assert f"| {main.replace('_', ' ')} | {config.metrics[main]:.4f} |" in card
    for said in (f"seed {config.seed}", f"Recipe `{config.recipe.name}`", "training samples", "## The data's terms"):
        assert said in card
    assert (bundle / MODEL_FILE).stat().st_size == max(path.stat().st_size for path in bundle.iterdir())


def test_the_samples_answer_out_of_the_box() -> None:
    examples = SAMPLES.parent / "examples"
    for task in ("planet", "camvid", "heads"):
        picture = min((examples / task).glob("*.jpg"))
        assert load_predictor(SAMPLES / task).predict(picture).in_words()
    judge = load_predictor(SAMPLES / "imdb").predict
    assert judge("A wonderful film, I loved every minute of it.").answer == "pos"
    assert judge("Dull, far too long, and badly acted. Avoid.").answer == "neg"


@pytest.mark.parametrize("task", TASK_NAMES)
def test_a_card_s_figures_are_a_row_of_its_table_or_it_says_why_not(task: str) -> None:
    bundle = SAMPLES / task
    card = (bundle / CARD_FILE).read_text("utf-8")
    assert card == build_card(bundle, CardChoices()), "write_card makes it again"
    figures, _, table = card.partition("## Training")
    config = read_config(bundle)
    shown = [f"{config.metrics[name]:.4f}" for name in config.metrics if name != "valid_loss"]
    is_row = f" | {' | '.join(shown)} |" in table
    assert is_row != ("They differ from the training table below" in figures)


@pytest.mark.real_data
@pytest.mark.parametrize("task", ["planet", "heads"])
def test_evaluate_gives_the_figures_of_the_card(task: str, archives: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other two take minutes; `python -m engine evaluate assets/models/…` measures them the same way."""
    monkeypatch.setenv("LESSON_LAB_MIRROR", str(archives))
    config = read_config(SAMPLES / task)
    fetch(config.dataset)
    ended = CliRunner().invoke(app, ["evaluate", str(SAMPLES / task), "--json"])
    assert ended.exit_code == 0, ended.output
    measured = json.loads(ended.stdout.splitlines()[-1])["metrics"]
    told = {name: measured[name] for name in config.metrics}  # a figure that is younger than a card is not on it
    assert config.metrics and told == pytest.approx(config.metrics, rel=1e-3)
