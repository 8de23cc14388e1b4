"""What was put right, as a list: look at it, undo it, accept a visitor's, learn from it, make a data set of it."""

from typing import Any, NamedTuple

import gradio as gr
import numpy as np
from PIL import Image

from engine.errors import DataError, EngineError
from engine.host.access import asker
from engine.library.corrections import Correction, accept, corrections_of, counted, take_back
from engine.library.listing import known_model
from engine.tasks.registry import TASKS, get_task
from tabs.door.address import asked_for, link
from tabs.drawing.markup import empty_state, note, picture_tag, text
from tabs.reading.heavy import load_engine
from tabs.reading.models import model_choices, models_of
from tabs.reading.opened import owner_name
from tabs.scripts import script
from tabs.views.mask import mask_tag
from tabs.views.pictures import smaller
from tabs.views.point import GUESS, YOURS, with_crosses
from tabs.wiring import ACTION, BATCH, POLL, PREDICT, flat, tells_errors

SHOWN = 60
THUMBNAIL = 260  # pixels
LETTERS = 240
NOTHING = empty_state(
    "No corrections yet",
    "Where a model is wrong, in “Try it”, press “No, the right answer is …” under its answer. What you put right stands here.",
)


class Listed(NamedTuple):
    """What shows of a task's corrections: the list, the models that may learn from them, and what can be done."""

    cards: Any
    model: Any
    doing: Any


def tasks_with() -> list[tuple[str, str]]:
    """(title, name) of the tasks that there are corrections of."""
    there = {one.task for one in corrections_of()}
    return [(task.title, task.name) for task in TASKS if task.name in there]


def list_for(task: str | None) -> Listed:
    """The corrections of one task, the newest first."""
    found = corrections_of(task) if task else []
    if not task or not found:
        return Listed(cards=NOTHING, model=gr.update(choices=[], value=None), doing=gr.update(visible=False))
    cards = "".join(map(_card, found[:SHOWN]))
    more = f"<p>{len(found) - SHOWN} more are not shown.</p>" if len(found) > SHOWN else ""
    learnt = counted(task)
    known = get_task(task)
    models = [one for one in models_of(known) if known.is_answered_by(one.config.objective)]
    names = [one.name for one in models]
    latest = next((one.model for one in learnt if one.model in names), next(iter(names), None))
    count = f"{len(found)} correction{'s' if len(found) != 1 else ''}"
    rest = len(found) - len(learnt)
    many = f"<p>{count}{f', {rest} of which you have not accepted' if rest else ''}.</p>"
    return Listed(
        cards=f'{many}<div class="lab-corrections">{cards}</div>{more}',
        model=gr.update(choices=model_choices(models), value=latest),
        doing=gr.update(visible=bool(learnt)),
    )


def _card(one: Correction) -> str:
    """What was given, what the model said, and what is right."""
    try:
        shown = _draw(one)
    except (OSError, EngineError):
        shown = note("Its copy cannot be read.", "bad")
    right = "thrown out" if one.is_dropped else _in_words(one.right)
    said = f"<p>{text(_in_words(one.given))} <span>→</span> <strong>{text(right)}</strong></p>" if right else ""
    buttons = f'<button type="button" data-choice="undo {one.name}">Undo</button>'
    if one.owner and not one.is_accepted and asker().is_host:
        buttons += f' <button type="button" data-choice="accept {one.name}">Accept</button>'
    whose = " · ".join(
        part for part in (owner_name(one.owner) if one.owner != asker().owner else "", one.model) if part
    )
    accepted = " · accepted" if one.is_accepted else ""
    return f'<article class="lab-card">{shown}{said}<p class="lab-small">{text(whose)}{accepted}</p><p>{buttons}</p></article>'


def _draw(one: Correction) -> str:
    """The input with what is right on it."""
    if one.input.endswith(".txt"):
        written = one.path.read_text("utf-8")
        return f'<p class="lab-written">{text(written[:LETTERS])}{"…" if len(written) > LETTERS else ""}</p>'
    with Image.open(one.path) as opened:
        picture = smaller(np.asarray(opened.convert("RGB")), THUMBNAIL)
    height, width = picture.shape[:2]
    if one.kind == "point" and not one.is_dropped:
        places = [(*one.given, GUESS), (*one.right, YOURS)] if one.given else [(*one.right, YOURS)]
        return with_crosses(picture, [(x * width, y * height, who) for x, y, who in places], alt="what was put right")
    drawn = picture_tag(picture, alt="what was put right", kind="picture")
    if one.kind == "mask" and not one.is_dropped:
        over = mask_tag(smaller(one.mask(), THUMBNAIL, exact=True), one.classes)
        return f'<div class="lab-stack">{drawn}{over}</div>'
    return drawn


def _in_words(label: Any) -> str:
    """A label in a few words; a mask's and a point's are drawn."""
    if isinstance(label, dict):
        return ", ".join(f"{name} {number:.4g}" for name, number in label.items())
    if isinstance(label, list):
        are_places = all(isinstance(part, float) for part in label) and len(label) == 2
        return "" if are_places else ", ".join(map(str, label)) or "no tag"
    return "" if label is None else str(label)


@tells_errors
def choose(task: str | None, choice: str) -> Listed:
    """Undo a correction, or accept one."""
    doing, _, name = choice.partition(" ")
    {"undo": take_back, "accept": accept}[doing](name)
    return list_for(task)


@tells_errors
def learn(task: str | None, model: str | None) -> str:
    """Start a fine-tuning on what counts, and say where it is seen."""
    if not task or not model:
        raise DataError("Choose the model that is to learn from the corrections.")
    load_engine()
    from engine.library.mending import SHARE, start_mending

    run = start_mending(known_model(model), counted(task)).name
    address = link(task, "train", run=run)
    return (
        f'<p>It is training. <a class="lab-go" href="{text(address)}">Watch it →</a> Of what it sees, {SHARE:.0%} are '
        "corrections; the others are training samples, so that it does not forget them. Before its first step it is measured "
        "on the validation samples that it has not learnt from, and you see whether it does.</p>"
    )


@tells_errors
def export(task: str | None, title: str) -> str:
    """The corrections as a data set of one's own."""
    if not task:
        raise DataError("There are no corrections yet.")
    load_engine()
    from engine.library.mending import write_corrections
    from engine.tasks.own_kinds import task_for
    from engine.tasks.own_ways import keep_written

    found = [one for one in counted(task) if not one.is_dropped]
    kind = get_task(task).kind
    kept = keep_written(kind, title, lambda target: write_corrections(found, target))
    address = link(task_for(kind).name, "data", dataset=kept.name)
    return f'<p>“{text(kept.title)}” is a data set now. <a class="lab-go" href="{text(address)}">Open it →</a></p>'


@tells_errors
def show_mended(task: str | None, model: str | None) -> str:
    """How far off a model is on the corrected samples, beside the models that were corrected."""
    if not task or not model:
        raise DataError("Choose a model first.")
    load_engine()
    from engine.serving.mended import UNITS, mended

    found = mended(known_model(model), counted(task))
    if not found:
        raise DataError("The corrections say what is to be thrown out, and nothing of what is right.")
    unit, count = UNITS[get_task(task).kind], len(found)
    now = sum(one.after for one in found) / count
    known = [one.before for one in found if one.before is not None]
    before = f"; the models that were corrected {_figure(sum(known) / len(known))}" if known else ""
    said = f"On {count} corrected sample{'s' if count != 1 else ''} this model has {_figure(now)} {unit}{before}."
    return note(f"{said} A model that learnt from them has seen them: what it says of others is what counts.", "info")


def _figure(value: float) -> str:
    return f"{value:.3g}"


def build_corrections(page: gr.Blocks) -> None:
    """The panel, wired."""
    with gr.Row(elem_classes="lab-controls"):
        task = gr.Radio([], label="Task")
    cards = gr.HTML(NOTHING, js_on_load=script("click-choice"))
    with gr.Column(visible=False) as doing:
        gr.HTML("<h3>Learn from them</h3>")
        with gr.Row(elem_classes="lab-controls"):
            model = gr.Dropdown([], label="The model that learns", interactive=True)
            learning = gr.Button("Fine-tune on the corrections", variant="primary")
            looking = gr.Button("What does it say of them now?", size="sm")
        with gr.Row(elem_classes="lab-controls"):
            title = gr.Textbox(label="As a data set, called", placeholder="What it got wrong", max_length=60)
            exporting = gr.Button("Make a data set of them", size="sm")
    said = gr.HTML()
    listed = Listed(cards=cards, model=model, doing=doing)

    def load() -> tuple[Any, ...]:
        found = tasks_with()
        names = [name for _, name in found]
        asked = asked_for("task")
        first = asked if asked in names else next(iter(names), None)
        return gr.update(choices=found, value=first, visible=bool(found)), *flat(list_for(first))

    def chosen(task: str | None, event: gr.EventData) -> list[Any]:
        return flat(choose(task, str(event.choice)))

    page.load(load, None, [task, *flat(listed)], **POLL)
    task.input(lambda task: flat(list_for(task)), task, flat(listed), **ACTION)
    cards.select(chosen, task, flat(listed), **ACTION)
    learning.click(learn, [task, model], said, **BATCH)
    looking.click(show_mended, [task, model], said, **PREDICT)
    exporting.click(export, [task, title], said, **BATCH)
