"""The folders in which pictures with masks come: which mask belongs to which picture, what the classes are, who validates.

Two are published: the lesson's (`images/`, `labels/<stem>_P.png`, `codes.txt`, and `valid.txt` where there is one) and SegNet's,
known as "tiramisu" (`train/`, `trainannot/`, `val/`, `valannot/`, `test/`, `testannot/`, `codes.txt`). Data of one's own may have
other names for the folder of masks, and for the masks.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.data.account import Findings, part
from engine.data.pictures.files import list_pictures
from engine.data.pictures.masks import MOST_CLASSES
from engine.data.pictures.names import PictureNames
from engine.data.reading.lists import read_lines
from engine.data.reading.litter import is_litter
from engine.data.reading.values import quoted
from engine.data.splits import Split, by_chance, by_mark, by_recordings, by_words, recordings
from engine.errors import DataError, LayoutError

CODES, LISTED = "codes.txt", "valid.txt"
NO_MASK = "no mask"
PICTURE_FOLDERS = ("images", "image", "imgs", "img", "JPEGImages", "pictures")
MASK_FOLDERS = ("labels", "label", "masks", "mask", "annotations", "annot", "SegmentationClass", "groundtruth", "gt")
ENDINGS = (
    "_P",
    "",
    "_mask",
    "_masks",
    "_label",
    "_labels",
    "_labelIds",
    "_gt",
    "_seg",
    "_L",
    "-mask",
    ".mask",
    " mask",
)
SPLIT_FOLDERS = {"train": "train", "val": "valid", "valid": "valid", "validation": "valid", "test": "test"}
# CamVid's four recordings. The lesson splits the frames of its small set by chance, and so they are split here.
LESSON_FRAME = re.compile(r"(0001TP|0006R0|0016E5|Seq05VD)_f?\d+")
_NUMBERED = re.compile(r"^(\d{1,9})[\s:,;=.)\-]+(\S.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskLayout:
    """A folder understood: each picture's mask, the classes in the order of their codes, and how the pictures are split."""

    codes: tuple[str, ...]
    masks: Mapping[Path, Path]
    test: tuple[Path, ...]
    split: Callable[[Sequence[Path]], Split]
    findings: Findings


def find_mask_layout(root: Path) -> MaskLayout:
    """The layout that `root` has; `LayoutError` for one that holds nothing of that kind."""
    splits = {
        folder.name: folder
        for folder in _folders(root)
        if folder.name in SPLIT_FOLDERS and (root / f"{folder.name}annot").is_dir()
    }
    if splits:
        return _split_layout(root, splits)
    pictures = next((root / name for name in PICTURE_FOLDERS if (root / name).is_dir()), None)
    masks = next((root / name for name in MASK_FOLDERS if (root / name).is_dir()), None)
    if pictures and masks and list_pictures(masks):
        return _one_layout(root, pictures, masks)
    raise LayoutError(
        f"{root} has no layout that is known for masks. Expected images/ and labels/ with codes.txt, "
        "or train/, trainannot/, val/ and valannot/ with codes.txt."
    )


def read_classes(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The classes' names in the order of their codes, and notes; a line may begin with its code."""
    if not path.is_file():
        raise DataError(f"{path} is missing. It names the classes, one a line, in the order of the codes in the masks.")
    written = read_lines(path)
    lines = [line for line in written if not line.startswith("#")]
    numbered = [_NUMBERED.match(line) for line in lines]
    notes: tuple[str, ...] = ()
    if all(numbered) and lines:
        by_code = {int(found[1]): found[2].strip() for found in numbered if found}
        if sorted(by_code) != list(range(len(lines))):
            raise DataError(f"{path} numbers its classes {sorted(by_code)}. Number them from 0 on, each once.")
        lines = [by_code[code] for code in range(len(lines))]
        notes = (f"{path.name} writes each class with its code; the codes are no part of the names.",)
    if len(lines) < len(written):
        notes = (*notes, f"{path.name} has lines that begin with #; they are no classes.")
    twice = [name for name, count in Counter(lines).items() if count > 1]
    if twice:
        raise DataError(f"{path} names {quoted(twice)} twice. Each class needs a name of its own.")
    if not 2 <= len(lines) <= MOST_CLASSES:
        raise DataError(f"{path} has {len(lines)} names. It needs 2 to {MOST_CLASSES}, one on each line.")
    return tuple(lines), notes


def _split_layout(root: Path, splits: Mapping[str, Path]) -> MaskLayout:
    """A folder for each split, and one beside it with the masks."""
    codes, notes = read_classes(root / CODES)
    masks: dict[Path, Path] = {}
    left_out: dict[str, tuple[str, ...]] = {}
    for name, folder in splits.items():
        pairs, lost = pair(list_pictures(folder), list_pictures(root / f"{name}annot"))
        masks |= pairs
        left_out |= {why: (*left_out.get(why, ()), *names) for why, names in lost.items()}
    on = {path: SPLIT_FOLDERS[path.parent.name] for path in masks}
    return MaskLayout(
        codes=codes,
        masks=masks,
        test=tuple(path for path in masks if on[path] == "test"),
        split=lambda inputs: by_words(inputs, on, "folders of splits, as published"),
        findings=Findings(
            layout=f"a folder for each split ({', '.join(splits)}), masks beside them",
            found=len(masks) + len(left_out.get(NO_MASK, ())),
            left_out=left_out,
            notes=notes,
            parts=_split_parts(splits, masks),
        ),
    )


def _split_parts(splits: Mapping[str, Path], masks: Mapping[Path, Path]) -> dict[str, str]:
    """The same as parts of a data block, where one pattern fits all masks."""
    endings = {_ending(picture, mask) for picture, mask in masks.items()}
    if len(endings) != 1 or len({SPLIT_FOLDERS[name] for name in splits}) < len(splits):
        return {}
    sides = {SPLIT_FOLDERS[name]: name for name in splits}
    test = sides.pop("test", "")
    return {
        "inputs": part("pictures_in", *sides.values()),
        "label": part("masks_at", f"{{folder}}annot/{{stem}}{endings.pop()}"),
        **({"split": part("folder_split", valid=sides["valid"])} if "valid" in sides else {}),
        **({"test": part("pictures_in", test)} if test else {}),
    }


def _ending(picture: Path, mask: Path) -> str:
    return mask.stem.removeprefix(picture.stem)


def _one_layout(root: Path, pictures: Path, masks: Path) -> MaskLayout:
    """All pictures in one folder, all masks in another."""
    codes, notes = read_classes(root / CODES)
    pairs, left_out = pair(list_pictures(pictures), list_pictures(masks))
    split, warnings = _split_of(root, pictures, tuple(pairs))
    return MaskLayout(
        codes=codes,
        masks=pairs,
        test=(),
        split=split,
        findings=Findings(
            layout=f"pictures in {pictures.name}/, masks in {masks.name}/",
            found=len(pairs) + len(left_out.get(NO_MASK, ())),
            left_out=left_out,
            notes=notes,
            warnings=warnings,
            parts={
                "inputs": part("pictures_in", pictures.name),
                "label": part("masks_at", f"{masks.name}/{{stem}}{_ending(*next(iter(pairs.items())))}"),
                **({"split": part("list_split", LISTED)} if (root / LISTED).is_file() else {}),
            }
            if pairs
            else {},
        ),
    )


def _split_of(
    root: Path, folder: Path, pictures: tuple[Path, ...]
) -> tuple[Callable[[Sequence[Path]], Split], tuple[str, ...]]:
    if (root / LISTED).is_file():
        listed, warnings = listed_pictures(root / LISTED, folder, pictures)
        return lambda inputs: by_mark(inputs, listed.__contains__, f"the frames that {LISTED} lists"), warnings
    of = {} if all(LESSON_FRAME.match(path.name) for path in pictures) else recordings(pictures)
    if of:
        return lambda inputs: by_recordings(inputs, of), ()
    return by_chance, ()


def listed_pictures(file: Path, folder: Path, pictures: Sequence[Path]) -> tuple[set[Path], tuple[str, ...]]:
    """The pictures that a list names, and a warning of those names that fit none."""
    names, known = read_lines(file), PictureNames(pictures, folder.parent)
    found = {name: known.find(name) for name in names}
    lost = [name for name, fitting in found.items() if len(fitting) != 1]
    if len(lost) == len(found):
        raise DataError(
            f"None of the {len(names)} names in {file.name} is that of a picture in {folder.name}/ (the first is "
            f"{quoted(names[:1])}). Write a picture's name on each line, or delete the list."
        )
    warnings = (f"{len(lost)} names in {file.name} fit no picture: {quoted(lost)}.",) if lost else ()
    return {fitting[0] for fitting in found.values() if len(fitting) == 1}, warnings


def pair(pictures: Sequence[Path], masks: Sequence[Path]) -> tuple[dict[Path, Path], dict[str, tuple[str, ...]]]:
    """Each picture's mask, and the names of those that have no other half, by the reason.

    Masks are called like their pictures, with one ending for all of them: the one by which most find their picture.
    """
    by_stem: dict[str, list[Path]] = {}
    for mask in masks:
        by_stem.setdefault(mask.stem, []).append(mask)
    fits = {ending: sum(f"{picture.stem}{ending}" in by_stem for picture in pictures) for ending in ENDINGS}
    ending = max(fits, key=lambda one: fits[one])
    two = [stem for stem, found in by_stem.items() if len(found) > 1]
    if two:
        raise DataError(
            f"Two masks are called {two[0]}: {quoted(mask.name for mask in by_stem[two[0]])}. Keep one of them."
        )
    twice = [stem for stem, count in Counter(picture.stem for picture in pictures).items() if count > 1]
    if twice:
        raise DataError(f"Two pictures are called {twice[0]}, with one mask for both. Give each a name of its own.")
    if pictures and masks and not fits[ending]:
        raise DataError(
            f"No mask in {masks[0].parent.name}/ is called like a picture: for {pictures[0].name} there should be "
            f"{pictures[0].stem}_P.png "
            f"or {pictures[0].stem}.png, and the first that is there is {masks[0].name}. Rename the masks."
        )
    pairs = {
        picture: by_stem[f"{picture.stem}{ending}"][0] for picture in pictures if f"{picture.stem}{ending}" in by_stem
    }
    lost = {
        NO_MASK: tuple(picture.name for picture in pictures if picture not in pairs),
        "a mask without a picture": tuple(mask.name for mask in masks if mask not in set(pairs.values())),
    }
    return pairs, {why: names for why, names in lost.items() if names}


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if path.is_dir() and not is_litter(path.name))
