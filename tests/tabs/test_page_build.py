"""The page is built without torch, and one builder makes any task's tab."""

import subprocess
import sys
from pathlib import Path

import gradio as gr
from toy import TOY

from engine.tasks.registry import TASKS
from tabs.components.data_panel import remember_dataset
from tabs.components.wiring import lesson_text
from tabs.page import build_page
from tabs.task_tab import STEPS, active_timers, build_task_tab
from tabs.theme import STYLE_SHEET, build_theme
from tabs.views.registry import VIEWS, view_of
from tabs.views.view import View

ROOT = Path(__file__).parents[2]


def test_the_page_is_built_before_torch_is_imported():
    program = "import sys, app; from tabs.page import build_page; build_page(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0


def test_every_task_has_a_view_and_words_for_every_step():
    assert set(VIEWS) == {task.name for task in TASKS}
    for task in TASKS:
        assert view_of(task).metrics
        for step in STEPS:
            assert 50 <= len(lesson_text(task, step).split()) <= 170, (task.name, step)


def test_the_builder_makes_a_tab_for_a_task_it_has_never_seen(build):
    view = View(
        items="squares",
        metrics={"accuracy": "Accuracy"},
        show_legend=lambda classes: ", ".join(classes),
        show_samples=lambda data, split, start, count: split,
        show_augmented=lambda data, stage, index, seed: stage.augmentation,
        show_frequencies=lambda data: "",
        show_comparisons=lambda predictor, data, items: "",
        show_evaluation=lambda evaluation: "",
        build_try=lambda task, run, dataset: None,
    )

    def make():
        with gr.Blocks() as page, gr.Tabs():
            return build_task_tab(TOY, view, page, remember_dataset(TOY))

    assert build(make).tab.label == "Colours"


def test_all_but_the_models_is_private_and_the_page_asks_nobody_outside(build):
    page = build(build_page)
    public = [function.api_name for function in page.fns.values() if function.api_visibility == "public"]
    assert sorted(public) == sorted(["models", *(task.name for task in TASKS)])
    assert not page.analytics_enabled
    style = STYLE_SHEET.read_text(encoding="utf-8")
    assert "http" not in style and "@import" not in style
    theme = build_theme()
    assert not [sheet for sheet in theme._stylesheets if sheet]


def test_a_picture_that_comes_while_the_one_before_is_taken_away_is_not_lost(build):
    takes = [function for function in build(build_page).fns.values() if function.name == "take_upload"]
    assert len(takes) >= 3 and {function.trigger_mode for function in takes} == {"always_last"}


def test_only_the_step_that_is_looked_at_is_polled():
    assert [timer.active for timer in active_timers("rate", ("rate", "train"))] == [True, False]
    assert [timer.active for timer in active_timers("data", ("rate", "train"))] == [False, False]
