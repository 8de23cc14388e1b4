"""On a page with passwords: who one is there, one's code, signing out; and for the host, new codes for those who lost theirs."""

from typing import Any

import gradio as gr

from engine.host.access import asker
from tabs.door.register import own_code, the_register
from tabs.drawing.markup import note, text
from tabs.scripts import script
from tabs.wiring import ACTION, POLL, tells_errors


def show_oneself() -> str:
    """Who somebody is here, and the code that their name asks for the next time."""
    code = own_code()
    kept = (
        f" Your code is <strong>{text(code)}</strong>: write it down. To sign in again, put a blank and the code after the "
        "class's password; so nobody else can sign in as you."
        if code
        else ""
    )
    return f'<p class="lab-note">You are signed in as <strong>{text(asker().name)}</strong>.{kept}</p>'


@tells_errors
def new_code(name: str | None) -> str:
    """A new code for a name, which the host hands on."""
    register = the_register()
    if not register or not name:
        return note("Choose a name first.", "warn")
    return f'<p class="lab-note good">{text(name)} signs in with the code <strong>{text(register.reset(name))}</strong> now.</p>'


def listed_names() -> Any:
    """Everybody's names, for the host alone."""
    register = the_register()
    return gr.update(choices=register.names() if register and asker().is_host else [])


def build_people_form(page: gr.Blocks) -> None:
    """The form, wired; nothing on a page without passwords."""
    if not the_register():
        return
    oneself = gr.HTML()
    with gr.Row():
        gr.Button("Sign out", size="sm", scale=0, min_width=120).click(None, None, None, js=script("sign-out"))
    with gr.Accordion("People", open=False, visible=False) as people:
        names = gr.Dropdown([], label="Whose code is lost", allow_custom_value=True)
        button, said = gr.Button("Give a new code", size="sm"), gr.HTML()
    page.load(show_oneself, None, oneself, **POLL)
    page.load(lambda: gr.update(visible=asker().is_host), None, people, **POLL)
    gr.on([page.load, names.focus], listed_names, None, names, **POLL)
    button.click(new_code, names, said, **ACTION)
