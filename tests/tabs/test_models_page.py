"""The Models page's handlers as plain functions: the list, the choice, the comparison, deleting, and what would be published."""

import re
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from untrained import BACKBONE, STREET_STAGE, save_untrained

from engine.hub.jobs import JOBS
from engine.library import listing
from engine.library.export import export_bundle
from engine.library.listing import known_model, list_models
from engine.recipe import Recipe
from engine.runs.store import SPEC_FILE, RunSpec, create_run
from engine.tasks.registry import TASKS, get_task
from tabs import models_page
from tabs.home import show_runs
from tabs.panels import publish_form
from tabs.panels import results as results_panel
from tabs.reading.models import label_of, predictor_of, start_choices
from tabs.views.registry import view_of

CLASSES = ("sky", "<b>road</b>")


@pytest.fixture
def run(lab_home: Path) -> str:
    recipe = Recipe(name="tiny", backbone=BACKBONE, stages=(STREET_STAGE,))
    made = create_run(RunSpec(task="camvid", dataset="drawn-streets", recipe=recipe))
    save_untrained(made / "checkpoints", CLASSES, dataset="drawn-streets")
    return made.name


@pytest.fixture
def sample(run: str) -> str:
    export_bundle(listing.find_model(run), listing.SAMPLES_FOLDER / "camvid")
    return "sample-camvid"


def test_the_list_says_what_each_model_is_and_marks_the_chosen_one(run: str, sample: str) -> None:
    html = models_page.show_models(TASKS, models_page.ALL, sample)
    assert html.index(run) < html.index(sample) and "Pixel accuracy 0.5000" in html
    assert f'data-choice="{sample}" aria-pressed="true"' in html and f'data-choice="{run}" aria-pressed="false"' in html
    assert models_page.show_models(TASKS, "planet", "") == models_page.NO_MODELS


def test_the_chosen_model_is_described_and_nothing_of_it_is_markup(run: str) -> None:
    html = models_page.show_model(run)
    assert "&lt;b&gt;road" in html and "Drawn streets" in html
    assert models_page.show_model("") == models_page.NONE_CHOSEN
    assert "There is no model" in models_page.show_model("gone")
    assert "learnt from drawn data alone" in publish_form.card_of(run) and publish_form.card_of("") == ""


def test_a_model_outlives_the_recipe_of_its_run(run: str) -> None:
    (listing.find_model(run) / SPEC_FILE).write_text("{")
    task = get_task("camvid")
    view = view_of(task)
    shown = [
        models_page.show_models(TASKS, models_page.ALL, run),
        models_page.show_model(run),
        str(models_page.comparable(models_page.ALL)["choices"]),
        str(results_panel.refresh_trained(task, None)["choices"]),
        str(start_choices(task)),
    ]
    assert all("Drawn streets" in each for each in shown)
    assert "0.5000" in models_page.show_comparison([run, run]) and run in results_panel.code_of(task, run, "valid")
    assert predictor_of(run).classes == CLASSES and "No figures" in results_panel.show_figures(view, run)
    assert show_runs() and models_page.delete(run).deleted == run


def test_a_comparison_needs_two_and_says_what_is_not_comparable(run: str, sample: str, tmp_path: Path) -> None:
    assert "Choose two" in models_page.show_comparison([run]) and "Choose two" in models_page.show_comparison(None)
    table = models_page.show_comparison([run, sample, "gone"])
    assert table.count("0.5000") == 2 and "different data" not in table
    other = create_run(
        RunSpec(task="camvid", dataset="x", recipe=Recipe(name="t", backbone=BACKBONE, stages=(STREET_STAGE,)))
    )
    save_untrained(other / "checkpoints", CLASSES, dataset="other")
    assert "different data" in models_page.show_comparison([run, other.name])
    assert {name for _, name in models_page.comparable(models_page.ALL)["choices"]} == {run, sample, other.name}


def test_deleting_can_be_undone(run: str) -> None:
    done = models_page.delete(run)
    assert (done.chosen, done.deleted, done.undo_button["visible"]) == ("", run, True) and list_models() == []
    undone = models_page.undo(run)
    assert (undone.chosen, undone.deleted, undone.undo_button["visible"]) == (run, "", False) and list_models()
    assert models_page.next_undo().chosen == gr.skip()
    with pytest.raises(gr.Error, match="Choose a model in the list first"):
        models_page.delete("")


def test_a_model_leads_to_its_task_s_page(run: str) -> None:
    shown = models_page.show_chosen(run)
    assert shown.try_it == gr.update(visible=True, link=f"camvid?model={run}#try")
    assert shown.train_on == gr.update(visible=True, link=f"camvid?start={run}#train")
    for nothing in ("", "gone"):
        shown = models_page.show_chosen(nothing)
        assert not any(button["visible"] for button in (shown.try_it, shown.train_on, shown.zip_button))


def test_a_zip_holds_the_whole_bundle(run: str) -> None:
    update = publish_form.pack(run)
    with zipfile.ZipFile(update["value"]) as packed:
        names = {Path(name).name for name in packed.namelist()}
    assert {"config.json", "model.safetensors", "README.md"} <= names


def test_a_preview_sends_nothing_and_shows_the_card(run: str) -> None:
    files, card = publish_form.preview(run, "me/streets", "mit", "Hello & <i>", False)
    assert "model.safetensors" in files and "Nothing was sent" in files
    assert "license: mit" in card and 'load_predictor("me/streets")' in card and "&lt;i>" in card
    assert label_of(known_model(run)) in files, "it may come when another model has been chosen"
    _, card = publish_form.preview(run, " streets ", "", "", False)
    assert 'load_predictor("YOUR-NAME/streets")' in card


@pytest.mark.parametrize("name", ["my model!", "é", "a/b/c", "/x", "x/", "-x", "x" * 97])
def test_a_name_that_no_repository_can_have_is_told_before_anything_is_made(run: str, name: str) -> None:
    with pytest.raises(gr.Error, match="is no name for the Hub"):
        publish_form.preview(run, name, "", "", False)
    with pytest.raises(gr.Error, match="is no name for the Hub"):
        publish_form.start_publishing(run, name, "private", "", "Message", "", False, False, "hf_x", "")


def test_when_a_model_was_trained_is_told_where_it_is_known(run: str, sample: str) -> None:
    assert "Trained" in models_page.show_model(run)
    assert not re.search("Trained|Loaded|Made", models_page.show_model(sample))


def test_publishing_without_a_name_or_a_network_is_told(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = ["private", "", "Message", "", False, False, "hf_secret", ""]
    with pytest.raises(gr.Error, match="Say what it shall be called"):
        publish_form.start_publishing(run, " ", *asked)
    begun = publish_form.start_publishing(run, "streets", *asked)
    job = begun.job
    assert (begun.token, begun.timer.active) == ("", True)
    deadline = time.monotonic() + 30
    while JOBS.state(job).status == "running" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert JOBS.state(job).status == "failed"
    html = publish_form.show_job(job, publish_form.published)
    assert "HF_HUB_OFFLINE is set" in html and "hf_secret" not in html + str(vars(JOBS))
    assert publish_form.show_job("", publish_form.published) == ""


def test_nothing_is_done_without_a_chosen_model_or_twice_at_once(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = ["streets", "private", "", "Message", "", False, False, "hf_secret"]
    for action in (
        lambda: publish_form.pack(""),
        lambda: publish_form.preview("", "streets", "", "", False),
        lambda: publish_form.start_publishing("", *asked, ""),
        lambda: models_page.delete(""),
    ):
        with pytest.raises(gr.Error, match="Choose a model in the list first"):
            action()
    go_on = threading.Event()
    job = JOBS.start("publish", lambda on_progress: str(go_on.wait(10)))
    with pytest.raises(gr.Error, match="still under way"):
        publish_form.start_publishing(run, *asked, job)
    with pytest.raises(gr.Error, match="still under way"):
        publish_form.start_loading("me/streets", "", job)
    go_on.set()


def test_a_card_without_its_curves_is_shown_without_them(tmp_path: Path) -> None:
    front, body = publish_form.parted("---\na: b\n---\n![Loss](losses.png)\n\nmore", tmp_path)
    assert (front, body) == ("a: b\n", "Loss\n\nmore")


def test_a_name_that_is_none_is_told_before_anything_is_loaded() -> None:
    with pytest.raises(gr.Error, match="names nothing on the Hub"):
        publish_form.start_loading("just a name", "", "")
