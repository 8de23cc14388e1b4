"""Judging a table of texts with a model: the answers as a table on the page, and as a CSV file."""

import csv
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from engine.errors import DataError
from engine.library.listing import known_model
from tabs.door.uploads import download_path, uploaded
from tabs.drawing.markup import note, table, text
from tabs.reading.heavy import load_engine
from tabs.reading.models import model_label, predictor_of, remarks_of
from tabs.views.answers import keep_only
from tabs.views.sureness import class_title
from tabs.views.text import guesses_words
from tabs.wiring import BATCH, POLL, flat, tells_errors

MOST_ROWS = 500
SHOWN_ROWS, SHOWN_LETTERS = 50, 160


def is_language_model(model: str) -> bool:
    """Whether a model is one."""
    return guesses_words(known_model(model).config)


class JudgedTable(NamedTuple):
    """A table of answers, and the same as a file."""

    answers: Any
    answers_file: Any


@tells_errors
def judge_table(model: str | None, file: Any) -> JudgedTable:
    """A table of answers for a CSV file with a column text, or a file with a text a line; and the same as a CSV file."""
    if not model:
        raise DataError("Train a model first, or choose one above.")
    if is_language_model(model):
        raise DataError("This is a language model. Choose a classifier.")
    if file is None:
        raise DataError("Choose a file with texts first.")
    path = uploaded(file)
    load_engine()
    from engine.serving.text_batch import judge_texts, read_texts

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
    shown = [(text(_answer(row)), text(_short(str(row["text"])))) for row in rows[:SHOWN_ROWS]]
    said = "".join(note(remark, "warn") for remark in remarks_of(model))
    more = (
        f'<p class="lab-small">The first {SHOWN_ROWS} of {len(rows)}; the file has all.</p>'
        if len(rows) > SHOWN_ROWS
        else ""
    )
    whose = f'<p class="lab-small">By {text(model_label(model))}</p>'
    html = f'<div class="lab-answers">{whose}{said}{table(("Answer", "Text"), shown, numbers_from=2)}{more}</div>'
    return JudgedTable(answers=html, answers_file=gr.update(value=str(target), visible=True))


def build_table(model: gr.State) -> None:
    """The upload, the table and its file, wired."""
    file = gr.File(file_types=[".csv", ".txt"], type="filepath", label="A CSV with a column text, or a text a line")
    button = gr.Button("Judge them", size="sm")
    judged = JudgedTable(answers=gr.HTML(), answers_file=gr.DownloadButton("Download as CSV", visible=False, size="sm"))
    judged_for = gr.State(None)

    def table_clicked(model: str | None, file: Any) -> tuple[Any, ...]:
        return *judge_table(model, file), (model, file)

    judging = button.click(table_clicked, [model, file], [*flat(judged), judged_for], **BATCH)
    none = JudgedTable(answers="", answers_file=gr.update(visible=False))
    for event in (judging.then, model.change, file.change):
        event(partial(keep_only, none), [judged_for, model, file], flat(judged), **POLL)


def _answer(row: dict[str, Any]) -> str:
    """A row's class in words, whether the model is sure of it, or why there is none."""
    if not row["class"]:
        return str(row["error"])
    title = class_title(row["class"])
    return title if row["is_sure"] else f"not sure: leaning {title}"


def _short(words: str) -> str:
    return words if len(words) <= SHOWN_LETTERS else f"{words[:SHOWN_LETTERS]} …"
