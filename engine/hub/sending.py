"""Sending files to a repository of the Hugging Face Hub, in one commit or not at all, with a count of bytes."""

import io
import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from huggingface_hub import HfApi

OnProgress = Callable[[int, int], None]


def send_files(
    api: "HfApi",
    repo_id: str,
    files: Sequence[tuple[str, Path]],
    *,
    message: str,
    gone: Sequence[str] = (),
    repo_type: str = "model",
    on_progress: OnProgress = lambda done, total: None,
) -> str:
    """Send `files`, (name there, path here), and delete those that are `gone`; the commit's name.

    The large ones go first, each once: what the Hub has already is not sent again. The commit that makes them visible is last.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    # Opened files tell how far they are sent; that they go another way than paths do, the client need not report each time.
    logging.getLogger("huggingface_hub._commit_api").setLevel(logging.ERROR)
    sender = _Sender(total=sum(path.stat().st_size for _, path in files), on_progress=on_progress)
    try:
        additions = [CommitOperationAdd(name, sender.open(path)) for name, path in files]
        sender.counts = True
        api.preupload_lfs_files(repo_id, additions, repo_type=repo_type, free_memory=False)
        operations: list[Any] = [*additions, *(CommitOperationDelete(name) for name in gone)]
        made = api.create_commit(repo_id, operations, commit_message=message, repo_type=repo_type)
        on_progress(sender.total, sender.total)  # what the Hub had was not read again
        return str(made.oid)
    finally:
        sender.close()


class _Sender:
    """The opened files and how far each has been sent; several are at once."""

    def __init__(self, *, total: int, on_progress: OnProgress) -> None:
        self.total, self.on_progress, self.counts = total, on_progress, False
        self._sent: dict[_Counted, int] = {}
        self._lock = threading.Lock()

    def open(self, path: Path) -> "_Counted":
        file = _Counted(path, self)
        self._sent[file] = 0
        return file

    def tell(self, file: "_Counted", place: int) -> None:
        with self._lock:
            if self.counts:
                self._sent[file] = max(self._sent[file], place)
                self.on_progress(sum(self._sent.values()), self.total)

    def close(self) -> None:
        for file in self._sent:
            file.close()


class _Counted(io.BufferedReader):
    """A file that says how far it has been read. The client reads it once more for its hash, which is not sent."""

    def __init__(self, path: Path, sender: _Sender) -> None:
        super().__init__(io.FileIO(path))
        self._sender = sender

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(size)
        self._sender.tell(self, self.tell())
        return chunk
