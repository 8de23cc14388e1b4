"""What a run's weights come from, what training has made of them, and what to lay beside it, as the page says it."""

from collections.abc import Sequence

from engine.library.lineage import Ancestor, ancestors_of, since_start
from engine.runs.snapshot import RunSnapshot
from engine.task import Aim
from tabs.door.address import link
from tabs.drawing.markup import metric_text, text
from tabs.reading.models import model_label


def lineage_of(run: str, snapshot: RunSnapshot, aim: Aim) -> tuple[list[str], list[str]]:
    """What has to be said where a training has made its model worse; and what its weights come from, and what became of them."""
    came = [_ancestor_in_words(one) for one in ancestors_of(run)]
    origin = [f"Its weights come from {' → '.join(came)} → this run."] if came else []
    since = since_start(snapshot, aim, metric_text)
    if since and since.is_worse:
        return [since.said], origin
    return [], [*origin, *([since.said] if since else [])]


def compare_link(run: str, runs: Sequence[str]) -> str:
    """A link that lays a run beside the newest other one of its task; "" where there is no other."""
    other = next((name for name in runs if name != run), None)
    if other is None:
        return ""
    address = link("compare", runs=f"{run},{other}")
    return f'<p class="lab-small"><a class="lab-go" href="{text(address)}">Compare it with another run →</a></p>'


def _ancestor_in_words(one: Ancestor) -> str:
    figure = (
        ""
        if one.figure is None
        else f" ({one.metric.name.replace('_', ' ')} {metric_text(one.metric.name, one.figure)})"
    )
    return f"{model_label(one.name)}{figure}"
