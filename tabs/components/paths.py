"""What visitors are shown names folders by their last part alone: where things lie on this machine is the host's business."""

from pathlib import Path

from engine.access import asker
from engine.home import home
from engine.hub.paths import is_folder

APP = Path(__file__).parents[2]


def shown_name(named: str) -> str:
    """A data set or a backbone as it is named; of a folder a visitor sees the last part."""
    return Path(named).name if is_folder(named) and not asker().is_host else named


def without_paths(said: object) -> str:
    """What the engine says of a problem; for a visitor "…" stands for the folders that models, runs and data lie in."""
    words = str(said)
    if not asker().is_host:
        for folder in (home(), APP):
            words = words.replace(str(folder), "…")
    return words
