"""Multi-label classification: which of these tags has this picture?

A table (`labels.csv`, or Kaggle's `train_v2.csv`) names pictures and their tags, separated by spaces. The pictures lie beside it
in `train/`, `train-jpg/` or `train-tif-v2/`; the latter's four bands come as blue, green, red, near infrared.
"""

import csv
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional
from torchvision.transforms import v2

from engine.data.pictures.bands import band_picture_size, count_bands
from engine.data.pictures.block import Data, DataBlock, Sample, open_block
from engine.data.pictures.feed import PICTURES
from engine.data.pictures.files import PICTURE_SUFFIXES, list_pictures
from engine.data.pictures.inputs import SPLIT_SEED, VALID_SHARE, open_resized, prepare_picture, split_randomly
from engine.errors import BundleError, DataError
from engine.kinds.main_metrics import F2
from engine.kinds.thresholds import LESSON_THRESHOLD
from engine.models.classifier import build_picture_model
from engine.task import Metrics, Objective

TABLES = ("labels.csv", "train_v2.csv", "train_classes.csv")
FOLDERS = ("train", "train-jpg", "train-tif-v2", "images")
TEST_FOLDERS = {"train-jpg": ("test-jpg", "test-jpg-additional"), "train-tif-v2": ("test-tif-v2",)}
MOST_LETTERS = 100_000  # of one field; a quote that was left open makes one of the rest of the table
MAX_TAGS = 250
ONNX_ANSWER = (
    'shares = dict(zip(config["classes"], 1 / (1 + np.exp(-logits[0]))))\n'
    f'threshold = config.get("decision", {{}}).get("threshold", {LESSON_THRESHOLD})\n'
    "print({tag for tag, share in shares.items() if share > threshold})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagPrediction:
    """What a model sees in a picture.

    probabilities: each tag's, in 0..1; they need not sum to 1.
    threshold: from where on a tag is given, tuned on validation data, or the lesson's 0.2.
    picture: the picture that was judged, as RGB.
    """

    probabilities: dict[str, float]
    threshold: float
    picture: Image.Image

    def tags(self, threshold: float | None = None) -> list[str]:
        """The tags above a threshold, the likeliest first."""
        limit = self.threshold if threshold is None else threshold
        given = [name for name, probability in self.probabilities.items() if probability > limit]
        return sorted(given, key=lambda name: -self.probabilities[name])

    def summary(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"tags": self.tags(), "threshold": self.threshold, "probabilities": self.probabilities}

    def table_row(self) -> dict[str, str | float]:
        """For a line of a table: the tags, and each one's probability."""
        return {"tags": " ".join(self.tags()), **self.probabilities}

    def in_words(self) -> str:
        """The tags in one line, each with its probability."""
        return ", ".join(f"{name} {self.probabilities[name]:.0%}" for name in self.tags()) or "no tag"

    def save(self, path: Path) -> Path:
        """Write tags and probabilities as JSON, named after `path`; where it went."""
        target = path.with_name(f"{path.name}_tags.json")
        target.write_text(json.dumps(self.summary(), indent=2) + "\n", encoding="utf-8")
        return target


def build_tags_objective(
    *,
    transforms: Callable[[str], v2.Transform],
    symmetries: tuple[Callable[[Tensor], Tensor], ...] = (),
) -> Objective[Data]:
    """Tags as an objective: binary cross-entropy, judged by F2. `transforms` and `symmetries` are the pictures' own."""
    return Objective(
        name="tags",
        metric=F2,
        open_data=partial(open_tags, transforms=transforms),
        build_model=build_picture_model,
        loss=tags_cross_entropy,
        build_metrics=tag_metrics,
        feed=PICTURES,
        prepare=prepare_picture,
        predict=predict_tags,
        symmetries=symmetries,
        pipeline="image-classification",
        onnx_answer=ONNX_ANSWER,
    )


def tag_metrics(data: Data) -> Metrics:
    """F2 and the like; torchmetrics is imported here, as a prediction does without."""
    from engine.kinds.tag_metrics import TagMetrics

    return TagMetrics(data.classes)


def tags_cross_entropy(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of the binary cross-entropy over samples and tags, and their number; logits (B, C), target (B, C) of 0 and 1."""
    loss = functional.binary_cross_entropy_with_logits(logits.float(), target.float(), reduction="sum")
    return loss, torch.tensor(target.numel(), device=target.device)


def predict_tags(
    logits: Tensor, picture: Image.Image, classes: tuple[str, ...], decision: Mapping[str, Any]
) -> TagPrediction:
    """Probabilities (C,) of one picture, with the threshold of the bundle's decision."""
    threshold = decision.get("threshold", LESSON_THRESHOLD)
    if not isinstance(threshold, int | float):
        raise BundleError(
            f"threshold in the model's decision is {str(threshold)[:80]}; expected one number for all tags."
        )
    return TagPrediction(
        probabilities=dict(zip(classes, logits.sigmoid().tolist(), strict=True)),
        threshold=float(threshold),
        picture=picture,
    )


def open_tags(root: Path, *, transforms: Callable[[str], v2.Transform], split_seed: int = SPLIT_SEED) -> Data:
    """The tagged pictures in `root`, a random fifth of them for validation.

    `root` is the folder with the table, or a folder of pictures beside it, such as `train-tif-v2/` of Kaggle's set.
    """
    table, folder = _find(root)
    tags = read_tags(table)
    classes = tuple(sorted({tag for some in tags.values() for tag in some}))
    if not 2 <= len(classes) <= MAX_TAGS:
        raise DataError(f"{table.name} has {len(classes)} different tags. It needs 2 to {MAX_TAGS}.")
    pictures = list_pictures(folder)
    inputs = [path for path in pictures if path.stem in tags]
    if not inputs:
        raise DataError(f"None of the pictures in {folder} is named in {table.name}.")
    channels = count_bands(inputs[0])
    block = DataBlock(
        title=f"a random {VALID_SHARE:.0%}, seed {split_seed}",
        inputs=lambda _: inputs,
        split=lambda _, inputs: split_randomly(inputs, seed=split_seed),
        label=partial(_label, tags=tags, table=table.name),
        test=lambda _: [],
        unlabelled=lambda _: [
            path for name in TEST_FOLDERS.get(folder.name, ()) for path in list_pictures(table.parent / name)
        ],
        transforms=transforms,
        batch=partial(open_sample, classes=classes, channels=channels),
    )
    return open_block(block, root, classes, channels=channels, measure=band_picture_size)


def read_tags(table: Path) -> dict[str, tuple[str, ...]]:
    """The tags of each picture, by its name without suffix."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        if any(len(str(value)) > MOST_LETTERS for row in rows for value in row.values()):
            raise csv.Error("a field has no end")
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise DataError(f"{table} cannot be read as a table ({problem}).") from None
    if not rows or not {"image_name", "tags"} <= rows[0].keys():
        raise DataError(f"{table} needs a first line with image_name and tags, and a line for each picture.")
    return {_stem(row["image_name"] or ""): tuple(sorted(set((row["tags"] or "").split()))) for row in rows}


def tag_counts(data: Data) -> dict[str, int]:
    """How many training pictures have each tag."""
    counts = Counter(tag for item in data.train for tag in data.label(item))
    return {name: counts[name] for name in data.classes}


def open_sample(
    item: Path,
    label: Sequence[str],
    size: tuple[int, int],
    *,
    classes: tuple[str, ...],
    channels: int,
) -> Sample:
    """A picture (C, h, w) uint8 at `size` and its tags (K,) uint8, 1 where one is given."""
    target = torch.from_numpy(np.isin(classes, label).astype(np.uint8))
    return open_resized(item, size, channels=channels), target


def _label(item: Path, *, tags: Mapping[str, tuple[str, ...]], table: str) -> tuple[str, ...]:
    if item.stem not in tags:
        raise DataError(f"{item.name} has no line in {table}: nobody has said what its tags are.")
    return tags[item.stem]


def _stem(name: str) -> str:
    """A picture's name without its suffix; it may have other dots in it, and may come without a suffix."""
    path = Path(name)
    return path.stem if path.suffix.lower() in PICTURE_SUFFIXES else path.name


def _find(root: Path) -> tuple[Path, Path]:
    """The table and the folder of pictures."""
    for place in (root, root.parent):
        table = next((place / name for name in TABLES if (place / name).is_file()), None)
        if table is None:
            continue
        named = [root] if place != root else [root / name for name in FOLDERS]
        folder = next((folder for folder in named if list_pictures(folder)), None)
        if folder:
            return table, folder
    raise DataError(
        f"{root} has no layout that is known for tags. Expected labels.csv (image_name,tags) and pictures in train/, "
        "or Kaggle's train_v2.csv with train-jpg/ or train-tif-v2/."
    )
