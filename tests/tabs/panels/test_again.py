"""What starts runs to compare: one change of a run, and a preset beside its baseline."""

from dataclasses import replace

import gradio as gr
import pytest
from made_runs import SPEC, events_of, make_run

from engine.data.sources.fetching import fetch
from engine.recipe import Stage
from engine.runs.store import find_run, read_spec
from tabs.panels import again
from tabs.panels.again import (
    do_again,
    knob_choices,
    preset_choices,
    preset_datasets,
    run_both,
    said_now,
    said_of,
    stage_choices,
)

TASK = "planet"


@pytest.fixture
def chips_here() -> str:
    fetch("drawn-chips")
    return "drawn-chips"


def test_what_can_be_changed_and_what_it_is_now() -> None:
    run = make_run(SPEC, [])
    assert [value for _, value in stage_choices(run)["choices"]] == [0, 1, 2]
    assert knob_choices(run, None)["value"] == "max_lr" and knob_choices(run, "seed")["value"] == "seed"
    assert "1e-2 · 1e-4 to 1e-3" in said_now(run, "max_lr") and "none, light" in said_now(run, "augmentation")
    assert "tf_efficientnet_lite0" in said_now(run, "backbone")
    assert said_now("gone", "max_lr") == "" and knob_choices(str(find_run(run)), None)["choices"] == []


def test_a_run_is_done_again_with_one_change_and_compared(chips_here: str) -> None:
    run = make_run(replace(SPEC, dataset=chips_here), events_of(0.8))
    picker, said = do_again([run], run, "max_lr", "×10", 1)
    made = picker["value"][1]
    assert picker["value"][0] == run and "Learning rate ×10 in stage 1" in said
    spec = read_spec(find_run(made))
    assert (spec.recipe.stages[0].max_lr, spec.recipe.stages[1], spec.seed) == (0.1, SPEC.recipe.stages[1], SPEC.seed)


@pytest.mark.parametrize(
    ("run", "knob", "value", "said"),
    [
        (None, "max_lr", "1", "Choose the run"),
        ("own", None, "1", "Choose what to change"),
        ("own", "max_lr", "fast", "Give a number"),
        ("own", "max_lr", "1e-2", "has already"),
    ],
)
def test_what_cannot_be_done_again_is_told(run: str | None, knob: str | None, value: str, said: str) -> None:
    made = make_run(replace(SPEC, recipe=replace(SPEC.recipe, stages=(Stage(max_lr=1e-2),))), [])
    with pytest.raises(gr.Error, match=said):
        do_again([made], made if run else None, knob, value, 0)


def test_data_that_are_not_here_are_told_before_anything_starts() -> None:
    run = make_run(SPEC, [])
    with pytest.raises(gr.Error, match="planet_sample"):
        do_again([run], run, "seed", "7", 0)
    assert [name for _, name in again.with_run([])["choices"]] == [run]


def test_a_preset_runs_beside_its_baseline_which_is_made_once(chips_here: str) -> None:
    assert [name for _, name in preset_datasets(TASK)["choices"]] == [chips_here]
    first, said = run_both(["other"], TASK, chips_here, "rate-too-high")
    assert said.count("started") == 2 and len(first["value"]) == 2
    second, said = run_both(None, TASK, chips_here, "no-augmentation")
    assert second["value"][0] == first["value"][0] and "there already" in said
    base, bad = (read_spec(find_run(name)) for name in first["value"])
    assert bad.recipe.stages[0].max_lr == pytest.approx(10 * base.recipe.stages[0].lr_slice[1])
    assert (base.seed, base.dataset) == (bad.seed, bad.dataset)
    assert base.recipe.stages[0].epochs == bad.recipe.stages[0].epochs, "both are fitted to the data set"


def test_each_preset_says_why_and_nothing_runs_without_data() -> None:
    names = [name for _, name in preset_choices(TASK)["choices"]]
    assert "baseline" not in names and all("known to be" in said_of(TASK, name) for name in names)
    assert preset_datasets(TASK)["value"] is None and said_of(TASK, "no such") == ""
    with pytest.raises(gr.Error, match="No data set of this task"):
        run_both([], TASK, None, names[0])
