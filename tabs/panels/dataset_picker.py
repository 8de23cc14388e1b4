"""Which data set a task's page works on: the registered ones, one's own, and how a registered one is fetched."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from engine.data.own.store import own_sets
from engine.data.sources.fetching import (
    ON_HUB,
    OWN_NAME,
    SOURCES,
    FetchProgress,
    get_source,
    is_ready,
    may_fetch,
    own_name,
    place_of,
    read_record,
    resolve_dataset,
)
from engine.data.sources.hub_origin import fetched_before
from engine.errors import EngineError
from engine.host.access import asker, require_host
from engine.runs.fetches import FETCHES, Fetches, FetchState
from engine.task import Task
from tabs.door.address import asked_for, link
from tabs.door.paths import without_paths
from tabs.drawing.markup import LOADING, megabytes, note, pill, progress_bar, text
from tabs.reading.heavy import load_engine
from tabs.reading.opened import dataset_title
from tabs.views.view import View
from tabs.wiring import ACTION, POLL, flat, skipped, tells_errors


class DatasetStatus(NamedTuple):
    """What is known of a data set: in words, its name once it can be opened (else ""), and what fetches it."""

    status: Any
    opened: Any
    fetch_button: Any
    timer: Any
    seen: Any


BRING = f'<p class="lab-small"><a class="lab-go" href="{link("own")}">Bring data of your own →</a></p>'


def dataset_choices(task: Task) -> list[tuple[str, str]]:
    """The task's registered data sets with their titles, and those of its kind that whoever asks has brought."""
    own = [(f"{one.title} (yours)", one.name) for one in own_sets(task.kind)]
    return [*((dataset_title(name), name) for name in task.datasets), *own]


def first_dataset(task: Task) -> str | None:
    """The first of the task's data sets that is here; else one that can be made without a network; else the first."""
    known = [source for source in SOURCES if source.name in task.datasets]
    ready = [name for name in task.datasets if is_ready(name)]
    drawn = [source.name for source in known if source.is_drawn]
    return next(iter([*ready, *drawn, *task.datasets]), None)


def remembered_dataset(task: Task, remembered: Any) -> str | None:
    """What this browser chose last, where that is still to be had."""
    name = asked_for("dataset") or str(remembered or "")
    if name in task.datasets:
        return name
    try:
        return own_name(str(resolve_dataset(name))) if name else first_dataset(task)
    except EngineError:
        return first_dataset(task)


def chosen_dataset(task: Task, dataset: str | None) -> Any:
    """The picker with a data set chosen; one of one's own goes by its title there."""
    known = dataset_choices(task)
    other = [] if not dataset or dataset in dict(known).values() else [(dataset_title(dataset), dataset)]
    return gr.update(choices=[*known, *other], value=dataset)


def first_picker(task: Task, view: View, remembered: Any) -> Any:
    """The picker as this browser and whoever is at it find it: with what was chosen last, and how one's own may be had."""
    typed = f"A registered one, or type the path of {view.own} on this machine, or OWNER/NAME of the Hugging Face Hub."
    return {**chosen_dataset(task, remembered_dataset(task, remembered)), "info": typed if asker().is_host else ""}


def dataset_status(dataset: str | None) -> DatasetStatus:
    """What is known of a data set now."""
    if not dataset:
        return _told(note("Choose a data set, or type where your own is."))
    if not any(source.name == dataset for source in SOURCES):
        return _hub_status(dataset) if is_on_hub(dataset) else _folder_status(dataset)
    state, source = FETCHES.state(dataset), get_source(dataset)
    may = may_fetch(dataset)
    words = f"<p>{text(source.note)}</p><p class='lab-small'>{text(source.terms)}</p>"
    if read_record(dataset).get("as_packed") is False:
        words += note("The mirror packed this archive itself: its size or hash is not that of the lesson's.", "warn")
    if not may:
        words += note("The host of this page can fetch it. Until then take the drawn data.", "warn")
    return _told(
        f'<div class="lab-card">{fetch_line(state)}{words}</div>',
        opened=dataset if state.status == "ready" else "",
        fetch_button=gr.update(visible=may and state.status in ("absent", "failed"), value=fetch_label(dataset)),
        timer=gr.Timer(active=state.status == "running"),
    )


def fetch_line(state: FetchState) -> str:
    """One data set's state: here, not here, or how far its fetch is."""
    if state.status == "ready":
        return pill("on this machine", "finished")
    if state.status == "absent":
        return pill("not here yet", "new")
    if state.status == "failed":
        return pill("not fetched", "failed") + note(without_paths(state.message), "bad")
    return pill("being fetched", "running") + fetch_bar(state)


def fetch_bar(state: FetchState) -> str:
    """The progress of a running fetch."""
    if state.progress is None:
        return progress_bar(-1, "Starting …")
    progress = state.progress
    words = {"download": "Downloading", "extract": "Unpacking", "draw": "Drawing", "ready": "Ready"}[progress.phase]
    amount = str if progress.phase == "draw" else megabytes
    of = f" of {amount(progress.total)}" if progress.total else ""
    share = progress.done / progress.total if progress.total else -1
    return progress_bar(share, f"{words}: {amount(progress.done)}{of}")


def fetch_label(dataset: str) -> str:
    """What the button says: drawn data is made, other data is fetched, with its size where that is known."""
    source = get_source(dataset)
    if source.is_drawn:
        return "Draw it now"
    return f"Fetch it ({megabytes(source.size)})" if source.size else "Fetch it"


@tells_errors
def start_fetch(dataset: str) -> DatasetStatus:
    """Begin to fetch in the background, and say so."""
    if is_on_hub(dataset):
        HUB_FETCHES.start(dataset)
    else:
        get_source(dataset)
        FETCHES.start(dataset)
    return dataset_status(dataset)


def poll_fetch(dataset: str | None, seen: str) -> DatasetStatus:
    """The status again while something changes."""
    status = dataset_status(dataset)
    return skipped(DatasetStatus) if status.seen == seen else status


def build_dataset_picker(task: Task, view: View, page: gr.Blocks) -> gr.State:
    """The picker and what it says, wired; the state that holds the open data set, "" for none, None until that is known.

    It stands in the step that a page opens with: a browser fills the others only when they are opened, and `remembered`,
    which keeps the choice over a reload, is asked for as soon as the page is loaded.
    """
    remembered = gr.BrowserState("", storage_key=f"lesson-lab-{task.name}-dataset", secret=task.name)
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            dataset = gr.Dropdown(
                dataset_choices(task),
                value=first_dataset(task),
                label="Data set",
                allow_custom_value=True,
                interactive=True,
            )
            fetch_button = gr.Button("Fetch it", variant="primary", visible=False)
            gr.HTML(BRING)
        with gr.Column(scale=1, min_width=280):
            status = gr.HTML(LOADING, elem_classes="lab-grow")
    known = DatasetStatus(
        status=status,
        opened=gr.State(None),
        fetch_button=fetch_button,
        timer=gr.Timer(1, active=False),
        seen=gr.State(""),
    )
    first = page.load(lambda kept: first_picker(task, view, kept), remembered, dataset, **POLL)
    first.then(dataset_status, dataset, flat(known), **POLL)  # it may be the one that stands there already
    dataset.input(lambda name: name, dataset, remembered, **POLL)
    dataset.change(dataset_status, dataset, flat(known), **POLL)
    fetch_button.click(start_fetch, dataset, flat(known), **ACTION)
    known.timer.tick(poll_fetch, [dataset, known.seen], flat(known), **POLL)
    return known.opened


def is_on_hub(dataset: str) -> bool:
    """Whether what the host wrote may be the name of a data set of the Hub, and is no folder of this machine."""
    name = dataset.partition(" --")[0].strip()
    may_be = bool(ON_HUB.fullmatch(name)) and not OWN_NAME.fullmatch(name)
    return may_be and asker().is_host and not place_of(dataset).exists()


def _hub_status(name: str) -> DatasetStatus:
    state = HUB_FETCHES.state(name)
    if state.status == "ready":
        return _folder_status(str(_here_from_hub(name)))
    words = (
        ""
        if state.status == "running"
        else note(
            "There is no such folder on this machine. If it is a data set of the Hugging Face Hub, it can be "
            "fetched: its tables and pictures, and no programs."
        )
    )
    return _told(
        f'<div class="lab-card">{fetch_line(state)}{words}</div>',
        fetch_button=gr.update(visible=state.status != "running", value="Fetch it from the Hub"),
        timer=gr.Timer(active=state.status == "running"),
    )


def _fetch_from_hub(name: str, on_progress: Callable[[FetchProgress], None]) -> Path:
    load_engine()
    from engine.hub.datasets import fetch_dataset, parse_wanted

    def told(done: int, total: int) -> None:
        on_progress(FetchProgress(phase="download", done=done, total=total))

    return fetch_dataset(parse_wanted(name), on_progress=told)


def _here_from_hub(written: str) -> Path | None:
    """The folder of what somebody wrote, where that was fetched before; choices that were not written are those by default."""
    load_engine()
    from engine.hub.datasets import parse_wanted

    try:
        wanted = parse_wanted(written)
        return fetched_before(str(wanted.reference), (wanted.config, *wanted.columns))
    except EngineError:
        return None


HUB_FETCHES = Fetches(
    _fetch_from_hub,
    is_here=lambda written: _here_from_hub(written) is not None,
    check_may=lambda name: require_host("fetch a data set of the Hub"),
)


def _folder_status(folder: str) -> DatasetStatus:
    try:
        path = resolve_dataset(folder)
    except EngineError as error:
        return _told(note(without_paths(error), "bad"))
    own = f'<div class="lab-card">{pill("your own", "finished")}<p>{text(dataset_title(str(path)))}</p></div>'
    return _told(own, opened=own_name(str(path)))


def _told(html: str, *, opened: str = "", fetch_button: Any = None, timer: gr.Timer | None = None) -> DatasetStatus:
    return DatasetStatus(
        status=html,
        opened=opened,
        fetch_button=fetch_button or gr.update(visible=False),
        timer=timer or gr.Timer(active=False),
        seen=html,
    )
