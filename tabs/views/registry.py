"""Which view shows which kind of task, as a literal table: a task of a kind that is here needs none of its own."""

from engine.task import Task
from tabs.views.label_view import LABEL_VIEW
from tabs.views.mask_view import MASK_VIEW
from tabs.views.number_view import NUMBER_VIEW
from tabs.views.point_view import POINT_VIEW
from tabs.views.tags_view import TAGS_VIEW
from tabs.views.text_view import TEXT_VIEW
from tabs.views.view import View

# One view shows all objectives of a task of texts, whichever comes first.
VIEWS: dict[str, View] = {
    "mask": MASK_VIEW,
    "point": POINT_VIEW,
    "tags": TAGS_VIEW,
    "label": LABEL_VIEW,
    "number": NUMBER_VIEW,
    "text": TEXT_VIEW,
    "language": TEXT_VIEW,
}


def view_of(task: Task) -> View:
    """The view of a task, by its kind."""
    return VIEWS[task.kind]
