"""One's own data sets: opened, renamed, downloaded, deleted, and had back."""

import time
from typing import Any, NamedTuple

import gradio as gr

from engine.data.own.store import my_own, own_sets, rename_own
from engine.errors import EngineError
from engine.library.packing import pack_own
from engine.library.trash import delete_own, forget_own, restore_own
from engine.tasks.own_kinds import task_for
from tabs.door.address import link
from tabs.door.paths import without_paths
from tabs.door.uploads import download_path, forget_downloads
from tabs.drawing.markup import empty_state, megabytes, note, text
from tabs.scripts import script
from tabs.wiring import ACTION, BATCH, POLL, flat, tells_errors

KINDS = {
    "mask": "masks",
    "tags": "tags",
    "label": "one label",
    "point": "a point",
    "number": "numbers",
    "text": "texts",
}
NONE = empty_state("No data of your own yet", "Bring some above, or label pictures; what you keep is listed here.")
FOR_GOOD = "Deleted, and it can be had back for a week. Or delete it for good, with all copies:"


class Listed(NamedTuple):
    """The list, which of it is chosen, what can be done to that, and what was done."""

    rows: Any
    chosen: Any
    doing: Any
    title: Any
    undo: Any
    said: Any


def show_list(chosen: str) -> str:
    """A row for each data set, with where it opens."""
    rows = []
    for one in own_sets():
        task = task_for(one.kind)
        made = time.strftime("%d %b %H:%M", time.localtime(one.made))
        facts = f"{KINDS[one.kind]} · {one.samples:,} samples · {megabytes(one.size)} · {made}"
        rows.append(
            f'<div class="lab-own{" chosen" * (one.name == chosen)}"><button type="button" data-choice="{text(one.name)}" '
            f'aria-pressed="{str(one.name == chosen).lower()}"><strong>{text(one.title)}</strong><small>{text(facts)}</small>'
            f'</button><a class="lab-go" href="{text(link(task.name, "data", dataset=one.name))}">Open →</a></div>'
        )
    return f'<div class="lab-owns">{"".join(rows)}</div>' if rows else NONE


def listed(chosen: str = "", said: str = "", deleted: str = "") -> Listed:
    """The list as it is now; `deleted` is the name of one that can be had back."""
    found = {one.name: one for one in own_sets()}
    chosen = chosen if chosen in found else ""
    return Listed(
        rows=show_list(chosen),
        chosen=chosen or deleted,
        doing=gr.update(visible=bool(chosen)),
        title=found[chosen].title if chosen else "",
        undo=gr.update(visible=bool(deleted)),
        said=said,
    )


@tells_errors
def rename(chosen: str, title: str) -> Listed:
    """Another title."""
    return listed(rename_own(chosen, title).name, note("Renamed."))


@tells_errors
def delete(chosen: str) -> Listed:
    """Into the trash, from where it can be had back."""
    found = delete_own(chosen)
    return listed("", note(f"“{found.title}”: {FOR_GOOD}"), deleted=found.name)


@tells_errors
def restore(chosen: str) -> Listed:
    """Out of the trash."""
    found = restore_own(chosen)
    return listed(found.name, note(f"“{found.title}” is back."))


@tells_errors
def forget(chosen: str) -> Listed:
    """Deleted for good."""
    found = forget_own(chosen)
    forget_downloads(f"{found.folder.name}.zip")
    return listed(
        "", note(f"“{found.title}” is deleted for good, with all copies. What was uploaded goes within the hour.")
    )


def download(chosen: str) -> Any:
    """The archive, as something to download."""
    try:
        name = my_own(chosen).folder.name
        return gr.update(value=str(pack_own(chosen, download_path(f"{name}.zip"))), visible=True)
    except EngineError as error:
        raise gr.Error(without_paths(error), title="That did not work", print_exception=False) from None


def build_own_list(page: gr.Blocks, kept: gr.State) -> None:
    """The list, wired: it is shown anew when `kept` names a new data set."""
    rows = gr.HTML(js_on_load=script("click-choice"))
    with gr.Column(visible=False) as doing, gr.Row(elem_classes="lab-controls"):
        title = gr.Textbox(label="Its name", max_length=60)
        renaming = gr.Button("Rename", size="sm")
        packing = gr.Button("Pack as zip", size="sm")
        packed = gr.DownloadButton("Download", size="sm", visible=False)
        deleting = gr.Button("Delete", size="sm", variant="stop")
    said = gr.HTML()
    with gr.Row(visible=False) as undo:
        restoring = gr.Button("Undo", size="sm")
        forgetting = gr.Button("Delete for good", size="sm", variant="stop")
    shown = Listed(rows=rows, chosen=gr.State(""), doing=doing, title=title, undo=undo, said=said)

    def clicked(event: gr.EventData) -> tuple[Any, ...]:
        return *flat(listed(str(event.choice))), gr.update(visible=False)

    page.load(lambda: flat(listed()), None, flat(shown), **POLL)
    kept.change(lambda name: flat(listed(name)), kept, flat(shown), **POLL)
    rows.select(clicked, None, [*flat(shown), packed], **POLL)
    renaming.click(lambda *given: flat(rename(*given)), [shown.chosen, title], flat(shown), **ACTION)
    deleting.click(lambda chosen: flat(delete(chosen)), shown.chosen, flat(shown), **ACTION)
    restoring.click(lambda chosen: flat(restore(chosen)), shown.chosen, flat(shown), **ACTION)
    forgetting.click(lambda chosen: flat(forget(chosen)), shown.chosen, flat(shown), **ACTION)
    packing.click(download, shown.chosen, packed, **BATCH)
