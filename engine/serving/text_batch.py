"""Many texts at once: a CSV or a file with a text a line in, a row of answers for each text out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from engine.data.texts.feed import pad_numbers
from engine.errors import DataError
from engine.kinds.text import MAX_TABLE, read_column
from engine.serving.predictor import Predictor

AT_ONCE = 16


def read_texts(path: Path) -> list[str]:
    """The texts of a CSV file with a column text, or of a file with one a line; `DataError` where there are none.

    Empty ones are kept where they stand, so that the answers line up with the file.
    """
    if path.suffix.lower() == ".csv":
        texts = read_column(path)
    else:
        if path.stat().st_size > MAX_TABLE:
            raise DataError(f"{path.name} has more than {MAX_TABLE // 1_000_000} MB. Cut it into several files.")
        texts = path.read_bytes().decode("utf-8-sig", "replace").splitlines()
    if not any(text.strip() for text in texts):
        raise DataError(f"{path.name} has no texts in it.")
    return texts


def judge_texts(predictor: Predictor, texts: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each text, in their order: the text, the answer with each class's probability, or why there is none."""
    rows: list[dict[str, Any]] = [{}] * len(texts)
    empty = {"class": "", **dict.fromkeys(predictor.classes, "")}
    ready: list[tuple[int, str, torch.Tensor]] = []
    for number, text in enumerate(texts):
        try:
            shown, numbers = predictor.prepare(text)
            ready.append((number, shown, numbers[0]))
        except DataError as problem:
            rows[number] = {"text": text[:200], **empty, "error": str(problem)}
    ready.sort(key=lambda one: -len(one[2]))  # those of like length together
    model: Any = predictor.model
    for start in range(0, len(ready), AT_ONCE):
        some = ready[start : start + AT_ONCE]
        batch = pad_numbers([numbers for _, _, numbers in some], model.tokenizer.pad)
        for (number, shown, _), row in zip(some, predictor.logits(batch), strict=True):
            rows[number] = {"text": shown, **predictor.answer(row, shown).table_row(), "error": ""}
    return rows
