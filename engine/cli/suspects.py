"""The command for labels that look wrong."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.terminal import (
    AsJson,
    is_wide,
    listing,
    people,
    print_json,
    progress_bar,
    says_what_is_wrong,
    write_table,
)

SHOWN = 20


@says_what_is_wrong
def suspects(
    data: Annotated[str, typer.Argument(help="A folder, a table, an archive, or a data set's name.")],
    *,
    task: Annotated[str, typer.Option(help="The task whose kind of data it is; found out if left out.")] = "",
    order: Annotated[str, typer.Option(help="suspicion, or loss: the highest loss first.")] = "suspicion",
    csv: Annotated[Path | None, typer.Option(help="Write all of them into this file.")] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Look again, though nothing changed.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the labels that look wrong, by models that had not seen their samples: the likeliest first."""
    from engine.data.sources.fetching import resolve_dataset
    from engine.errors import DataError
    from engine.noise.finding import find_suspects
    from engine.noise.suspects import ORDERS, fingerprint, forget_suspicion
    from engine.tasks.checking import kinds_to_try, open_kind

    if order not in ORDERS:
        raise DataError(f"There is no order {order!r}. The orders are: {', '.join(ORDERS)}.")
    aim, opened = open_kind(resolve_dataset(data), kinds_to_try(task))
    if anew:
        forget_suspicion(f"{aim.kind}-{fingerprint(opened)}")
    with progress_bar() as bar:
        line = bar.add_task("judging")
        found = find_suspects(
            aim.kind, opened, on_progress=lambda done, total: bar.update(line, completed=done, total=total)
        )
    rows = [_row(number, one) for number, one in enumerate(found.ordered(order), start=1)]
    table = listing("sample", "label", "proposed", wide=("why",))
    for row in rows[:SHOWN]:
        table.add_row(row["sample"], row["label"], row["proposed"], *([row["why"]] if is_wide() else []))
    people.print(found.said(), soft_wrap=True)
    for note in found.notes:
        people.print(note, soft_wrap=True)
    people.print(table)
    if csv:
        write_table(csv, rows)
        people.print(f"All {len(rows):,} are in {csv}.", soft_wrap=True)
    print_json(as_json, {"kind": found.kind, "judged": found.judged, "confident": found.confident, "suspects": rows})


def _row(number: int, one: Any) -> dict[str, Any]:
    return {
        "place": number,
        "sample": one.name,
        "label": _label(one.given),
        "proposed": _label(one.proposed),
        "confident": one.is_confident,
        "score": one.score,
        "loss": one.loss,
        "why": one.why,
    }


def _label(label: Any) -> str:
    """A label in a cell: a name as it is, everything else as JSON."""
    return label if isinstance(label, str) else json.dumps(label, ensure_ascii=False)
