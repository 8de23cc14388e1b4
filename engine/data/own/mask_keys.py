"""A way to read masks whose values nobody has named: colours, a palette or codes, each named in a key that can be edited."""

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from engine.data.own.plain import Row, write_masks
from engine.data.own.way import Answers, Question, Way
from engine.data.pictures.files import DAMAGE, ORIENTATION, damaged, decode_stored, list_pictures
from engine.data.pictures.mask_layouts import CODES, MASK_FOLDERS, PICTURE_FOLDERS, pair
from engine.data.pictures.masks import MOST_CLASSES, is_void
from engine.data.pictures.transforms import VOID
from engine.data.reading.encodings import read_text
from engine.data.reading.values import quoted
from engine.errors import DataError

KEY_FILES = ("class_dict.csv", "labels.csv", "classes.csv", "label_colors.txt", "label_colours.txt", "colors.txt")
_LINE = re.compile(r"^\s*(#[0-9a-fA-F]{6}|\d{1,3})\s*[=:,]\s*(.*?)\s*$")

Value = int  # a code, or a colour as 0xRRGGBB


def mask_ways(folder: Path) -> list[Way]:
    """Pictures and masks in two folders, without a list of classes that fits; [] where there are none."""
    pictures = _first(folder, PICTURE_FOLDERS)
    masks = _first(folder, MASK_FOLDERS)
    if not pictures or not masks:
        return []
    pairs, lost = pair(list_pictures(pictures), list_pictures(masks))
    if not pairs:
        return []
    counts, coloured = _count(pairs)
    names = _proposed(folder, list(counts), coloured)
    key = "\n".join(f"{_written(value, coloured)} = {names[value]}" for value in sorted(counts))
    what = "colours" if coloured else "codes"
    question = Question(
        name="key", asked=f"Which of the {what} is which class? Void stands for none.", choices={}, value=key
    )

    def write(target: Path, answers: Answers) -> tuple[str, ...]:
        said = _read_key(way.answered(answers)["key"], coloured)
        missing = [_written(value, coloured) for value in counts if value not in said]
        if missing:
            raise DataError(
                f"The key has no line for {quoted(missing)}. Write one for each, such as {missing[0]} = road."
            )
        classes = tuple(dict.fromkeys(name for name in said.values() if not is_void(name)))
        place = {value: VOID if is_void(name) else classes.index(name) for value, name in said.items()}
        write_masks(
            target,
            (Row(picture=one, label=_coded(mask, place, coloured)) for one, mask in pairs.items()),
            classes=classes,
        )
        return tuple(f"{len(some)} left out: {why} ({quoted(some)})." for why, some in lost.items())

    said = f"pictures in {pictures.name}/, masks of {len(counts)} {what} in {masks.name}/"
    way = Way(kind="mask", said=said, questions=(question,), write=write)
    return [way]


def _first(folder: Path, names: Sequence[str]) -> Path | None:
    found = {path.name.lower(): path for path in folder.iterdir() if path.is_dir()}
    return next(
        (found[name.lower()] for name in names if name.lower() in found and list_pictures(found[name.lower()])), None
    )


def _values(mask: Path) -> tuple[np.ndarray, bool]:
    """A mask's values (H, W) as they are stored, and whether they are colours."""
    image = decode_stored(mask)
    if image.getexif().get(ORIENTATION, 1) != 1:
        raise DataError(f"The mask {mask.name} has an EXIF tag that turns it. Save it upright, as PNG.")
    if image.format in ("JPEG", "MPO"):
        raise DataError(
            f"The mask {mask.name} is a JPEG, which changes its colours a little everywhere. Save masks as PNG."
        )
    try:
        if image.mode == "P":
            image = image.convert("RGB")
        values = np.asarray(image)
    except DAMAGE as problem:
        raise damaged(mask.name, problem) from None
    if values.ndim == 2:
        if values.size and (values.min() < 0 or values.max() > VOID):
            raise DataError(f"The mask {mask.name} holds numbers beyond 255. Save it with codes from 0 to 255.")
        return values.astype(np.int64), False
    if values.shape[2] == 4 and not (values[..., 3] == 255).all():
        raise DataError(f"The mask {mask.name} is transparent in places. Save it without an alpha channel.")
    if values.shape[2] < 3:
        return values[..., 0].astype(np.int64), False
    red, green, blue = (values[..., part].astype(np.int64) for part in range(3))
    return red << 16 | green << 8 | blue, True


def _count(pairs: Mapping[Path, Path]) -> tuple[Counter[Value], bool]:
    """How many pixels have each value, over all masks, and whether these are colours; `DataError` where they are no classes."""
    counts, kinds = Counter[Value](), set[bool]()
    for mask in pairs.values():
        values, coloured = _values(mask)
        kinds.add(coloured)
        found, times = np.unique(values, return_counts=True)
        counts.update(dict(zip(found.tolist(), times.tolist(), strict=True)))
        if len(counts) > 4 * MOST_CLASSES:
            break
    if len(kinds) > 1:
        raise DataError("Some masks hold codes and others colours. Save all of them in one way.")
    if len(counts) > MOST_CLASSES:
        raise DataError(
            f"The masks hold more than {MOST_CLASSES} different values: they were resized or packed so that edges are mixed, or "
            "they are photographs. Save them as PNG with one value for each class."
        )
    return counts, kinds.pop()


def _proposed(folder: Path, values: Sequence[Value], coloured: bool) -> dict[Value, str]:
    """Names from a key that lies beside the folders, or numbers."""
    known: dict[Value, str] = {}
    for name in KEY_FILES:
        if (folder / name).is_file():
            known |= _colours_in(folder / name)
    if (folder / CODES).is_file() and not coloured:
        known |= dict(enumerate(line.strip() for line in read_text(folder / CODES).splitlines() if line.strip()))
    rest = iter(range(len(values)))
    number = {value: next(rest) for value in sorted(values)}
    return {
        value: known.get(value)
        or ("Void" if value == VOID and not coloured and len(values) > 2 else f"class {number[value]}")
        for value in values
    }


def _colours_in(file: Path) -> dict[Value, str]:
    """The colours that a key says: rows with a name and three numbers, in either order."""
    text = read_text(file)
    rows = csv.reader(io.StringIO(text)) if "," in text else (line.split() for line in text.splitlines())
    found: dict[Value, str] = {}
    for cells in rows:
        numbers = [int(cell) for cell in map(str.strip, cells) if cell.isdecimal()]
        names = [cell.strip() for cell in cells if cell.strip() and not cell.strip().isdecimal()]
        if len(numbers) == 3 and names and max(numbers) <= 255:
            found[numbers[0] << 16 | numbers[1] << 8 | numbers[2]] = " ".join(names)
    return found


def _read_key(text: str, coloured: bool) -> dict[Value, str]:
    """What the lines of a key say; `DataError` for a line that says nothing."""
    found: dict[Value, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        match = _LINE.match(line)
        if not match or not match[2] or coloured != match[1].startswith("#"):
            example = "#804000 = road" if coloured else "3 = road"
            raise DataError(f"Line {number} of the key is {line[:60]!r}. Write it as in {example}.")
        value = int(match[1][1:], 16) if coloured else int(match[1])
        if value in found:
            raise DataError(f"The key has two lines for {match[1]}. Keep one.")
        found[value] = match[2]
    return found


def _coded(mask: Path, place: Mapping[Value, int], coloured: bool) -> np.ndarray:
    values, _ = _values(mask)
    found, inverse = np.unique(values, return_inverse=True)
    return np.array([place[value] for value in found.tolist()], dtype=np.uint8)[inverse].reshape(values.shape)


def _written(value: Value, coloured: bool) -> str:
    return f"#{value:06x}" if coloured else str(value)
