"""The ways in which a data set comes to this machine, but for Kaggle's own: out of an archive, or drawn by a program.

All origins have the same few fields and the same `make`, so that nobody has to ask which one it is.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from engine.data.sources.archives import unpack
from engine.data.sources.download import MissingError, UnreachableError, discard
from engine.data.sources.mirror import MIRROR_VARIABLE, Archive, obtain
from engine.errors import DataError, DownloadError

Phase = Literal["download", "extract", "draw", "ready"]
Progress = Callable[[int, int], None]  # (done, total); total 0 when not known


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """One data set on its way: an origin fills the new folder `fresh`, which `folder` then becomes.

    `part` is a file or folder of this data set's own for what has been fetched: it stays when making fails, so that the
    next try can go on. `progress(phase)` is what to tell of that phase.
    """

    folder: Path
    fresh: Path
    part: Path
    progress: Callable[[Phase], Progress]


class Draw(Protocol):
    """A program that draws a data set into a new folder."""

    def __call__(self, folder: Path, /, *, on_progress: Progress) -> object: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnOrigin:
    """Drawn on this machine, with no network."""

    is_drawn: ClassVar[bool] = True
    size: ClassVar[int] = 0
    by_hand: ClassVar[tuple[tuple[str, ...], ...]] = ()

    draw: Draw

    def make(self, making: Making) -> dict[str, Any]:
        """Draws the data set; returns what its record says of it."""
        self.draw(making.fresh, on_progress=making.progress("draw"))
        return {"origin": "drawn on this machine"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveOrigin:
    """Unpacked from an archive: the lesson's own, one at another public place, or one that only a mirror has.

    `path` is the archive's place under the lesson's base, and on a mirror; `url` is another place of its own. `folders`
    are the folders in the archive that may hold the data set. `size` in bytes and `md5` (of the first MiB) are the
    archive's as the lesson packed it; 0 and "" where that is not known. `codes` are written as `codes.txt` where that
    file is missing. `instead` is the task's drawn data set, to fall back on. `mirror_only`: no public place is known.
    """

    is_drawn: ClassVar[bool] = False
    by_hand: ClassVar[tuple[tuple[str, ...], ...]] = ()

    path: str
    url: str = ""
    folders: tuple[str, ...]
    size: int = 0
    md5: str = ""
    codes: tuple[str, ...] = ()
    instead: str
    mirror_only: bool = False

    def make(self, making: Making) -> dict[str, Any]:
        """Fetches the archive and unpacks it; returns what the record says of it. Raises `DataError`."""
        archive = obtained(self, making)
        try:
            unpack(archive.file, making.fresh, folders=self.folders, on_progress=making.progress("extract"))
        except DownloadError:
            raise  # the disk's fault: the archive is good, and kept
        except DataError:
            discard(making.part)
            raise
        discard(making.part)
        if self.codes and not (making.fresh / "codes.txt").exists():
            (making.fresh / "codes.txt").write_text("".join(f"{code}\n" for code in self.codes), "utf-8")
        return {
            "origin": archive.origin,
            "bytes": archive.size,
            "sha256": archive.sha256,
            "as_packed": archive.as_packed,
        }


def obtained(origin: ArchiveOrigin, making: Making) -> Archive:
    """The checked archive of an origin, where it was downloaded to; `DownloadError` says what can be done instead."""
    if origin.mirror_only and not os.environ.get(MIRROR_VARIABLE, "").strip():
        raise DownloadError(
            f"No public place is known that has {origin.path}. Set {MIRROR_VARIABLE} to a folder or an address that has "
            f"it, give the path of the unpacked folder as the data set, or use {origin.instead}, which needs no network."
        )
    try:
        return obtain(
            origin.path,
            making.part,
            url=origin.url,
            size=origin.size,
            md5=origin.md5,
            on_progress=making.progress("download"),
        )
    except (UnreachableError, MissingError) as error:
        asked = "No network? " if isinstance(error, UnreachableError) else ""
        raise DownloadError(
            f"{error} {asked}Set {MIRROR_VARIABLE} to a folder or an address that has {origin.path}, "
            f"or use {origin.instead}, which needs no network."
        ) from None
