"""The whole page: Home, a tab for each task, and the ways from one to the other."""

from typing import Any

import gradio as gr

from engine.tasks.registry import TASKS
from tabs.components.opened import spec_of
from tabs.components.wiring import POLL
from tabs.home import build_home
from tabs.task_tab import STEPS_POLLED, TaskTab, active_timers, build_task_tab
from tabs.views.registry import view_of

TITLE = "Lesson 3 Lab"
CACHE_SECONDS = 3600  # uploads are deleted an hour after they came


def build_page() -> gr.Blocks:
    """The page, ready to be launched."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(CACHE_SECONDS, CACHE_SECONDS)) as page:
        with gr.Tabs(elem_id="lab-tabs", overflow_behavior="wrap") as tabs:
            home = build_home(TASKS, page)
            task_tabs = [build_task_tab(task, view_of(task), page) for task in TASKS]

        def task_clicked(event: gr.EventData) -> gr.Tabs:
            return gr.Tabs(selected=str(event.choice))

        def run_clicked(event: gr.EventData) -> list[Any]:
            return open_run(str(event.choice), task_tabs)

        home.tasks.select(task_clicked, None, tabs, **POLL)
        opened = [
            part
            for tab in task_tabs
            for part in (tab.steps, tab.rate_run, tab.train_run, tab.rate_timer, tab.train_timer)
        ]
        home.runs.select(run_clicked, None, [tabs, *opened], **POLL)
        home.tab.select(lambda: gr.Timer(active=True), None, home.timer, **POLL)
        for task_tab in task_tabs:
            task_tab.tab.select(lambda: gr.Timer(active=False), None, home.timer, **POLL)
    return page


def open_run(run: str, task_tabs: list[TaskTab]) -> list[Any]:
    """Go to the tab and step that show a run: the tabs; for each task its steps, run pickers and timers."""
    spec = spec_of(run)
    updates: list[Any] = [gr.Tabs(selected=spec.task)]
    for tab in task_tabs:
        if tab.task.name != spec.task:
            updates += [gr.skip()] * 5
        elif spec.job == "lr-find":
            updates += [gr.Tabs(selected="rate"), run, gr.skip(), *active_timers("rate", STEPS_POLLED)]
        else:
            updates += [gr.Tabs(selected="train"), gr.skip(), run, *active_timers("train", STEPS_POLLED)]
    return updates
