"""Many texts at once: a CSV or a file with a text a line in, a row of answers for each text out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.data.reading.encodings import read_text
from engine.data.reading.tables import SUFFIXES
from engine.errors import DataError
from engine.kinds.text import MAX_TABLE, read_column
from engine.serving.many import predict_many
from engine.serving.predictor import Predictor


def read_texts(path: Path) -> list[str]:
    """The texts of a CSV file with a column text, or of a file with one a line; `DataError` where there are none.

    Empty ones are kept where they stand, so that the answers line up with the file.
    """
    if path.suffix.lower() in SUFFIXES - {".txt"}:
        texts = read_column(path)
    else:
        if path.stat().st_size > MAX_TABLE:
            raise DataError(f"{path.name} has more than {MAX_TABLE // 1_000_000} MB. Cut it into several files.")
        texts = read_text(path).splitlines()
    if not any(text.strip() for text in texts):
        raise DataError(f"{path.name} has no texts in it.")
    return texts


def judge_texts(predictor: Predictor, texts: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each text, in their order: the text, the answer with each class's probability, or why there is none."""
    empty = {"class": "", "is_sure": "", **dict.fromkeys(predictor.classes, "")}
    rows: list[dict[str, Any]] = []
    for text, answer in predict_many(predictor, ((text, text) for text in texts)):
        if isinstance(answer, DataError):
            rows.append({"text": text[:200], **empty, "error": str(answer)})
        else:
            rows.append({"text": answer.shown, **answer.table_row(), "error": ""})
    return rows
