"""Pascal VOC's folders: masks in colours, lists of splits, and an XML file for each picture with the objects in it.

Format: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/devkit_doc.pdf; `class_names.txt` is LabelMe's, `labelmap.txt` CVAT's.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from engine.data.own.export_files import Pictures, as_name, as_size, find_files, holds, read_xml
from engine.data.own.marked import LEFT_OUT, Export, Marked, Told, look_at, notes_of, told_of, usable
from engine.data.own.marked_ways import export_ways, ways_of
from engine.data.own.plain import Row, write_masks
from engine.data.own.shapes import Shape, as_stored
from engine.data.own.way import Answers, Way
from engine.data.pictures.files import decode_stored, header_size
from engine.data.pictures.mask_fit import fit_masks
from engine.data.pictures.masks import MaskLook
from engine.data.pictures.transforms import VOID
from engine.data.reading.lists import read_lines
from engine.data.reading.values import as_number, quoted
from engine.data.splits import SPLIT_WORDS
from engine.errors import DataError

NAMES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
MASKS = ("SegmentationClass", "SegmentationClassPNG")
VOC_PALETTE = "Pascal VOC's palette"
LISTED_NAMES, LABEL_MAP = "class_names.txt", "labelmap.txt"
_OBJECT = "annotation/object"
_NAME, _FILE, _HEIGHT, _WIDTH = (
    f"{_OBJECT}/name", "annotation/filename", "annotation/size/height", "annotation/size/width",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """What the colours of masks mean.

    said: by which file. classes: the background first. codes: by the colour, as 0xRRGGBB. has_numbers: whether a grey mask holds
    the codes themselves.
    """

    said: str
    classes: tuple[str, ...]
    codes: Mapping[int, int]
    has_numbers: bool = False


def ways(folder: Path) -> list[Way]:
    """The ways to read a folder of that kind: its masks, and the objects that XML files name; [] where there is neither.

    Where one of the two cannot be used, that is a note of the other's ways; `DataError` where none can.
    """
    return ways_of([partial(_mask_ways, folder), partial(_xml_ways, folder)])


def _mask_ways(folder: Path) -> list[Way]:
    """Masks whose colours are VOC's own, or stand in a file beside them; others are left to those who ask what they mean."""
    places = [[path for path in find_files(folder, ".png") if path.parent.name == name] for name in MASKS]
    masks = next(filter(None, places), [])
    key = _key_of(folder, masks[0]) if masks else None
    if key is None:
        return []
    pictures, told, of = Pictures(folder), Told(list), dict[Path, Path]()
    for mask in masks:
        picture = pictures.find(mask.stem, mask.parent.parent)
        if picture is None:
            told["Masks whose picture is not there, or is there several times"].append(mask.name)
        elif of.setdefault(picture, mask) != mask:
            raise DataError(f"{picture.name} has two masks, {quoted([of[picture].name, mask.name])}. Keep one of them.")
    if not of:
        raise DataError(
            f"None of the {len(masks)} masks in {masks[0].parent.name} has its picture in the folder: for {masks[0].name} it "
            f"would be {masks[0].stem}.jpg in JPEGImages. Put the pictures there."
        )
    if key.said == VOC_PALETTE:
        told[
            f"No file names the classes ({LISTED_NAMES} or {LABEL_MAP} would): the palette's are those of Pascal VOC."
        ] = []
    told[f"{LEFT_OUT} they have no mask"] += [picture.name for picture in pictures.all if picture not in of]
    marked = _with_splits([Marked(picture=picture) for picture in of], pictures, "Segmentation")
    export = Export(program=f"Masks with {key.said}", classes=key.classes, marked=marked, told=told)
    said = f"{export.program}: {len(key.classes)} classes ({quoted(key.classes)})"
    return [Way(kind="mask", said=said, write=partial(_write_masks, export, of, key))]


def _key_of(folder: Path, mask: Path) -> _Key | None:
    """What the colours mean, where a file says it or the palette is VOC's; None where nothing does."""
    beside = {path.name: path for path in find_files(folder, ".txt") if path.name in (LISTED_NAMES, LABEL_MAP)}
    if LABEL_MAP in beside:
        return _label_map(beside[LABEL_MAP])
    colours = _palette()
    border = {colours[VOID]: VOID}
    if LISTED_NAMES in beside:
        names = [name for name in map(as_name, read_lines(beside[LISTED_NAMES])) if name != "__ignore__"]
        names = ["background" if name == "_background_" else name for name in names]
        codes = {colours[code]: code for code in range(min(len(names), VOID))} | border
        return _Key(said=f"the names in {LISTED_NAMES}", classes=tuple(names), codes=codes, has_numbers=True)
    image = decode_stored(mask)
    palette = image.getpalette("RGB") if image.mode == "P" else None
    if not palette or _packed(palette)[: len(NAMES)] != colours[: len(NAMES)]:
        return None
    codes = {colours[code]: code for code in range(len(NAMES))} | border
    return _Key(said=VOC_PALETTE, classes=NAMES, codes=codes)


def _label_map(file: Path) -> _Key:
    """CVAT's list: a name and a colour on each line, as in `car:128,0,0::`."""
    named: dict[str, int] = {}
    for line in read_lines(file):
        if line.startswith("#"):
            continue
        name, _, rest = line.partition(":")
        rgb = [as_number(part) for part in rest.partition(":")[0].split(",")]
        if len(rgb) != 3 or not as_name(name) or not all(one is not None and one in range(256) for one in rgb):
            raise DataError(
                f"{file.name} has the line {line[:60]!r}. Write a name and a colour, as in “car:128,0,0::”."
            )
        named[as_name(name)] = _packed([int(one or 0) for one in rgb])[0]
    if len(set(named.values())) < len(named):
        raise DataError(f"{file.name} has one colour for two names. Give each a colour of its own.")
    classes = ("background", *(name for name in named if name.casefold() != "background"))
    black = {} if 0 in named.values() else {0: 0}
    codes = {colour: 0 if name.casefold() == "background" else classes.index(name) for name, colour in named.items()}
    return _Key(said=f"the colours in {file.name}", classes=classes, codes={_palette()[VOID]: VOID} | black | codes)


def _palette() -> list[int]:
    """VOC's 256 colours: from the lowest on, a code's bits are the highest of red, green and blue, then their second ones."""
    bits = [(place, channel) for place in range(3) for channel in range(3)]
    return [
        sum(((code >> (3 * place + channel)) & 1) << (7 - place + 8 * (2 - channel)) for place, channel in bits)
        for code in range(256)
    ]


def _packed(palette: Sequence[int]) -> list[int]:
    return [(red << 16) | (green << 8) | blue for red, green, blue in zip(*[iter(palette)] * 3, strict=False)]


def _write_masks(export: Export, of: Mapping[Path, Path], key: _Key, target: Path, answers: Answers) -> tuple[str, ...]:
    told = told_of(export)
    looks = {one.picture: look_at(one.picture) for one in export.marked}
    pairs = {one.picture: of[one.picture] for one in export.marked if not looks[one.picture].fault}
    sizes = {mask: _mask_look(mask) for mask in pairs.values()}
    whole, turns, _, warnings = fit_masks(pairs, looks, sizes) if pairs else ([], {}, {}, [])
    told |= {warning: [] for warning in warnings}
    fitting = set(whole)

    def fault(one: Marked) -> str:
        if looks[one.picture].fault or sizes[of[one.picture]].fault:
            return "they or their masks cannot be read"
        return "" if one.picture in fitting else "their masks have another size"

    marked = usable(export, told, fault)

    def rows() -> Iterator[Row]:
        for one in marked:
            codes, turn = _codes(of[one.picture], key), looks[one.picture].turn
            label = codes if one.picture in turns else as_stored(codes, turn)
            yield Row(picture=one.picture, label=label, split=one.split)

    write_masks(target, rows(), classes=key.classes)
    return notes_of(told)


def _mask_look(mask: Path) -> MaskLook:
    try:
        return MaskLook(size=header_size(mask))
    except DataError as problem:
        return MaskLook(fault=str(problem))


def _codes(mask: Path, key: _Key) -> np.ndarray:
    """A mask's codes (H, W) uint8, by its colours; `DataError` for a colour that stands for nothing."""
    image = decode_stored(mask)
    if image.mode == "P":
        values, colours = np.asarray(image), _packed(image.getpalette("RGB") or [])
    elif image.mode in ("L", "1") and key.has_numbers:
        values, colours = np.asarray(image).astype(np.uint8), _palette()
    elif image.mode in ("L", "1", "RGB", "RGBA"):
        parts = np.asarray(image.convert("RGB")).astype(np.int64)
        found, places = np.unique((parts[:, :, 0] << 16) | (parts[:, :, 1] << 8) | parts[:, :, 2], return_inverse=True)
        values, colours = places.reshape(parts.shape[:2]), found.tolist()
    else:
        raise DataError(f"The mask {mask.name} has mode {image.mode}. Save it with a palette, or in colours.")
    table = np.zeros(max(256, len(colours)), np.uint8)
    for value in np.unique(values).tolist():
        colour = colours[value] if value < len(colours) else -1
        if colour not in key.codes:
            shown = f"the colour #{colour:06x}" if colour >= 0 else f"the code {value} without a colour"
            raise DataError(
                f"The mask {mask.name} has {shown}, which stands for none of the classes by {key.said}. Name it there."
            )
        table[value] = key.codes[colour]
    return table[values]


def _with_splits(marked: Sequence[Marked], pictures: Pictures, kind: str) -> list[Marked]:
    """The same with the splits of the lists in ImageSets, or else of the folders that pictures lie in."""
    lists = {
        file: SPLIT_WORDS[file.stem]
        for file in find_files(pictures.folder, ".txt")
        if file.stem in ("train", "val", "test") and file.parts[-3:-1] == ("ImageSets", kind)
    }
    sides: defaultdict[Path | None, set[str]] = defaultdict(set)
    for file, side in lists.items():
        for line in read_lines(file):
            name = line.strip('"')
            found = pictures.find(name, file.parents[2]) or pictures.find(name.split()[0], file.parents[2])
            sides[found].add(side)
    return [
        replace(
            one,
            split=(
                pictures.split_of(one.picture)
                if not lists
                else "".join(sides[one.picture]) * (len(sides[one.picture]) == 1)
            ),
            fault=one.fault or ("they are in several lists of splits" if len(sides[one.picture]) > 1 else ""),
        )
        for one in marked
    ]


def _xml_ways(folder: Path) -> list[Way]:
    """Which objects XML files name; nobody has said which pixels are theirs."""
    files = [path for path in find_files(folder, ".xml") if holds(path, b"<annotation", b"<filename")]
    if not files:
        return []
    pictures, told, marked = Pictures(folder), Told(list), list[Marked]()
    classes: dict[str, None] = {}
    seen = 0
    for file in files:
        things = read_xml(file, "annotation", (_FILE, _HEIGHT, _WIDTH, _NAME), _OBJECT)
        if things is None:
            continue
        seen += 1
        whole, *objects = things
        names = [as_name(one.get(_NAME, "")) for one in objects]
        picture, fault = pictures.of_file(file, whole.get(_FILE, ""), told)
        if picture is None:
            continue
        classes |= dict.fromkeys(name for name in names if name)
        height, width = (as_number(whole.get(side, "")) for side in (_HEIGHT, _WIDTH))
        marked.append(
            Marked(
                picture=picture,
                said=as_size(height, width),
                shapes=tuple(Shape(name=name, is_rough=True) for name in names if name),
                fault=fault or ("" if all(names) else "an object in their file has no name"),
            )
        )
    if not seen:
        return []
    if not marked:
        raise DataError(
            f"None of the {seen} XML files has its picture in the folder: {quoted(path.name for path in files)}."
        )
    known = {one.picture for one in marked}
    told[f"{LEFT_OUT} no XML file is theirs"] += [picture.name for picture in pictures.all if picture not in known]
    marked = _with_splits(marked, pictures, "Main")
    return export_ways(Export(program="Pascal VOC's XML", classes=tuple(classes), marked=marked, told=told))
