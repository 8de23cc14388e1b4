"""The commands that hand models on: list those in reach, export one, publish it, load one, delete one."""

import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.terminal import (
    AsJson,
    is_wide,
    listing,
    main_figure,
    people,
    print_json,
    progress_bar,
    says_what_is_wrong,
)
from engine.errors import BundleError
from engine.library.card import LICENCES, CardChoices
from engine.library.listing import find_model, list_models
from engine.library.trash import delete_model, empty_trash, list_deleted, restore_model

Which = Annotated[str, typer.Argument(help="A run, sample-TASK, a download's name, or a bundle's folder.")]
AskToken = Annotated[
    bool, typer.Option("--ask-token", help="Type a token, which is kept nowhere, instead of this machine's login.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent.")]
Onnx = Annotated[bool, typer.Option("--onnx", help="With an ONNX file beside it, checked against PyTorch.")]


@says_what_is_wrong
def models(task: Annotated[str, typer.Argument(help="Only this task's.")] = "", as_json: AsJson = False) -> None:
    """List the models in reach: runs, downloads and those that come with the app."""
    table = listing("model", "from", "data set", "figure", wide=("backbone", "MB", "made"))
    rows: list[dict[str, Any]] = []
    for model in list_models(task):
        config = model.config
        figure = main_figure(config.task, config.recipe.objective, config.metrics)
        made = time.strftime("%Y-%m-%d %H:%M", time.localtime(model.made))
        row = [model.name, model.origin, Path(config.dataset).name, figure]
        table.add_row(*row, *([config.plan.backbone, f"{model.size / 1e6:.1f}", made] if is_wide() else []))
        rows.append(
            {
                "name": model.name,
                "origin": model.origin,
                "task": config.task,
                "objective": config.objective,
                "backbone": config.plan.backbone,
                "dataset": config.dataset,
                "metrics": config.metrics,
                "bytes": model.size,
                "folder": str(model.folder),
            }
        )
    people.print(table if rows else "No models yet: python -m engine train TASK makes the first.")
    print_json(as_json, {"models": rows, "deleted": [deleted.name for deleted in list_deleted()]})


@says_what_is_wrong
def export(
    model: Which,
    folder: Annotated[Path, typer.Argument(help="The new folder.")],
    *,
    onnx: Onnx = False,
    full: Annotated[bool, typer.Option("--full", help="Weights as trained, not in half precision.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a model as a bundle to hand on, with its card."""
    from engine.hub.publish import files_to_send
    from engine.library.export import export_bundle

    bundle = export_bundle(find_model(model), folder.expanduser().absolute(), half=not full, onnx=onnx)
    _print_files(files_to_send(bundle), str(bundle))
    print_json(as_json, {"folder": str(bundle)})


@says_what_is_wrong
def publish(
    model: Which,
    repository: Annotated[str, typer.Argument(help="NAME, or OWNER/NAME, on the Hugging Face Hub.")],
    *,
    public: Annotated[bool, typer.Option("--public", help="For everybody to see; private without it.")] = False,
    message: Annotated[str, typer.Option(help="What the commit says.")] = "",
    licence: Annotated[str, typer.Option(help=f"Of the weights: {', '.join(LICENCES)}.")] = "",
    note: Annotated[str, typer.Option(help="A sentence for the card.")] = "",
    update: Annotated[
        bool, typer.Option("--update", help="Replace the model that is there, if it is of this app.")
    ] = False,
    onnx: Onnx = False,
    ask_token: AskToken = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Put a model on the Hugging Face Hub, in one commit or not at all."""
    from engine.hub.publish import files_to_send, publish_model
    from engine.library.export import export_bundle

    choices, source = CardChoices(repo_id=repository, licence=licence, note=note), find_model(model)
    if dry_run:
        with tempfile.TemporaryDirectory() as scratch:
            files = files_to_send(export_bundle(source, Path(scratch) / "bundle", onnx=onnx))
        _print_files(files, repository)
        people.print("Nothing was sent.")
        print_json(as_json, {"files": dict(files), "sent": False})
        return
    token = asked_token() if ask_token else None
    with progress_bar() as bar:
        line = bar.add_task("sending")
        made = publish_model(
            source,
            choices,
            onnx=onnx,
            private=not public,
            message=message,
            update=update,
            token=token,
            on_export=lambda files: _print_files(files, repository),
            on_progress=lambda done, total: bar.update(line, completed=done, total=total),
        )
    people.print(f"It is at {made.url}")
    print_json(as_json, {"url": made.url, "repository": made.repo_id, "commit": made.commit, "sent": True})


@says_what_is_wrong
def load(
    reference: Annotated[str, typer.Argument(help="OWNER/NAME, OWNER/NAME@REVISION, or a link.")],
    as_json: AsJson = False,
) -> None:
    """Fetch a model of this app from the Hugging Face Hub; its name here is printed."""
    from engine.hub.remote import fetch_bundle

    with progress_bar() as bar:
        line = bar.add_task("loading")
        folder = fetch_bundle(reference, on_progress=lambda done, total: bar.update(line, completed=done, total=total))
    people.print(f"{folder.name}: {folder}")
    print_json(as_json, {"name": folder.name, "folder": str(folder)})


@says_what_is_wrong
def delete(
    model: Annotated[str, typer.Argument(help="A run or a download's name.")] = "",
    *,
    forever: Annotated[bool, typer.Option("--forever", help="Then empty the trash, with all that is in it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Move a run or a download into the trash, from where `restore` brings it back for a week."""
    if not (model or forever):
        raise BundleError("Name what to delete, or give --forever to empty the trash.")
    if model:
        delete_model(model)
    if forever:
        empty_trash()
        people.print("The trash is empty.")
    else:
        people.print(f"{model} is in the trash. python -m engine restore {model} brings it back.")
    print_json(as_json, {"deleted": model})


@says_what_is_wrong
def restore(model: Which, as_json: AsJson = False) -> None:
    """Bring a deleted model back."""
    restore_model(model)
    people.print(f"{model} is back.")
    print_json(as_json, {"restored": model})


@says_what_is_wrong
def deploy_space(
    repository: Annotated[str, typer.Argument(help="NAME, or OWNER/NAME, of the Space.")],
    *,
    public: Annotated[bool, typer.Option("--public", help="For everybody to see; private without it.")] = False,
    message: Annotated[str, typer.Option(help="What the commit says.")] = "",
    ask_token: AskToken = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Put the app itself on the Hugging Face Hub, as a Space, in one commit or not at all."""
    from engine.hub.space import deploy_space as deploy
    from engine.hub.space import space_files

    files = [(name, path.stat().st_size) for name, path in space_files()]
    _print_files(files, f"the Space {repository}")
    if dry_run:
        people.print("Nothing was sent.")
        print_json(as_json, {"files": dict(files), "sent": False})
        return
    token = asked_token() if ask_token else None
    with progress_bar() as bar:
        line = bar.add_task("sending", total=sum(size for _, size in files))
        made = deploy(
            repository,
            private=not public,
            message=message,
            token=token,
            on_progress=lambda done, total: bar.update(line, completed=done),
        )
    people.print(f"It is at {made.url}, and is built there in a few minutes.")
    print_json(as_json, {"url": made.url, "repository": made.repo_id, "commit": made.commit, "sent": True})


def asked_token() -> str:
    """A token that somebody types now, and that is kept nowhere."""
    return typer.prompt("Token", hide_input=True, err=True).strip()


def _print_files(files: list[tuple[str, int]], where: str) -> None:
    table = listing("file", "MB")
    table.title = f"To {where}"
    for name, size in files:
        table.add_row(name, f"{size / 1e6:.2f}")
    table.add_row("in all", f"{sum(size for _, size in files) / 1e6:.2f}")
    people.print(table)
