"""The forms that send a model to the Hugging Face Hub and load one from there; the work goes on in the background."""

import base64
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from engine.errors import BundleError, EngineError, HubError
from engine.host.access import asker, may_load, require_host
from engine.host.home import disk_told
from engine.hub.jobs import JOBS, Job
from engine.hub.publish import MESSAGE, files_to_send, publish_model
from engine.hub.remote import fetch_bundle, parse_reference
from engine.library.card import LICENCES, NO_REPOSITORY, CardChoices, build_card
from engine.library.export import export_bundle
from engine.library.listing import Model, known_model
from tabs.door.paths import without_paths
from tabs.door.space import account, has_sign_in
from tabs.door.uploads import download_path
from tabs.drawing.markup import megabytes, note, progress_bar, table, text
from tabs.reading.heavy import load_engine
from tabs.reading.models import label_of
from tabs.wiring import ACTION, BATCH, POLL, flat, tells_errors

PICTURE = re.compile(r"^!\[([\w ]*)\]\((losses\.png|metrics\.png)\)$", re.MULTILINE)
PUBLIC, PRIVATE = "public", "private"
MOST_PICTURE_BYTES = 1_000_000  # of a curve in a card
PUBLISH, LOAD = "publish", "load"  # kinds of jobs
TOKEN_HELP = "Needs write access: huggingface.co/settings/tokens. It is used for this once, and kept nowhere. "
WITHOUT_TOKEN = "Without one, this machine's own login is used."
NOT_YOURS = "This is somebody else's machine: make a token for this alone, and delete it afterwards."

SIGN_IN_HELP = (
    '<p class="lab-small">Published under your own account. This page may then make repositories there, and write to those '
    "that it made.</p>"
)


def card_of(name: str) -> str:
    """A model's card as people read it, without the metadata in front."""
    if not name:
        return ""
    load_engine()
    try:
        folder = known_model(name).folder
        return parted(build_card(folder, CardChoices()), folder)[1]
    except EngineError as error:
        return without_paths(error)


def parted(card: str, folder: Path) -> tuple[str, str]:
    """A card's metadata and its text, with the bundle's pictures in it: a page does not find them beside itself."""
    _, front, body = card.split("---\n", 2)

    def inside(found: re.Match[str]) -> str:
        file = folder / found[2]
        is_small = file.is_file() and file.stat().st_size <= MOST_PICTURE_BYTES
        content = base64.b64encode(file.read_bytes()).decode() if is_small else ""
        return f"![{found[1]}](data:image/png;base64,{content})" if content else found[1]

    return front, PICTURE.sub(inside, body)


@tells_errors
def pack(name: str) -> Any:
    """The chosen model's bundle as a zip file to download."""
    model = chosen_model(name)
    load_engine()
    target = download_path(f"{name}.zip")
    with disk_told(f"pack {name}"), tempfile.TemporaryDirectory() as scratch:
        bundle = export_bundle(model.source, Path(scratch) / name)
        shutil.make_archive(str(target.with_suffix("")), "zip", scratch, bundle.name)
    return gr.update(
        value=str(target), visible=True, label=f"Download {target.name} ({megabytes(target.stat().st_size)})"
    )


def chosen_model(name: str) -> Model:
    """The model that was chosen in the list; `BundleError` for none, and for one that is gone."""
    if not name:
        raise BundleError("Choose a model in the list first.")
    return known_model(name)


class Preview(NamedTuple):
    """What would be sent: its files with their sizes, and the card."""

    files: Any
    card: Any


@tells_errors
def preview(name: str, repository: str, licence: str, remark: str, onnx: bool) -> Preview:
    """What would be sent, with sizes, and the card that would be shown there. Nothing is sent."""
    model, repo_id = chosen_model(name), repository.strip() or NO_REPOSITORY
    if "/" not in repo_id:  # whose it will be, only the sign-in says
        repo_id = f"{NO_REPOSITORY.partition('/')[0]}/{repo_id}"
    choices = CardChoices(repo_id=repo_id, licence=licence, note=remark)
    load_engine()
    with tempfile.TemporaryDirectory() as scratch:
        bundle = export_bundle(model.source, Path(scratch) / "bundle", onnx=onnx)
        files = files_to_send(bundle)
        card = build_card(bundle, choices)
        front, body = parted(card, bundle)
    rows = [(text(file), megabytes(size)) for file, size in files]
    rows.append(("<strong>in all</strong>", megabytes(sum(size for _, size in files))))
    # It may come when another model has been chosen meanwhile.
    listed = f'<p class="lab-small">{text(label_of(model))}</p>{table(("File", "Size"), rows)}'
    listed += '<p class="lab-small">Nothing was sent.</p>'
    return Preview(files=listed, card=f"```yaml\n{front}```\n{body}")


class Begun(NamedTuple):
    """A job that was begun: its key, an emptied token, and the timer that looks after it."""

    job: Any
    token: Any
    timer: Any


@tells_errors
def start_publishing(
    name: str,
    repository: str,
    visibility: str,
    licence: str,
    message: str,
    remark: str,
    onnx: bool,
    update: bool,
    token: str,
    job: str,
) -> Begun:
    """Begin to send the chosen model."""
    model = chosen_model(name)
    if not repository.strip():
        raise HubError("Say what it shall be called on the Hub: NAME, or OWNER/NAME.")
    choices = CardChoices(repo_id=repository.strip(), licence=licence, note=remark)
    check_idle(job)
    given = token_for(token)
    if not given:  # told at once, not by the job
        if has_sign_in():
            raise HubError("Sign in with your account on the Hugging Face Hub first.")
        require_host("publish with this machine's login")
    load_engine()

    def work(on_progress: Callable[[int, int], None]) -> str:
        made = publish_model(
            model.source,
            choices,
            onnx=onnx,
            private=visibility == PRIVATE,
            message=message,
            update=update,
            token=given,
            on_progress=on_progress,
        )
        return made.url

    return Begun(job=JOBS.start(PUBLISH, work), token="", timer=gr.Timer(active=True))


@tells_errors
def start_loading(reference: str, token: str, job: str) -> Begun:
    """Begin to load a model by name or link."""
    if not may_load():  # told at once, not by the job
        require_host("load a model from the Hub")
    wanted, given = parse_reference(reference), token_for(token)
    check_idle(job)
    load_engine()

    def work(on_progress: Callable[[int, int], None]) -> str:
        return fetch_bundle(wanted, token=given, on_progress=on_progress).name

    return Begun(job=JOBS.start(LOAD, work), token="", timer=gr.Timer(active=True))


def check_idle(job: str) -> None:
    """`HubError` while this page's last job is under way: a second click would do the same twice."""
    known = JOBS.state(job)
    if known is not None and known.status == "running":
        raise HubError("The last one is still under way. Wait until it has ended.")


def token_for(typed: str) -> str | None:
    """The token to ask the Hub with: the one that was typed in, or else the sign-in's; None for this machine's own login."""
    known = account()
    return typed.strip() or (known.token if known else None)


def timer_now() -> Any:
    """What the timer of both forms does: it rests while none of the asker's jobs is under way."""
    return gr.skip() if JOBS.under_way(PUBLISH) or JOBS.under_way(LOAD) else gr.Timer(active=False)


def show_job(key: str, ended: Callable[[Job], str]) -> str:
    """How far a job is, or how it ended."""
    job = JOBS.state(key)
    if job is None:
        return ""
    if job.status == "failed":
        return note(without_paths(job.message), "bad")
    if job.status == "done":
        return ended(job)
    share = job.done / job.total if job.total else -1
    words = f"{megabytes(job.done)} of {megabytes(job.total)}" if job.total else "Making it ready …"
    return progress_bar(share, words)


def published(job: Job) -> str:
    """Where a model went."""
    link = f'<a href="{text(job.result)}" target="_blank" rel="noopener">{text(job.result)}</a>'
    return f'<p class="lab-note good">It is published: {link}</p>'


def loaded(job: Job) -> str:
    """What a model that was loaded is called here."""
    return note(f"It is here, as {job.result}: choose it in the list above.", "good")


def token_help() -> Any:
    """What is said beside the token, to the host and to a visitor."""
    return gr.update(info=TOKEN_HELP + (WITHOUT_TOKEN if asker().is_host else NOT_YOURS))


def build_publish_form(chosen: gr.State, timer: gr.Timer, page: gr.Blocks) -> None:
    """The form for the chosen model, wired."""
    job = gr.State("")
    with gr.Row():
        repository = gr.Textbox("", label="Name on the Hub", placeholder="my-first-model, or OWNER/NAME", min_width=200)
        visibility = gr.Radio(
            [("Private", PRIVATE), ("Public", PUBLIC)], value=PRIVATE, label="Who may see it", min_width=160
        )
    with gr.Row():
        licence = gr.Dropdown([("As the data allows", ""), *LICENCES], value="", label="Licence", min_width=160)
        message = gr.Textbox(MESSAGE, label="What the commit says", min_width=200)
    remark = gr.Textbox("", label="A sentence of yours for its card", lines=2, max_length=2000)
    with gr.Row():
        onnx = gr.Checkbox(False, label="With an ONNX file, for programs without PyTorch")
        update = gr.Checkbox(False, label="Replace the model of that name, if it is of this app")
    if has_sign_in():
        gr.HTML(SIGN_IN_HELP)
        gr.LoginButton(size="sm")
    token = gr.Textbox(
        "", label="Token", type="password", info=TOKEN_HELP + WITHOUT_TOKEN, max_length=200, visible=not has_sign_in()
    )
    with gr.Row():
        dry = gr.Button("What would be sent", size="sm")
        send = gr.Button("Publish", variant="primary", size="sm")
    state = gr.HTML()
    shown = Preview(files=gr.HTML(), card=gr.Markdown(elem_classes="lab-model-card"))
    dry.click(preview, [chosen, repository, licence, remark, onnx], flat(shown), **BATCH)
    asked = [chosen, repository, visibility, licence, message, remark, onnx, update, token, job]
    send.click(start_publishing, asked, flat(Begun(job=job, token=token, timer=timer)), **ACTION)

    def poll(key: str) -> tuple[str, Any]:
        return show_job(key, published), timer_now()

    gr.on([job.change, timer.tick], poll, job, [state, timer], trigger_mode="once", **POLL)
    chosen.change(lambda: Preview(files="", card=""), None, flat(shown), **POLL)
    page.load(lambda: JOBS.under_way(PUBLISH), None, job, **POLL)  # one that was begun before a reload
    page.load(token_help, None, token, **POLL)


def build_load_form(timer: gr.Timer, page: gr.Blocks) -> gr.State:
    """The form that loads a model, wired; the state changes when one has come."""
    job, came = gr.State(""), gr.State("")
    with gr.Row():
        reference = gr.Textbox(
            "", label="Name or link", placeholder="OWNER/NAME, OWNER/NAME@REVISION, or its link", scale=3
        )
        token = gr.Textbox(
            "",
            label="Token, for a private one",
            type="password",
            max_length=200,
            scale=2,
            visible=not has_sign_in(),
        )
    button = gr.Button("Load it", size="sm")
    state = gr.HTML()

    def poll(key: str, seen: str) -> tuple[str, Any, Any]:
        found = JOBS.state(key)
        is_new = found is not None and found.status == "done" and found.result != seen
        return show_job(key, loaded), found.result if found and is_new else gr.skip(), timer_now()

    begun = Begun(job=job, token=token, timer=timer)
    button.click(start_loading, [reference, token, job], flat(begun), **ACTION)
    gr.on([job.change, timer.tick], poll, [job, came], [state, came, timer], trigger_mode="once", **POLL)
    page.load(lambda: JOBS.under_way(LOAD), None, job, **POLL)
    return came
