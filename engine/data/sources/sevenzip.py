"""Takes the one file out of a 7z archive that nobody vouches for, so that `archives.unpack` can do the rest.

Kaggle packs pictures as a tar in a 7z. `py7zr`, which reads that, is optional: it is asked for when it is needed.
"""

import lzma
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

from engine.data.sources.archives import FREE_OF_RATIO, MAX_BYTES, MAX_RATIO
from engine.data.sources.download import check_room
from engine.errors import DataError, DownloadError

MAGIC = b"7z\xbc\xaf\x27\x1c"
# What decoders and header readers raise on damaged content, where py7zr does not turn it into an error of its own.
_BROKEN = (lzma.LZMAError, zlib.error, struct.error, EOFError, ValueError, LookupError, ArithmeticError, AssertionError)


def is_7z(file: Path) -> bool:
    """Whether `file` begins as a 7z archive does."""
    with file.open("rb") as content:
        return content.read(len(MAGIC)) == MAGIC


def unpack_only_file(
    archive: Path,
    target: Path,
    *,
    max_bytes: int = MAX_BYTES,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Writes the one file in `archive` to the new file `target`, whatever name it has there.

    `on_progress(done, total)` counts bytes. Raises `DataError` for an archive that is damaged, has more in it or unpacks
    to too much, `DownloadError` where py7zr or room on the disk is missing.
    """
    try:
        import py7zr  # pyright: ignore[reportMissingImports]
        from py7zr import exceptions  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise DownloadError(
            f"{archive.name} is a 7z archive, and py7zr, which unpacks those, is not installed: "
            "python -m pip install py7zr"
        ) from None
    limit = min(max_bytes, max(FREE_OF_RATIO, MAX_RATIO * archive.stat().st_size))
    try:
        # A file rather than its path: given that, py7zr starts threads that leave it open.
        with archive.open("rb") as raw, py7zr.SevenZipFile(raw) as opened:
            size = _size_of_only_file(archive, opened.list(), limit)
            check_room(target.parent, size)
            with target.open("xb") as file:
                writer = _Writer(file, size, on_progress)
                opened.extractall(factory=cast(Any, writer))
        if writer.done != size:
            raise ValueError("the file in it is cut short")
    except exceptions.PasswordRequired:
        raise DataError(f"The archive {archive.name} has a password. Pack it again without one.") from None
    except (exceptions.ArchiveError, *_BROKEN) as error:
        reason = str(error) or type(error).__name__
        raise DataError(
            f"The archive {archive.name} is cut short or damaged ({reason}). Get it again, whole."
        ) from None


def _size_of_only_file(archive: Path, entries: list[Any], limit: int) -> int:
    files = [entry for entry in entries if not entry.is_directory]
    if len(files) != 1 or not files[0].is_file:
        raise DataError(f"The archive {archive.name} must have one tar in it and nothing else. It is not unpacked.")
    if files[0].uncompressed > limit:
        raise DataError(f"The archive would unpack to more than {limit:,} bytes, too much for it. It is not unpacked.")
    return files[0].uncompressed


class _Writer:
    """What py7zr writes to instead of a path that the archive names: a `WriterFactory` and its one product."""

    def __init__(self, file: IO[bytes], size: int, on_progress: Callable[[int, int], None]):
        self._file, self._size, self._on_progress = file, size, on_progress
        self.done = 0

    def create(self, filename: str) -> "_Writer":
        return self

    def write(self, content: bytes | bytearray) -> int:
        self.done += len(content)
        if self.done > self._size:
            raise ValueError("the file in it is longer than it says")
        self._file.write(content)
        self._on_progress(self.done, self._size)
        return len(content)

    def read(self, size: int | None = None) -> bytes:
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0

    def size(self) -> int:
        return self.done

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass
