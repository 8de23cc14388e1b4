"""A data set whose classes are not those of a model that is to be judged on it: what both know is compared, and the rest is
said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.data.reading.values import quoted
from engine.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """Which of a data set's classes is which of a model's, by name, and what has to be said of the others."""

    names: Mapping[str, str]
    remarks: tuple[str, ...]


def match_classes(own: Sequence[str], wanted: Sequence[str], where: str) -> Matching:
    """The classes of a data set (`own`, in `where`) among those of a model; `DataError` where they have none in common.

    They are the same where their names are, with no regard to capitals where that is clear.
    """
    small: dict[str, list[str]] = {}
    for name in wanted:
        small.setdefault(name.casefold(), []).append(name)
    names: dict[str, str] = {}
    for name in own:
        alike = [name] if name in wanted else small.get(name.casefold(), [])
        if len(alike) == 1:
            names[name] = alike[0]
    if not names:
        raise DataError(
            f"{where} has the classes {quoted(own)}, and the model knows {quoted(wanted)}: none of them is the same. "
            "Choose another data set or another model."
        )
    strange = [name for name in own if name not in names]
    unseen = [name for name in wanted if name not in names.values()]
    remarks = []
    if strange:
        remarks.append(f"The model does not know {quoted(strange)} of {where}: what is labelled so is not judged.")
    if unseen:
        remarks.append(f"{where} has no label for {quoted(unseen)} of the model's {len(wanted)} classes.")
    return Matching(names=names, remarks=tuple(remarks))
