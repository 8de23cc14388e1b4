"""What was found wrong with a run, as HTML: in words under the curves, and as numbered stretches on them."""

from collections.abc import Sequence

from engine.diagnosis.finding import Finding, Unclear
from tabs.drawing.charts import Mark
from tabs.drawing.markup import pill, text

SURE_WORDS = {"sure": "clear", "likely": "likely", "perhaps": "perhaps"}


def finding_card(number: int, finding: Finding) -> str:
    """One finding: what was seen, what to try next, and folded away why."""
    first, last = finding.where
    place = f"step {last:.0f}" if first == last else f"steps {first:.0f} to {last:.0f}"
    return (
        f'<section class="lab-finding {finding.sure}"><header><b class="number">{number}</b>'
        f"<strong>{text(finding.title)}</strong>{pill(SURE_WORDS[finding.sure], 'finding')}"
        f"<small>{place}</small></header>"
        f"<p>{text(finding.seen)}</p><p><b>Try next:</b> {text(finding.advice)}</p>"
        f"<details><summary>Why</summary><p>{text(finding.why)}</p></details></section>"
    )


def said_of_none(unclear: Sequence[Unclear], *, is_clean: bool, is_over: bool) -> str:
    """That nothing stands out, where a run is clean; and folded away what cannot be told yet."""
    nothing = ""
    if is_clean:
        yet = "in this run's curves and figures" if is_over else "so far"
        nothing = f'<p class="lab-small">Nothing stands out {yet}.</p>'
    if not unclear:
        return nothing
    lines = "".join(f"<li><b>{text(one.title)}:</b> {text(one.reason)}</li>" for one in unclear)
    count = f"{len(unclear)} thing{'' if len(unclear) == 1 else 's'}"
    return f'{nothing}<details class="lab-unclear"><summary>Can’t tell yet: {count}</summary><ul>{lines}</ul></details>'


def marks_of(findings: Sequence[Finding]) -> list[Mark]:
    """Each finding's stretch of the curve, by its number."""
    return [
        Mark(name=str(number), x=finding.where[0], until=finding.where[1])
        for number, finding in enumerate(findings, start=1)
    ]
