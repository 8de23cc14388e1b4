"""Which fixture draws a small data set for which task; the toy draws its own, and any other task its first drawn set."""

from pathlib import Path

import pytest
from toy import TOY, draw_squares

from engine.data.sources.fetching import get_source
from engine.task import Task

DRAWN = {"camvid": "streets", "planet": "chips", "heads": "heads", "imdb": "reviews"}


def drawn_for(task: Task, request: pytest.FixtureRequest, folder: Path) -> Path:
    """A drawn data set for `task`; one that no fixture draws is made in `folder`."""
    if task is TOY:
        return draw_squares(folder / "toy")
    if task.name in DRAWN:
        return request.getfixturevalue(DRAWN[task.name])
    source = next(source for source in map(get_source, task.datasets) if source.is_drawn)
    source.origin.draw(folder / source.name, on_progress=lambda done, total: None)
    return folder / source.name
