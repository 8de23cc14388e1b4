"""Segmentation: a class for every pixel.

The folders in which pictures and masks come are in `engine.data.pictures.mask_layouts`. Pixels with the code `Void` belong
to no class: they are left out of the loss and of every figure.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional
from torchvision import tv_tensors
from torchvision.transforms import v2

from engine.data.aligned import match_classes
from engine.data.pictures.block import Answers, Data, Sample, open_answers
from engine.data.pictures.feed import PICTURES
from engine.data.pictures.files import open_picture
from engine.data.pictures.inputs import open_resized, pictures_in, prepare_picture
from engine.data.pictures.mask_fit import fit_masks
from engine.data.pictures.mask_layouts import CODES, MaskLayout, find_mask_layout
from engine.data.pictures.masks import UNKNOWN, MaskLook, is_void, look_at_masks, open_codes, read_codes
from engine.data.pictures.scan import look_at_pictures, shown_size
from engine.data.pictures.symmetries import MASKS_MIRRORED
from engine.data.pictures.transforms import VOID, build_augmentation
from engine.errors import DataError
from engine.kinds.main_metrics import PIXEL_ACCURACY
from engine.kinds.shared import SharedTable, picture_cell
from engine.kinds.sifting import sift_mask
from engine.kinds.sureness import SURE, sure_from, temperature_of
from engine.models.unet import build_unet
from engine.task import Metrics, Objective

MAX_SMOOTH_PIXELS = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskPrediction:
    """What a model sees in a picture, in the picture's own size.

    mask: (H, W) uint8, the index of each pixel's likeliest class.
    confidence: (H, W) float32 in 0..1, that class's probability.
    shares: each class's share of the pixels, summing to 1.
    picture: the picture that was judged, RGB and turned the right way up.
    sure_from: from which probability on a pixel's class counts as sure.
    """

    mask: np.ndarray
    confidence: np.ndarray
    classes: tuple[str, ...]
    shares: dict[str, float]
    picture: Image.Image
    sure_from: float = SURE

    @property
    def unsure(self) -> float:
        """The share of the pixels of whose class the model is not sure."""
        return float((self.confidence < self.sure_from).mean())

    def summary(self) -> dict[str, Any]:
        """What can be said without pictures, ready for JSON."""
        return {
            "height": self.mask.shape[0],
            "width": self.mask.shape[1],
            "confidence": float(self.confidence.mean()),
            "unsure": self.unsure,
            "shares": self.shares,
        }

    def table_row(self) -> dict[str, str | float]:
        """The same for a line of a table: each class's share."""
        return dict(self.shares)

    def in_words(self) -> str:
        """The largest classes in one line."""
        largest = sorted(self.shares.items(), key=lambda pair: -pair[1])[:3]
        return ", ".join(f"{name} {share:.0%}" for name, share in largest)

    def save(self, path: Path) -> Path:
        """Write the mask as a greyscale PNG of class indices, named after `path`; where it went."""
        target = path.with_name(f"{path.name}_mask.png")
        Image.fromarray(self.mask).save(target)
        return target


def build_mask_objective() -> Objective[Data]:
    """Segmentation as an objective: cross-entropy over the pixels that have a class, judged by pixel accuracy."""
    return Objective(
        name="mask",
        metric=PIXEL_ACCURACY,
        open_data=open_masks,
        build_model=build_unet,
        loss=pixel_cross_entropy,
        build_metrics=pixel_metrics,
        feed=PICTURES,
        prepare=prepare_picture,
        inputs_in=pictures_in,
        sift=sift_mask,
        as_label=lambda prediction: prediction.mask,
        predict=predict_mask,
        align=align_masks,
        share=share_masks,
        symmetries=MASKS_MIRRORED,
        pipeline="image-segmentation",
        onnx_answer='print(logits[0].argmax(0))  # (H, W): numbers of config["classes"]',
    )


def pixel_metrics(data: Data) -> Metrics:
    """Pixel accuracy and overlap; torchmetrics is imported here, as a prediction does without."""
    from engine.kinds.mask_metrics import PixelMetrics

    return PixelMetrics(data.classes, len(data.valid))


def pixel_cross_entropy(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of the cross-entropy over pixels that are not void, and their number.

    Args:
        logits: (B, C, H, W).
        target: (B, H, W) uint8 class indices, `VOID` where there is none.
    """
    loss = functional.cross_entropy(logits.float(), target.long(), ignore_index=VOID, reduction="sum")
    return loss, (target != VOID).sum()


def predict_mask(
    logits: Tensor, picture: Image.Image, classes: tuple[str, ...], decision: Mapping[str, Any]
) -> MaskPrediction:
    """The likeliest class of every pixel of `picture`, from logits (C, h, w) of a smaller copy."""
    # Smooth edges come from enlarging the logits; a huge picture gets them at a size that memory can hold.
    scale = min(1.0, (MAX_SMOOTH_PIXELS / (picture.width * picture.height)) ** 0.5)
    size = max(1, round(picture.height * scale)), max(1, round(picture.width * scale))
    logits = functional.interpolate(logits[None], size=size, mode="bilinear", align_corners=False)[0]
    confidence, mask = (logits / temperature_of(decision)).softmax(0).max(0)
    full = (picture.width, picture.height)
    codes = np.asarray(Image.fromarray(mask.byte().numpy()).resize(full, Image.Resampling.NEAREST))
    counts = np.bincount(codes.ravel(), minlength=len(classes))
    return MaskPrediction(
        mask=codes,
        confidence=np.asarray(Image.fromarray(confidence.numpy()).resize(full, Image.Resampling.NEAREST)),
        classes=classes,
        shares=dict(zip(classes, (counts / codes.size).tolist(), strict=True)),
        picture=picture,
        sure_from=sure_from(decision),
    )


def open_masks(root: Path) -> Data:
    """The segmentation data set in `root`, in one of the layouts that are known."""
    return open_mask_layout(root, find_mask_layout(root))


def open_mask_layout(
    root: Path, layout: MaskLayout, *, transforms: Callable[[str], v2.Transform] = build_augmentation
) -> Data:
    """The pictures with masks of a layout."""
    pictures = tuple(layout.masks)
    looks, masks = look_at_pictures(pictures), look_at_masks(tuple(layout.masks.values()))
    whole, turns, left_out, warnings = fit_masks(layout.masks, looks, masks)
    codes = read_codes(layout.codes, {layout.masks[picture]: masks[layout.masks[picture]] for picture in whole})
    findings = replace(
        layout.findings,
        left_out={**layout.findings.left_out, **left_out},
        notes=(*layout.findings.notes, *codes.notes),
        warnings=(*layout.findings.warnings, *warnings, *codes.warnings),
    )
    test = set(layout.test)
    # All masks together say how each is read: one more of them may change what the others mean.
    reading = f"{codes.table.tobytes().hex()} {sorted((str(picture), turn) for picture, turn in turns.items())}"
    classes = tuple(name for name in layout.codes if not is_void(name))
    answers = Answers(
        inputs=lambda _: [picture for picture in whole if picture not in test],
        split=lambda _, inputs: layout.split(inputs),
        label=layout.masks.__getitem__,
        test=lambda _: [picture for picture in whole if picture in test],
        transforms=transforms,
        batch=partial(open_sample, table=codes.table, turns=turns),
        count=partial(count_pixels, layout=layout, masks=masks, table=codes.table, classes=classes),
    )
    return open_answers(answers, root, classes, findings=findings, kind="mask", counts_pixels=True, reading=reading)


def align_masks(data: Data, classes: tuple[str, ...]) -> tuple[Data, tuple[str, ...]]:
    """The data set with a model's classes; pixels of other classes belong to none."""
    found = match_classes(data.classes, classes, data.root.name)
    moved = np.full(256, VOID, dtype=np.uint8)
    moved[UNKNOWN] = UNKNOWN
    for place, name in enumerate(data.classes):
        moved[place] = classes.index(found.names[name]) if name in found.names else VOID
    batch, count = data.block.batch, data.block.count

    def open_moved(item: Path, label: Path, size: tuple[int, int]) -> Sample:
        picture, mask = batch(item, label, size)
        return picture, tv_tensors.wrap(torch.from_numpy(moved[mask.numpy()]), like=mask)  # pyright: ignore[reportCallIssue]

    def count_moved(items: Sequence[Path]) -> dict[str, int]:
        return {found.names[name]: pixels for name, pixels in count(items).items() if name in found.names}

    block = replace(data.block, batch=open_moved, count=count_moved)
    return replace(data, block=block, classes=classes), found.remarks


def share_masks(data: Data) -> SharedTable:
    """Pictures and their masks, as codes in the order of the classes; 255 is for pixels that belong to none."""

    def row(item: Path) -> dict[str, Any]:
        _, mask = data.sample(item, shown_size(data.looks[item]))
        codes = io.BytesIO()
        Image.fromarray(mask.numpy()).save(codes, "PNG")
        cell = {"path": f"{item.stem}.png", "bytes": codes.getvalue()}
        return {"image": picture_cell(item, data.looks[item]), "mask": cell}

    # With its code before each, a name may be anything.
    files = {CODES: "".join(f"{code} {name}\n" for code, name in enumerate(data.classes))}
    return SharedTable(columns={"image": "picture", "mask": "picture"}, row=row, files=files)


def count_pixels(
    pictures: Sequence[Path],
    *,
    layout: MaskLayout,
    masks: Mapping[Path, MaskLook],
    table: np.ndarray,
    classes: Sequence[str],
) -> dict[str, int]:
    """How many pixels each class has in the masks of some pictures."""
    counts = dict.fromkeys(classes, 0)
    for picture in pictures:
        for code, pixels in masks[layout.masks[picture]].pixels.items():
            place = int(table[code])
            if place < len(classes):
                counts[classes[place]] += pixels
    return counts


def open_sample(
    item: Path, label: Path, size: tuple[int, int], *, table: np.ndarray, turns: Mapping[Path, int] | None = None
) -> Sample:
    """A picture (3, h, w) uint8 and its mask (h, w) uint8 at `size`, the mask by nearest neighbour.

    `turns` has the EXIF orientation by which a picture's mask is turned with it.
    """
    height, width = size
    picture, mask = open_picture(item), table[open_codes(label, (turns or {}).get(item, 1))]
    if (picture.height, picture.width) != mask.shape:
        raise DataError(
            f"{item.name} is {picture.height}×{picture.width} and its mask {label.name} {mask.shape[0]}×{mask.shape[1]} pixels."
        )
    if UNKNOWN in mask:
        raise DataError(
            f"The mask {label.name} has a code that codes.txt does not name. Add the name, or mend the mask."
        )
    small_mask = Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST)
    return open_resized(np.asarray(picture), size), tv_tensors.Mask(torch.from_numpy(np.array(small_mask)))


def class_frequencies(data: Data) -> dict[str, float]:
    """Each class's share of the training pixels that have one."""
    counts = data.block.count(data.train)
    total = max(1, sum(counts.values()))
    return {name: counts[name] / total for name in data.classes}
