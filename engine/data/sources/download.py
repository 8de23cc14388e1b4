"""One file over HTTP into a part file: bounded, resumed after a break, and never with a password in a message.

A part is only added to when the server says (by ETag or Last-Modified, remembered in `NAME.part.json`) that the file is
still the one that was begun; everything else starts again from the first byte.
"""

import base64
import http.client
import json
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from engine.errors import DownloadError

CHUNK = 256 * 1024
MIB = 1024 * 1024
TIMEOUT = 30.0  # seconds without a byte before a connection counts as broken
TRIES = 5  # in a row without a new byte
PAUSE = 0.5  # seconds before the second try; doubles with every further one
SPARE_ROOM = 64 * MIB  # left free on the disk
MISSING = (403, 404, 410)  # S3 says 403 for what is not there


class MissingError(DownloadError):
    """The server has no such file."""


class UnreachableError(DownloadError):
    """No server answered: probably there is no network."""


class _BrokenError(Exception):
    """The transfer broke off in a way that another try may mend."""


class _RangeError(Exception):
    """The server's file is shorter than what was fetched of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An http(s) address with its secrets apart: only `shown` may be printed or written down."""

    shown: str
    query: str = field(default="", repr=False)  # a signed address has its secret here
    login: str = field(default="", repr=False)

    def join(self, path: str) -> "Address":
        """The address of `path` under this one."""
        return Address(shown=f"{self.shown.rstrip('/')}/{quote(path)}", query=self.query, login=self.login)


def parse_address(text: str) -> Address:
    """An http(s) address, or a `DownloadError` that does not repeat it, as it may hold a password."""
    wrong = DownloadError("An address to download from must be of the form http://HOST/FOLDER or https://HOST/FOLDER.")
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise wrong from None
    if not valid:
        raise wrong
    login = ""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        login = "Basic " + base64.b64encode(pair.encode()).decode()
    host = parts.netloc.rpartition("@")[2]
    shown = f"{parts.scheme}://{host}{quote(parts.path, safe='/%~')}"
    return Address(shown=shown, query=quote(parts.query, safe="/%~=&+:;,@!$'()*?"), login=login)


def download(
    address: Address,
    part: Path,
    *,
    limit: int,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    pause: float = PAUSE,
) -> None:
    """Fetches `address` into `part`, going on where an earlier try stopped; at most `limit` bytes.

    `on_progress(done, total)` counts bytes, total 0 when the server does not say. What was fetched is kept when a
    `DownloadError` says so. `MissingError` and `UnreachableError` are the two that a caller may know more about.
    """
    failures, begun, furthest = 0, _size(part), _size(part)
    while True:
        try:
            _fetch_rest(address, part, limit, on_progress)
            return
        except (_BrokenError, UnreachableError) as error:
            if isinstance(error, UnreachableError) and _size(part) <= begun:
                raise  # there was no network to begin with: say so at once
            failures = 0 if _size(part) > furthest else failures + 1
            furthest = max(furthest, _size(part))
            if failures >= TRIES:
                raise DownloadError(
                    f"The download of {address.shown} broke off {TRIES} times in a row ({error}). "
                    f"The {_size(part):,} bytes fetched so far are kept: fetch it again and it goes on from there."
                ) from None
            time.sleep(pause * 2**failures)
        except OSError as error:  # the network's errors have become one of the above: this is the disk's
            raise DownloadError(f"{part} could not be written ({_reason(error)}). Make room, then go on.") from None


def read_small(address: Address, limit: int = MIB) -> bytes | None:
    """The content of a small file, at most `limit` bytes of it; None when the server does not have it."""
    try:
        with _open(address, {}) as response:
            return response.read(limit)
    except MissingError:
        return None
    except (_BrokenError, OSError, http.client.HTTPException) as error:
        raise DownloadError(f"{address.shown} could not be read ({_reason(error)}). Try again later.") from None


def discard(part: Path) -> None:
    """Deletes a part file and what is remembered about it."""
    part.unlink(missing_ok=True)
    _memory(part).unlink(missing_ok=True)


def check_room(folder: Path, needed: int) -> None:
    """A `DownloadError` unless `folder`'s disk has `needed` bytes free and some to spare."""
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE_ROOM:
        raise DownloadError(
            f"{(needed + SPARE_ROOM) / MIB:,.0f} MiB are needed in {folder}, but {free / MIB:,.0f} MiB are free. "
            "Free some room, or let LESSON_LAB_HOME name a folder on a larger disk."
        )


def _fetch_rest(address: Address, part: Path, limit: int, on_progress: Callable[[int, int], None]) -> None:
    """One connection: from where `part` ends to the end of the file."""
    kept, total, validator = _kept(part, address)
    if kept and kept == total:
        return  # an earlier try got it all, and was killed before it could say so
    headers = {"Range": f"bytes={kept}-", "If-Range": validator} if kept else {}
    try:
        response = _open(address, headers)
    except _RangeError:
        discard(part)
        raise _BrokenError("the file changed on the server") from None
    with response:
        start, total = _span(response, part, kept, validator)
        if total > limit:
            discard(part)
            raise DownloadError(f"{address.shown} has {total:,} bytes; at most {limit:,} were expected.")
        check_room(part.parent, 2 * total - start)  # the archive, and about as much again for what is in it
        done = start
        with part.open("ab" if start else "wb") as file:
            if not start:
                _remember(part, address, total, _validator(response))
            while chunk := _read(response):
                done += len(chunk)
                if done > limit:
                    break
                file.write(chunk)
                on_progress(done, total)
    if done > limit:
        discard(part)
        raise DownloadError(f"{address.shown} goes on after the {limit:,} bytes that were expected.")
    if done < total:
        raise _BrokenError(f"the connection closed after {done:,} of {total:,} bytes")


def _open(address: Address, headers: Mapping[str, str]) -> http.client.HTTPResponse:
    url = f"{address.shown}?{address.query}" if address.query else address.shown
    request = urllib.request.Request(
        url, headers={"User-Agent": "lesson-3-lab", "Accept-Encoding": "identity", **headers}
    )
    if address.login:
        # Unredirected: a server that the request is sent on to must not see the password of this one.
        request.add_unredirected_header("Authorization", address.login)
    try:
        return urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in MISSING:
            raise MissingError(f"{address.shown} is not there (HTTP {error.code}).") from None
        if error.code == 416:
            raise _RangeError from None
        if error.code == 429 or error.code >= 500:
            raise _BrokenError(f"HTTP {error.code}") from None
        raise DownloadError(f"{address.shown} was refused (HTTP {error.code}).") from None
    except urllib.error.URLError as error:
        raise UnreachableError(f"{address.shown} could not be reached ({_reason(error)}).") from None
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError(_reason(error)) from None


def _span(response: http.client.HTTPResponse, part: Path, kept: int, validator: str) -> tuple[int, int]:
    """Where the body that comes starts in the file, and the whole file's size (0: not said)."""
    if response.status != 206:
        return 0, response.length or 0
    given = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
    # Checked although it was asked for: some servers know ranges but not If-Range.
    if not given or int(given[1]) != kept or _validator(response) not in ("", validator):
        discard(part)
        raise _BrokenError("the file changed on the server")
    return kept, int(given[2])


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read(CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError(_reason(error)) from None


def _kept(part: Path, address: Address) -> tuple[int, int, str]:
    """How many bytes of this file are there already, of how many (0: not said), and the validator they came with."""
    try:
        memory = json.loads(_memory(part).read_text("utf-8"))
        source, total, validator = memory["from"], int(memory["total"]), str(memory["validator"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0, 0, ""
    return (_size(part), total, validator) if source == address.shown and validator else (0, 0, "")


def _remember(part: Path, address: Address, total: int, validator: str) -> None:
    memory = {"from": address.shown, "total": total, "validator": validator}
    _memory(part).write_text(json.dumps(memory), "utf-8")


def _validator(response: http.client.HTTPResponse) -> str:
    """What identifies this version of the file; a weak ETag does not, not byte for byte."""
    etag = response.headers.get("ETag", "")
    return etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified", "")


def _memory(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
