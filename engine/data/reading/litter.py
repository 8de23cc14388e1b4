"""What systems and editors leave in folders and archives, and nobody means as data."""

from collections.abc import Iterable
from pathlib import Path

NAMES = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r", "$recycle.bin", "system volume information"})
FOLDERS = frozenset({"__macosx", "__pycache__", "@eadir"})
SYSTEM_FILES = "left by a system or an editor"


def is_litter(name: str) -> bool:
    """Whether a file or folder of this name is none of a data set's: hidden, a thumbnail's, an editor's copy."""
    small = name.lower()
    return name.startswith((".", "~$")) or small in NAMES or small in FOLDERS or small.endswith((".tmp", ".part", "~"))


def is_in_litter(parts: Iterable[str]) -> bool:
    """Whether a path leads into such a folder, or to such a file."""
    return any(is_litter(part) for part in parts)


def litter_in(folder: Path) -> list[str]:
    """The names of what was left, in a folder and one level below, for an account of it."""
    levels = [folder, *(path for path in sorted(folder.iterdir()) if path.is_dir() and not is_litter(path.name))]
    found = (path for level in levels for path in sorted(level.iterdir()) if is_litter(path.name))
    return [path.relative_to(folder).as_posix() for path in found]
