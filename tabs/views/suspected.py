"""A sample whose label may be wrong, as people look at it: its label, the one that is proposed, and why."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tabs.drawing.markup import facts, text
from tabs.reading.heavy import load_engine
from tabs.views.pictures import fitted_tag
from tabs.views.point import with_crosses
from tabs.views.text import review

if TYPE_CHECKING:
    from engine.data.dataset import DataSet, Item
    from engine.noise.suspects import Suspect

POINT_KEYS = (
    '<p class="lab-small"><span class="lab-key truth">＋</span> the label <span class="lab-key guess">✕</span> proposed '
    '<span class="lab-key yours">＋</span> yours: click where it is</p>'
)


def show_suspect(kind: str, data: "DataSet", suspect: "Suspect", *, yours: Any = None) -> str:
    """The sample; `yours` is the point that somebody clicked at."""
    load_engine()
    from engine.noise.suspects import item_of

    return _sample(kind, data, item_of(data, suspect), suspect, yours)


def show_why(data: "DataSet", suspect: "Suspect") -> str:
    """The label that it has, the one that is proposed, and why."""
    from engine.noise.suspects import item_of

    item = item_of(data, suspect)
    said = facts(
        (
            ("The label", label_words(suspect.given)),
            ("Proposed", label_words(suspect.proposed)),
            ("Sample", f"{suspect.name} · {_split(data, item)}"),
        )
    )
    sure = (
        ""
        if suspect.is_confident
        else '<p class="lab-small">Next in line: the model is less sure than it is of most.</p>'
    )
    return f"{said}<p>{text(suspect.why)}</p>{sure}"


def label_words(label: Any) -> str:
    """A label for people."""
    if label is None:
        return "–"
    if isinstance(label, dict):
        return ", ".join(f"{name} {number:.4g}" for name, number in label.items())
    if isinstance(label, list | tuple) and len(label) == 2 and all(isinstance(number, float) for number in label):
        return f"column {label[0]:.0f}, row {label[1]:.0f}"
    if isinstance(label, Sequence) and not isinstance(label, str):
        return ", ".join(map(str, label)) or "no tag"
    return str(label)


def _sample(kind: str, data: Any, item: "Item", suspect: "Suspect", yours: Any) -> str:
    if kind == "text":
        return review(data.texts([item])[0], [(suspect.given, "plain")], suspect.name)
    from engine.data.pictures.bands import as_colors, open_bands

    picture = as_colors(open_bands(item, data.channels))
    if kind != "point":
        return f'<figure class="lab-figure">{fitted_tag(picture, suspect.name)}</figure>'
    crosses = [(*suspect.given, "truth"), (*suspect.proposed, "guess"), *([(*yours, "yours")] if yours else [])]
    return with_crosses(picture, crosses, alt=suspect.name, large=True) + POINT_KEYS


def _split(data: "DataSet", item: "Item") -> str:
    words = {"train": "training", "valid": "validation", "test": "test"}
    return next((word for split, word in words.items() if item in getattr(data, split)), "")
