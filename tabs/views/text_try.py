"""Trying a text model: what it thinks of a text and which words push it, a sentence that it finishes, a table of texts."""

import csv
from typing import TYPE_CHECKING, Any

import gradio as gr

from engine.errors import DataError, EngineError
from engine.hub.library import known_model
from engine.runs.store import find_run
from engine.task import Task
from tabs.components.charts import bar_list
from tabs.components.heavy import load_engine
from tabs.components.markup import empty_state, note, table, text
from tabs.components.models import model_label, predictor_of, remarks_of
from tabs.components.opened import run_name, run_time, run_title, spec_of
from tabs.components.uploads import download_path, uploaded
from tabs.components.wiring import BATCH, POLL, PREDICT, after_pause, tells_errors
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
    "Nothing can write here yet", "Train a language model first; a classifier that started from one brings it along."
)


def judge(run: str | None, written: str) -> tuple[str, list[tuple[str, float]]]:
    """The probabilities of each class as HTML, and the text in parts, each with its push on the answer in −1..1."""
    if not run:
        return NO_MODEL, []
    if not written.strip():
        return NOTHING_YET, []
    load_engine()
    from engine.serving.pushes import explain_words

    try:
        if is_language_model(run):
            return NO_CLASSIFIER, []
        predictor = predictor_of(run)
        prediction, pushes = explain_words(predictor, written)
        unread = count_unread(predictor, prediction.text)
    except EngineError as error:
        return note(str(error), "bad"), []
    rows = [(name, share, f"{share:.1%}") for name, share in prediction.probabilities.items()]
    said = "".join(note(remark, "warn") for remark in remarks_of(run))
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


def is_language_model(run: str) -> bool:
    """Whether a model is one."""
    return guesses_words(known_model(run).config.objective)


def writers(run: str | None) -> tuple[str, str]:
    """The language model behind a run, itself or one that it goes back to; and the language model before that one, if any."""
    found: list[str] = []
    seen: set[str] = set()
    while run and run not in seen and len(found) < 2:
        seen.add(run)
        try:
            spec = spec_of(run)
            if guesses_words(spec.recipe.objective):
                found.append(run)
            run = spec.init_from
        except EngineError:  # it is gone, or no run
            break
    return (*found, "", "")[0], (*found, "", "")[1]


def finish(run: str | None, start: str, temperature: float, tokens: float, seed: float) -> tuple[str, str]:
    """What a language model writes on, before it was fine-tuned and after."""
    if not run:
        return NO_MODEL, ""
    writer, earlier = writers(run)
    if not writer:
        return NO_WRITER, ""
    if not start.strip():
        return NOTHING_WRITTEN, ""
    load_engine()
    from engine.serving.predictor import load_predictor
    from engine.serving.writing import lacks_head, load_untuned, write_on

    asked = {"tokens": round(tokens), "temperature": temperature, "seed": round(seed)}
    try:
        tuned = load_predictor(find_run(writer))
        after = _written(start, write_on(tuned, start, **asked), f"After: {_named(writer)}")
    except EngineError as error:
        return note(str(error), "bad"), ""
    try:
        before = load_predictor(find_run(earlier)) if earlier else load_untuned(tuned)
        named = _named(earlier) if earlier else f"{tuned.config.plan.backbone} as it comes"
        said = note(NO_HEAD) if not earlier and lacks_head(tuned.config.plan.backbone) else ""
        return _written(start, write_on(before, start, **asked), f"Before: {named}") + said, after
    except EngineError as error:
        return note(str(error), "warn"), after


@tells_errors
def judge_table(run: str | None, file: Any) -> tuple[str, Any]:
    """A table of answers for a CSV file with a column text, or a file with a text a line; and the same as a CSV file."""
    if not run:
        raise DataError("Train a model first, or choose one above.")
    if is_language_model(run):
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
    rows = judge_texts(predictor_of(run), texts)
    target = download_path("answers.csv")
    with target.open("w", newline="", encoding="utf-8") as opened:
        answers = csv.DictWriter(opened, list(rows[0]))
        answers.writeheader()
        answers.writerows(rows)
    shown = [(text(row["class"] or row["error"]), text(_short(str(row["text"])))) for row in rows[:SHOWN_ROWS]]
    said = "".join(note(remark, "warn") for remark in remarks_of(run))
    more = (
        f'<p class="lab-small">The first {SHOWN_ROWS} of {len(rows)}; the file has all.</p>'
        if len(rows) > SHOWN_ROWS
        else ""
    )
    whose = f'<p class="lab-small">By {text(model_label(run))}</p>'
    html = f'<div class="lab-answers">{whose}{said}{table(("Answer", "Text"), shown, numbers_from=2)}{more}</div>'
    return html, gr.update(value=str(target), visible=True)


def build_try(task: Task, run: gr.Dropdown, dataset: gr.State) -> None:
    """The inputs and outputs of trying a model, wired."""
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
            with gr.Column(scale=3, min_width=300):
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
    gr.on([written.change, run.change], judge, [run, written], [verdict, pushes], js=after_pause("judge"), **live)
    for example, button_ in zip(EXAMPLES, examples, strict=True):
        button_.click(lambda example=example: example, None, written, **POLL)
    for words, button_ in zip(STARTS[1:], starts, strict=True):
        button_.click(lambda words=words: words, None, start, **POLL)
    asked = [run, start, temperature, tokens, seed]
    writer.click(lambda seed: seed + 1, seed, seed, **POLL).then(finish, asked, [before, after], **PREDICT)
    button.click(judge_table, [run, file], [answers, answers_file], **BATCH)
    # Answers of another model, or to another file, must not stay.
    gr.on([run.change, file.change], lambda: ("", gr.update(visible=False)), None, [answers, answers_file], **POLL)


def _named(run: str) -> str:
    """A run in words, whether it is given by name or by its folder."""
    return f"{run_time(run_name(run))} · {run_title(run)}"


def _short(words: str) -> str:
    return words if len(words) <= SHOWN_LETTERS else f"{words[:SHOWN_LETTERS]} …"


def _written(start: str, whole: str, title: str) -> str:
    """A text whose beginning was given."""
    given = start.rstrip()
    return f'<h4>{text(title)}</h4><p class="lab-written"><em>{text(given)}</em>{text(whole.removeprefix(given))}</p>'
