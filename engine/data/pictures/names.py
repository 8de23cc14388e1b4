"""Which picture a table or a list means: people write a path, a name or a name without its suffix, from whatever system."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from engine.data.pictures.files import PICTURE_SUFFIXES

LONGEST = 4096  # letters of a path, on the systems that allow most
LONGEST_STEM = 60  # bytes of a name, without what makes it differ from others
_STEM = re.compile(r"[^\w-]+")


class PictureNames:
    """The pictures of a folder, to be found by what somebody calls them.

    Looked for are the path, the path's last parts, the name, and the name without its suffix: first as it is written, then
    without regard to capitals. What fits two pictures fits none.
    """

    def __init__(self, pictures: Iterable[Path], root: Path) -> None:
        self._exact: defaultdict[str, set[Path]] = defaultdict(set)
        self._loose: defaultdict[str, set[Path]] = defaultdict(set)
        self._whole: set[Path] = set()  # those that lie in no folder, so that no other folder can contradict
        for picture in pictures:
            parts = picture.relative_to(root).parts
            if len(parts) == 1:
                self._whole.add(picture)
            for start in range(len(parts)):
                name = "/".join(parts[start:])
                for known in (name, without_suffix(name)):
                    self._exact[_normal(known)].add(picture)
                    self._loose[_normal(known).casefold()].add(picture)

    def find(self, name: str) -> tuple[Path, ...]:
        """The pictures that `name` may mean: one, or none, or several."""
        if len(name) > LONGEST:
            return ()
        written = _normal(name.replace("\\", "/")).strip("/").removeprefix("./")
        parts = written.split("/")
        for start in range(len(parts)):  # somebody else's folders may stand in front
            whole = "/".join(parts[start:])
            for known in (whole, without_suffix(whole)):
                found = self._exact.get(known) or self._loose.get(known.casefold())
                if found and start:  # of a picture in a folder, that folder has to be named
                    found = {picture for picture in found if picture in self._whole or _ends_alike(picture, parts)}
                if found:
                    return tuple(sorted(found))
        return ()


def _ends_alike(picture: Path, parts: Sequence[str]) -> bool:
    """Whether a written path's last folder is that of the picture."""
    return len(parts) > 1 and picture.parent.name.casefold() == parts[-2].casefold()


def without_suffix(name: str) -> str:
    """A picture's name without its suffix; it may have other dots in it, and may come without one."""
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and f".{suffix.lower()}" in PICTURE_SUFFIXES else name


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name.strip())


def free_stem(given: str, otherwise: str, used: set[str]) -> str:
    """A picture's own name, in letters that every system takes, or that with what makes it the only one."""
    plain = _STEM.sub("-", unicodedata.normalize("NFC", Path(given.replace("\\", "/")).stem)).strip("-")
    stem = plain.encode()[:LONGEST_STEM].decode(errors="ignore") or otherwise
    tried, again = stem, 0
    while tried.casefold() in used:
        tried, again = f"{stem}-{otherwise}{f'-{again}' if again else ''}", again + 1
    used.add(tried.casefold())
    return tried
