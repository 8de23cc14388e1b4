"""The commands for data sets: what one is, before anything is trained on it; one of the Hub; one's own for others."""

from typing import Annotated

import typer

from engine.cli.hub import AskToken, asked_token
from engine.cli.terminal import AsJson, people, print_json, progress_bar, says_what_is_wrong
from engine.data.sources.fetching import own_name
from engine.library.card import LICENCES, CardChoices


@says_what_is_wrong
def check(
    data: Annotated[str, typer.Argument(help="A folder, a table, an archive, or a data set's name.")],
    *,
    task: Annotated[str, typer.Option(help="The task whose kind of data it is; found out if left out.")] = "",
    encoding: Annotated[str, typer.Option(help="Of texts that are not UTF-8, such as cp1252.")] = "",
    as_json: AsJson = False,
) -> None:
    """Say what a data set is: what is used, what is left out and why, its classes, its split, what is doubtful."""
    from engine.tasks.checking import check as account_of

    account = account_of(data, task, encoding)
    for sentence in account.sentences():
        people.print(sentence, markup=False, soft_wrap=True)
    for warning in account.warnings:
        people.print(f"Look at this: {warning}", markup=False, soft_wrap=True)
    print_json(as_json, account.as_dict())
    if account.refused:
        raise typer.Exit(1)


def fetch_from_hub(name: str, config: str, input_column: str, target_column: str, *, as_json: bool) -> None:
    """Fetch a data set of the Hugging Face Hub, and say what it is called here."""
    from engine.data.sources.meant_columns import Chosen
    from engine.hub.datasets import Wanted, fetch_dataset
    from engine.hub.remote import parse_reference

    columns = Chosen(input=input_column, target=target_column)
    wanted = Wanted(reference=parse_reference(name), config=config, columns=columns)
    with progress_bar() as bar:
        line = bar.add_task("download")
        folder = fetch_dataset(wanted, on_progress=lambda done, total: bar.update(line, completed=done, total=total))
    here = own_name(str(folder))
    people.print(f"{name} is in {folder}. Look at it: python -m engine check {here}", markup=False, soft_wrap=True)
    print_json(as_json, {"name": here, "folder": str(folder)})


@says_what_is_wrong
def push_data(
    data: Annotated[str, typer.Argument(help="A folder, a table, an archive, or a data set's name.")],
    repository: Annotated[str, typer.Argument(help="NAME, or OWNER/NAME, on the Hugging Face Hub.")],
    *,
    task: Annotated[str, typer.Option(help="The task whose kind of data it is; found out if left out.")] = "",
    public: Annotated[bool, typer.Option("--public", help="For everybody to see; private without it.")] = False,
    licence: Annotated[str, typer.Option(help=f"Of the data: {', '.join(LICENCES)}.")] = "",
    note: Annotated[str, typer.Option(help="A sentence for the card.")] = "",
    update: Annotated[
        bool, typer.Option("--update", help="Replace the data set that is there, if it is of this app.")
    ] = False,
    ask_token: AskToken = False,
    as_json: AsJson = False,
) -> None:
    """Put a data set on the Hugging Face Hub as Parquet, in one commit or not at all; private unless you say otherwise."""
    from engine.data.sources.fetching import resolve_dataset
    from engine.hub.send_data import push_dataset
    from engine.tasks.checking import kinds_to_try, open_kind

    choices = CardChoices(repo_id=repository, licence=licence, note=note)
    aim, opened = open_kind(resolve_dataset(data), kinds_to_try(task))
    token = asked_token() if ask_token else None
    with progress_bar() as bar:
        line = bar.add_task("sending")
        made = push_dataset(
            opened,
            aim.build(),
            choices,
            private=not public,
            update=update,
            token=token,
            on_progress=lambda done, total: bar.update(line, completed=done, total=total),
        )
    people.print(f"It is at {made.url}", markup=False, soft_wrap=True)
    print_json(as_json, {"url": made.url, "repository": made.repo_id, "commit": made.commit})
