"""Which of the data sets on this machine came from the Hugging Face Hub, and what they are called there."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.data.texts.own import OWN_FOLDER
from engine.host.home import data_folder

ORIGIN = ".origin.json"  # in a data set's folder


@dataclass(frozen=True, slots=True, kw_only=True)
class HubOrigin:
    """A data set's repository, its commit, and which part of it was fetched."""

    repository: str
    commit: str
    config: str = ""


def write_origin(folder: Path, origin: HubOrigin) -> None:
    """Keep with a data set where it came from."""
    (folder / ORIGIN).write_text(json.dumps(asdict(origin)), "utf-8")


def read_origin(folder: Path) -> HubOrigin | None:
    """Where a data set came from; None for one that did not come from the Hub."""
    try:
        said = json.loads((folder / ORIGIN).read_text("utf-8"))
        return HubOrigin(repository=str(said["repository"]), commit=str(said["commit"]), config=str(said["config"]))
    except (OSError, ValueError, LookupError, TypeError):
        return None


def fetched_before(reference: str) -> Path | None:
    """The folder of a data set that was fetched under a name of the Hub, OWNER/NAME or OWNER/NAME@COMMIT: the newest."""
    repository, _, commit = reference.partition("@")
    found = []
    for folder in (data_folder() / OWN_FOLDER).glob("*/"):
        origin = read_origin(folder)
        if origin and origin.repository == repository and origin.commit.startswith(commit):
            found.append(folder)
    return max(found, key=lambda folder: folder.stat().st_mtime, default=None)
