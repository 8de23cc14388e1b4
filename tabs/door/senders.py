"""Who sends a request, before Gradio has looked at it."""

import fastapi
import gradio as gr
from starlette.types import Scope

from engine.host.access import Person
from tabs.door.people import asker_of

PROGRAM = "a program"


def sender(page: gr.Blocks, scope: Scope) -> Person:
    """Who sends it."""
    return asker_of(_request(page, scope))


def turn_of(request: gr.Request) -> str:
    """Whose turn it takes, and whose session is whose: on a page of one's own, where all is the host's, each open page's, or a
    program's.
    """
    return asker_of(request).name or request.session_hash or PROGRAM


def turn_in(page: gr.Blocks, scope: Scope, session: str) -> str:
    """The same of a request that Gradio has not looked at, in a session."""
    return turn_of(_request(page, scope, session))


def signed_in(page: gr.Blocks, scope: Scope) -> str | None:
    """The name that the sender has signed in with."""
    cookies, mark = fastapi.Request(scope).cookies, page.app.cookie_id
    token = cookies.get(f"access-token-{mark}") or cookies.get(f"access-token-unsecure-{mark}")
    return page.app.tokens.get(token or "")


def _request(page: gr.Blocks, scope: Scope, session: str | None = None) -> gr.Request:
    return gr.Request(fastapi.Request(scope), signed_in(page, scope), session)
