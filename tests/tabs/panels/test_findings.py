"""Under the curves stands what is wrong; its button starts the run again with one thing changed, for those who may."""

from pathlib import Path

import gradio as gr
import pytest
from made_cases import Made, falling, made_events, straight

from engine.events import RunFinished
from engine.host.access import HOST, Limits, Person, identify_by
from engine.recipe import MAX_LETTERS, OFFLINE_BACKBONE, Recipe, Stage
from engine.runs.queue import queued_runs
from engine.runs.store import RunSpec, append_event, create_run, find_run, read_spec
from engine.tasks.camvid import CAMVID
from tabs.panels.findings import start_remedy, titled
from tabs.panels.train import RunPolled, poll_run
from tabs.reading.opened import run_choices
from tabs.wiring import flat

STAGE = Stage(name="full", epochs=6, max_lr=(1e-4, 6e-4), image_size=64)
BY_HEART = Made(
    stage=STAGE, loss=straight(1.0, 0.05), valid=(0.8, 0.6, 0.5, 0.6, 0.7, 0.8), figure=(0.7, 0.8, 0.85, 0.7, 0.6, 0.5)
)
HEALTHY = Made(stage=STAGE, loss=falling(1.4, 0.45), valid=(0.8, 0.6, 0.55, 0.51, 0.5, 0.49))


def run_of(streets: Path, made: Made, *, is_over: bool = True) -> str:
    recipe = Recipe(name="made", title="A look", stages=(made.stage,), backbone=OFFLINE_BACKBONE)
    folder = create_run(RunSpec(task="camvid", dataset=str(streets), recipe=recipe, seed=7))
    for event in made_events(made, metric=CAMVID.aim().metric):
        append_event(folder, event)
    if is_over:
        append_event(folder, RunFinished(seconds=1.0))
    return folder.name


def polled(run: str, seen: str = "") -> RunPolled:
    return poll_run(CAMVID, {}, run, seen)


def test_what_was_found_is_said_and_marked_with_a_button(streets: Path) -> None:
    shown = polled(run_of(streets, BY_HEART))
    first = shown.findings.first
    assert (
        "Overfitting" in first.words["value"] and "from 0.85 to 0.5" in first.words["value"] and first.words["visible"]
    )
    assert "Prechelt" in first.words["value"].partition("<summary>Why</summary>")[2]
    assert first.button["visible"] and first.button["value"] == "Do that: 3 epochs in place of 6 in its stage"
    assert shown.live.count('class="stretch"') == 1 and "<b>1</b>" in shown.live
    assert not shown.findings.second.words["visible"] and not shown.findings.second.button["visible"]
    assert "★ 3" in shown.epochs and "★" not in shown.live


def test_the_button_queues_the_changed_recipe_under_a_title_that_says_so(streets: Path) -> None:
    run = run_of(streets, BY_HEART)
    picked = start_remedy(CAMVID, run, polled(run).findings.first.name)
    spec, before = read_spec(find_run(picked["value"])), read_spec(find_run(run))
    assert [folder.name for folder in queued_runs()] == [picked["value"]]
    assert spec.recipe.stages[0].epochs == 3 and spec.recipe.backbone == before.recipe.backbone
    assert (spec.dataset, spec.seed, spec.task) == (before.dataset, before.seed, before.task)
    assert spec.title == "A look, 3 epochs in place of 6 in its stage · streets"
    assert any("3 epochs in place of 6" in label for label, _ in run_choices([picked["value"]]))


def test_a_healthy_run_says_that_nothing_stands_out(streets: Path) -> None:
    shown = polled(run_of(streets, HEALTHY))
    assert "Nothing stands out in this run" in shown.findings.rest["value"]
    assert not any(place.words["visible"] for place in shown.findings[:3]) and "stretch" not in shown.live
    assert "Can’t tell yet" in shown.findings.rest["value"], "it has no model's figures"


def test_only_whoever_may_steer_the_run_has_buttons(streets: Path) -> None:
    run = run_of(streets, BY_HEART)
    identify_by(lambda: Person(name="anna", is_host=False), Limits())
    try:
        shown = polled(run)
        assert shown.findings.first.words["visible"] and not shown.findings.first.button["visible"]
        with pytest.raises(gr.Error, match="somebody else's"):
            start_remedy(CAMVID, run, shown.findings.first.name)
    finally:
        identify_by(lambda: HOST)
    assert not queued_runs()


def test_what_is_not_advised_any_more_is_not_started(streets: Path) -> None:
    run = run_of(streets, HEALTHY)
    with pytest.raises(gr.Error, match="not advised any more"):
        start_remedy(CAMVID, run, "overfitting")
    with pytest.raises(gr.Error, match="no run"):
        start_remedy(CAMVID, None, "overfitting")
    assert not queued_runs()


def test_words_hold_still_until_an_epoch_ends(streets: Path) -> None:
    run = run_of(streets, BY_HEART)
    first, again = polled(run), polled(run, "another moment|x|1|something")
    assert again.findings.first.name == first.findings.first.name, "another run was shown before"
    moment = first.seen.rpartition("|")[2]
    still = polled(run, f"an earlier step|x|1|{moment}")
    assert still.live == first.live and {str(part) for part in flat(still.findings)} == {str(gr.skip())}


def test_a_long_title_keeps_its_data_set() -> None:
    title = titled("recipe " * 40, "what was changed", "data")
    assert len(title) <= MAX_LETTERS and title.endswith(" … · data")
    assert titled("a", "b", "c") == "a, b · c"
