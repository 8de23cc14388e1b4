"""The page for one's own data: bring it, see what it was understood to be, keep it, and what has been kept."""

import gradio as gr

from tabs.panels.bring import build_bring
from tabs.panels.own_list import build_own_list

HEAD = (
    '<header class="lab-task"><h2>Your data</h2><p>Bring what you have. It is read, shown and counted before anything is kept; '
    "then it is a data set like the others, in all steps.</p></header>"
)


def build_own_page(page: gr.Blocks) -> None:
    """The page's components, wired."""
    gr.HTML(HEAD)
    kept = gr.State("")
    message = gr.HTML()
    build_bring(page, kept, message)
    gr.HTML("<h3>What you have kept</h3>")
    build_own_list(page, kept)
