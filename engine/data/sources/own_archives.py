"""A data set that somebody brings as an archive: unpacked once, beside the data sets that have names."""

import hashlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.data.reading.litter import is_litter
from engine.data.sources.archives import MAX_DEPTH, unpack
from engine.data.texts.own import OWN_FOLDER
from engine.errors import DataError
from engine.host.home import cache_folder, data_folder

SUFFIXES = (".zip", ".tar", ".tgz", ".tar.gz")
NOTES = frozenset({"", ".txt", ".md", ".rst", ".pdf", ".html"})  # what lies beside a data set, such as a licence
_NAME = re.compile(r"[^a-z0-9]+")


def is_archive(path: Path) -> bool:
    """Whether a file is called like an archive that is read here."""
    return path.is_file() and path.name.lower().endswith(SUFFIXES)


def keep_archive(archive: Path) -> Path:
    """The folder of the data set in an archive, unpacked if it is not there yet; `DataError` for one that cannot be used."""
    stem = archive.name.lower()
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        stem = stem.removesuffix(suffix)
    name = f"{_NAME.sub('-', stem).strip('-')[:40] or 'data'}-{_digest(archive)}"
    folder = data_folder() / OWN_FOLDER / name
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = folder.with_name(f".{name}.unfinished")
        unpack(archive, unfinished)
        unfinished.rename(folder)
    return innermost(folder)


@contextmanager
def looked_into(archive: Path) -> Iterator[Path]:
    """The folder of the data set in an archive, for as long as it is looked at."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder()) as scratch:
        unpack(archive, Path(scratch) / "unpacked")
        yield innermost(Path(scratch) / "unpacked")


def innermost(folder: Path) -> Path:
    """The folder itself, or the one folder that is all it holds beside notes: archives are often made of a folder, and so
    are copies.
    """
    for _ in range(MAX_DEPTH):
        try:
            inside = [path for path in folder.iterdir() if not is_litter(path.name)]
        except OSError as problem:
            raise DataError(f"{folder} cannot be looked into ({problem.strerror or problem}).") from None
        folders = [path for path in inside if path.is_dir()]
        if len(folders) != 1 or any(path.suffix.lower() not in NOTES for path in inside if path.is_file()):
            return folder
        folder = folders[0]
    raise DataError(
        f"{folder} lies in {MAX_DEPTH} folders that hold nothing else. Give the folder with the data set itself."
    )


def _digest(archive: Path) -> str:
    digest = hashlib.blake2b(digest_size=5)
    try:
        with archive.open("rb") as content:
            while block := content.read(1 << 20):
                digest.update(block)
    except OSError as problem:
        raise DataError(f"{archive.name} cannot be read ({problem.strerror or problem}).") from None
    return digest.hexdigest()
