"""Classifying texts: what does this review think of its film?"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.data.aligned import match_classes
from engine.data.reading.encodings import read_text as read_file
from engine.data.reading.tables import SUFFIXES, open_table
from engine.data.texts.dataset import TextData, clean_text, open_texts
from engine.data.texts.feed import LABELLED_TEXTS, pad_numbers
from engine.data.texts.files import TEXT_SUFFIXES
from engine.data.texts.labelled_table import TEXT_COLUMNS
from engine.data.texts.tables import UNLABELLED
from engine.errors import DataError
from engine.kinds.classes import class_cross_entropy, class_metrics, predict_class
from engine.kinds.main_metrics import ACCURACY
from engine.kinds.shared import SharedTable
from engine.kinds.sifting import sift_class
from engine.models.pretrained_text import build_pretrained_classifier
from engine.models.word_models import SIZES, build_word_classifier, make_vocabulary
from engine.recipe import Stage
from engine.task import ModelPlan, Objective

MAX_CHARACTERS = 200_000
MAX_TABLE = 50_000_000  # bytes


def build_text_objective() -> Objective[TextData]:
    """Classes of texts as an objective: cross-entropy, judged by accuracy."""
    return Objective(
        name="classifier",
        metric=ACCURACY,
        open_data=open_texts,
        feed=LABELLED_TEXTS,
        make_files=make_vocabulary,
        build_model=build_text_classifier,
        loss=class_cross_entropy,
        build_metrics=class_metrics,
        prepare=prepare_text,
        sift=sift_class,
        as_label=lambda prediction: prediction.answer,
        predict=predict_class,
        inputs_in=texts_in,
        align=align_texts,
        share=share_texts,
        pad=pad_together,
        pipeline="text-classification",
    )


def align_texts(data: TextData, classes: tuple[str, ...]) -> tuple[TextData, tuple[str, ...]]:
    """The data set with a model's classes, without the texts of others."""
    found = match_classes(data.classes, classes, data.root.name)
    numbers = tuple(classes.index(found.names[name]) if name in found.names else UNLABELLED for name in data.classes)
    aligned = replace(data, classes=classes, numbers=numbers)

    def known(rows: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(row for row, label in zip(rows, aligned.labels(rows), strict=True) if label != UNLABELLED)

    return replace(aligned, train=known(data.train), valid=known(data.valid), test=known(data.test)), found.remarks


def share_texts(data: TextData) -> SharedTable:
    """Texts and their classes."""
    return SharedTable(
        columns={"text": "text", "label": data.classes},
        row=lambda row: {"text": data.texts([row])[0], "label": data.label(row)},
    )


def pad_together(inputs: Sequence[Tensor], model: Any) -> Tensor:
    """Prepared texts (1, T) as one batch (B, T)."""
    return pad_numbers([numbers[0] for numbers in inputs], model.tokenizer.pad)


def build_text_classifier(plan: ModelPlan, *, pretrained: bool = True) -> nn.Module:
    """The lesson's AWD-LSTM, or a Hugging Face model."""
    build = build_word_classifier if plan.backbone in SIZES else build_pretrained_classifier
    return build(plan, pretrained=pretrained)


def prepare_text(source: str | Path, stage: Stage, plan: ModelPlan, model: Any) -> tuple[str, Tensor]:
    """What the user wrote, or a file with it: the text, and its numbers (1, T)."""
    text = read_text(source)
    (numbers,) = model.tokenizer.encode([text])
    framed = model.tokenizer.frame(numbers, stage.text_length)
    if not len(framed):
        raise DataError("There is nothing in this text that the model could read. Write a sentence.")
    return text, torch.from_numpy(framed).long()[None]


def read_text(source: str | Path) -> str:
    """A text, or the content of a file; `DataError` for an empty one, and one that is longer than anybody writes."""
    if isinstance(source, Path):
        try:
            if source.stat().st_size > 4 * MAX_CHARACTERS:
                raise too_long(source.name)
        except OSError as problem:
            raise DataError(f"{source} cannot be read ({problem.strerror}).") from None
        source = read_file(source)
    if not isinstance(source, str):
        raise DataError(f"A text is needed, or a file with one; this is a {type(source).__name__}.")
    if len(source) > MAX_CHARACTERS:
        raise too_long("The text")
    # Half of a surrogate pair is no character. Else it is cleaned as the texts are that a model learns from.
    text = clean_text(source.encode("utf-8", "replace").decode())
    if not any(mark.isprintable() and mark != " " for mark in text):
        raise DataError("There is no text yet. Write a sentence.")
    return text


def texts_in(file: Path) -> list[tuple[str, str | Path]]:
    """The texts of a table with a column of them, one a row; a text file is one text. `DataError` for any other file."""
    suffix = file.suffix.lower()
    if suffix in (*TEXT_SUFFIXES, ".md", ""):
        return [(str(file), file)]
    if suffix not in SUFFIXES:
        raise DataError(
            f"{file.name} is neither a text file nor a table. Save it as .txt, or as a table with a column text."
        )
    return [(f"{file}#{number}", text) for number, text in enumerate(read_column(file), start=1)]


def read_column(file: Path) -> list[str]:
    """The texts of a table, a row each, empty ones too; `DataError` where it has no column for them."""
    try:
        if file.stat().st_size > MAX_TABLE:
            raise DataError(f"{file.name} has more than {MAX_TABLE // 1_000_000} MB. Cut it into several files.")
    except OSError as problem:
        raise DataError(f"{file.name} cannot be read ({problem.strerror}).") from None
    table = open_table(file)
    is_bare = len(table.columns) == 1 and bool(table.notes)  # a text on each line, the first one too
    column = 0 if is_bare else table.column(TEXT_COLUMNS)
    if column is None:
        raise DataError(
            f"{file.name} has the columns {', '.join(table.columns)[:200]}, and none is called "
            f"{' or '.join(TEXT_COLUMNS[:4])}: name the one with the texts so."
        )
    return [row.cells[column] for row in table.rows()]


def too_long(what: str) -> DataError:
    """What to raise for a text that nobody has written by hand."""
    return DataError(f"{what} has more than {MAX_CHARACTERS:,} characters. Take a part of it: a model reads far less.")
