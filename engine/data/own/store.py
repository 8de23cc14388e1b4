"""Somebody's own data sets on this machine: what each is, whose it is, and under which name it goes.

Each is a folder `data/own/NAME` with its record beside the data. Whoever else asks learns nothing of it: a data set of one's own
may show people.
"""

import json
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.data.texts.own import OWN_FOLDER
from engine.errors import AccessError, DataError
from engine.host.access import asker
from engine.host.home import data_folder, disk_told

RECORD = ".own.json"  # with a dot: no reader takes it for data
PLAIN = "plain"  # the folder's name before it is kept
MOST_SETS = 30  # of one visitor
MOST_BYTES = 600_000_000  # of one visitor, all of their data sets together
MOST_OF_HOST = 10 * 1024**3
LONGEST = 60  # letters of a title


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSet:
    """A data set of one's own. `name` is as in "own/NAME"; `title` is what its owner calls it; `made` is a Unix time."""

    name: str
    kind: str
    title: str
    owner: str
    made: float
    samples: int
    size: int

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return data_folder() / self.name


def own_folder() -> Path:
    """Where they all lie."""
    return data_folder() / OWN_FOLDER


def keep_own(staged: Path, *, kind: str, title: str, samples: int) -> OwnSet:
    """Make a written folder a data set of whoever asks; it is moved. `AccessError` where they have no room left."""
    person = asker()
    size = sum(path.stat().st_size for path in staged.rglob("*") if path.is_file())
    check_room(size)
    title = plain_title(title)
    name = (
        f"{OWN_FOLDER}/{kind}-{uuid.uuid4().hex[:10]}"  # the title is nobody else's to read, and runs name the folder
    )
    kept = OwnSet(name=name, kind=kind, title=title, owner=person.owner, made=time.time(), samples=samples, size=size)
    with disk_told(f"keep {title}"):
        own_folder().mkdir(parents=True, exist_ok=True)
        _write(staged, kept)
        staged.rename(kept.folder)
    return kept


def read_own(name: str) -> OwnSet | None:
    """The record of a data set, by its name as in "own/NAME"; None for one without, such as another version's."""
    return read_record(data_folder() / name, name)


def read_record(folder: Path, name: str) -> OwnSet | None:
    """The record in a folder of the data set called `name`."""
    try:
        found = json.loads((folder / RECORD).read_text("utf-8"))
        return OwnSet(**{**found, "name": name})
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def own_sets(kind: str = "") -> list[OwnSet]:
    """The data sets of whoever asks, the newest first; of one kind only where it is said."""
    owner = asker().owner
    names = [f"{OWN_FOLDER}/{record.parent.name}" for record in own_folder().glob(f"[!.]*/{RECORD}")]
    found = [one for one in map(read_own, names) if one and one.owner == owner and kind in ("", one.kind)]
    return sorted(found, key=lambda one: -one.made)


def is_hidden(name: str) -> bool:
    """Whether a data set is somebody else's than whoever asks."""
    found = read_own(name)
    return found is not None and found.owner != asker().owner


def my_own(name: str) -> OwnSet:
    """A data set of whoever asks, by its name; `AccessError` for somebody else's, which nobody is told of."""
    found = read_own(name)
    if found is None or is_hidden(name):
        raise AccessError(f"You have no data set {name[:100]!r}, or no longer.")
    return found


def rename_own(name: str, title: str) -> OwnSet:
    """Give a data set another title. Runs know it by its name, which stays."""
    found = my_own(name)
    kept = OwnSet(**{**asdict(found), "title": plain_title(title)})
    with disk_told(f"rename {found.title}"):
        _write(found.folder, kept)
    return kept


def room_left() -> int:
    """Bytes that whoever asks may still bring."""
    return MOST_OF_HOST if asker().is_host else max(0, MOST_BYTES - sum(one.size for one in own_sets()))


def check_room(more: int) -> None:
    """`AccessError` where a visitor has no room for so many bytes more."""
    if asker().is_host:
        return
    have = own_sets()
    if len(have) >= MOST_SETS:
        raise AccessError(f"You have {len(have)} data sets, and that is how many you may have. Delete one.")
    if sum(one.size for one in have) + more > MOST_BYTES:
        raise AccessError(
            f"Your data sets would take more than {MOST_BYTES / 1e6:,.0f} MB together, which is your share of this machine. "
            "Bring less, or delete one."
        )


def plain_title(title: str) -> str:
    """A title in one line; `DataError` where there is none."""
    found = " ".join("".join(letter if letter.isprintable() else " " for letter in title).split())[:LONGEST]
    if not found:
        raise DataError("The data set has no name yet. Write one.")
    return found


def _write(folder: Path, kept: OwnSet) -> None:
    partial = folder / f"{RECORD}.{uuid.uuid4().hex}"
    partial.write_text(json.dumps({**asdict(kept), "name": kept.name}, indent=1, ensure_ascii=False) + "\n", "utf-8")
    partial.replace(folder / RECORD)
