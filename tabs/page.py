"""The whole page: Home, a tab for each task, the models, and the ways from one to the other."""

from functools import partial
from typing import Any

import gradio as gr

from engine.errors import BundleError
from engine.hub.library import known_model
from engine.tasks.registry import TASKS, get_task
from tabs.components.data_panel import remember_dataset
from tabs.components.models import model_choices, models_of, start_choices
from tabs.components.opened import spec_of
from tabs.components.paths import shown_name
from tabs.components.space import REMEMBER_BROWSER, is_space
from tabs.components.wiring import ACTION, CLOSE_LISTS, KEEP_PLACE, POLL, tells_errors
from tabs.home import build_home
from tabs.models_tab import build_models_tab
from tabs.task_tab import STEPS_POLLED, TaskTab, active_timers, build_task_tab
from tabs.views.registry import view_of

TITLE = "Lesson 3 Lab"
CACHE_SECONDS = 3600  # uploads are deleted an hour after they came
Updates = dict[Any, Any]  # by component


def build_page() -> gr.Blocks:
    """The page, ready to be launched."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(CACHE_SECONDS, CACHE_SECONDS)) as page:
        remembered = [remember_dataset(task) for task in TASKS]
        with gr.Tabs(elem_id="lab-tabs", overflow_behavior="wrap") as tabs:
            home = build_home(TASKS, page)
            task_tabs = [
                build_task_tab(task, view_of(task), page, kept) for task, kept in zip(TASKS, remembered, strict=True)
            ]
            models = build_models_tab(TASKS, page)

        def task_clicked(event: gr.EventData) -> gr.Tabs:
            return gr.Tabs(selected=str(event.choice))

        def run_clicked(event: gr.EventData) -> Updates:
            return open_run(tabs, task_tabs, str(event.choice))

        for script in (CLOSE_LISTS, KEEP_PLACE, *([REMEMBER_BROWSER] if is_space() else [])):
            page.load(None, None, None, js=script)
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
            button.click(partial(open_model, tabs, task_tabs, step), models.chosen, [tabs, *leading], **ACTION)
    return page


@tells_errors
def open_model(tabs: gr.Tabs, task_tabs: list[TaskTab], step: str, name: str) -> Updates:
    """Go to the step of a task's tab that tries a model, or trains on from it, and choose the model there."""
    if not name:
        raise BundleError("Choose a model first.")
    config = known_model(name).config
    tab = _tab_of(task_tabs, config.task)
    if step == "try":
        chosen: Updates = {tab.try_model: gr.update(choices=model_choices(models_of(tab.task)), value=name)}
    else:
        start = gr.update(choices=start_choices(tab.task), value=name)
        chosen = {tab.train.init_from: start, tab.train.backbone: shown_name(config.plan.backbone)}
    return _opened(tabs, tab, step) | chosen


@tells_errors
def open_run(tabs: gr.Tabs, task_tabs: list[TaskTab], run: str) -> Updates:
    """Go to the tab and step that show a run, and choose it there."""
    spec = spec_of(run)
    tab = _tab_of(task_tabs, spec.task)
    step, picker = ("rate", tab.rate_run) if spec.job == "lr-find" else ("train", tab.train_run)
    return _opened(tabs, tab, step) | {picker: run}


def _tab_of(task_tabs: list[TaskTab], task: str) -> TaskTab:
    known = get_task(task)
    return next(tab for tab in task_tabs if tab.task == known)


def _opened(tabs: gr.Tabs, tab: TaskTab, step: str) -> Updates:
    """The page with one step of a task in sight."""
    timers = dict(zip((tab.rate_timer, tab.train_timer), active_timers(step, STEPS_POLLED), strict=True))
    return {tabs: gr.Tabs(selected=tab.task.name), tab.steps: gr.Tabs(selected=step), **timers}
