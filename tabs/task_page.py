"""The one builder that makes every task's page: the lesson's steps, in the lesson's order."""

from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from engine.errors import BundleError, RunError
from engine.library.listing import known_model
from engine.task import Task
from tabs.door.address import asked_for
from tabs.door.paths import shown_name
from tabs.drawing.markup import text
from tabs.panels.data import build_data_panel
from tabs.panels.rate import build_rate_panel
from tabs.panels.results import build_results_panel
from tabs.panels.taken_up import wire_trying
from tabs.panels.taking import wire_taking
from tabs.panels.train import build_train_panel
from tabs.panels.try_it import build_try_panel
from tabs.reading.models import start_choices
from tabs.reading.opened import runs_of
from tabs.scripts import called, script
from tabs.views.view import View
from tabs.wiring import POLL, flat, skipped, tells_errors

STEPS = {"data": "1 Data", "rate": "2 Find a rate", "train": "3 Train", "results": "4 Results", "try": "5 Try it"}


class Start(NamedTuple):
    """What a training starts with."""

    init_from: Any
    backbone: Any


def build_task_page(task: Task, view: View, page: gr.Blocks) -> None:
    """A page with the five steps of a task; the loading of `page` brings the panels up to date."""
    gr.HTML(f'<header class="lab-task"><h2>{text(task.title)}</h2><p>{text(task.question)}</p></header>')
    with gr.Tabs(elem_classes="lab-steps", overflow_behavior="wrap") as steps:
        with _step_tab("data") as data_tab:
            opened = build_data_panel(task, view, page)
        with _step_tab("rate") as rate_tab:
            rate = build_rate_panel(task, page, rate_tab, opened)
        with _step_tab("train") as train_tab:
            train = build_train_panel(task, view, page, train_tab, opened)
        with _step_tab("results") as results_tab:
            results = build_results_panel(task, view, results_tab)
        with _step_tab("try") as try_tab:
            tried = build_try_panel(task, view, try_tab)
    wire_taking(task, rate, train)
    wire_trying(results.taken, results.model, tried, steps)
    # Only the step that is looked at is polled.
    timers = {"rate": rate.timer, "train": train.timer}
    for step, tab in zip(STEPS, (data_tab, rate_tab, train_tab, results_tab, try_tab), strict=True):
        place = list(timers).index(step) if step in timers else -1
        tab.select(None, None, list(timers.values()), js=called("only-active", place, len(timers)), **POLL)
    start = Start(init_from=train.planned.init_from, backbone=train.planned.backbone)
    page.load(partial(asked_start, task), None, flat(start), **POLL)
    page.load(None, None, None, js=script("keep-step"))


@tells_errors
def asked_start(task: Task) -> Start:
    """The model to train on from that the address names, if any; an `EngineError` where it names what this task has not."""
    run, model, start = (asked_for(key) for key in ("run", "model", "start"))
    if run and run not in runs_of(task):
        raise RunError(_not_here("run", run, task))
    for name in filter(None, (model, start)):
        if known_model(name).config.task != task.name:
            raise BundleError(_not_here("model", name, task))
    if not start:
        return skipped(Start)
    backbone = shown_name(known_model(start).config.plan.backbone)
    return Start(init_from=gr.update(choices=start_choices(task), value=start), backbone=backbone)


def _not_here(kind: str, name: str, task: Task) -> str:
    return f"The address names {name[:100]!r}, and {task.title} has no such {kind}, or no longer. The newest is shown instead."


def _step_tab(step: str) -> gr.Tab:
    return gr.Tab(STEPS[step], id=step)
