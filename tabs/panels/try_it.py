"""The Try-it step: choose a model, and give it something of your own; what that is, the task's view knows."""

from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from engine.task import Task
from tabs.panels.correct import build_correcting
from tabs.panels.http_api import build_http_api
from tabs.panels.results import refresh_trained
from tabs.programs import try_code
from tabs.reading.models import dataset_of
from tabs.views.view import View
from tabs.wiring import POLL, as_state, build_code, build_lesson, build_run_picker


def code_of(task: Task, model: str | None) -> str:
    """The program that predicts with the chosen model."""
    return try_code(task.name, dataset_of(model), model) if model else ""


class TryPanel(NamedTuple):
    """The choice of a model, and the component that holds what it is given."""

    picker: gr.Dropdown
    given: Any


def build_try_panel(task: Task, view: View, tab: gr.Tab) -> TryPanel:
    """The panel's components, wired."""
    dataset = gr.State("")
    build_lesson(task, "try")
    picker = build_run_picker("Model")
    model = as_state(picker)
    given = view.build_try(task, model, dataset)
    build_correcting(task, model, given, where="try")
    code = build_code()
    build_http_api(task, tab)
    tab.select(partial(refresh_trained, task), picker, picker, **POLL)
    model.change(dataset_of, model, dataset, **POLL)
    model.change(partial(code_of, task), model, code, **POLL)
    return TryPanel(picker=picker, given=given)
