"""The whole page: Home, a tab for each task, the models, and the ways from one to the other."""

from functools import partial
from typing import Any

import gradio as gr

from engine.errors import BundleError
from engine.hub.library import known_model
from engine.tasks.registry import TASKS
from tabs.components.models import model_choices, models_of, start_choices
from tabs.components.opened import spec_of
from tabs.components.wiring import ACTION, POLL, tells_errors
from tabs.home import build_home
from tabs.models_tab import build_models_tab
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
            models = build_models_tab(TASKS, page)

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
        for tab in (*(task_tab.tab for task_tab in task_tabs), models.tab):
            tab.select(lambda: gr.Timer(active=False), None, home.timer, **POLL)
        for tab in (*(task_tab.tab for task_tab in task_tabs), home.tab):
            tab.select(lambda: gr.Timer(active=False), None, models.timer, **POLL)
        leading = [
            part
            for tab in task_tabs
            for part in (
                tab.steps,
                tab.try_model,
                tab.train.init_from,
                tab.train.backbone,
                tab.rate_timer,
                tab.train_timer,
            )
        ]
        for button, step in ((models.try_it, "try"), (models.train_on, "train")):
            button.click(partial(open_model, task_tabs, step), models.chosen, [tabs, *leading], **ACTION)
    return page


@tells_errors
def open_model(task_tabs: list[TaskTab], step: str, name: str) -> list[Any]:
    """Go to the step of a task's tab that tries a model, or trains on from it: the tabs; for each task its steps, the model
    that is tried, the one to start from with its backbone, and the timers."""
    if not name:
        raise BundleError("Choose a model first.")
    config = known_model(name).config
    updates: list[Any] = [gr.Tabs(selected=config.task)]
    for tab in task_tabs:
        if tab.task.name != config.task:
            updates += [gr.skip()] * 6
            continue
        choices = model_choices(models_of(tab.task))
        tried = gr.update(choices=choices, value=name) if step == "try" else gr.skip()
        start, backbone = (
            (gr.update(choices=start_choices(tab.task), value=name), config.plan.backbone)
            if step == "train"
            else (gr.skip(), gr.skip())
        )
        updates += [gr.Tabs(selected=step), tried, start, backbone, *active_timers(step, STEPS_POLLED)]
    return updates


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
