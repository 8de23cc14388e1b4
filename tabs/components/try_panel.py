"""The Try-it step: choose a model, and give it something of your own; what that is, the task's view knows."""

from functools import partial

import gradio as gr

from engine.task import Task
from tabs.components.code import try_code
from tabs.components.http_api import ENDPOINTS, build_http_api
from tabs.components.models import dataset_of
from tabs.components.results_panel import refresh_trained
from tabs.components.wiring import POLL, build_code, build_lesson, build_run_picker
from tabs.views.view import View


def code_of(view: View, run: str | None) -> str:
    """The program that predicts with the chosen model."""
    return try_code(dataset_of(run), run, view.snippets) if run else ""


def build_try_panel(task: Task, view: View, tab: gr.Tab) -> gr.Dropdown:
    """The panel's components, wired; returns the model picker."""
    dataset = gr.State("")
    build_lesson(task, "try")
    run = build_run_picker("Model")
    view.build_try(task, run, dataset)
    code = build_code()
    build_http_api(task, ENDPOINTS[view.takes](task), view.takes, tab)
    tab.select(partial(refresh_trained, task), run, run, **POLL)
    run.change(dataset_of, run, dataset, **POLL)
    run.change(partial(code_of, view), run, code, **POLL)
    return run
