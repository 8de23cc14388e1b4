"""The page is built without torch, and one builder makes any task's page."""

import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import gradio as gr
import pytest
from toy import TOY

from app import GRADIO_SETTINGS
from engine.tasks.registry import TASKS
from tabs.page import build_page
from tabs.task_page import STEPS, build_task_page
from tabs.theme import STYLE_SHEET, build_theme
from tabs.views.registry import VIEWS, view_of
from tabs.views.view import View
from tabs.wiring import as_state, lesson_text

ROOT = Path(__file__).parents[2]

OTHERS = ("own", "corrections", "suspects", "compare", "models")  # the pages that are no task's


def test_the_page_is_built_before_torch_is_imported():
    program = "import sys, app; from tabs.page import build_page; build_page(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0


def test_every_task_has_a_view_and_words_for_every_step():
    assert set(VIEWS) == {aim.kind for task in TASKS for aim in task.aims}
    for task in TASKS:
        assert view_of(task).metrics
        for step in STEPS:
            assert 50 <= len(lesson_text(task, step).split()) <= 170, (task.name, step)


def test_the_builder_makes_a_page_for_a_task_it_has_never_seen(build):
    view = View(
        metrics={"accuracy": "Accuracy"},
        show_legend=lambda classes: ", ".join(classes),
        show_samples=lambda data, split, start, count: split,
        show_augmented=lambda data, stage, index, seed: stage.augmentation,
        show_frequencies=lambda data: "",
        show_comparisons=lambda predictor, data, items: "",
        show_evaluation=lambda evaluation: "",
        build_try=lambda task, run, dataset: gr.State(""),
    )

    def make():
        with gr.Blocks() as page:
            build_task_page(TOY, view, page)
        return page

    tabs = [block.label for block in build(make).blocks.values() if isinstance(block, gr.Tab)]
    assert [label for label in tabs if label in STEPS.values()] == list(STEPS.values())


def test_all_but_the_models_is_private_and_the_page_asks_nobody_outside(build):
    page = build(build_page)
    public = [function.api_name for function in page.fns.values() if function.api_visibility == "public"]
    assert sorted(public) == sorted(["models", "correct", *(task.name for task in TASKS)])
    assert not page.analytics_enabled
    style = STYLE_SHEET.read_text(encoding="utf-8")
    assert "http" not in style and "@import" not in style
    theme = build_theme()
    assert not [sheet for sheet in theme._stylesheets if sheet]


@pytest.mark.filterwarnings("ignore")  # pandas has something to say to Gradio's own code
def test_gradio_does_not_summarise_all_calls_after_each(build, monkeypatch):
    calls = [{"function": "predict", "status": "success", "process_time": 0.5}]
    summaries = []
    for settings in ({}, GRADIO_SETTINGS):
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        queue = build(lambda: gr.Blocks(analytics_enabled=False))._queue
        queue.events_recorded = len(calls)
        summaries.append(queue.compute_analytics_summary(calls)["functions"])
    assert list(summaries[0]) == ["predict"], "what it would do"
    assert summaries[1] == {}


def test_a_picture_that_comes_while_the_one_before_is_taken_away_is_not_lost(build):
    takes = [function for function in build(build_page).fns.values() if function.name == "take_upload"]
    assert len(takes) >= 3 and {function.trigger_mode for function in takes} == {"always_last"}


def test_a_page_holds_what_is_on_it_alone(build):
    """What a browser walks through at every answer; in one page for all tasks it was a thousand components."""
    page = build(build_page)
    assert [path for path, _, _ in page.pages] == ["", *(task.name for task in TASKS), *OTHERS]
    of_page = defaultdict(set)
    for block in page.blocks.values():
        of_page[block.page].add(block._id)
    assert set(of_page) == {path for path, _, _ in page.pages}
    for function in page.fns.values():
        named = {block._id for block in (*function.inputs, *function.outputs)}
        assert named <= of_page[function.page], f"{function.name} leads from one page to another"


def test_what_hides_its_progress_has_none_on_any_component(build):
    """For each event the browser renews the state of every component that ever showed progress."""
    functions = [function for function in build(build_page).fns.values() if function.api_visibility == "private"]
    polls = [function for function in functions if function.show_progress == "hidden"]
    loud = [function for function in polls if function.show_progress_on is None]
    assert len(polls) > 100 and loud == []


def test_no_event_that_several_listen_to_has_one_that_waits_for_its_last_run(build):
    """Gradio's page would repeat them all, and once two such rounds overlap they never end (see `as_state`)."""
    page = build(build_page)
    listeners = defaultdict(list)
    for function in page.fns.values():
        for component, event in function.targets:
            if function.fn is not None and not isinstance(page.blocks.get(component), gr.State | None):
                listeners[component, event].append(function)
    several = [functions for functions in listeners.values() if len(functions) > 1]
    assert several, "the tabs' events have several listeners"
    waiting = [
        function.name for functions in several for function in functions if function.trigger_mode == "always_last"
    ]
    assert waiting == []


def test_a_components_state_is_the_only_one_that_listens_to_it(build):
    """A component's state has one listener in the component's place, whoever listens to the state."""

    def make():
        with gr.Blocks() as page:
            picker, heard = gr.Dropdown(["a", "b"], value="a"), []
            state = as_state(picker)
            state.change(heard.append, state)
            state.change(heard.append, state)
        return page, picker, state

    page, picker, state = build(make)
    assert state.value == "a"
    assert [function.targets for function in page.fns.values()] == [
        [(picker._id, "change")],
        [(state._id, "change")],
        [(state._id, "change")],
    ]
