"""A data set of texts in numbers: its classes in each split, what was left out, and copies on both sides of the split."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.data.account import Account, class_warnings, split_warnings
from engine.data.reading.values import label_warnings, quoted

if TYPE_CHECKING:
    from engine.data.texts.dataset import TextData

MANY_CLASSES = 0.5  # of the texts, from which on labels look like numbers of texts, or like texts
FEW_WORDS = 5  # a text with fewer says too little to be a copy
_WORD = re.compile(r"\w+")
_AT_ONCE = 2000  # texts in memory


def account_of_texts(data: "TextData") -> Account:
    """What was found, counted."""
    splits = {"train": data.train, "valid": data.valid, "test": data.test}
    numbers = {name: len(rows) for name, rows in splits.items()}
    counts = {name: Counter(data.labels(rows)) for name, rows in splits.items() if rows}
    classes = {
        name: {split: found[number] for split, found in counts.items()} for number, name in enumerate(data.classes)
    }
    labelled = len({row for rows in splits.values() for row in rows})
    warnings = [*data.findings.warnings, *label_warnings(data.classes), *class_warnings(classes, numbers, "text")]
    if len(data.classes) > MANY_CLASSES * labelled:
        warnings.append(
            f"There are {len(data.classes)} classes for {labelled} texts: is this the column with the labels? It holds "
            f"{quoted(data.classes)}."
        )
    warnings += split_warnings(numbers)
    return Account(
        kind="text",
        plural="texts",
        layout=data.findings.layout,
        found=data.findings.found,
        used=labelled,
        left_out=data.findings.left_out,
        classes=classes,
        split={**numbers, "unlabelled": len(data.unlabelled) + len(data.unlabelled_test)},
        source=data.title,
        warnings=(*warnings, *_copy_warnings(data)),
        notes=data.findings.notes,
    )


def _copy_warnings(data: "TextData") -> list[str]:
    """Validation texts that training has word for word."""
    known = dict(_prints(data, data.train))
    found = [(row, known[mark]) for mark, row in _prints(data, data.valid) if mark in known]
    if not found:
        return []
    example = quoted(data.name(row) for row in found[0])
    return [
        f"{len(found):,} of {len(data.valid):,} validation texts are in the training texts too, word for word ({example}): "
        "what is measured on them is better than on new texts."
    ]


def _prints(data: "TextData", rows: Sequence[int]) -> list[tuple[bytes, int]]:
    """A mark for the words of each text, without regard to capitals and to what stands between them."""
    found = []
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        for row, text in zip(some, data.texts(some), strict=True):
            words = _WORD.findall(text.lower())
            if len(words) >= FEW_WORDS:
                found.append((hashlib.blake2b(" ".join(words).encode(), digest_size=12).digest(), row))
    return found
