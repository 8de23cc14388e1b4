"""The command that says what a data set is, before anything is trained on it."""

from typing import Annotated

import typer

from engine.cli.terminal import AsJson, people, print_json, says_what_is_wrong


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
