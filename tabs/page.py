"""The app's pages: Home, one for each task, one's own data, comparing, and the models. Each loads what is on it alone."""

import gradio as gr

from engine.tasks.registry import TASKS
from tabs.chart_files import loader
from tabs.compare_page import build_compare_page
from tabs.corrections_page import build_corrections_page
from tabs.door.space import BROWSER, is_space
from tabs.home import build_home
from tabs.models_page import build_models_page
from tabs.own_page import build_own_page
from tabs.panels.suspects import build_suspects
from tabs.scripts import called, script
from tabs.task_page import build_task_page
from tabs.views.registry import view_of

TITLE = "Lesson 3 Lab"
CACHE_SECONDS = 3600  # uploads are deleted an hour after they came


def build_page() -> gr.Blocks:
    """All pages, ready to be launched. A task's goes by the task's name, as in "/camvid"."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(CACHE_SECONDS, CACHE_SECONDS)) as pages:
        build_home(TASKS, pages)
        run_scripts(pages)
    for task in TASKS:
        with pages.route(task.title, task.name):
            build_task_page(task, view_of(task), pages)
            run_scripts(pages, task.title)
            pages.load(None, None, None, js=loader())
    with pages.route("Your data", "own"):
        build_own_page(pages)
        run_scripts(pages, "Your data")
    with pages.route("Corrections", "corrections"):
        build_corrections_page(pages)
        run_scripts(pages, "Corrections")
    with pages.route("Labels that look wrong", "suspects", show_in_navbar=False):
        build_suspects(pages)
        run_scripts(pages, "Labels that look wrong")
    with pages.route("Compare", "compare"):
        build_compare_page(pages)
        run_scripts(pages, "Compare")
        pages.load(None, None, None, js=loader())
    with pages.route("Models", "models"):
        build_models_page(TASKS, pages)
        run_scripts(pages, "Models")
    return pages


def run_scripts(pages: gr.Blocks, title: str = "") -> None:
    """What each page does once it is loaded; the title tells it from the others."""
    pages.load(None, None, None, js=called("name-page", title, TITLE))
    pages.load(None, None, None, js=script("close-lists"))
    pages.load(None, None, None, js=script("keep-query"))
    if is_space():
        pages.load(None, None, None, js=called("remember-browser", BROWSER))
