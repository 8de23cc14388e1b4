"""What a model mixes up, as tables whose every cell opens its samples: pairs of classes, and what samples have in common."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tabs.drawing.markup import empty_state, table, text
from tabs.reading.heavy import load_engine

if TYPE_CHECKING:
    from engine.serving.sifted import Group, Row

PAIR, GROUP = "pair:", "group:"
MOST_GROUPS = 40


def filter_of(chosen: str) -> tuple[str, tuple[str, str] | None]:
    """A group and a pair of classes as the page writes them; neither where it is something else."""
    load_engine()
    from engine.serving.sifted import pair_of

    group = chosen.removeprefix(GROUP) if chosen.startswith(GROUP) else ""
    return group, pair_of(chosen.removeprefix(PAIR)) if chosen.startswith(PAIR) else None


def show_filter(chosen: str) -> str:
    """What is filtered for, in words, with a button that ends it; "" where nothing is."""
    group, pair = filter_of(chosen)
    if not group and not pair:
        return ""
    said = f"Only {group}" if group else f"Only where {pair[0]} is there and the answer is {pair[1]}" if pair else ""
    return f'<p class="lab-filter">{text(said)} <button type="button" data-choice="">Show all again</button></p>'


def show_tables(rows: Sequence["Row"], classes: Sequence[str]) -> str:
    """Both tables of some judged samples."""
    load_engine()
    from engine.serving.sifted import grouped

    right = sum(row.sifted.is_right for row in rows)
    said = f"<p>{right:,} of {len(rows):,} are right. Click a number, or a name, to see its samples above.</p>"
    groups = "".join(_groups(what, some) for what, some in grouped(rows).items())
    pairs = _pairs(rows, classes)
    if not pairs and not groups:
        return said + empty_state("Nothing to group by", "These samples have nothing in common that is known.")
    return f"{said}{pairs}{groups}"


def _pairs(rows: Sequence["Row"], classes: Sequence[str]) -> str:
    """Which class comes with which answer, in how many samples; classes that never occur are named and left out."""
    from engine.serving.sifted import as_written, mixed_up

    counts = mixed_up(rows)
    if not counts:
        return ""
    order = [*classes, *sorted({name for pair in counts for name in pair} - set(classes))]
    truths = [name for name in order if any(pair[0] == name for pair in counts)]
    answers = [name for name in order if any(pair[1] == name for pair in counts)]
    most = max((count for (truth, answer), count in counts.items() if truth != answer), default=1)
    head = "".join(f'<th scope="col"><span>{text(name)}</span></th>' for name in answers)
    body = ""
    for truth in truths:
        cells = ""
        for answer in answers:
            count = counts[truth, answer]
            share = 100 * min(count / most, 1.0) if truth != answer else 0
            hint = f"{truth}, and the answer is {answer}: {count} samples"
            button = (
                f'<button type="button" data-choice="{text(PAIR + as_written((truth, answer)))}" title="{text(hint)}">'
                f"{count}</button>"
            )
            cells += f'<td class="cell" style="--share:{share:.1f}%">{button if count else ""}</td>'
        body += f'<tr><th scope="row">{text(truth)}</th>{cells}</tr>'
    absent = [name for name in classes if name not in truths and name not in answers]
    left_out = f'<p class="lab-small">Not among them: {text(", ".join(absent))}.</p>' if absent else ""
    return (
        "<h4>What comes together</h4>"
        '<div class="lab-scroll lab-sift" tabindex="0"><table class="lab-heat"><thead><tr><th class="corner">'
        f"there ↓ · answer →</th>{head}</tr></thead><tbody>{body}</tbody></table></div>{left_out}"
    )


def _groups(what: str, some: Sequence["Group"]) -> str:
    has_error = any(one.error is not None for one in some)
    lines = [
        (
            f'<button type="button" data-choice="{text(GROUP + one.name)}">{text(one.name.partition(": ")[2])}</button>',
            f"{one.count:,}",
            f"{one.right:,} of {one.count:,}",
            *((f"{one.error:.3g}",) if has_error and one.error is not None else ()),
            f"{one.loss:.3f}",
        )
        for one in some[:MOST_GROUPS]
    ]
    headings = (what.capitalize(), "Samples", "Right", *(("Mean error",) if has_error else ()), "Mean loss")
    more = f'<p class="lab-small">{len(some) - MOST_GROUPS} more are not shown.</p>' if len(some) > MOST_GROUPS else ""
    return f"<h4>By {text(what)}, the worst first</h4>{table(headings, lines)}{more}"
