"""Finds and checks an archive: at the lesson's own place, or on the mirror that the host of a class has set up.

What comes from the lesson's own place must be what the lesson packed. A mirror is trusted with its own packing: its
`SHA256SUMS` is kept to where it has one, and what differs from the lesson's archive is said, not refused.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit
from urllib.request import url2pathname

from engine.data.sources.download import MIB, MissingError, check_room, discard, download, parse_address, read_small
from engine.errors import DownloadError

BASE = "https://s3.amazonaws.com/fast-ai-"
MIRROR_VARIABLE = "LESSON_LAB_MIRROR"
CHECKSUMS = "SHA256SUMS"
MAX_ARCHIVE = 10 * 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """An archive on this machine. `as_packed`: it is the lesson's own; None where nobody has said what that is."""

    file: Path
    origin: str
    size: int
    sha256: str
    as_packed: bool | None


def obtain(
    path: str,
    part: Path,
    *,
    url: str = "",
    size: int = 0,
    md5: str = "",
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Archive:
    """The checked archive `path`: downloaded to `part`, or where it lies when the mirror is a folder.

    `url` is used instead of the lesson's base, but not instead of a mirror. `size` in bytes and `md5` (of the first
    MiB) are what the lesson packed. Raises `DownloadError`; a download of the wrong content is deleted first.
    """
    mirror = os.environ.get(MIRROR_VARIABLE, "").strip()
    if not mirror:
        address = parse_address(url or BASE + path)
        download(address, part, limit=size or MAX_ARCHIVE, on_progress=on_progress)
        archive = _measure(part, address.shown, size, md5)
        if archive.as_packed is False:
            discard(part)
            raise DownloadError(
                f"{archive.origin} is not what the lesson packed: {archive.size:,} bytes came, {size:,} were expected, "
                "or the hash differs. What came is deleted. Fetch it again, or from a mirror."
            )
        return archive
    places = tuple(dict.fromkeys((path, PurePosixPath(path).name)))
    if "://" in mirror and not mirror.lower().startswith("file:"):
        file, origin, place, sums = _from_server(mirror, places, part, on_progress)
    else:
        file, origin, place, sums = _from_folder(mirror, places, part.parent)
    archive = _measure(file, origin, size, md5)
    listed = _listed(sums, place)
    if listed not in ("", archive.sha256):
        discard(part)
        raise DownloadError(
            f"{origin} is not what the mirror's {CHECKSUMS} lists: its SHA-256 begins with {archive.sha256[:12]}, not "
            f"with {listed[:12]}. Fetch it again; if that does not help, ask who keeps the mirror."
        )
    return archive


def _from_server(
    mirror: str, places: tuple[str, ...], part: Path, on_progress: Callable[[int, int], None]
) -> tuple[Path, str, str, str]:
    """The downloaded archive, where it is from, its place on the mirror, and the mirror's list of hashes."""
    try:
        base = parse_address(mirror)
    except DownloadError:  # says nothing of the variable
        raise DownloadError(f"{MIRROR_VARIABLE} must be a folder, or an address with file, http or https.") from None
    sums = read_small(base.join(CHECKSUMS)) or b""
    for place in places:
        address = base.join(place)
        try:
            download(address, part, limit=MAX_ARCHIVE, on_progress=on_progress)
        except MissingError:
            continue
        return part, address.shown, place, sums.decode("utf-8", "replace")
    raise DownloadError(f"The mirror {base.shown} has no {' and no '.join(places)}. Ask who keeps it to add one.")


def _from_folder(mirror: str, places: tuple[str, ...], work: Path) -> tuple[Path, str, str, str]:
    """The same for a mirror that is a folder: the archive is read where it lies."""
    is_url = mirror.lower().startswith("file:")
    folder = Path(url2pathname(urlsplit(mirror).path)) if is_url else Path(mirror).expanduser().absolute()
    if not folder.is_dir():
        raise DownloadError(f"{MIRROR_VARIABLE} names {folder}, which is not a folder. Correct it, or unset it.")
    sums = folder / CHECKSUMS
    for place in places:
        file = folder / place
        if file.is_file():
            check_room(work, file.stat().st_size)
            return file, str(file), place, sums.read_text("utf-8", "replace") if sums.is_file() else ""
    raise DownloadError(
        f"The mirror {folder} has no {' and no '.join(places)}. Put one there, or unset {MIRROR_VARIABLE}."
    )


def _listed(sums: str, place: str) -> str:
    """The SHA-256 that `sums` has for a file, by its place or else by its name; "" when it is not listed."""
    listed: dict[str, str] = {}
    for line in sums.splitlines():
        digest, _, name = line.strip().partition(" ")
        listed[name.strip().removeprefix("*").removeprefix("./")] = digest.lower()
    return listed.get(place) or listed.get(PurePosixPath(place).name, "")


def _measure(file: Path, origin: str, size: int, md5: str) -> Archive:
    with file.open("rb") as content:
        start = hashlib.md5(content.read(MIB), usedforsecurity=False).hexdigest()
        content.seek(0)
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    found = file.stat().st_size
    as_packed = (found, start) == (size, md5) if size else None
    return Archive(file=file, origin=origin, size=found, sha256=digest, as_packed=as_packed)
