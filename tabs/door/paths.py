"""What visitors are shown names folders by their last part alone: where things lie on this machine is the host's business."""

import re
from pathlib import Path

from engine.host.access import asker
from engine.host.home import home
from engine.library.paths import is_folder

# The folders before the last part of an absolute path; not those of an address or of a part of a path.
WAY = re.compile(r"(?<![\w.…~:/\\])(?:[A-Za-z]:)?[/\\](?:[^\s/\\'\"<>|:;,()]+[/\\])*(?=[^\s/\\])")
APP = Path(__file__).parents[2]


def shown_name(named: str) -> str:
    """A data set or a backbone as it is named; of a folder a visitor sees the last part."""
    return Path(named).name if is_folder(named) and not asker().is_host else named


def without_paths(said: object) -> str:
    """What the engine says; for a visitor "…" stands for the app's own folders, and for the way to any other file or folder."""
    words = str(said)
    if asker().is_host:
        return words
    for folder in (home(), APP):
        words = words.replace(str(folder), "…")
    return WAY.sub("…/", words)
