"""Unpacks a tar, tar.gz or zip archive that nobody vouches for: each name, kind and size is checked before it is written.

`tarfile`'s own extraction filters are not enough here: they differ between Python's versions, and bound neither the
size nor the number of what is unpacked.
"""

import errno
import gzip
import lzma
import re
import shutil
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, cast

from engine.data.reading.litter import is_in_litter
from engine.errors import DataError, DownloadError

CHUNK = 1024 * 1024
MAX_MEMBERS = 200_000
MAX_BYTES = 10 * 1024**3
MAX_RATIO = 50  # unpacked over packed: photographs have about 1, text 3 to 10, a bomb 1,000
FREE_OF_RATIO = 32 * 1024**2  # this much may come out of however small an archive
MAX_DEPTH = 16
END_OF_TAR = bytes(512)
UTF8_FLAG = 0x800  # of a zip's member: its name is UTF-8, or else in whatever code page it was packed in
FROM_WINDOWS = 0

_Path = tuple[str, ...]
_Progress = Callable[[int, int], None]

_HOSTILE = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]|[. ]$')
_WINDOWS_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError)
# A number in a header that is none, or too large, and a kind of compression that is not built in.
_DAMAGED = (
    *_BROKEN, ValueError, RuntimeError, LookupError, OverflowError, struct.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file or folder of an archive; `done` of `total` bytes say how far in the archive it is."""

    name: str
    size: int
    open: Callable[[], IO[bytes]] | None  # None: a folder
    done: int
    total: int


def unpack(
    archive: Path,
    target: Path,
    *,
    folders: tuple[str, ...] = (),
    max_bytes: int = MAX_BYTES,
    on_progress: _Progress = lambda done, total: None,
) -> int:
    """Unpacks `archive` into the new folder `target` and returns the number of files.

    With `folders`, only what is inside one of these folders of the archive, without that folder's own path.
    `on_progress(done, total)` counts bytes. Whatever goes wrong, `target` is removed: a `DataError` for an archive that
    is damaged or could do harm, a `DownloadError` where the disk is the trouble.
    """
    target.mkdir(parents=True)
    try:
        files = 0
        for inside, member in read_members(archive, folders=folders, max_bytes=max_bytes, on_progress=on_progress):
            _write(archive, member, target.joinpath(*inside))
            files += 1
        if not files:
            wanted = f" in a folder {' or '.join(folders)}" if folders else ""
            raise DataError(f"The archive {archive.name} has no files{wanted}: it is not the one that was expected.")
        return files
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def read_members(
    archive: Path,
    *,
    folders: tuple[str, ...] = (),
    max_bytes: int = MAX_BYTES,
    on_progress: _Progress = lambda done, total: None,
) -> Iterator[tuple[_Path, Member]]:
    """The archive's files that are inside one of `folders`, in its order, with their paths there; each can be read as it comes.

    `DataError` for an archive that is damaged or could do harm, as soon as that shows.
    """
    limit = min(max_bytes, max(FREE_OF_RATIO, MAX_RATIO * archive.stat().st_size))
    wanted = tuple(_parts(folder) for folder in folders)
    is_file: dict[str, bool] = {}  # every path so far, as a file system that ignores case sees it
    size = 0
    for count, member in enumerate(_members(archive, limit), start=1):
        if count > MAX_MEMBERS:
            raise DataError(f"The archive {archive.name} has more than {MAX_MEMBERS:,} members. It is not unpacked.")
        parts = _parts(member.name)
        _check_new(parts, member, is_file)
        on_progress(member.done, member.total)
        inside = _inside(parts, wanted)
        if inside and member.open and not is_in_litter(inside):
            size += member.size
            if size > limit:
                raise _too_large(limit)
            yield inside, member


def read_content(archive: Path, member: Member) -> bytes:
    """All of a file in an archive, at once: the caller looks at `member.size` first."""
    assert member.open
    with _reading(archive), member.open() as source:
        content = b"".join(iter(partial(source.read, CHUNK), b""))
    if len(content) != member.size:
        raise _damaged(archive, f"{member.name!r} is cut short")
    return content


def _members(archive: Path, limit: int) -> Iterator[Member]:
    """The archive's files and folders, in its order; anything else in it (links, devices) is a `DataError`."""
    with _reading(archive), archive.open("rb") as raw:
        start, packed = raw.peek(512), archive.stat().st_size
        if start.startswith(b"PK\x03\x04"):
            yield from _zip_members(raw, limit)
        elif start.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=raw) as plain:
                yield from _tar_members(plain, raw, packed, limit)
        elif start[257:262] == b"ustar":
            yield from _tar_members(raw, raw, packed, limit)
        else:
            raise DataError(
                f"{archive.name} is not a tar.gz or zip archive: it begins with {start[:4]!r}, as a log-in page may. "
                "Get the archive again, or from another place."
            )


def _tar_members(plain: gzip.GzipFile | IO[bytes], raw: IO[bytes], packed: int, limit: int) -> Iterator[Member]:
    stream = _Bounded(plain, limit)
    # "r:" rather than "r|": tarfile's own stream reads ahead, and would hide how much a header asks for.
    with tarfile.open(fileobj=stream, mode="r:") as tar:  # pyright: ignore[reportArgumentType, reportCallIssue]
        for item in tar:
            if not (item.isdir() or item.isreg()) or item.issparse():
                raise DataError(f"The archive has a link or device in it ({item.name!r}). It is not unpacked.")
            opener = None if item.isdir() else lambda item=item: cast(IO[bytes], tar.extractfile(item))
            yield Member(name=item.name, size=item.size, open=opener, done=raw.tell(), total=packed)
    # tarfile takes a broken header for the end; the end is a block of zeros.
    if stream.last != END_OF_TAR:
        raise tarfile.ReadError("no end of the archive")
    while stream.read(CHUNK):  # to the end, where gzip has its checksum
        pass


def _zip_members(raw: IO[bytes], limit: int) -> Iterator[Member]:
    with zipfile.ZipFile(raw) as archive:
        items = archive.infolist()
        total = sum(item.file_size for item in items)
        if total > limit:
            raise _too_large(limit)
        done = 0
        for item in items:
            if stat.S_IFMT(item.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise DataError(f"The archive has a link or device in it ({item.filename!r}). It is not unpacked.")
            if item.flag_bits & 1:
                raise DataError(f"The archive has a password ({item.filename!r}). Pack it again without one.")
            opener = None if item.is_dir() else lambda item=item: archive.open(item)
            yield Member(
                name=_zip_name(item, Path(str(raw.name)).name), size=item.file_size, open=opener, done=done, total=total
            )
            done += item.file_size


def _zip_name(item: zipfile.ZipInfo, archive: str) -> str:
    """A member's path. Windows writes it with backslashes, and Macs in UTF-8 without saying so."""
    name = item.filename
    if not item.flag_bits & UTF8_FLAG and not name.isascii():
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            raise DataError(
                f"The archive {archive} has names in a code page that it does not name ({name[:40]!r}). Pack it again, "
                "with names in UTF-8."
            ) from None
    return name.replace("\\", "/") if item.create_system == FROM_WINDOWS or "/" not in name else name


class _Bounded:
    """What tarfile reads from: forwards only, at most `limit` bytes in all, never much in one go.

    The last is for headers: tarfile reads a long name or a pax header of any size into memory at once.
    """

    def __init__(self, plain: gzip.GzipFile | IO[bytes], limit: int):
        self._plain = plain
        self._limit = limit
        self.last = b""

    def tell(self) -> int:
        return self._plain.tell()

    def read(self, size: int) -> bytes:
        if not 0 <= size <= 2 * CHUNK:
            raise tarfile.ReadError(f"a header of {size} bytes")
        self.last = self._plain.read(size)
        self._check(self.tell())
        return self.last

    def seek(self, position: int) -> None:
        if position < self.tell():
            raise tarfile.ReadError("a header that points back")
        self._check(position)
        self._plain.seek(position)

    def _check(self, position: int) -> None:
        if position > self._limit:
            raise _too_large(self._limit)


def _write(archive: Path, member: Member, path: Path) -> None:
    """One file with plain permissions; never over another one."""
    assert member.open
    written = 0
    with _reading(archive):
        path.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as source, path.open("xb") as file:
            while chunk := source.read(CHUNK):
                written += len(chunk)
                file.write(chunk)
    if written != member.size:
        raise _damaged(archive, f"{member.name!r} is cut short")


@contextmanager
def _reading(archive: Path) -> Iterator[None]:
    """Turns what the archive libraries and the disk raise into errors for people."""
    try:
        yield
    except _DAMAGED as error:
        raise _damaged(archive, str(error) or type(error).__name__) from None
    except OSError as error:
        if error.errno == errno.EINVAL:  # a zip that points to before its first byte
            raise _damaged(archive, "a wrong offset") from None
        raise DownloadError(f"{archive.name} could not be unpacked ({error}). Make room, then try again.") from None


def _damaged(archive: Path, reason: str) -> DataError:
    return DataError(f"The archive {archive.name} is cut short or damaged ({reason}). Get it again, whole.")


def _too_large(limit: int) -> DataError:
    return DataError(f"The archive would unpack to more than {limit:,} bytes, too much for it. It is not unpacked.")


def _parts(name: str) -> _Path:
    """A member's path; a `DataError` for one that leads out of the folder, or that some system cannot hold."""
    parts = tuple(part.strip(" ") for part in name.split("/") if part.strip(" ") not in ("", "."))
    try:
        too_long = any(len(part.encode()) > 255 for part in parts) or len(parts) > MAX_DEPTH
    except UnicodeEncodeError:
        too_long = True
    hostile = any(_HOSTILE.search(part) or _WINDOWS_DEVICE.fullmatch(part) for part in parts)
    if name.startswith("/") or hostile or too_long:
        raise DataError(f"The archive has an unsafe path in it ({ascii(name)[:100]}). It is not unpacked.")
    return parts


def _check_new(parts: _Path, member: Member, is_file: dict[str, bool]) -> None:
    """A name must come once, and a file must not be a folder too."""
    keys = [unicodedata.normalize("NFC", "/".join(parts[:end])).casefold() for end in range(1, len(parts) + 1)]
    clash = any(is_file.setdefault(key, False) for key in keys[:-1])
    if member.open:
        clash = clash or not keys or keys[-1] in is_file
        is_file[keys[-1] if keys else ""] = True
    elif keys:
        clash = clash or is_file.setdefault(keys[-1], False)
    if clash:
        raise DataError(f"The archive has {ascii(member.name)[:100]} twice. It is not unpacked.")


def _inside(parts: _Path, folders: tuple[_Path, ...]) -> _Path:
    """The path inside the first of `folders` that holds it; empty when none does."""
    for folder in folders or ((),):
        if parts[: len(folder)] == folder:
            return parts[len(folder) :]
    return ()
