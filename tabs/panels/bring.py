"""Bring data of one's own: drop it, see what it was understood to be, put that right, and keep it as a data set."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import gradio as gr

from engine.data.own.drafts import read_draft
from engine.data.own.store import check_room, room_left
from engine.data.own.way import Way
from engine.data.sources.bringing import Brought, brought_folder, found_in, gather
from engine.errors import DataError, EngineError, LettersError
from tabs.door.address import link
from tabs.door.paths import without_paths
from tabs.door.uploads import uploaded
from tabs.drawing.account import show_account
from tabs.drawing.markup import note, text
from tabs.panels.bring_words import DROP, NOTHING, PRIVATE, WHAT
from tabs.panels.labeller import build_labeller, what_to_label
from tabs.reading.heavy import load_engine
from tabs.reading.vetting import vetted
from tabs.scripts import script
from tabs.views.registry import view_of
from tabs.wiring import BATCH, POLL, flat, html_or_reason, tells_errors

QUESTIONS = 5  # lists of choices at once; no way to read data asks for more
SHOWN = 12
MOST_SENT = 20_000  # files in one go


class Asked(NamedTuple):
    """What may be put right: the way to read it, a list of choices for each question, and a text of lines."""

    way: Any
    lists: tuple[Any, ...]
    lines: Any


class Found(NamedTuple):
    """What shows of what was brought: what it is in words and pictures, in which letters, and how it is kept."""

    shown: Any
    encoding: Any
    keep: Any


def take(files: Any) -> str:
    """The key of what came; `DataError` for what is no list of uploads."""
    listed = files if isinstance(files, list) else []
    if not 0 < len(listed) <= MOST_SENT or not all(isinstance(one, Mapping) for one in listed):
        raise DataError("What came is no list of files. Choose it again.")
    brought = [Brought(path=uploaded(one.get("path")), name=str(one.get("name", ""))) for one in listed]
    check_room(sum(one.path.stat().st_size for one in brought if one.path.is_file()))
    return gather(brought, max_bytes=room_left())


def first_look(key: str, encoding: str | None = "") -> tuple[Asked, Found]:
    """What was brought, read in the likeliest way; or why it cannot be."""
    load_engine()
    from engine.tasks.own_ways import ways_of

    try:
        ways = ways_of(key, encoding or "")
    except LettersError as error:
        choices = [(f"{said} ({name})", name) for name, said in error.choices.items()]
        said = note(
            "The texts are not in UTF-8, and nothing says what their letters are. Choose what reads right.", "warn"
        )
        return no_questions(), Found(
            said, gr.update(choices=choices, value=None, visible=True), gr.update(visible=False)
        )
    except EngineError as error:
        return no_questions(), refused(error)
    return questions_of(ways, ways[0]), look(key, ways[0], {})


def look(key: str, way: Way, answers: Mapping[str, str]) -> Found:
    """What was brought as one way reads it: the account, and samples."""
    load_engine()
    from engine.tasks.own_ways import stage_way

    try:
        staged = stage_way(key, way, answers)
    except EngineError as error:
        return refused(error)
    view, data = view_of(staged.task), staged.data
    split = next((name for name in ("train", "valid", "test") if getattr(data, name)), "train")
    items = data.items(split)
    spread = replace(data, **{split: items[:: -(-len(items) // SHOWN)]})  # of each class something
    said = "".join(f"<p>{text(one)}</p>" for one in staged.notes)

    def draw() -> str:
        samples = view.show_samples(spread, split, 0, SHOWN)
        return f"{view.show_legend(data.classes)}{samples}"

    shown = f'{show_account(data.account())}<div class="lab-account">{said}</div>{html_or_reason(draw)}'
    return Found(
        shown=shown, encoding=gr.update(visible=False), keep=gr.update(visible=bool(data.train and data.valid))
    )


def refused(error: EngineError) -> Found:
    """Why what was brought cannot be read so."""
    load_engine()
    from engine.tasks.own_ways import UnlabelledError

    said = note(without_paths(error), "info" if isinstance(error, UnlabelledError) else "bad")
    return Found(shown=said, encoding=gr.update(visible=False), keep=gr.update(visible=False))


def questions_of(ways: Sequence[Way], way: Way) -> Asked:
    """The ways to choose from, and the questions of one of them."""
    lists = [one for one in way.questions if one.choices]
    lines = next((one for one in way.questions if not one.choices), None)
    shown = tuple(
        gr.update(
            choices=[(words, value) for value, words in one.choices.items()],
            value=one.value,
            label=one.asked,
            visible=True,
        )
        if (one := next(iter(lists[at : at + 1]), None))
        else gr.update(visible=False, value=None)
        for at in range(QUESTIONS)
    )
    return Asked(
        way=gr.update(choices=[(_title(one), one.name) for one in ways], value=way.name, visible=True),
        lists=shown,
        lines=gr.update(value=lines.value, label=lines.asked, visible=True)
        if lines
        else gr.update(visible=False, value=""),
    )


def no_questions() -> Asked:
    """Nothing to be put right."""
    hidden = gr.update(visible=False)
    return Asked(way=hidden, lists=(hidden,) * QUESTIONS, lines=hidden)


def chosen_way(key: str, encoding: str | None, name: str) -> tuple[list[Way], Way]:
    """The ways to read what was brought, and the one of that name, or else the first; `EngineError` where there is none."""
    load_engine()
    from engine.tasks.own_ways import ways_of

    ways = ways_of(key, encoding or "")
    return ways, next((one for one in ways if one.name == name), ways[0])


def look_again(key: str, encoding: str | None, name: str, *given: str) -> Found:
    """What was brought with what somebody has put right."""
    try:
        _, way = chosen_way(key, encoding, name)
    except EngineError as error:
        return refused(error)
    return look(key, way, answers_of(way, given))


def ask_again(key: str, encoding: str | None, name: str) -> tuple[Asked, Found]:
    """The questions of another way to read it."""
    try:
        ways, way = chosen_way(key, encoding, name)
    except EngineError as error:
        return no_questions(), refused(error)
    return questions_of(ways, way), look(key, way, {})


def answers_of(way: Way, given: Sequence[str | None]) -> dict[str, str]:
    """The values of the lists and of the text, by the names of the questions."""
    *values, lines = given
    lists = [one for one in way.questions if one.choices]
    answers = {one.name: str(value) for one, value in zip(lists, values, strict=False) if value is not None}
    free = next((one for one in way.questions if not one.choices), None)
    return answers | ({free.name: lines or ""} if free else {})


@tells_errors
def keep(key: str, encoding: str | None, name: str, title: str, *given: str) -> tuple[str, str]:
    """The name of the data set that was kept, read as the answers say now, and where it opens."""
    load_engine()
    from engine.tasks.own_kinds import task_for
    from engine.tasks.own_ways import keep_way, ways_of

    way = next((one for one in ways_of(key, encoding or "") if one.name == name), None)
    if way is None:
        raise DataError("It cannot be read in that way. Choose one of those that are offered.")
    kept = keep_way(key, way, answers_of(way, given) if given else {}, title)
    task = task_for(kept.kind)
    address = link(task.name, "data", dataset=kept.name)
    said = (
        f'<div class="lab-card"><p>“{text(kept.title)}” is kept, with {kept.samples:,} samples.</p>'
        f'<p><a class="lab-go" href="{text(address)}">Open it in {text(task.title)} →</a></p></div>'
    )
    return kept.name, said


def may_label(key: str, encoding: str | None, asked: Asked) -> Any:
    """Whether the editor shows, and whether it is open: it is where nothing says what these are, or some are labelled here."""
    has_ways = isinstance(asked.way, dict) and asked.way.get("visible")
    is_begun = bool(key) and read_draft(brought_folder(key)) is not None
    return gr.update(visible=bool(what_to_label(key, encoding)), open=is_begun or not has_ways)


def restore(remembered: Any) -> tuple[Any, ...]:
    """What this browser brought last and has not kept, as it was."""
    key = str(remembered or "")
    try:
        found_in(key)
    except DataError:
        return (
            "",
            *flat(no_questions()),
            NOTHING,
            gr.update(visible=False),
            gr.update(visible=False),
            gr.update(visible=False),
        )
    asked, found = first_look(key)
    return key, *flat(asked), *flat(found), may_label(key, "", asked)


def build_bring(page: gr.Blocks, kept: gr.State, message: gr.HTML) -> None:
    """The panel, wired: `kept` holds the name of what was kept last, `message` says where it opens."""
    key, remembered = gr.State(""), gr.BrowserState("", storage_key="lesson-lab-brought", secret="brought")
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            drop = gr.HTML(DROP, js_on_load=script("camera") + script("drop-files"))
            gr.HTML(f'{WHAT}<p class="lab-small">{PRIVATE}</p>')
            encoding = gr.Radio([], label="What reads right?", visible=False)
            way = gr.Radio([], label="What it is", visible=False)
            lists = tuple(gr.Dropdown([], visible=False, interactive=True, label="") for _ in range(QUESTIONS))
            lines = gr.Textbox(lines=6, max_lines=20, visible=False, interactive=True, label="")
            with gr.Column(visible=False) as keeping:
                title = gr.Textbox(label="Its name", placeholder="Leaves from the garden", max_length=60)
                button = gr.Button("Keep it as a data set", variant="primary")
        with gr.Column(scale=3, min_width=320):
            editor, looking = build_labeller(key, encoding)
            shown = gr.HTML(NOTHING, js_on_load=script("click-enlarge"))
    asked = Asked(way=way, lists=lists, lines=lines)
    found = Found(shown=shown, encoding=encoding, keep=keeping)
    seen = [*flat(asked), *flat(found)]

    def came(event: gr.EventData) -> tuple[Any, ...]:
        try:
            key = take(event._data.get("files") if isinstance(event._data, dict) else None)
        except EngineError as error:
            return gr.skip(), *flat(no_questions()), *flat(refused(error)), gr.update(visible=False), gr.skip(), ""
        notes = vetted(key)
        questions, look = first_look(key)
        shown = look._replace(shown=notes + look.shown)
        return key, *flat(questions), *flat(shown), may_label(key, "", questions), key, ""

    def spelt(key: str, encoding: str | None) -> tuple[Any, ...]:
        questions, look = first_look(key, encoding or "")
        return *flat(questions), *flat(look), may_label(key, encoding, questions)

    coming = drop.select(came, None, [key, *seen, editor, remembered, message], **BATCH)
    coming.then(None, None, None, js=script("drop-done"), **POLL)
    page.load(restore, remembered, [key, *seen, editor], **POLL)
    encoding.input(spelt, [key, encoding], [*seen, editor], **BATCH)
    way.input(lambda *given: flat(ask_again(*given)), [key, encoding, way], seen, **BATCH)
    looking.click(lambda *given: flat(first_look(*given)), [key, encoding], seen, **BATCH)
    given, last = [*lists, lines], {**BATCH, "trigger_mode": "always_last"}
    changed = [one.input for one in lists] + [lines.blur]
    gr.on(changed, lambda *values: flat(look_again(*values)), [key, encoding, way, *given], flat(found), **last)
    keeping_it = button.click(keep, [key, encoding, way, title, *given], [kept, message], **BATCH)
    keeping_it.success(lambda: ("", *restore("")), None, [remembered, key, *seen, editor], **POLL)


def _title(way: Way) -> str:
    names = {
        "mask": "Masks",
        "tags": "Tags",
        "label": "One label",
        "point": "A point",
        "number": "Numbers",
        "text": "Texts",
    }
    return f"{names[way.kind]}: {way.said}"
