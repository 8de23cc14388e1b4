"""What people write in cells: nothing, in many ways; yes and no; and one label in two spellings."""

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from engine.errors import DataError

MISSING = frozenset(
    {
        "",
        "nan",
        "none",
        "null",
        "nil",
        "na",
        "n/a",
        "#n/a",
        "<na>",
        "nat",
        "-",
        "--",
        "?",
        "unlabeled",
        "unlabelled",
        "undefined",
        "\\n",  # as MySQL writes nothing
    }
)
MARKS = {
    **dict.fromkeys(("true", "1", "1.0", "yes", "y", "t", "x", "valid", "validation", "val", "dev"), True),
    **dict.fromkeys(("false", "0", "0.0", "no", "n", "f", "", "train", "training"), False),
}
_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+$")
_PARTED = re.compile(r"[,;|]")
_BETWEEN = re.compile(r"[\s_\-]+")
_SHOWN = 3


def is_missing(value: str) -> bool:
    """Whether a cell says that there is nothing: empty, or a word that programs write for that."""
    return value.strip().lower() in MISSING


def as_mark(value: str, where: str) -> bool:
    """Yes or no, from a cell that says which samples validate; `DataError` for anything else, naming `where` it stands."""
    mark = MARKS.get(value.strip().lower())
    if mark is None:
        raise DataError(f"{where} has {value.strip()[:40]!r}, which is neither yes nor no. Write True or False.")
    return mark


def as_number(value: str) -> float | None:
    """A cell's number, with a point or a comma before the decimals; None for what is none, or is infinite."""
    if _THOUSANDS.match(value.strip()):
        return None  # a thousand and more, or one and a little: nobody can tell
    try:
        number = float(value.strip().replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def spellings(labels: Iterable[str]) -> list[tuple[str, ...]]:
    """Labels that seem to be one, written in several ways: in capitals, with a blank for an underscore, or in other code
    points.
    """
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for label in sorted(set(labels)):
        number = as_number(label)
        if number is not None:
            alike[f"{number:g}"].append(label)
            continue
        alike[_BETWEEN.sub(" ", unicodedata.normalize("NFKC", label)).strip().casefold()].append(label)
    return [tuple(group) for group in alike.values() if len(group) > 1]


def label_warnings(labels: Iterable[str]) -> list[str]:
    """What is doubtful about a data set's labels, a sentence each."""
    named = sorted(set(labels))
    warnings = [f"{quoted(group)} look like one class in several spellings." for group in spellings(named)]
    parted = [label for label in named if _PARTED.search(label)]
    if parted:
        warnings.append(f"{quoted(parted)} have a comma, semicolon or bar inside: are these several labels?")
    return warnings


def storable(text: str) -> str:
    """A text, or a file's name, with a question mark for what is no letter: JSON and names may have halves of letters in them."""
    return text.encode("utf-8", "replace").decode()


def quoted(names: Iterable[str]) -> str:
    """The first few names, in quotes, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(f"“{name}”" for name in listed[:_SHOWN]) + more
