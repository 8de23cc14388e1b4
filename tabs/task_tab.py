"""The one builder that makes every task's tab: the lesson's steps, in the lesson's order."""

from dataclasses import dataclass

import gradio as gr

from engine.task import Task
from tabs.components.data_panel import build_data_panel
from tabs.components.markup import text
from tabs.components.rate_panel import build_rate_panel, wire_taking
from tabs.components.results_panel import build_results_panel
from tabs.components.train_panel import TrainPanel, build_train_panel
from tabs.components.try_panel import build_try_panel
from tabs.views.view import View

STEPS = {"data": "1 Data", "rate": "2 Find a rate", "train": "3 Train", "results": "4 Results", "try": "5 Try it"}

STEPS_POLLED = ("rate", "train")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskTab:
    """What the page needs of a task's tab: its steps, and which runs and models its panels show."""

    task: Task
    tab: gr.Tab
    steps: gr.Tabs
    rate_run: gr.Dropdown
    train_run: gr.Dropdown
    try_model: gr.Dropdown
    train: TrainPanel
    rate_timer: gr.Timer
    train_timer: gr.Timer


def build_task_tab(task: Task, view: View, page: gr.Blocks, remembered: gr.BrowserState) -> TaskTab:
    """A tab with the five steps of a task; `page` is the whole page, whose loading brings the panels up to date.

    `remembered` is the browser's own note of the data set, from `remember_dataset`.
    """
    with gr.Tab(task.title, id=task.name) as tab:
        gr.HTML(f'<header class="lab-task"><h2>{text(task.title)}</h2><p>{text(task.question)}</p></header>')
        with gr.Tabs(elem_classes="lab-steps", overflow_behavior="wrap") as steps:
            with _step_tab("data") as data_tab:
                data = build_data_panel(task, view, page, tab, remembered)
            with _step_tab("rate") as rate_tab:
                rate, taking = build_rate_panel(task, rate_tab, data.opened)
            with _step_tab("train") as train_tab:
                train = build_train_panel(task, view, train_tab, data.opened)
            with _step_tab("results") as results_tab:
                build_results_panel(task, view, results_tab)
            with _step_tab("try") as try_tab:
                try_model = build_try_panel(task, view, try_tab)
    wire_taking(task, taking, train)
    step_tabs = dict(zip(STEPS, (data_tab, rate_tab, train_tab, results_tab, try_tab), strict=True))
    _tick_where_looked(step_tabs, {"rate": rate.timer, "train": train.timer})
    return TaskTab(
        task=task,
        tab=tab,
        steps=steps,
        rate_run=rate.run,
        train_run=train.run,
        try_model=try_model,
        train=train,
        rate_timer=rate.timer,
        train_timer=train.timer,
    )


def active_timers(step: str, polled: tuple[str, ...]) -> list[gr.Timer]:
    """Only the step that is looked at is polled."""
    return [gr.Timer(active=step == name) for name in polled]


def _step_tab(step: str) -> gr.Tab:
    return gr.Tab(STEPS[step], id=step)


def _tick_where_looked(step_tabs: dict[str, gr.Tab], timers: dict[str, gr.Timer]) -> None:
    for step, tab in step_tabs.items():
        tab.select(
            lambda step=step: active_timers(step, tuple(timers)),
            None,
            list(timers.values()),
            show_progress="hidden",
            concurrency_limit=None,
            api_visibility="private",
        )
