"""The Data step: choose a data set, look at it, and walk one sample through the six questions."""

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from engine.errors import EngineError
from engine.noise.suspects import KINDS
from engine.recipe import AUGMENTATIONS, Stage
from engine.task import Task
from tabs.door.address import link
from tabs.door.paths import without_paths
from tabs.drawing.account import show_account
from tabs.drawing.markup import LOADING, empty_state, note, text
from tabs.panels.dataset_picker import build_dataset_picker
from tabs.programs import data_code
from tabs.reading.heavy import load_engine
from tabs.reading.opened import has_test, open_dataset
from tabs.scripts import script
from tabs.views.view import View
from tabs.wiring import (
    ACTION,
    POLL,
    as_state,
    build_code,
    build_lesson,
    build_overlay_slider,
    flat,
    html_or_reason,
)

SPLITS = [("Training", "train"), ("Validation", "valid")]  # that every data set has
TEST = ("Test", "test")
PAGE = 6
LATER = '<p class="lab-small">Shown as soon as a data set is open.</p>'
NO_TEST = empty_state(
    "No test split", "This data set has none with labels: its figures are validation figures, and are called that."
)
NOTHING_OPEN = empty_state("No data set open", "Choose one above. A registered one may have to be fetched first.")


class Gallery(NamedTuple):
    """A page of samples: with the key to the colours, the first sample's number, and where that is in the split."""

    gallery: Any
    legend: Any
    start: Any
    where: Any


def offered_splits(task: Task, opened: str | None, chosen: str) -> Any:
    """The splits that the open data set has; where it has no test split, that is not chosen any more."""
    choices = [*SPLITS, TEST] if has_test(task, opened) else SPLITS
    is_there = chosen in dict(choices).values()
    return gr.update(choices=choices) if is_there else gr.update(choices=choices, value="train")


def show_gallery(task: Task, view: View, opened: str, split: str, start: int) -> Gallery:
    """The page of samples that `start` is on."""
    if not opened:
        return Gallery(gallery=NOTHING_OPEN, legend="", start=0, where="")
    try:
        data = open_dataset(task, opened)
        if split == "test" and not data.test:
            return Gallery(gallery=NO_TEST, legend=view.show_legend(data.classes), start=0, where="")
        total = len(data.items(split))
    except EngineError as error:
        return Gallery(gallery=note(without_paths(error), "bad"), legend="", start=0, where="")
    start = min(max(0, start), (total - 1) // PAGE * PAGE)
    return Gallery(
        # A picture that cannot be read must not bar the way to those behind it.
        gallery=html_or_reason(lambda: view.show_samples(data, split, start, min(PAGE, total - start))),
        legend=view.show_legend(data.classes),
        start=start,
        where=f"{start + 1}–{min(start + PAGE, total)} of {total}",
    )


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


def show_findings(task: Task, opened: str) -> str:
    """What the open data set was found to be."""
    if not opened:
        return LATER
    return html_or_reason(lambda: show_account(open_dataset(task, opened).account()) + suspects_link(task, opened))


def suspects_link(task: Task, opened: str) -> str:
    """The way to the labels that look wrong, for the kinds whose labels can be judged."""
    if task.kind not in KINDS:
        return ""
    where = link("suspects", task=task.name, dataset=opened)
    return f'<p class="lab-small"><a class="lab-go" href="{text(where)}">Which labels look wrong? →</a></p>'


def show_frequencies(task: Task, view: View, opened: str) -> str:
    """How common each class is."""
    if not opened:
        return LATER
    return html_or_reason(lambda: view.show_frequencies(open_dataset(task, opened)))


def show_questions(task: Task, opened: str, strength: str) -> tuple[str, str]:
    """The six questions answered for the first training sample, and the program that does the same."""
    if not opened:
        return LATER, ""
    stage = replace(task.default_stage, augmentation=strength)
    return html_or_reason(lambda: six_questions(task, opened, stage)), program(task, opened, stage)


def program(task: Task, opened: str, stage: Stage) -> str:
    """The program that does the same, with the data block where the data set can be put together from parts."""
    load_engine()
    from engine.kinds.data_block import block_source

    try:
        block = block_source(open_dataset(task, opened))
    except EngineError:  # the cards say so
        block = []
    return data_code(task.name, opened, stage, block)


def six_questions(task: Task, opened: str, stage: Stage) -> str:
    """A card for each question."""
    steps = open_dataset(task, opened).summary(stage)
    cards = "".join(
        f"<li><strong>{text(step.question)}</strong><span>{text(step.answer)}</span><code>{text(step.code)}</code></li>"
        for step in steps
    )
    return f'<ol class="lab-questions">{cards}</ol>'


def build_data_panel(task: Task, view: View, page: gr.Blocks) -> gr.State:
    """The panel's components, wired; the state that holds the open data set."""
    panel_id = f"{task.name}-data"
    build_lesson(task, "data")
    opened = build_dataset_picker(task, view, page)
    with gr.Column(elem_id=panel_id, elem_classes="lab-panel"):
        gr.HTML("<h3>What is in it</h3>")
        findings = gr.HTML(LATER)
        opened.change(partial(show_findings, task), opened, findings, **ACTION)
        _build_gallery(task, view, opened, panel_id)
        strength = _build_transforms(task, view, opened) if view.show_augmented else None
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
    strength = strength or gr.State(task.default_stage.augmentation)
    asked = partial(show_questions, task)
    gr.on([opened.change, strength.change], asked, [opened, strength], [questions, code], **ACTION)
    opened.change(partial(show_frequencies, task, view), opened, frequencies, **ACTION)
    return opened


def _build_gallery(task: Task, view: View, opened: gr.State, panel_id: str) -> None:
    gr.HTML(f"<h3>Look at the {text(task.plural)}</h3>")
    with gr.Row(elem_classes="lab-controls"):
        split = gr.Radio(SPLITS, value="train", label="Split")
        build_overlay_slider(view.overlay, panel_id, 55)
    gallery, legend = gr.HTML(LOADING, js_on_load=script("click-enlarge")), gr.HTML()
    with gr.Row(elem_classes="lab-pager"):
        back, where, forth = gr.Button("← Back", size="sm"), gr.HTML(), gr.Button("More →", size="sm")
    shown = Gallery(gallery=gallery, legend=legend, start=gr.State(0), where=where)

    def show(opened: str, split: str, start: int) -> Gallery:
        return show_gallery(task, view, opened, split, start)

    at = [opened, split, shown.start]
    asked = {"fn": lambda opened, split: show(opened, split, 0), "inputs": [opened, split], "outputs": flat(shown)}
    opened.change(partial(offered_splits, task), [opened, split], split, **POLL).then(**asked, **ACTION)
    split.change(**asked, **ACTION)
    back.click(lambda opened, split, at: show(opened, split, at - PAGE), at, flat(shown), **ACTION)
    forth.click(lambda opened, split, at: show(opened, split, at + PAGE), at, flat(shown), **ACTION)


def _build_transforms(task: Task, view: View, opened: gr.State) -> gr.State:
    seed = gr.State(0)
    gr.HTML("<h3>What the transforms do</h3>")
    with gr.Row(elem_classes="lab-controls"):
        strength = as_state(gr.Radio(list(AUGMENTATIONS), value=task.default_stage.augmentation, label="Augmentation"))
        again = gr.Button("Another one", size="sm")
    transformed = gr.HTML(LATER, js_on_load=script("click-enlarge"))
    again.click(lambda seed: seed + 1, seed, seed, **POLL)
    changed = [opened.change, strength.change, seed.change]
    show = partial(show_transforms, task, view)
    gr.on(changed, show, [opened, strength, seed], transformed, **ACTION)
    return strength
