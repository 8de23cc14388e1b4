"""A data set of pictures in numbers: its classes in each split, what was left out, and copies on both sides of the split."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.data.account import Account, class_warnings, split_warnings
from engine.data.pictures.scan import PictureLook, near_copies
from engine.data.reading.values import label_warnings, quoted

if TYPE_CHECKING:
    from engine.data.pictures.block import Data


def account_of_pictures(data: "Data") -> Account:
    """What was found, counted."""
    splits = {"train": data.train, "valid": data.valid, "test": data.test}
    numbers = {name: len(items) for name, items in splits.items()}
    counts = {name: data.block.count(items) for name, items in splits.items() if items}
    classes = {name: {split: counts[split].get(name, 0) for split in counts} for name in data.classes}
    shares = {
        name: {split: number / max(1, sum(counts[split].values())) for split, number in found.items()}
        for name, found in classes.items()
    }
    is_counted = any(sum(found.values()) for found in counts.values())
    unit = "pixel" if data.counts_pixels else "picture"
    warnings = (
        *data.findings.warnings,
        *((*label_warnings(data.classes), *class_warnings(classes, numbers, unit)) if is_counted else ()),
        *copy_warnings(data.train, data.valid, data.looks),
        *split_warnings(numbers),
    )
    return Account(
        kind=data.kind,
        plural="pictures",
        layout=data.findings.layout,
        found=data.findings.found,
        used=sum(numbers.values()),
        left_out=data.findings.left_out,
        classes=classes if is_counted else {},
        shares=shares if is_counted and data.counts_pixels else {},
        split={**numbers, "unlabelled": len(data.unlabelled)},
        source=data.title,
        warnings=warnings,
        notes=data.findings.notes,
    )


def copy_warnings(train: Sequence[Path], valid: Sequence[Path], looks: Mapping[Path, PictureLook]) -> list[str]:
    """Whether validation asks for what training has shown."""
    found = near_copies(train, valid, looks)
    if not found:
        return []
    example = quoted(path.name for path in found[0])
    seen = sum(bool(looks[path].tiny) for path in valid if path in looks)
    asked = f"{len(valid):,}" if seen == len(valid) else f"{seen:,} looked at (of {len(valid):,})"
    return [
        f"{len(found):,} of {asked} validation pictures look the same as a training picture ({example}): neighbouring "
        "frames, or copies. What is measured on them is better than on new pictures. A list of what validates "
        "(valid.txt), or whole recordings, is fairer."
    ]
