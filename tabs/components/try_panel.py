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


def code_of(task: Task, view: View, model: str | None) -> str:
    """The program that predicts with the chosen model."""
    return try_code(task.name, dataset_of(model), model, view.snippets) if model else ""


def build_try_panel(task: Task, view: View, tab: gr.Tab) -> gr.Dropdown:
    """The panel's components, wired; returns the model picker."""
    dataset = gr.State("")
    build_lesson(task, "try")
    model = build_run_picker("Model")
    view.build_try(task, model, dataset)
    code = build_code()
    build_http_api(task, ENDPOINTS[view.takes](task), view.takes, tab)
    tab.select(partial(refresh_trained, task), model, model, **POLL)
    model.change(dataset_of, model, dataset, **POLL)
    model.change(partial(code_of, task, view), model, code, **POLL)
    return model
