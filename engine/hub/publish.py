"""Publishing a bundle on the Hugging Face Hub: what would be sent, and sending it, in one commit or not at all.

The large files go first, each once: what the Hub has already is not sent again. The commit that makes them visible comes last.
So a connection that breaks off leaves nothing half published, and another try goes on from there.
"""

import io
import json
import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.bundle_files import CONFIG_FILE, MODEL_FILE, OURS
from engine.errors import HubError
from engine.hub.card import CardChoices, write_card
from engine.hub.client import build_api, hub_told
from engine.hub.export import BUNDLE_FILES
from engine.training.bundle import read_config

OnProgress = Callable[[int, int], None]
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

    `token` is used for this call and kept nowhere; None is the usual login of this machine. `on_progress(done, total)` counts
    bytes. Raises `HubError` with what to do: a bad token, a name that is taken, no rights, no room, no network.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    # Opened files tell how far they are sent; that they go another way than paths do, the client need not report each time.
    logging.getLogger("huggingface_hub._commit_api").setLevel(logging.ERROR)
    api, doing = build_api(token), f"publish {choices.repo_id}"
    with hub_told(doing, token):
        owner = api.whoami(token=token)["name"]
    repo_id = choices.repo_id if "/" in choices.repo_id else f"{owner}/{choices.repo_id}"
    write_card(bundle, CardChoices(repo_id=repo_id, licence=choices.licence, note=choices.note))
    files = files_to_send(bundle)
    with hub_told(doing, token):
        api.create_repo(repo_id, private=private, exist_ok=True)
        there = set(api.list_repo_files(repo_id))
    if there - set(THEIRS) and not (update and _is_ours(api, repo_id, there, token)):
        raise HubError(
            f"Could not {doing}: {repo_id} is on the Hub already. Choose another name; or ask for an update, if it is a model of "
            "this app."
        )
    sender = _Sender(total=sum(size for _, size in files), on_progress=on_progress)
    additions = [CommitOperationAdd(name, sender.open(bundle / name)) for name, _ in files]
    gone = sorted(there & set(BUNDLE_FILES) - {name for name, _ in files})
    try:
        with hub_told(doing, token):
            sender.counts = True
            for addition in additions:
                api.preupload_lfs_files(repo_id, [addition], free_memory=False)
                sender.done += addition.upload_info.size
                sender.tell(0)
            operations = [*additions, *(CommitOperationDelete(name) for name in gone)]
            made = api.create_commit(repo_id, operations, commit_message=message or MESSAGE)
    finally:
        sender.close()
    return Published(url=f"{api.endpoint}/{repo_id}", repo_id=repo_id, commit=str(made.oid))


def _is_ours(api: Any, repo_id: str, there: set[str], token: str | None) -> bool:
    """Whether a repository holds a bundle of this app."""
    if not {CONFIG_FILE, MODEL_FILE} <= there:
        return False
    with hub_told(f"look at {repo_id}", token), tempfile.TemporaryDirectory() as folder:
        return OURS in json.loads(Path(api.hf_hub_download(repo_id, CONFIG_FILE, local_dir=folder)).read_text("utf-8"))


class _Sender:
    """The opened files and how much of them has been sent."""

    def __init__(self, *, total: int, on_progress: OnProgress) -> None:
        self.total, self.on_progress, self.done, self.counts = total, on_progress, 0, False
        self._files: list[io.BufferedReader] = []

    def open(self, path: Path) -> "_Counted":
        file = _Counted(path, self)
        self._files.append(file)
        return file

    def tell(self, within: int) -> None:
        if self.counts:
            self.on_progress(min(self.total, self.done + within), self.total)

    def close(self) -> None:
        for file in self._files:
            file.close()


class _Counted(io.BufferedReader):
    """A file that says how far it has been read. The client reads it once more for its hash, which is not sent."""

    def __init__(self, path: Path, sender: _Sender) -> None:
        super().__init__(io.FileIO(path))
        self._sender = sender

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(size)
        self._sender.tell(self.tell())
        return chunk
