"""Publishing a bundle on the Hugging Face Hub: what would be sent, and sending it, in one commit or not at all.

The large files go first, each once: what the Hub has already is not sent again. The commit that makes them visible comes last.
So a connection that breaks off leaves nothing half published, and another try goes on from there.
"""

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.bundle.config import read_config
from engine.bundle.fields import is_ours
from engine.bundle.files import CONFIG_FILE, MODEL_FILE
from engine.errors import HubError
from engine.host.access import require_host
from engine.hub.client import build_api, hub_told
from engine.hub.sending import OnProgress, send_files
from engine.library.card import CardChoices, write_card
from engine.library.export import BUNDLE_FILES, export_bundle

if TYPE_CHECKING:
    from huggingface_hub import HfApi

MESSAGE = "Publish from Lesson 3 Lab"
THEIRS = (".gitattributes",)  # what the Hub puts into a new repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """Where a model is now, and which commit made it so."""

    url: str
    repo_id: str
    commit: str


def files_to_send(bundle: Path) -> list[tuple[str, int]]:
    """What publishing sends: names and bytes, the weights first. `BundleError` where that is no whole bundle."""
    read_config(bundle)
    names = [name for name in BUNDLE_FILES if (bundle / name).is_file()]
    return [(name, (bundle / name).stat().st_size) for name in names]


def publish_model(
    model: Path,
    choices: CardChoices,
    *,
    onnx: bool = False,
    token: str | None = None,
    on_export: Callable[[list[tuple[str, int]]], None] = lambda files: None,
    **settings: Any,
) -> Published:
    """Export a model, a run's or a bundle's folder, and `publish` it with these settings; `on_export` is told what is sent.

    Who is signed in is asked before the work begins: a bad token should not take half a minute to be told.
    """
    _sign_in(choices, token)
    with tempfile.TemporaryDirectory() as scratch:
        bundle = export_bundle(model, Path(scratch) / "bundle", onnx=onnx)
        on_export(files_to_send(bundle))
        return publish(bundle, choices, token=token, **settings)


def publish(
    bundle: Path,
    choices: CardChoices,
    *,
    private: bool = True,
    message: str = MESSAGE,
    update: bool = False,
    token: str | None = None,
    on_progress: OnProgress = lambda done, total: None,
) -> Published:
    """Send an exported bundle to `choices.repo_id` ("name", or "owner/name"); a new repository, or, with `update`, its own.

    One that is there already, if only since a try that broke off, has to be as private as is asked for.

    `token` is used for this call and kept nowhere; None is the usual login of this machine. `on_progress(done, total)` counts
    bytes. Raises `HubError` with what to do: a bad token, a name that is taken, no rights, no room, no network.
    """
    api, owner = _sign_in(choices, token)
    doing = f"publish {choices.repo_id}"
    repo_id = choices.repo_id if "/" in choices.repo_id else f"{owner}/{choices.repo_id}"
    write_card(bundle, CardChoices(repo_id=repo_id, licence=choices.licence, note=choices.note))
    files = files_to_send(bundle)
    with hub_told(doing, token):
        api.create_repo(repo_id, private=private, exist_ok=True)
        there = look_at(api, repo_id, private=private)
    if there - set(THEIRS) and not (update and _is_ours(api, repo_id, there, token)):
        raise HubError(
            f"Could not {doing}: {repo_id} is on the Hub already. Choose another name; or ask for an update, if it is a model of "
            "this app."
        )
    gone = sorted(there & set(BUNDLE_FILES) - {name for name, _ in files})
    with hub_told(doing, token):
        commit = send_files(
            api,
            repo_id,
            [(name, bundle / name) for name, _ in files],
            gone=gone,
            message=message or MESSAGE,
            on_progress=on_progress,
        )
    return Published(url=f"{api.endpoint}/{repo_id}", repo_id=repo_id, commit=commit)


def _sign_in(choices: CardChoices, token: str | None) -> "tuple[HfApi, str]":
    """The client, and whose account the token is of."""
    if token is None:
        require_host("publish with this machine's login")
    api = build_api(token)
    with hub_told(f"publish {choices.repo_id}", token):
        return api, api.whoami(token=token)["name"]


def look_at(api: Any, repo_id: str, *, private: bool, repo_type: str = "model") -> set[str]:
    """The files of a repository; `HubError` where it is public and should be private, or the other way round."""
    info = api.repo_info(repo_id, repo_type=repo_type)
    if bool(info.private) != private:
        found, wanted = ("private", "public") if info.private else ("public", "private")
        raise HubError(
            f"{repo_id} is on the Hub already, and {found}: nothing was sent. Choose {found}, or make it {wanted} first, in its "
            "settings on the Hub."
        )
    return {file.rfilename for file in info.siblings or ()}


def _is_ours(api: Any, repo_id: str, there: set[str], token: str | None) -> bool:
    """Whether a repository holds a bundle of this app."""
    if not {CONFIG_FILE, MODEL_FILE} <= there:
        return False
    with hub_told(f"look at {repo_id}", token), tempfile.TemporaryDirectory() as folder:
        return is_ours(json.loads(Path(api.hf_hub_download(repo_id, CONFIG_FILE, local_dir=folder)).read_text("utf-8")))
