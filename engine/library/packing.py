"""A data set of one's own as a zip archive, in the plain layout that the app reads."""

import zipfile
from pathlib import Path

from engine.data.own.store import RECORD, my_own
from engine.host.home import disk_told

STORED = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif"})  # packed already


def pack_own(name: str, target: Path) -> Path:
    """Write a data set of whoever asks into the zip archive `target`; where it went."""
    found = my_own(name)
    with disk_told(f"pack {found.title}"), zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(found.folder.rglob("*")):
            if file.is_file() and file.name != RECORD:
                how = zipfile.ZIP_STORED if file.suffix.lower() in STORED else zipfile.ZIP_DEFLATED
                archive.write(file, file.relative_to(found.folder).as_posix(), compress_type=how)
    return target
