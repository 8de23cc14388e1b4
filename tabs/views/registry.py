"""Which view shows which task, as a literal table."""

from engine.task import Task
from tabs.views.camvid import CAMVID_VIEW
from tabs.views.heads import HEADS_VIEW
from tabs.views.imdb import IMDB_VIEW
from tabs.views.planet import PLANET_VIEW
from tabs.views.view import View

VIEWS: dict[str, View] = {"planet": PLANET_VIEW, "camvid": CAMVID_VIEW, "heads": HEADS_VIEW, "imdb": IMDB_VIEW}


def view_of(task: Task) -> View:
    """The view of a registered task."""
    return VIEWS[task.name]
