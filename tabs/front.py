"""What stands between the network and Gradio: each looks at a request before Gradio does."""

from collections.abc import Sequence

import gradio as gr
from starlette.middleware import Middleware

from engine.tasks.registry import TASKS
from tabs.chart_files import serve_charts
from tabs.door.calls import complete_calls
from tabs.door.guard import guard, own_names
from tabs.door.kept_pages import keep_pages
from tabs.door.pace import keep_pace
from tabs.door.sessions import notice_pages
from tabs.door.shares import share_uploads
from tabs.door.space import is_space
from tabs.panels.http_api import parameters_of
from tabs.panels.http_correct import CORRECT, PARAMETERS


def stand_before(page: gr.Blocks, host: str, allowed: Sequence[str], *, is_signed_in: bool) -> list[Middleware]:
    """For a page that listens at `host`; the `allowed` names are its own too. Where people sign in, it answers to any name."""
    names = None if is_signed_in or is_space() else own_names(host, allowed)
    return [
        Middleware(guard, names=names, allowed=allowed, public=lambda: page.share_url),
        Middleware(serve_charts),
        Middleware(keep_pace, page=page),
        Middleware(notice_pages, page=page),
        Middleware(keep_pages, page=page),
        Middleware(share_uploads, page=page),
        Middleware(complete_calls, parameters={**parameters_of(TASKS), CORRECT: PARAMETERS}),
    ]
