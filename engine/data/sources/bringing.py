"""What somebody drops into the page, gathered in a folder: archives unpacked, other files under the names that they had."""

import shutil
import time
import unicodedata
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engine.data.reading.litter import is_in_litter
from engine.data.sources.archives import MAX_BYTES, MAX_DEPTH, unpack
from engine.data.sources.own_archives import SUFFIXES, innermost
from engine.data.whole_folder import link_file
from engine.errors import DataError
from engine.host.access import asker
from engine.host.home import cache_folder, disk_told

BROUGHT = "brought"  # in the folder of caches: what is looked at and not kept yet
KEPT_SECONDS = 24 * 3600.0
OWNER = ".owner"  # in each: whose it is
MOST_UNKEPT = 3  # of one visitor
MOST_FILES = 20_000
LONGEST = 120  # bytes of a part of a name
_HOSTILE = frozenset('<>:"|?*\\')


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """A file that came, and what it was called where it came from, with its folders, as in "cats/one.jpg"."""

    path: Path
    name: str


def brought_folder(key: str) -> Path:
    """Where what came under a key lies; `DataError` for what is no key."""
    if len(key) != 32 or not key.isalnum():
        raise DataError("What was brought is not here any more. Bring it again.")
    return cache_folder() / BROUGHT / key


def gather(files: Sequence[Brought], *, max_bytes: int = MAX_BYTES) -> str:
    """A new folder with all that came, unpacked to at most that size; the key by which it is found.

    Of a visitor's, those before the last few go, kept or not. `DataError` for what cannot be used.
    """
    if not files:
        raise DataError("Nothing came. Choose files, a folder or an archive.")
    if len(files) > MOST_FILES:
        raise DataError(
            f"{len(files):,} files are too many at once: {MOST_FILES:,} at most. Pack them into a zip archive."
        )
    sweep_brought()
    key = owned_folder(cache_folder() / BROUGHT)
    folder = brought_folder(key) / "files"
    with disk_told("keep what was brought"):
        folder.mkdir(parents=True)
    try:
        _fill(folder, files, max_bytes)
    except BaseException:
        shutil.rmtree(folder.parent, ignore_errors=True)
        raise
    return key


def owned_folder(base: Path) -> str:
    """A new folder in `base` that is marked as whoever asks has it; its name. A visitor's older ones go, but for a few."""
    owner, key = asker().owner, uuid.uuid4().hex
    if owner:
        theirs = [path.parent for path in base.glob(f"*/{OWNER}") if path.read_text("utf-8") == owner]
        for old in sorted(theirs, key=lambda path: -path.stat().st_mtime)[MOST_UNKEPT - 1 :]:
            shutil.rmtree(old, ignore_errors=True)
    with disk_told("keep what was brought"):
        (base / key).mkdir(parents=True)
        (base / key / OWNER).write_text(owner, "utf-8")
    return key


def found_in(key: str) -> Path:
    """The folder that was brought under a key, or the one that is all it holds."""
    folder = brought_folder(key) / "files"
    if not folder.is_dir():
        raise DataError("What was brought is not here any more: it is kept for a day. Bring it again.")
    return innermost(folder)


def sweep_brought() -> None:
    """Delete what was brought and never kept."""
    for old in (cache_folder() / BROUGHT).glob("*"):
        with suppress(OSError):  # gone meanwhile
            if time.time() - old.stat().st_mtime <= KEPT_SECONDS:
                continue
            if old.is_dir():
                shutil.rmtree(old, ignore_errors=True)
            else:  # the lock of one
                old.unlink()


def _fill(folder: Path, files: Sequence[Brought], max_bytes: int) -> None:
    archives = [one for one in files if one.name.lower().endswith(SUFFIXES)]
    used: set[str] = set()
    for one in files:
        parts = _parts(one.name)
        if not parts or is_in_litter(parts):
            continue
        if one in archives:
            # One alone is the data set; of several, each keeps its name.
            place = folder / "unpacked" if len(archives) == 1 else folder / _stem(parts[-1])
            if place.exists():
                raise DataError(f"Two archives are called {parts[-1]}. Rename one.")
            unpack(one.path, place, max_bytes=max_bytes)
            continue
        target = folder.joinpath(*parts)
        if str(target).casefold() in used:
            raise DataError(f"Two files are called {'/'.join(parts)}. Bring them in folders of their own.")
        used.add(str(target).casefold())
        with disk_told(f"keep {parts[-1]}"):
            target.parent.mkdir(parents=True, exist_ok=True)
            link_file(one.path, target)
    if not any(path.is_file() for path in folder.rglob("*")):
        raise DataError("What came has no files in it that could be data.")


def _parts(name: str) -> tuple[str, ...]:
    """The parts of a name as a browser or a system writes it, none of which leads out of its folder."""
    parts = [part for part in unicodedata.normalize("NFC", name).replace("\\", "/").split("/") if part not in ("", ".")]
    for part in parts:
        bad = part == ".." or any(letter in _HOSTILE or not letter.isprintable() for letter in part)
        if bad or len(part.encode()) > LONGEST or part[-1] in ". ":
            raise DataError(
                f"The name {part[:60]!r} cannot be used here. Rename the file, or pack it into a zip archive."
            )
    if len(parts) > MAX_DEPTH:
        raise DataError(
            f"{parts[-1]} lies in more than {MAX_DEPTH} folders. Bring the folder with the data set itself."
        )
    return tuple(parts)


def _stem(name: str) -> str:
    suffix = next(suffix for suffix in sorted(SUFFIXES, key=len, reverse=True) if name.lower().endswith(suffix))
    return name[: -len(suffix)] or "archive"
