"""Which of the data sets on this machine came from the Hugging Face Hub, and what they are called there."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.data.texts.own import OWN_FOLDER
from engine.errors import DataError
from engine.host.home import data_folder

ORIGIN = ".origin.json"  # in a data set's folder


@dataclass(frozen=True, slots=True, kw_only=True)
class HubOrigin:
    """A data set's repository, its commit, and what was asked for: the revision, the part, the columns of inputs and labels."""

    repository: str
    commit: str
    asked: tuple[str, ...]


def write_origin(folder: Path, origin: HubOrigin) -> None:
    """Keep with a data set where it came from."""
    (folder / ORIGIN).write_text(json.dumps(asdict(origin)), "utf-8")


def read_origin(folder: Path) -> HubOrigin | None:
    """Where a data set came from; None for one that did not come from the Hub."""
    try:
        said = json.loads((folder / ORIGIN).read_text("utf-8"))
        return HubOrigin(
            repository=str(said["repository"]), commit=str(said["commit"]), asked=tuple(map(str, said["asked"]))
        )
    except (OSError, ValueError, LookupError, TypeError):
        return None


def fetched_before(reference: str, chosen: tuple[str, ...] = ()) -> Path | None:
    """The folder of a data set that was fetched under a name of the Hub, OWNER/NAME or OWNER/NAME@REVISION; the newest commit.

    `chosen` are the part and the columns that were asked for. Without it there is a `DataError` where several were: then each
    goes by its own name.
    """
    repository, _, revision = reference.partition("@")
    found: dict[tuple[str, ...], list[Path]] = {}
    for folder in (data_folder() / OWN_FOLDER).glob("[!.]*/"):
        origin = read_origin(folder)
        if (
            origin
            and origin.repository == repository
            and (not revision or revision == origin.asked[0] or origin.commit.startswith(revision))
        ):
            found.setdefault(origin.asked[1:], []).append(folder)
    if chosen:
        found = {asked: some for asked, some in found.items() if asked == chosen}
    if len(found) > 1:
        names = sorted(f"{OWN_FOLDER}/{folder.name}" for some in found.values() for folder in some)
        raise DataError(
            f"Of {reference}, several parts or columns are here. Name one of them: {', '.join(names)[:400]}."
        )
    return max(
        (folder for some in found.values() for folder in some), key=lambda one: one.stat().st_mtime, default=None
    )
