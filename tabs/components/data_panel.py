"""The Data step: choose and fetch a data set, look at it, and walk one sample through the six questions."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import gradio as gr

from engine.access import asker
from engine.data.sources import SOURCES, get_source, is_ready, may_fetch, read_record, resolve_dataset
from engine.errors import EngineError
from engine.recipe import AUGMENTATIONS, Stage
from engine.runs.fetches import FETCHES, FetchState
from engine.task import Task
from tabs.components.code import PICTURE_SNIPPETS, Snippets, data_code
from tabs.components.markup import empty_state, megabytes, note, pill, progress_bar, text
from tabs.components.opened import dataset_title, open_dataset
from tabs.components.paths import without_paths
from tabs.components.wiring import (
    ACTION,
    CLICK_ENLARGE,
    POLL,
    build_code,
    build_lesson,
    build_overlay_slider,
    html_or_reason,
    tells_errors,
)
from tabs.views.view import View

PAGE = 6
LATER = '<p class="lab-small">Shown as soon as a data set is open.</p>'
NO_TEST = empty_state(
    "No test split", "This data set has none with labels: its figures are validation figures, and are called that."
)
NOTHING_OPEN = empty_state("No data set open", "Choose one above. A registered one may have to be fetched first.")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPanel:
    """What other panels need of this one: the chosen data set, and the same once it is ready to be opened."""

    dataset: gr.Dropdown
    opened: gr.State


def dataset_choices(task: Task) -> list[tuple[str, str]]:
    """The task's registered data sets with their titles."""
    return [(dataset_title(name), name) for name in task.datasets]


def first_dataset(task: Task) -> str | None:
    """The first of the task's data sets that is here; else one that can be made without a network; else the first."""
    known = [source for source in SOURCES if source.name in task.datasets]
    ready = [name for name in task.datasets if is_ready(name)]
    drawn = [source.name for source in known if source.is_drawn]
    return next(iter([*ready, *drawn, *task.datasets]), None)


def remembered_dataset(task: Task, remembered: Any) -> str | None:
    """What this browser chose last, where that is still to be had."""
    name = str(remembered or "")
    if name in task.datasets:
        return name
    try:
        return str(resolve_dataset(name)) if name else first_dataset(task)
    except EngineError:
        return first_dataset(task)


def chosen_dataset(task: Task, dataset: str | None) -> Any:
    """The picker with a data set chosen; one of one's own goes by its title there."""
    own = [] if not dataset or dataset in task.datasets else [(dataset_title(dataset), dataset)]
    return gr.update(choices=[*dataset_choices(task), *own], value=dataset)


def first_picker(task: Task, view: View, remembered: Any) -> Any:
    """The picker as this browser and whoever is at it find it: with what was chosen last, and how one's own may be had."""
    typed = f"A registered one, or type the path of {view.own} on this machine."
    return {**chosen_dataset(task, remembered_dataset(task, remembered)), "info": typed if asker().is_host else ""}


def dataset_status(dataset: str | None) -> tuple[str, str, Any, Any]:
    """What is known of a data set: HTML, its name once it can be opened (else ""), the fetch button, the timer."""
    if not dataset:
        return (
            note("Choose a data set, or type where your own is."),
            "",
            gr.update(visible=False),
            gr.Timer(active=False),
        )
    if not any(source.name == dataset for source in SOURCES):
        return _folder_status(dataset)
    state, source = FETCHES.state(dataset), get_source(dataset)
    may = may_fetch(dataset)
    words = f"<p>{text(source.note)}</p><p class='lab-small'>{text(source.terms)}</p>"
    if read_record(dataset).get("as_packed") is False:
        words += note("The mirror packed this archive itself: its size or hash is not that of the lesson's.", "warn")
    if not may:
        words += note("The host of this page can fetch it. Until then take the drawn data.", "warn")
    html = f'<div class="lab-card">{fetch_line(state)}{words}</div>'
    button = gr.update(visible=may and state.status in ("absent", "failed"), value=fetch_label(dataset))
    return html, dataset if state.status == "ready" else "", button, gr.Timer(active=state.status == "running")


def status_if(visited: bool, dataset: str | None) -> tuple[Any, ...]:
    """The status of a data set whose tab was looked at; nothing before that."""
    return dataset_status(dataset) if visited else (gr.skip(),) * 4


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
def start_fetch(dataset: str) -> tuple[str, str, Any, Any]:
    """Begin to fetch in the background, and say so."""
    get_source(dataset)
    FETCHES.start(dataset)
    return dataset_status(dataset)


def poll_fetch(dataset: str | None, seen: str) -> tuple[Any, ...]:
    """The status again while something changes; the last value is what was seen."""
    status = dataset_status(dataset)
    if status[0] == seen:
        return (gr.skip(),) * 5
    return (*status, status[0])


def show_gallery(task: Task, view: View, opened: str, split: str, start: int) -> tuple[str, str, int, str]:
    """A page of samples: HTML, the key to the colours, the first sample's number, and where that is in the split."""
    if not opened:
        return NOTHING_OPEN, "", 0, ""
    try:
        data = open_dataset(task, opened)
        if split == "test" and not data.test:
            return NO_TEST, view.show_legend(data.classes), 0, ""
        total = len(data.items(split))
    except EngineError as error:
        return note(without_paths(error), "bad"), "", 0, ""
    start = min(max(0, start), (total - 1) // PAGE * PAGE)
    where = f"{start + 1}–{min(start + PAGE, total)} of {total}"
    # A picture that cannot be read must not bar the way to those behind it.
    shown = html_or_reason(lambda: view.show_samples(data, split, start, min(PAGE, total - start)))
    return shown, view.show_legend(data.classes), start, where


def show_transforms(task: Task, view: View, opened: str, strength: str, seed: int) -> str:
    """One training sample untouched and transformed; every seed is another sample and another draw."""
    show = view.show_augmented
    if not opened or show is None:
        return LATER

    def make() -> str:
        data = open_dataset(task, opened)
        stage = replace(task.default_stage, augmentation=strength)
        return show(data, stage, seed % len(data.train), seed)

    return html_or_reason(make)


def show_frequencies(task: Task, view: View, opened: str) -> str:
    """How common each class is."""
    if not opened:
        return LATER
    return html_or_reason(lambda: view.show_frequencies(open_dataset(task, opened)))


def show_questions(task: Task, opened: str, strength: str, snippets: Snippets = PICTURE_SNIPPETS) -> tuple[str, str]:
    """The six questions answered for the first training sample, and the program that does the same."""
    if not opened:
        return LATER, ""
    stage = replace(task.default_stage, augmentation=strength)
    return html_or_reason(lambda: six_questions(task, opened, stage)), data_code(task.name, opened, stage, snippets)


def six_questions(task: Task, opened: str, stage: Stage) -> str:
    """A card for each question."""
    steps = open_dataset(task, opened).summary(stage)
    cards = "".join(
        f"<li><strong>{text(step.question)}</strong><span>{text(step.answer)}</span><code>{text(step.code)}</code></li>"
        for step in steps
    )
    return f'<ol class="lab-questions">{cards}</ol>'


def remember_dataset(task: Task) -> gr.BrowserState:
    """What keeps the chosen data set over a reload, which must not silently go back to another one.

    To be made outside of the tabs: a browser fills a tab only when it is opened, and the page asks as soon as it is loaded.
    """
    return gr.BrowserState("", storage_key=f"lesson-lab-{task.name}-dataset", secret=task.name)


def build_data_panel(task: Task, view: View, page: gr.Blocks, tab: gr.Tab, remembered: gr.BrowserState) -> DataPanel:
    """The panel's components, wired."""
    panel_id = f"{task.name}-data"
    timer, opened, seen, start, seed = gr.Timer(1, active=False), gr.State(""), gr.State(""), gr.State(0), gr.State(0)
    visited = gr.State(False)  # nothing is opened for a tab that nobody has looked at
    build_lesson(task, "data")
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
            own = view.build_own() if view.build_own else gr.State("")
        with gr.Column(scale=1, min_width=280):
            status = gr.HTML(elem_classes="lab-grow")
    with gr.Column(elem_id=panel_id, elem_classes="lab-panel"):
        gr.HTML(f"<h3>Look at the {text(view.items)}</h3>")
        with gr.Row(elem_classes="lab-controls"):
            split = gr.Radio(
                [("Training", "train"), ("Validation", "valid"), ("Test", "test")], value="train", label="Split"
            )
            build_overlay_slider(view, panel_id, 55)
        gallery, legend = gr.HTML(NOTHING_OPEN, js_on_load=CLICK_ENLARGE), gr.HTML()
        with gr.Row(elem_classes="lab-pager"):
            back, where, forth = gr.Button("← Back", size="sm"), gr.HTML(), gr.Button("More →", size="sm")
        strength: gr.Radio | gr.State = gr.State(task.default_stage.augmentation)
        if view.show_augmented:
            gr.HTML("<h3>What the transforms do</h3>")
            with gr.Row(elem_classes="lab-controls"):
                strength = gr.Radio(list(AUGMENTATIONS), value=task.default_stage.augmentation, label="Augmentation")
                again = gr.Button("Another one", size="sm")
            transformed = gr.HTML(LATER, js_on_load=CLICK_ENLARGE)
            again.click(lambda seed: seed + 1, seed, seed, **POLL)
            gr.on(
                [opened.change, strength.change, seed.change],
                partial(show_transforms, task, view),
                [opened, strength, seed],
                transformed,
                **ACTION,
            )
        if view.build_explorer:
            view.build_explorer(task, opened)
        with gr.Row():
            with gr.Column(scale=3, min_width=320):
                gr.HTML("<h3>Six questions, one sample</h3>")
                questions = gr.HTML(LATER)
            with gr.Column(scale=2, min_width=280):
                gr.HTML(f"<h3>{text(view.frequencies)}</h3>")
                frequencies = gr.HTML(LATER)
    code = build_code()

    known = [status, opened, fetch_button, timer]
    choose = partial(chosen_dataset, task)
    page.load(partial(first_picker, task, view), remembered, dataset, **POLL)
    dataset.input(lambda name: name, dataset, remembered, **POLL)
    own.change(lambda folder: (choose(folder), folder), own, [dataset, remembered], **POLL)
    tab.select(lambda: True, None, visited, **POLL)
    gr.on([visited.change, dataset.change, tab.select], status_if, [visited, dataset], known, **POLL)
    fetch_button.click(start_fetch, dataset, known, **ACTION)
    timer.tick(poll_fetch, [dataset, seen], [*known, seen], **POLL)

    pictures = [gallery, legend, start, where]
    show = partial(show_gallery, task, view)
    gr.on([opened.change, split.change], lambda name, split: show(name, split, 0), [opened, split], pictures, **ACTION)
    back.click(lambda name, split, at: show(name, split, at - PAGE), [opened, split, start], pictures, **ACTION)
    forth.click(lambda name, split, at: show(name, split, at + PAGE), [opened, split, start], pictures, **ACTION)
    asked = partial(show_questions, task, snippets=view.snippets)
    gr.on([opened.change, strength.change], asked, [opened, strength], [questions, code], **ACTION)
    opened.change(partial(show_frequencies, task, view), opened, frequencies, **ACTION)
    return DataPanel(dataset=dataset, opened=opened)


def _folder_status(folder: str) -> tuple[str, str, Any, Any]:
    quiet = gr.update(visible=False), gr.Timer(active=False)
    try:
        path = resolve_dataset(folder)
    except EngineError as error:
        return note(without_paths(error), "bad"), "", *quiet
    return (
        f'<div class="lab-card">{pill("your own", "finished")}<p>{text(dataset_title(str(path)))}</p></div>',
        str(path),
        *quiet,
    )
