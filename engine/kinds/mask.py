"""Segmentation: a class for every pixel.

Two layouts of folders are known: the lesson's (`images/`, `labels/<stem>_P.png`, `codes.txt`, and `valid.txt` where there is
one) and SegNet's, known as "tiramisu" (`train/`, `trainannot/`, `val/`, `valannot/`, `test/`, `testannot/`, `codes.txt`).
Pixels with the code `Void` belong to no class: they are left out of the loss and of every figure.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional
from torchvision import tv_tensors

from engine.data.pictures.block import Data, DataBlock, Sample, open_block
from engine.data.pictures.feed import PICTURES
from engine.data.pictures.files import list_pictures, open_mask, open_picture
from engine.data.pictures.inputs import SPLIT_SEED, VALID_SHARE, open_resized, prepare_picture, split_randomly
from engine.data.pictures.transforms import VOID, build_augmentation
from engine.errors import DataError
from engine.kinds.main_metrics import PIXEL_ACCURACY
from engine.models.unet import build_unet
from engine.task import Metrics, Objective

VOID_NAME = "Void"
UNKNOWN = 254  # a code in a mask that codes.txt does not name
MAX_SMOOTH_PIXELS = 2_000_000
FREQUENCY_SAMPLES = 100
FREQUENCY_SIZE = 96  # pixels; shares of pixels do not need more


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskPrediction:
    """What a model sees in a picture, in the picture's own size.

    mask: (H, W) uint8, the index of each pixel's likeliest class.
    confidence: (H, W) float32 in 0..1, that class's probability.
    shares: each class's share of the pixels, summing to 1.
    picture: the picture that was judged, RGB and turned the right way up.
    """

    mask: np.ndarray
    confidence: np.ndarray
    classes: tuple[str, ...]
    shares: dict[str, float]
    picture: Image.Image

    def summary(self) -> dict[str, Any]:
        """What can be said without pictures, ready for JSON."""
        return {
            "height": self.mask.shape[0],
            "width": self.mask.shape[1],
            "confidence": float(self.confidence.mean()),
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
        predict=predict_mask,
        pipeline="image-segmentation",
        onnx_answer='print(logits[0].argmax(0))  # (H, W): numbers of config["classes"]',
    )


def pixel_metrics(data: Data) -> Metrics:
    """Pixel accuracy and overlap; torchmetrics is imported here, as a prediction does without."""
    from engine.kinds.mask_metrics import PixelMetrics

    return PixelMetrics(data.classes)


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
    confidence, mask = logits.softmax(0).max(0)
    full = (picture.width, picture.height)
    codes = np.asarray(Image.fromarray(mask.byte().numpy()).resize(full, Image.Resampling.NEAREST))
    counts = np.bincount(codes.ravel(), minlength=len(classes))
    return MaskPrediction(
        mask=codes,
        confidence=np.asarray(Image.fromarray(confidence.numpy()).resize(full, Image.Resampling.NEAREST)),
        classes=classes,
        shares=dict(zip(classes, (counts / codes.size).tolist(), strict=True)),
        picture=picture,
    )


def open_masks(root: Path) -> Data:
    """The segmentation data set in `root`, whichever of the two layouts it has."""
    if (root / "trainannot").is_dir():
        return _open(root, _split_folders_block)
    if (root / "images").is_dir() and (root / "labels").is_dir():
        return _open(root, _one_folder_block)
    raise DataError(
        f"{root} has no layout that is known for masks. Expected images/ and labels/ with codes.txt, "
        "or train/, trainannot/, val/ and valannot/ with codes.txt."
    )


def _open(root: Path, build_block: "Callable[[Path, Callable], DataBlock]") -> Data:
    codes = _read_codes(root / "codes.txt")
    classes = tuple(code for code in codes if code != VOID_NAME)
    block = build_block(root, partial(open_sample, table=_class_table(codes)))
    return open_block(block, root, classes)


def _read_codes(path: Path) -> list[str]:
    if not path.is_file():
        raise DataError(f"{path} is missing. It names the classes, one a line, in the order of the codes in the masks.")
    codes = [
        line.strip() for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines() if line.strip()
    ]
    if not 2 <= len(codes) < UNKNOWN or len(set(codes)) != len(codes):
        raise DataError(f"{path} has {len(codes)} names. It needs 2 to {UNKNOWN - 1}, each once.")
    return codes


def _class_table(codes: Sequence[str]) -> np.ndarray:
    """From a code in a mask file to the index of its class: `VOID` for void, `UNKNOWN` for codes without a name."""
    table = np.full(256, UNKNOWN, dtype=np.uint8)
    classes = [code for code in codes if code != VOID_NAME]
    for code, name in enumerate(codes):
        table[code] = VOID if name == VOID_NAME else classes.index(name)
    table[VOID] = VOID
    return table


def open_sample(item: Path, label: Path, size: tuple[int, int], *, table: np.ndarray) -> Sample:
    """A picture (3, h, w) uint8 and its mask (h, w) uint8 at `size`, the mask by nearest neighbour."""
    height, width = size
    picture, mask = open_picture(item), table[open_mask(label)]
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


def _split_folders_block(root: Path, batch: "Callable[..., Sample]") -> DataBlock:
    return DataBlock(
        title="folders of splits, as published",
        inputs=lambda root: list_pictures(root / "train") + list_pictures(root / "val"),
        split=lambda root, inputs: (
            [item for item in inputs if item.parent.name == "train"],
            [item for item in inputs if item.parent.name == "val"],
        ),
        label=lambda item: item.parent.with_name(f"{item.parent.name}annot") / f"{item.stem}.png",
        test=lambda root: list_pictures(root / "test") if (root / "testannot").is_dir() else [],
        transforms=build_augmentation,
        batch=batch,
    )


def _one_folder_block(root: Path, batch: "Callable[..., Sample]") -> DataBlock:
    listed = root / "valid.txt"
    return DataBlock(
        title="the frames that valid.txt lists"
        if listed.is_file()
        else f"a random {VALID_SHARE:.0%}, seed {SPLIT_SEED}",
        inputs=lambda root: list_pictures(root / "images"),
        split=_split_listed if listed.is_file() else lambda root, inputs: split_randomly(inputs),
        label=lambda item: item.parent.with_name("labels") / f"{item.stem}_P.png",
        test=lambda root: [],
        transforms=build_augmentation,
        batch=batch,
    )


def _split_listed(root: Path, inputs: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    names = {line.strip() for line in (root / "valid.txt").read_text().splitlines()}
    return [item for item in inputs if item.name not in names], [item for item in inputs if item.name in names]


def class_frequencies(data: Data, *, limit: int = FREQUENCY_SAMPLES) -> dict[str, float]:
    """Each class's share of the pixels that have one, over `limit` training masks spread over the split."""
    return dict(zip(data.classes, _class_shares(data, limit), strict=True))


@lru_cache(maxsize=16)  # seconds of decoding, and a class of thirty asks for the same
def _class_shares(data: Data, limit: int) -> tuple[float, ...]:
    counts = np.zeros(256, dtype=np.int64)
    for item in data.train[:: max(1, len(data.train) // limit)][:limit]:
        mask = data.sample(item, data.size_at(FREQUENCY_SIZE))[1]
        counts += np.bincount(mask.numpy().ravel(), minlength=256)
    shares = counts[: len(data.classes)] / max(1, counts[:VOID].sum())
    return tuple(shares.tolist())
