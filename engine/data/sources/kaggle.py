"""Gets a competition's files by Kaggle's own client, which alone holds the token: nothing here reads or shows it.

Written for kaggle 2.2 (and the words of 1.5 to 1.7). Nothing that the client prints is passed on, as that may name the
account or a signed address: what it says of known failures is put in our own words.
"""

import hashlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Literal
from zipfile import is_zipfile

from engine.data.sources.archives import unpack
from engine.data.sources.download import MIB, check_room
from engine.data.sources.mirror import MAX_ARCHIVE
from engine.data.sources.origins import Making, Progress
from engine.data.sources.sevenzip import is_7z, unpack_only_file
from engine.data.whole_folder import bytes_in
from engine.errors import DataError, DownloadError

PLANET = "planet-understanding-the-amazon-from-space"  # the competition of the lesson
# kaggle 2.2.4 imports six without asking pip for it.
INSTALL = "python -m pip install kaggle six py7zr"
LOOK_EVERY = 0.25  # seconds
STALLED = 900.0  # seconds without a new byte; the client itself tries five times, 300 seconds each
PARTIAL = ".kaggle-partial"  # the client's own note beside a file that it has not all of

Failure = Literal["token", "rules", "missing", "network", "other"]
_WORDS: tuple[tuple[Failure, str], ...] = (
    ("token", r"authentication required|401 client error|\b401 - |unauthorized|could not find kaggle\.json"),
    (
        "rules",
        r"accept this competition's rules|403 client error|\b403 - |\(403\)|forbidden|permission '\S+' was denied",
    ),
    ("missing", r"404 client error|\b404 - |\(404\)"),
    ("network", r"max retries exceeded|connectionerror|connecttimeout|readtimeout|proxyerror|name resolution"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KaggleFile:
    """What a competition's file becomes, `entry` (a folder's ends in /), and the names that Kaggle has had for it."""

    entry: str
    names: tuple[str, ...]
    is_needed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class KaggleOrigin:
    """A competition on Kaggle: for those who have an account there and have accepted its rules.

    `by_hand`: a folder filled by hand is the data set too, when it has one entry of each group.
    """

    is_drawn: ClassVar[bool] = False
    size: ClassVar[int] = 0

    competition: str
    files: tuple[KaggleFile, ...]
    by_hand: tuple[tuple[str, ...], ...]

    @property
    def page(self) -> str:
        return f"https://www.kaggle.com/c/{self.competition}"

    def make(self, making: Making) -> dict[str, Any]:
        """Fetches the files and lays them out as Kaggle has them; returns what the record says. Raises `DataError`."""
        client = self._find_client(making)
        packed = {file.entry: self._fetch(file, client, making) for file in self.files}
        making.fresh.mkdir()
        files = {}
        for entry, archive in packed.items():
            if archive is not None:
                files[entry] = {"bytes": archive.stat().st_size, "sha256": _sha256(archive)}
                _lay_out(archive, entry, making)
        shutil.rmtree(making.part)
        return {"origin": self.page, "files": files}

    def _find_client(self, making: Making) -> str:
        """The client's path. Found first of all: nobody should wait for a download that cannot be unpacked."""
        client = shutil.which("kaggle") or shutil.which("kaggle", path=str(Path(sys.executable).parent))
        lacking = [name for name, found in (("Kaggle's client", client), ("py7zr", find_spec("py7zr"))) if not found]
        if lacking or not client:
            raise self._told(
                f"This data set is Kaggle's, and {' and '.join(lacking)} is not installed here. Install it: {INSTALL}",
                making.folder,
            )
        return client

    def _fetch(self, file: KaggleFile, client: str, making: Making) -> Path | None:
        """The file as Kaggle packs it; None for one that Kaggle does not have and nobody needs."""
        for name in file.names:
            into = making.part / name.replace("/", "_")
            into.mkdir(parents=True, exist_ok=True)
            command = [client, "competitions", "download", self.competition, "-f", name, "-p", str(into), "-q"]
            code, printed = _run(command, into, making.progress("download"))
            if not code:
                return _only_file(into, name)
            failure = _failure(printed)
            if failure != "missing":
                raise self._failed(failure, code, command, making.folder)
        if file.is_needed:
            raise self._told(f"Kaggle has no {' and no '.join(file.names)} (any more).", making.folder)
        return None

    def _failed(self, failure: Failure, code: int, command: list[str], folder: Path) -> DownloadError:
        what = {
            "token": "Kaggle's client has no valid token. Run: kaggle auth login. Or make a token at "
            "https://www.kaggle.com/settings/api and save it in ~/.kaggle/access_token.",
            "rules": f"Kaggle refuses these files to your account: accept the rules at {self.page}/rules, which may ask "
            "for a telephone number, then fetch it again.",
            "network": "Kaggle could not be reached. No network? What was fetched so far is kept.",
            "other": f"Kaggle's client ended with exit code {code}. To see why, run it by hand: {shlex.join(command)}",
        }[failure]
        return self._told(what, folder)

    def _told(self, what: str, folder: Path) -> DownloadError:
        """What is wrong, and how to do without the client."""
        needed = " and ".join(" or ".join(group) for group in self.by_hand)
        more = ", ".join(file.entry for file in self.files if not file.is_needed)
        return DownloadError(
            f"{what}\nBy hand: accept the rules at {self.page}/rules, download from {self.page}/data, and put {needed}, "
            f"unpacked, into {folder}; if you want them, also {more}."
        )


def _failure(printed: str) -> Failure:
    for failure, words in _WORDS:
        if re.search(words, printed, re.IGNORECASE):
            return failure
    return "other"


def _run(command: list[str], into: Path, progress: Progress) -> tuple[int, str]:
    """Runs the client to its end; its exit code, and the last of what it printed, which is for no one to see."""
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.STDOUT)
        try:
            _watch(process, into, progress)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
        printed.seek(max(0, printed.seek(0, 2) - MIB))
        return process.returncode, printed.read().decode("utf-8", "replace")


def _watch(process: subprocess.Popen[bytes], into: Path, progress: Progress) -> None:
    """Returns when the client has ended; a `DownloadError` when it fetches too much, or nothing for too long."""
    done, since = -1, time.monotonic()
    while True:
        try:
            process.wait(LOOK_EVERY)
            return
        except subprocess.TimeoutExpired:
            before, done = done, bytes_in(into)
        since = time.monotonic() if done != before else since
        progress(done, 0)
        check_room(into, 0)
        if done > MAX_ARCHIVE:
            raise DownloadError(f"Kaggle's file goes on after {MAX_ARCHIVE:,} bytes. It is not fetched.")
        if time.monotonic() - since > STALLED:
            raise DownloadError(f"Kaggle's client got nothing for {STALLED / 60:.0f} minutes. Fetch it again later.")


def _only_file(into: Path, name: str) -> Path:
    """What the client has fetched: it may have named it otherwise, train_v2.csv.zip for train_v2.csv."""
    found = [path for path in into.iterdir() if path.is_file() and not path.name.endswith(PARTIAL)]
    if len(found) != 1:
        raise DownloadError(f"Kaggle's client said that it fetched {name}, but left {len(found)} files in {into}.")
    return found[0]


def _lay_out(archive: Path, entry: str, making: Making) -> None:
    """Puts `entry` into the new folder: out of a 7z of a tar, a tar or a zip; a table may also come as it is."""
    target, scratch, extract = making.fresh / entry, making.part / "scratch", making.progress("extract")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        if not entry.endswith("/") and not is_zipfile(archive):
            shutil.copyfile(archive, target)
            return
        plain = archive
        if is_7z(archive):
            plain = scratch / "archive.tar"
            unpack_only_file(archive, plain, on_progress=extract)
        unpack(plain, scratch / "content", on_progress=extract)
        found = scratch / "content" / entry
        if not (found.is_dir() if entry.endswith("/") else found.is_file()):
            raise DataError(f"The archive {archive.name} has no {entry} in it: it is not the one that was expected.")
        found.rename(target)
    except DownloadError:
        raise  # the disk's fault, or py7zr's absence: the archive is good, and kept
    except DataError:
        archive.unlink()
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def late_submission(file: str = "submission.csv") -> tuple[str, str, str]:
    """What to do with Planet's submission now that the competition is over: a sentence, the command, what comes of it."""
    return (
        "The competition is over; Kaggle still scores a late submission, and does not rank it:",
        f'kaggle competitions submit -c {PLANET} -f {shlex.quote(file)} -m "Lesson 3 Lab"',
        "It gets a public and a private score. Teams were placed by the private one: 0.930 was 50th of 938.",
    )
