"""What a run's weights come from, and what training has made of them, as the page says it."""

from engine.library.lineage import Ancestor, ancestors_of, since_start
from engine.runs.snapshot import RunSnapshot
from engine.task import Aim
from tabs.drawing.markup import metric_text
from tabs.reading.models import model_label


def lineage_of(run: str, snapshot: RunSnapshot, aim: Aim) -> tuple[list[str], list[str]]:
    """What has to be said where a training has made its model worse; and what its weights come from, and what became of them."""
    came = [_ancestor_in_words(one) for one in ancestors_of(run)]
    origin = [f"Its weights come from {' → '.join(came)} → this run."] if came else []
    since = since_start(snapshot, aim, metric_text)
    if since and since.is_worse:
        return [since.said], origin
    return [], [*origin, *([since.said] if since else [])]


def _ancestor_in_words(one: Ancestor) -> str:
    figure = (
        ""
        if one.figure is None
        else f" ({one.metric.name.replace('_', ' ')} {metric_text(one.metric.name, one.figure)})"
    )
    return f"{model_label(one.name)}{figure}"
