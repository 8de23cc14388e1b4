"""Bundles from the Hugging Face Hub: by name or link, pinned to a commit, and only the files that a bundle has."""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from engine.access import asker, check_load, may_load, require_host
from engine.bundle_files import CONFIG_FILE, MODEL_FILE
from engine.errors import BundleError, HubError
from engine.hub.client import build_api, hub_told
from engine.hub.export import BUNDLE_FILES
from engine.hub.library import downloads_folder
from engine.training.bundle import MAX_CONFIG_BYTES, read_config

OnProgress = Callable[[int, int], None]
MAX_BYTES = 4_000_000_000
SHORT = 12  # digits of a commit in a folder's name
NAME = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")
REVISION = re.compile(r"[\w./-]{0,100}")
BETWEEN = "--"


@dataclass(frozen=True, slots=True)
class Reference:
    """A repository on the Hub and one of its revisions: a branch, a tag or a commit."""

    repo_id: str
    revision: str = "main"

    def __str__(self) -> str:
        return f"{self.repo_id}@{self.revision}"


def parse_reference(text: str) -> Reference:
    """ "owner/name", "owner/name@revision", or a link to a repository or one of its revisions; `HubError` for anything else."""
    given = text.strip()
    if "://" in given:
        parts = [part for part in urlsplit(given).path.split("/") if part]
        if len(parts) >= 4 and parts[2] in ("tree", "commit", "blob"):
            given = f"{parts[0]}/{parts[1]}@{parts[3]}"
        else:
            given = "/".join(parts[:2])
    repo_id, _, revision = given.partition("@")
    if not is_reference(given):
        raise HubError(f"{text.strip()[:100]!r} names no model on the Hub. Write OWNER/NAME, or paste its link.")
    return Reference(repo_id, revision or "main")


def is_reference(text: str) -> bool:
    """Whether a text has the form OWNER/NAME or OWNER/NAME@REVISION."""
    repo_id, _, revision = text.partition("@")
    return bool(NAME.fullmatch(repo_id)) and ".." not in repo_id and bool(REVISION.fullmatch(revision))


def download_folder(repo_id: str, commit: str) -> Path:
    """Where a commit of a repository lies, or would."""
    return downloads_folder() / f"{repo_id.replace('/', BETWEEN)}{BETWEEN}{commit[:SHORT]}"


def fetch_bundle(
    reference: str | Reference,
    *,
    token: str | Literal[False] | None = None,
    on_progress: OnProgress = lambda done, total: None,
) -> Path:
    """The bundle at a reference, in a folder of this machine; fetched once a commit, and going on where a try broke off.

    What a visitor loads everybody at the page sees, so they load what everybody may see: no token is used, nor the host's login.
    Raises `HubError` where it cannot be had, `BundleError` where what is there is no bundle; then nothing of it is kept.
    """
    if not may_load():
        require_host("load a model from the Hub")
    token = token if asker().is_host else False
    wanted = parse_reference(reference) if isinstance(reference, str) else reference
    api, doing = build_api(token), f"load {wanted}"
    with hub_told(doing, token):
        info = api.model_info(wanted.repo_id, revision=wanted.revision, files_metadata=True)
    sizes = {part.rfilename: part.size or 0 for part in info.siblings or () if part.rfilename in BUNDLE_FILES}
    if not {CONFIG_FILE, MODEL_FILE} <= sizes.keys():
        raise BundleError(f"{wanted} is no bundle of this app: it lacks {CONFIG_FILE} or {MODEL_FILE}.")
    if sizes[CONFIG_FILE] > MAX_CONFIG_BYTES or sum(sizes.values()) > MAX_BYTES:
        raise BundleError(f"{wanted} is too large for a bundle: {sum(sizes.values()) / 1e6:,.0f} MB.")
    folder = download_folder(wanted.repo_id, str(info.sha))
    if folder.is_dir():
        return folder
    check_load(sum(sizes.values()), loaded=_bytes_in(downloads_folder()))
    partial = folder.with_name(f".{folder.name}")
    # The small files first: a config that is none needs no weights.
    for done, name in enumerate(sorted(sizes, key=lambda name: sizes[name])):
        with hub_told(doing, token):
            api.hf_hub_download(wanted.repo_id, name, revision=info.sha, local_dir=partial)
        on_progress(sum(sorted(sizes.values())[: done + 1]), sum(sizes.values()))
        if name == CONFIG_FILE:
            _check(partial)
    shutil.rmtree(partial / ".cache", ignore_errors=True)
    partial.rename(folder)
    return folder


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _check(partial: Path) -> None:
    try:
        read_config(partial)
    except BundleError:
        shutil.rmtree(partial, ignore_errors=True)
        raise
