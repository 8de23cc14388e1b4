"""A way to read a table of texts: which column holds them, and which their labels."""

from pathlib import Path

from engine.data.own.way import Answers, Question, Way
from engine.data.pictures.files import list_all_pictures
from engine.data.reading.litter import is_in_litter
from engine.data.reading.tables import SUFFIXES, open_table
from engine.data.texts.dataset import copy_texts
from engine.data.texts.files import TEXT_SUFFIXES, find_layout
from engine.data.texts.labelled_table import Columns
from engine.data.texts.own import look_at_table
from engine.errors import DataError, LettersError


def tables_in(folder: Path) -> list[Path]:
    """All tables in a folder and its folders."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in SUFFIXES and path.is_file() and not is_in_litter(path.relative_to(folder).parts)
    ]


def text_ways(folder: Path, encoding: str = "") -> list[Way]:
    """The only table in a folder without pictures, as texts; [] where there is none, or more than one.

    Raises `LettersError` where somebody has to say first what its letters are.
    """
    tables = tables_in(folder)
    if len(tables) != 1 or list_all_pictures(folder):
        return []
    try:
        if len(open_table(tables[0], encoding).columns) < 2:  # texts without labels, perhaps
            return []
        look = look_at_table(tables[0], encoding)
    except LettersError:
        raise
    except DataError:
        if tables[0].suffix.lower() in TEXT_SUFFIXES:  # as likely a text of its own
            return []
        raise
    choices = {name: name for name in look.columns}
    text = Question(name="text", asked="Column with the texts", choices=choices, value=look.text)
    label = Question(name="label", asked="Column with the labels", choices=choices, value=look.label)

    def write(target: Path, answers: Answers) -> tuple[str, ...]:
        chosen = way.answered(answers)
        if chosen["text"] == chosen["label"]:
            raise DataError("The texts and their labels are the same column. Choose two.")
        copy_texts(find_layout(tables[0], encoding, Columns(chosen["text"], chosen["label"])), target)
        return ()

    way = Way(kind="text", said=f"texts in {tables[0].name}", questions=(text, label), write=write)
    return [way]
