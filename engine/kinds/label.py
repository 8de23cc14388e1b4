"""One label a picture: which of these is it?

The folders in which such pictures come are in `engine.data.pictures.label_layouts`.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torchvision.transforms import v2

from engine.data.account import Findings
from engine.data.aligned import match_classes
from engine.data.pictures.bands import count_bands, look_at_bands
from engine.data.pictures.block import Answers, Data, Sample, open_answers
from engine.data.pictures.feed import PICTURES
from engine.data.pictures.inputs import open_resized, pictures_in, prepare_picture
from engine.data.pictures.label_layouts import find_label_layout
from engine.data.pictures.transforms import said_transforms, transforms_unmirrored
from engine.data.splits import Split
from engine.errors import DataError
from engine.kinds.classes import ONNX_ANSWER, class_cross_entropy, class_metrics, predict_class
from engine.kinds.main_metrics import ACCURACY
from engine.kinds.shared import SharedTable, picture_cell
from engine.kinds.sifting import sift_class
from engine.models.classifier import build_picture_model
from engine.task import Objective

MAX_CLASSES = 250
MOST_LETTERS = 200  # of one label


def build_label_objective(open_data: Callable[..., Data] | None = None) -> Objective[Data]:
    """One label as an objective: cross-entropy, judged by accuracy; `open_data` is for pictures with layouts of their own."""
    return Objective(
        name="label",
        metric=ACCURACY,
        open_data=open_data or open_labels,
        feed=PICTURES,
        build_model=build_picture_model,
        loss=class_cross_entropy,
        build_metrics=class_metrics,
        prepare=prepare_picture,
        inputs_in=pictures_in,
        sift=sift_class,
        as_label=lambda prediction: prediction.answer,
        predict=predict_class,
        align=align_labels,
        share=share_labels,
        pipeline="image-classification",
        onnx_answer=ONNX_ANSWER,
    )


def open_labels(root: Path, *, transforms: Callable[[str], v2.Transform] = transforms_unmirrored) -> Data:
    """The labelled pictures in `root`, in one of the layouts that are known.

    Nobody can see whether a mirror image has the same label: unless the folder says so, none is made.
    """
    transforms = said_transforms(root, transforms)
    layout = find_label_layout(root)
    names = {picture: tags[0] for picture, tags in layout.tags.items()}
    return open_named(root, names, layout.split, layout.findings, transforms=transforms)


def open_named(
    root: Path,
    names: Mapping[Path, str],
    split: Callable[[Sequence[Path]], Split],
    findings: Findings,
    *,
    transforms: Callable[[str], v2.Transform],
    facts: Callable[[Path], Mapping[str, str]] = lambda item: {},
) -> Data:
    """Pictures with their labels as a data set; `DataError` where there is nothing to tell apart."""
    classes = tuple(sorted(set(names.values())))
    if len(classes) < 2:
        said = (
            f"All pictures in {root.name} have the label {classes[0]}"
            if classes
            else f"No picture in {root.name} has a label"
        )
        raise DataError(f"{said}. There is nothing to tell apart: bring pictures of at least two.")
    if len(classes) > MAX_CLASSES:
        raise DataError(
            f"{root.name} has {len(classes)} different labels. A model tells {MAX_CLASSES} apart: check the column, or the "
            "folders, that they are taken from."
        )
    longest = max(classes, key=len)
    if len(longest) > MOST_LETTERS:
        raise DataError(f"“{longest[:40]} …” in {root.name} is too long for a label. Is that the right column?")
    channels = count_bands(next(iter(names)))
    answers = Answers(
        inputs=lambda _: list(names),
        split=lambda _, inputs: split(inputs),
        label=partial(_label, names=names),
        test=lambda _: [],
        transforms=transforms,
        batch=partial(open_sample, classes=classes, channels=channels),
        facts=facts,
        count=lambda items: Counter(names[item] for item in items),
    )
    return open_answers(
        answers, root, classes, findings=findings, kind="label", channels=channels, look_at=look_at_bands
    )


def open_sample(
    item: Path, label: str, size: tuple[int, int], *, classes: tuple[str, ...], channels: int = 3
) -> Sample:
    """A picture (C, h, w) uint8 at `size` and its label's number, () int64."""
    return open_resized(item, size, channels=channels), torch.tensor(classes.index(label))


def align_labels(data: Data, classes: tuple[str, ...]) -> tuple[Data, tuple[str, ...]]:
    """The data set with a model's labels, without the pictures of others."""
    found = match_classes(data.classes, classes, data.root.name)
    label, count = data.block.label, data.block.count

    def known(items: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(item for item in items if label(item) in found.names)

    block = replace(
        data.block,
        label=lambda item: found.names[label(item)],
        batch=partial(open_sample, classes=classes, channels=data.channels),
        count=lambda items: {found.names[name]: times for name, times in count(items).items() if name in found.names},
    )
    sides = {"train": known(data.train), "valid": known(data.valid), "test": known(data.test)}
    return replace(data, block=block, classes=classes, **sides), found.remarks


def share_labels(data: Data) -> SharedTable:
    """Pictures and their labels."""
    return SharedTable(
        columns={"image": "picture", "label": data.classes},
        row=lambda item: {"image": picture_cell(item, data.looks[item]), "label": data.label(item)},
    )


def _label(item: Path, *, names: Mapping[Path, str]) -> str:
    if item not in names:
        raise DataError(f"{item.name} has no label here: nobody has said what it is.")
    return names[item]
