"""Bundles from the Hugging Face Hub: by name or link, pinned to a commit, and only the files that a bundle has."""

import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from filelock import FileLock

from engine.bundle.config import MAX_CONFIG_BYTES, read_config
from engine.bundle.files import CONFIG_FILE, MODEL_FILE
from engine.data.whole_folder import ABANDONED_SECONDS, bytes_in
from engine.errors import BundleError, HubError
from engine.host.access import asker, check_load, may_load, require_host
from engine.host.home import disk_told
from engine.hub.client import build_api, hub_told
from engine.library.export import BUNDLE_FILES
from engine.library.listing import downloads_folder
from engine.library.opened import check_bundle

OnProgress = Callable[[int, int], None]
MAX_BYTES = 4_000_000_000
SHORT = 12  # digits of a commit in a folder's name
NAME = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")
REVISION = re.compile(r"[\w./-]{0,100}")
BETWEEN = "--"
SITES = ("huggingface.co/", "www.huggingface.co/", "hf.co/")
RESERVED = ".reserved"  # in a folder that is being filled: how many bytes it will take
TELL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Reference:
    """A repository on the Hub and one of its revisions: a branch, a tag or a commit."""

    repo_id: str
    revision: str = "main"

    def __str__(self) -> str:
        return f"{self.repo_id}@{self.revision}"


def parse_reference(text: str) -> Reference:
    """ "owner/name", "owner/name@revision", or a link to a repository or one of its revisions; `HubError` for anything else."""
    given = text.strip().rstrip("/")
    if given.startswith(SITES):
        given = f"https://{given}"
    if "://" in given:
        parts = [unquote(part) for part in urlsplit(given).path.split("/") if part]
        parts = parts[1:] if parts[:1] == ["datasets"] else parts
        if len(parts) >= 4 and parts[2] in ("tree", "commit", "blob"):
            given = f"{parts[0]}/{parts[1]}@{parts[3]}"
        else:
            given = "/".join(parts[:2])
    repo_id, _, revision = given.partition("@")
    if not is_reference(given):
        raise HubError(f"{text.strip()[:100]!r} names nothing on the Hub. Write OWNER/NAME, or paste its link.")
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
    `on_progress(done, total)` counts bytes, from a thread of its own. Raises `HubError` where it cannot be had, `BundleError`
    where what is there is no bundle; then nothing of it is kept.
    """
    if not may_load():
        require_host("load a model from the Hub")
    token = token if asker().is_host else False
    wanted = parse_reference(reference) if isinstance(reference, str) else reference
    api, doing = build_api(token), f"load {wanted}"
    with hub_told(doing, token):
        info = api.model_info(wanted.repo_id, revision=wanted.revision, files_metadata=True)
    sizes = {part.rfilename: part.size or 0 for part in info.siblings or () if part.rfilename in BUNDLE_FILES}
    total = sum(sizes.values())
    if not {CONFIG_FILE, MODEL_FILE} <= sizes.keys():
        raise BundleError(f"{wanted} is no bundle of this app: it lacks {CONFIG_FILE} or {MODEL_FILE}.")
    if sizes[CONFIG_FILE] > MAX_CONFIG_BYTES or total > MAX_BYTES:
        raise BundleError(f"{wanted} is too large for a bundle: {total / 1e6:,.0f} MB.")
    folder = download_folder(wanted.repo_id, str(info.sha))
    if folder.is_dir():
        return folder
    with disk_told(doing), alone(folder):
        if folder.is_dir():  # by now
            return folder
        with _room_for(folder, total) as partial, counted(partial, total, on_progress):
            # The small files first: a config that is none needs no weights.
            for name in sorted(sizes, key=lambda name: sizes[name]):
                with hub_told(doing, token):
                    api.hf_hub_download(wanted.repo_id, name, revision=info.sha, local_dir=partial)
                if name == CONFIG_FILE:
                    _keep_if(read_config, partial)
            _keep_if(check_bundle, partial)
    on_progress(total, total)
    return folder


def alone(folder: Path) -> FileLock:
    """One at a time makes a folder, or counts what lies in it: other threads, and other processes, wait."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(folder.with_name(f".{folder.name}.lock"))


@contextmanager
def _room_for(folder: Path, size: int) -> Iterator[Path]:
    """A folder to fill, which becomes `folder` when the block ends well; what it will take counts as taken from the beginning.

    `AccessError` where there is no such room for a visitor's.
    """
    partial = folder.with_name(f".{folder.name}")
    with alone(downloads_folder()):
        others = []
        for other in downloads_folder().glob("*/"):
            if other.name.startswith(".") and time.time() - other.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(other, ignore_errors=True)
            elif other != partial:
                others.append(other)
        check_load(size, loaded=sum(map(_bytes_taken, others)))
        partial.mkdir(exist_ok=True)
        (partial / RESERVED).write_text(str(size))
        os.utime(partial)  # it is not abandoned
    try:
        yield partial
        shutil.rmtree(partial / ".cache", ignore_errors=True)
        with alone(downloads_folder()):
            (partial / RESERVED).unlink()
            partial.rename(folder)
    finally:
        (partial / RESERVED).unlink(missing_ok=True)


@contextmanager
def counted(folder: Path, total: int, on_progress: OnProgress) -> Iterator[None]:
    """Tell how many of its bytes have come, again and again while the block fills it: the client tells only people."""
    is_over = threading.Event()

    def tell() -> None:
        done = 0
        while not is_over.wait(TELL_SECONDS):
            done = max(done, min(bytes_in(folder), total))  # a file is nowhere while it is moved into its place
            on_progress(done, total)

    teller = threading.Thread(target=tell, name=f"count {folder.name}", daemon=True)
    teller.start()
    try:
        yield
    finally:
        is_over.set()
        teller.join()


def _bytes_taken(folder: Path) -> int:
    """What a model takes, or will when it is there."""
    try:
        return int((folder / RESERVED).read_text())
    except (FileNotFoundError, ValueError):  # it is whole, or broke off; the disk was full
        return bytes_in(folder)


def _keep_if(check: Callable[[Path], object], partial: Path) -> None:
    """Drop the folder where `check` raises a `BundleError` for it."""
    try:
        check(partial)
    except BundleError:
        shutil.rmtree(partial, ignore_errors=True)
        raise
