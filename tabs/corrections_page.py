"""The page of what people have put right: a list, and how a model learns from it."""

import gradio as gr

from tabs.panels.corrections import build_corrections
from tabs.panels.http_correct import build_correct_api

HEAD = (
    '<header class="lab-task"><h2>Corrections</h2><p>What a model got wrong and somebody put right. A model learns from it, and '
    "you see whether it forgets what it knew.</p></header>"
)


def build_corrections_page(page: gr.Blocks) -> None:
    """The page's components, wired."""
    gr.HTML(HEAD)
    build_corrections(page)
    build_correct_api()
