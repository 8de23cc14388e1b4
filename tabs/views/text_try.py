"""Trying a text model: what it thinks of a text and which words push it, a sentence that it finishes, a table of texts."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import gradio as gr

from engine.errors import EngineError, ModelError
from engine.library.listing import Model, known_model, model_name
from engine.task import Task
from engine.tasks.lesson import TEMPERATURE
from engine.tasks.registry import get_task
from tabs.door.paths import shown_name, without_paths
from tabs.drawing.charts import bar_list
from tabs.drawing.markup import empty_state, note, text
from tabs.reading.examples import Example, examples_of
from tabs.reading.heavy import load_engine
from tabs.reading.models import label_of, predictor_of, remarks_of
from tabs.reading.opened import spec_of
from tabs.scripts import called
from tabs.views.answers import keep_only
from tabs.views.offered import NO_MODEL
from tabs.views.sureness import class_title, verdict
from tabs.views.text import guesses_words
from tabs.views.text_batch import build_table, is_language_model
from tabs.wiring import PAUSE_MILLISECONDS, POLL, PREDICT, QUIET, as_state, flat

if TYPE_CHECKING:
    from engine.serving.predictor import Predictor

MOST_CHARACTERS = 20_000  # that the browser's field takes; the engine takes ten times as many
FULL = "The field takes no more than {:,} letters, and what was pasted beyond them is not here. Give a longer text as a file."
STRONGEST = 2.0  # log-odds that are drawn in the strongest colour
MOST_COLOUR = 0.6  # of 1: on more of it the words could not be read
STARTS = ("I liked this movie because", "The worst thing about this film is", "What a surprise:")
HOW_PUSHED = (
    '<p class="lab-small">A word is left out, and its push is how much the answer then moves. In a long text '
    "several words are left out together.</p>"
)
NOTHING_YET = empty_state("No text yet", "Write a sentence or two, or take one of the examples.")
NOTHING_WRITTEN = empty_state("Nothing written yet", "Give it a beginning, and let it write on.")
NO_HEAD = (
    "This backbone comes without the head that guesses words, so before training it guesses at random: what it knew of "
    "language lies deeper, and shows only through a head that has learnt."
)
NO_CLASSIFIER = empty_state(
    "This is a language model",
    "It guesses words and judges nothing. Choose a classifier above, or let it finish a sentence.",
)
NO_WRITER = empty_state(
    "This model judges, and cannot write",
    "Choose a language model above, or train one first; a classifier that started from one brings it along.",
)


class Judged(NamedTuple):
    """A text's probabilities by class as HTML, and the text in parts, each with the colour of its push on the answer."""

    verdict: Any
    pushes: Any


def judge(model: str | None, written: str) -> Judged:
    """What a classifier says of a text, or why there is nothing to say."""
    if not model:
        return Judged(verdict=NO_MODEL, pushes=[])
    if not written.strip():
        return Judged(verdict=NOTHING_YET, pushes=[])
    load_engine()
    from engine.serving.pushes import explain_words

    try:
        if is_language_model(model):
            return Judged(verdict=NO_CLASSIFIER, pushes=[])
        predictor = predictor_of(model)
        prediction, pushes = explain_words(predictor, written)
        unread = count_unread(predictor, prediction.shown)
    except EngineError as error:
        return Judged(verdict=note(without_paths(error), "bad"), pushes=[])
    rows = [(class_title(name), share, f"{share:.1%}") for name, share in prediction.probabilities.items()]
    said = "".join(note(remark, "warn") for remark in remarks_of(model))
    if unread:
        said += note(
            f"{unread:,} tokens from the middle are not read: this model reads {predictor.config.stage.text_length}."
        )
    if len(written) >= MOST_CHARACTERS:
        said += note(FULL.format(MOST_CHARACTERS), "warn")
    shown = [(push.words, MOST_COLOUR * max(-1.0, min(1.0, push.push / STRONGEST))) for push in pushes]
    return Judged(verdict=f"{verdict(prediction)}{bar_list(rows)}{said}", pushes=shown)


def count_unread(predictor: "Predictor", written: str) -> int:
    """How many tokens of a text the model does not get to see."""
    model: Any = predictor.model
    return sum(not token.is_read for token in model.tokenizer.explain(written, predictor.config.stage.text_length))


def writers(model: str | None) -> list[Model]:
    """The language models in reach behind a model, itself or those that it goes back to, up to two and the latest first."""
    found: list[Model] = []
    seen = {""}
    name = model or ""
    while name not in seen and len(found) < 2:
        seen.add(name)
        try:
            known = known_model(name)
            # A bundle says what it started from, but brings nothing of it along.
            name = model_name(spec_of(name).init_from) if known.origin == "run" else ""
        except EngineError:  # it is gone
            break
        if guesses_words(known.config):
            found.append(known)
    return found


class Finished(NamedTuple):
    """How a sentence goes on by a language model before it was fine-tuned, and after."""

    before: Any
    after: Any


NOT_FINISHED = Finished(before=NOTHING_WRITTEN, after="")


def finish(model: str | None, start: str, temperature: float, tokens: float, seed: float) -> Finished:
    """What a language model writes on, or why there is nothing."""
    if not model:
        return Finished(before=NO_MODEL, after="")
    found = writers(model)
    if not found:
        return Finished(before=NO_WRITER, after="")
    if not start.strip():
        return NOT_FINISHED
    writer, earlier = found[0], found[1] if len(found) > 1 else None
    load_engine()
    from engine.serving.predictor import load_predictor
    from engine.serving.writing import lacks_head, write_on

    asked = {"tokens": round(tokens), "temperature": temperature, "seed": round(seed)}
    try:
        tuned = load_predictor(writer.source)
        after = _written(start, write_on(tuned, start, **asked), f"After: {label_of(writer)}")
    except EngineError as error:
        return Finished(before=note(without_paths(error), "bad"), after="")
    try:
        before = load_predictor(earlier.source) if earlier else _untuned(writer, tuned)
        named = label_of(earlier) if earlier else f"{shown_name(tuned.config.plan.backbone)} as it comes"
        said = note(NO_HEAD) if not earlier and lacks_head(tuned.config.plan.backbone) else ""
        shown = _written(start, write_on(before, start, **asked), f"Before: {named}")
        return Finished(before=shown + said, after=after)
    except EngineError as error:
        return Finished(before=note(without_paths(error), "warn"), after=after)


def build_try(task: Task, model: gr.State, dataset: gr.State) -> Any:
    """The inputs and outputs of trying a model, wired; the component that holds what the model is given."""
    with gr.Tabs(overflow_behavior="wrap"):
        with gr.Tab("Judge a text"), gr.Row():
            given = _build_judging(task, model)
        with gr.Tab("Finish a sentence"), gr.Row():
            _build_finishing(model)
        with gr.Tab("A table of texts"):
            build_table(model)
    return given


def _build_judging(task: Task, model: gr.State) -> gr.State:
    verdict_id = f"{task.name}-verdict"
    with gr.Column(scale=3, min_width=300):
        written = gr.Textbox(
            "",
            label="A text of your own",
            lines=6,
            max_length=MOST_CHARACTERS,
            placeholder="I liked this movie because …",
        )
        _build_examples(examples_of(task.name), written)
    with gr.Column(scale=3, min_width=300, elem_id=verdict_id):
        verdict = gr.HTML(NOTHING_YET)
        pushes = gr.HighlightedText(
            label="What each word pushes: red towards the answer, violet away from it",
            combine_adjacent=False,
            show_legend=False,
            interactive=False,
        )
        gr.HTML(HOW_PUSHED)
    judged = Judged(verdict=verdict, pushes=pushes)
    live: dict[str, Any] = {**PREDICT, **QUIET, "trigger_mode": "always_last"}
    # Not on input: Gradio does not tell of a text that is pasted into a field that nobody has typed in yet.
    waiting = called("after-pause", "judge", verdict_id, PAUSE_MILLISECONDS)
    given = as_state(written)
    judging = gr.on([given.change, model.change], judge, [model, given], flat(judged), js=waiting, **live)
    judging.then(None, None, None, js=called("undim", verdict_id))
    return given


def _build_finishing(model: gr.State) -> None:
    with gr.Column(scale=2, min_width=280):
        start = gr.Textbox(STARTS[0], label="It begins with", lines=2, max_length=2000)
        temperature = gr.Slider(
            0.1, 1.5, value=TEMPERATURE, step=0.05, label="Temperature: how daring it is", buttons=[]
        )
        tokens = gr.Slider(5, 80, value=30, step=5, label="Tokens", buttons=[])
        seed, written_for = gr.State(0), gr.State(None)
        writer = gr.Button("Write on", variant="primary")
        _build_examples([Example(given=words, truth=None) for words in STARTS], start)
    with gr.Column(scale=2, min_width=280):
        before = gr.HTML(NOTHING_WRITTEN)
    with gr.Column(scale=2, min_width=280):
        after = gr.HTML()

    def write_clicked(seed: float, model: str | None, start: str, temperature: float, tokens: float) -> tuple[Any, ...]:
        return *finish(model, start, temperature, tokens, seed), (model, start, temperature, tokens)

    asked, finished = [model, start, temperature, tokens], Finished(before=before, after=after)
    starting = writer.click(lambda seed: seed + 1, seed, seed, **POLL)
    writing = starting.then(write_clicked, [seed, *asked], [*flat(finished), written_for], **PREDICT)
    for event in (writing.then, *(part.change for part in asked)):
        event(partial(keep_only, NOT_FINISHED), [written_for, *asked], flat(finished), **POLL)


def _build_examples(examples: Sequence[Example], field: gr.Textbox) -> None:
    """Buttons that write an example into a field; under one that the sample model gets wrong, that it does."""
    for example in examples:
        button = gr.Button(example.title, size="sm", elem_classes="lab-example")
        button.click(lambda example=example: example.given, None, field, **POLL)
        if example.wrong:
            gr.HTML(f'<p class="lab-small">{text(example.wrong)}</p>')


def _untuned(writer: Model, tuned: "Predictor") -> "Predictor":
    """What a language model was before it was trained; a bundle from elsewhere must not say what is fetched for that."""
    from engine.serving.writing import load_untuned

    config = writer.config
    if writer.origin == "download" and config.plan.backbone not in get_task(config.task).backbones:
        raise ModelError(
            f"What it was before is not shown: {shown_name(config.plan.backbone)} is no backbone that this task offers."
        )
    return load_untuned(tuned)


def _written(start: str, whole: str, title: str) -> str:
    """A text whose beginning was given."""
    given = start.rstrip()
    return f'<h4>{text(title)}</h4><p class="lab-written"><em>{text(given)}</em>{text(whole.removeprefix(given))}</p>'
