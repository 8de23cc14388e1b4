"""Texts of one's own: a table is uploaded, its columns are chosen, and it becomes a data set like any other."""

from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from engine.data.reading.encodings import CHOICES
from engine.data.reading.tables import SUFFIXES
from engine.data.sources.fetching import own_name
from engine.data.texts.own import keep_texts, look_at_table
from engine.errors import EngineError, LettersError
from tabs.door.paths import without_paths
from tabs.door.uploads import uploaded
from tabs.drawing.markup import note, table, text
from tabs.reading.heavy import load_engine
from tabs.wiring import ACTION, BATCH, flat, tells_errors

SHOWN_ROWS, SHOWN_LETTERS = 3, 80
CHOOSE = "The table is not in UTF-8, and nothing in it says what its letters are. Choose below what reads right."
NOTHING = (
    '<p class="lab-small">A table (CSV, TSV, JSON lines, Parquet, Excel) with a text and its label in each row, at least two '
    "different labels, and names of the columns in its first line. It stays on the machine that this app runs on, where whoever "
    "opens this page can see it.</p>"
)


class Looked(NamedTuple):
    """What shows of a table: its first rows, in which letters it is read, the two columns that seem to be meant, and the
    button.
    """

    shown: Any
    encoding: Any
    text_column: Any
    label_column: Any
    button: Any


def look(file: Any, encoding: str = "") -> Looked:
    """A table's beginning, read in the letters that somebody has chosen; or why there is none, and the choice."""
    hidden = gr.update(visible=False)
    if file is None:
        return Looked(NOTHING, gr.update(visible=False, value=None), hidden, hidden, hidden)
    try:
        found = look_at_table(uploaded(file), encoding)
    except LettersError as error:
        choices = [(f"{text} ({CHOICES[name]})", name) for name, text in error.choices.items()]
        asked = gr.update(choices=choices, value=None, visible=True)
        return Looked(note(CHOOSE, "warn"), asked, hidden, hidden, hidden)
    except EngineError as error:
        return Looked(note(without_paths(error), "bad"), hidden, hidden, hidden, hidden)
    rows = [[text(_short(value)) for value in row] for row in found.rows[:SHOWN_ROWS]]
    choices = list(found.columns)
    return Looked(
        encoding=gr.update(visible=bool(encoding), value=encoding or None),
        shown=table(found.columns, rows, numbers_from=len(choices)),
        text_column=gr.update(choices=choices, value=found.text, visible=True),
        label_column=gr.update(choices=choices, value=found.label, visible=True),
        button=gr.update(visible=True),
    )


@tells_errors
def keep(file: Any, text_column: str, label_column: str, encoding: str = "") -> str:
    """The name of the data set that the table became."""
    load_engine()
    name = Path(file or "").stem
    kept = keep_texts(uploaded(file), text=text_column, label=label_column, name=name, encoding=encoding or "")
    return own_name(str(kept))


def build_own() -> gr.State:
    """The upload and the choice of columns, wired; the state holds the data set's name once there is one."""
    kept = gr.State("")
    with gr.Accordion("Bring texts of your own (a table)", open=False):
        file = gr.File(file_types=sorted(SUFFIXES), type="filepath", label="Your table", height=120)
        shown = gr.HTML(NOTHING)
        encoding = gr.Radio([], label="What reads right?", visible=False)
        with gr.Row():
            text_column = gr.Dropdown([], label="Column with the texts", visible=False, min_width=140)
            label_column = gr.Dropdown([], label="Column with the labels", visible=False, min_width=140)
        button = gr.Button("Use these texts", variant="primary", visible=False)
    looked = Looked(shown=shown, encoding=encoding, text_column=text_column, label_column=label_column, button=button)
    file.change(look, file, flat(looked), **ACTION)
    encoding.input(look, [file, encoding], flat(looked), **ACTION)
    button.click(keep, [file, text_column, label_column, encoding], kept, **BATCH)
    return kept


def _short(value: str) -> str:
    return value if len(value) <= SHOWN_LETTERS else f"{value[:SHOWN_LETTERS]} …"
