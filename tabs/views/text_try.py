"""Trying a text model: what it thinks of a text and which words push it, a sentence that it finishes, a table of texts."""

import csv
from typing import TYPE_CHECKING, Any

import gradio as gr

from engine.errors import DataError, EngineError, ModelError
from engine.hub.library import Model, known_model, model_name
from engine.task import Task
from engine.tasks.registry import get_task
from tabs.components.charts import bar_list
from tabs.components.heavy import load_engine
from tabs.components.markup import empty_state, note, table, text
from tabs.components.models import label_of, model_label, predictor_of, remarks_of
from tabs.components.opened import spec_of
from tabs.components.paths import shown_name, without_paths
from tabs.components.uploads import download_path, uploaded
from tabs.components.wiring import BATCH, POLL, PREDICT, after_pause, tells_errors, undim
from tabs.views.offered import NO_MODEL
from tabs.views.text import guesses_words

if TYPE_CHECKING:
    from engine.serving.predictor import Predictor

MOST_CHARACTERS = 20_000  # that the browser's field takes; the engine takes ten times as many
FULL = "The field takes no more than {:,} letters, and what was pasted beyond them is not here. Give a longer text as a file."
MOST_ROWS = 500
SHOWN_ROWS, SHOWN_LETTERS = 50, 160
STRONGEST = 2.0  # log-odds that are drawn in full colour
STARTS = ("I liked this movie because", "The worst thing about this film is", "What a surprise:")
EXAMPLES = (
    "I liked this movie because it made me laugh, and I did not look at my watch once.",
    "Two hours of my life that I will never get back. The trailer was better than the film.",
    "Not bad at all! I had expected nothing, and left with a smile.",
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


def judge(model: str | None, written: str) -> tuple[str, list[tuple[str, float]]]:
    """The probabilities of each class as HTML, and the text in parts, each with its push on the answer in −1..1."""
    if not model:
        return NO_MODEL, []
    if not written.strip():
        return NOTHING_YET, []
    load_engine()
    from engine.serving.pushes import explain_words

    try:
        if is_language_model(model):
            return NO_CLASSIFIER, []
        predictor = predictor_of(model)
        prediction, pushes = explain_words(predictor, written)
        unread = count_unread(predictor, prediction.text)
    except EngineError as error:
        return note(without_paths(error), "bad"), []
    rows = [(name, share, f"{share:.1%}") for name, share in prediction.probabilities.items()]
    said = "".join(note(remark, "warn") for remark in remarks_of(model))
    if unread:
        said += note(
            f"{unread:,} tokens from the middle are not read: this model reads {predictor.config.stage.text_length}."
        )
    if len(written) >= MOST_CHARACTERS:
        said += note(FULL.format(MOST_CHARACTERS), "warn")
    head = f'<p class="lab-verdict"><strong>{text(prediction.answer)}</strong></p>'
    shown = [(push.words, max(-1.0, min(1.0, push.push / STRONGEST))) for push in pushes]
    return f"{head}{bar_list(rows)}{said}", shown


def count_unread(predictor: "Predictor", written: str) -> int:
    """How many tokens of a text the model does not get to see."""
    model: Any = predictor.model
    return sum(not token.is_read for token in model.tokenizer.explain(written, predictor.config.stage.text_length))


def is_language_model(model: str) -> bool:
    """Whether a model is one."""
    return guesses_words(known_model(model).config.objective)


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
        if guesses_words(known.config.objective):
            found.append(known)
    return found


def finish(model: str | None, start: str, temperature: float, tokens: float, seed: float) -> tuple[str, str]:
    """What a language model writes on, before it was fine-tuned and after."""
    if not model:
        return NO_MODEL, ""
    found = writers(model)
    if not found:
        return NO_WRITER, ""
    if not start.strip():
        return NOTHING_WRITTEN, ""
    writer, earlier = found[0], found[1] if len(found) > 1 else None
    load_engine()
    from engine.serving.predictor import load_predictor
    from engine.serving.writing import lacks_head, write_on

    asked = {"tokens": round(tokens), "temperature": temperature, "seed": round(seed)}
    try:
        tuned = load_predictor(writer.source)
        after = _written(start, write_on(tuned, start, **asked), f"After: {label_of(writer)}")
    except EngineError as error:
        return note(without_paths(error), "bad"), ""
    try:
        before = load_predictor(earlier.source) if earlier else _untuned(writer, tuned)
        named = label_of(earlier) if earlier else f"{shown_name(tuned.config.plan.backbone)} as it comes"
        said = note(NO_HEAD) if not earlier and lacks_head(tuned.config.plan.backbone) else ""
        return _written(start, write_on(before, start, **asked), f"Before: {named}") + said, after
    except EngineError as error:
        return note(without_paths(error), "warn"), after


@tells_errors
def judge_table(model: str | None, file: Any) -> tuple[str, Any]:
    """A table of answers for a CSV file with a column text, or a file with a text a line; and the same as a CSV file."""
    if not model:
        raise DataError("Train a model first, or choose one above.")
    if is_language_model(model):
        raise DataError("This is a language model. Choose a classifier.")
    if file is None:
        raise DataError("Choose a file with texts first.")
    path = uploaded(file)
    load_engine()
    from engine.serving.text_table import judge_texts, read_texts

    texts = read_texts(path)
    if len(texts) > MOST_ROWS:
        raise DataError(
            f"{len(texts)} texts are too many for the browser: {MOST_ROWS} at most. The command line takes any number: "
            "python -m engine predict RUN texts.csv --csv answers.csv"
        )
    rows = judge_texts(predictor_of(model), texts)
    target = download_path("answers.csv")
    with target.open("w", newline="", encoding="utf-8") as opened:
        answers = csv.DictWriter(opened, list(rows[0]))
        answers.writeheader()
        answers.writerows(rows)
    shown = [(text(row["class"] or row["error"]), text(_short(str(row["text"])))) for row in rows[:SHOWN_ROWS]]
    said = "".join(note(remark, "warn") for remark in remarks_of(model))
    more = (
        f'<p class="lab-small">The first {SHOWN_ROWS} of {len(rows)}; the file has all.</p>'
        if len(rows) > SHOWN_ROWS
        else ""
    )
    whose = f'<p class="lab-small">By {text(model_label(model))}</p>'
    html = f'<div class="lab-answers">{whose}{said}{table(("Answer", "Text"), shown, numbers_from=2)}{more}</div>'
    return html, gr.update(value=str(target), visible=True)


def build_try(task: Task, model: gr.Dropdown, dataset: gr.State) -> None:
    """The inputs and outputs of trying a model, wired."""
    verdict_id = f"{task.name}-verdict"
    with gr.Tabs(overflow_behavior="wrap"):
        with gr.Tab("Judge a text"), gr.Row():
            with gr.Column(scale=3, min_width=300):
                written = gr.Textbox(
                    "",
                    label="A text of your own",
                    lines=6,
                    max_length=MOST_CHARACTERS,
                    placeholder="I liked this movie because …",
                )
                examples = [gr.Button(example, size="sm", elem_classes="lab-example") for example in EXAMPLES]
            with gr.Column(scale=3, min_width=300, elem_id=verdict_id):
                verdict = gr.HTML(NOTHING_YET)
                pushes = gr.HighlightedText(
                    label="What each word pushes: red towards the answer, violet away from it",
                    combine_adjacent=False,
                    show_legend=False,
                    interactive=False,
                )
                gr.HTML(
                    '<p class="lab-small">A word is left out, and its push is how much the answer then moves. In a long text '
                    "several words are left out together.</p>"
                )
        with gr.Tab("Finish a sentence"), gr.Row():
            with gr.Column(scale=2, min_width=280):
                start = gr.Textbox(STARTS[0], label="It begins with", lines=2, max_length=2000)
                temperature = gr.Slider(
                    0.1, 1.5, value=0.8, step=0.1, label="Temperature: how daring it is", buttons=[]
                )
                tokens = gr.Slider(5, 80, value=30, step=5, label="Tokens", buttons=[])
                seed = gr.State(0)
                writer = gr.Button("Write on", variant="primary")
                starts = [gr.Button(words, size="sm", elem_classes="lab-example") for words in STARTS[1:]]
            with gr.Column(scale=2, min_width=280):
                before = gr.HTML(NOTHING_WRITTEN)
            with gr.Column(scale=2, min_width=280):
                after = gr.HTML()
        with gr.Tab("A table of texts"):
            file = gr.File(
                file_types=[".csv", ".txt"], type="filepath", label="A CSV with a column text, or a text a line"
            )
            button = gr.Button("Judge them", size="sm")
            answers = gr.HTML()
            answers_file = gr.DownloadButton("Download as CSV", visible=False, size="sm")

    live: dict[str, Any] = {**PREDICT, "show_progress": "hidden", "trigger_mode": "always_last"}
    # Not on input: Gradio does not tell of a text that is pasted into a field that nobody has typed in yet.
    waiting = after_pause("judge", verdict_id)
    judging = gr.on([written.change, model.change], judge, [model, written], [verdict, pushes], js=waiting, **live)
    judging.then(None, None, None, js=undim(verdict_id))
    for example, button_ in zip(EXAMPLES, examples, strict=True):
        button_.click(lambda example=example: example, None, written, **POLL)
    for words, button_ in zip(STARTS[1:], starts, strict=True):
        button_.click(lambda words=words: words, None, start, **POLL)
    asked = [model, start, temperature, tokens, seed]
    writer.click(lambda seed: seed + 1, seed, seed, **POLL).then(finish, asked, [before, after], **PREDICT)
    button.click(judge_table, [model, file], [answers, answers_file], **BATCH)
    # Answers of another model, or to another file, must not stay.
    gr.on([model.change, file.change], lambda: ("", gr.update(visible=False)), None, [answers, answers_file], **POLL)


def _untuned(writer: Model, tuned: "Predictor") -> "Predictor":
    """What a language model was before it was trained; a bundle from elsewhere must not say what is fetched for that."""
    from engine.serving.writing import load_untuned

    config = writer.config
    if writer.origin == "download" and config.plan.backbone not in get_task(config.task).backbones:
        raise ModelError(
            f"What it was before is not shown: {shown_name(config.plan.backbone)} is no backbone that this task offers."
        )
    return load_untuned(tuned)


def _short(words: str) -> str:
    return words if len(words) <= SHOWN_LETTERS else f"{words[:SHOWN_LETTERS]} …"


def _written(start: str, whole: str, title: str) -> str:
    """A text whose beginning was given."""
    given = start.rstrip()
    return f'<h4>{text(title)}</h4><p class="lab-written"><em>{text(given)}</em>{text(whole.removeprefix(given))}</p>'
