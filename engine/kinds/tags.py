"""Multi-label classification: which of these tags has this picture?

The folders in which tagged pictures come are in `engine.data.pictures.tag_layouts`.
"""

import json
from collections import Counter
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
from torchvision.transforms import v2

from engine.data.aligned import match_classes
from engine.data.pictures.bands import count_bands, look_at_bands
from engine.data.pictures.block import Answers, Data, Sample, open_answers
from engine.data.pictures.feed import PICTURES
from engine.data.pictures.inputs import open_resized, pictures_in, prepare_picture
from engine.data.pictures.tag_layouts import TagLayout, find_tag_layout
from engine.data.pictures.transforms import said_transforms
from engine.data.reading.values import quoted
from engine.data.splits import SPLIT_SEED
from engine.errors import BundleError, DataError
from engine.kinds.main_metrics import F2
from engine.kinds.shared import SharedTable, picture_cell
from engine.kinds.sifting import sift_tags
from engine.kinds.sureness import same_threshold, temperature_of
from engine.kinds.thresholds import LESSON_THRESHOLD
from engine.models.classifier import build_picture_model
from engine.task import Metrics, Objective, Symmetries

MAX_TAGS = 250
MOST_LETTERS = 200  # of one tag
ONNX_ANSWER = (
    'decision = config.get("decision", {})\n'
    f'is_given = 1 / (1 + np.exp(-logits[0])) > decision.get("threshold", {LESSON_THRESHOLD})\n'
    'shares = 1 / (1 + np.exp(-logits[0] / decision.get("temperature", 1.0)))\n'
    'print({tag: float(share) for tag, share, is_one in zip(config["classes"], shares, is_given) if is_one})'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagPrediction:
    """What a model sees in a picture.

    probabilities: each tag's, in 0..1; they need not sum to 1.
    threshold: from which of these on a tag is given: what was tuned on validation data, or the lesson's 0.2, calibrated as the
        probabilities are.
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
    symmetries: Symmetries | None = None,
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
        inputs_in=pictures_in,
        sift=sift_tags,
        as_label=lambda prediction: prediction.tags(),
        predict=predict_tags,
        symmetries=symmetries,
        align=align_tags,
        share=share_tags,
        pipeline="image-classification",
        onnx_answer=ONNX_ANSWER,
    )


def tag_metrics(data: Data) -> Metrics:
    """F2 and the like; torchmetrics is imported here, as a prediction does without."""
    from engine.kinds.tag_metrics import TagMetrics, usual_tags

    return TagMetrics(data.classes, usual_tags([data.label(item) for item in data.train]))


def tags_cross_entropy(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of the binary cross-entropy over samples and tags, and their number; logits (B, C), target (B, C) of 0 and 1."""
    loss = functional.binary_cross_entropy_with_logits(logits.float(), target.float(), reduction="sum")
    return loss, torch.full((), target.numel(), device=target.device)


def predict_tags(
    logits: Tensor, picture: Image.Image, classes: tuple[str, ...], decision: Mapping[str, Any]
) -> TagPrediction:
    """Probabilities (C,) of one picture and a threshold: both calibrated, where the bundle's decision has a temperature.

    The decision's own thresholds are of probabilities as the model gives them, as the lesson's 0.2 is: so F2 stays comparable.
    """
    threshold = decision.get("threshold", LESSON_THRESHOLD)
    if not isinstance(threshold, int | float):
        raise BundleError(
            f"threshold in the model's decision is {str(threshold)[:80]}; expected one number for all tags."
        )
    temperature = temperature_of(decision)
    return TagPrediction(
        probabilities=dict(zip(classes, (logits / temperature).sigmoid().tolist(), strict=True)),
        threshold=same_threshold(float(threshold), temperature),
        picture=picture,
    )


def open_tags(root: Path, *, transforms: Callable[[str], v2.Transform], split_seed: int = SPLIT_SEED) -> Data:
    """The tagged pictures in `root`, in one of the layouts that are known."""
    return open_tag_layout(root, find_tag_layout(root, split_seed), transforms=said_transforms(root, transforms))


def open_tag_layout(root: Path, layout: TagLayout, *, transforms: Callable[[str], v2.Transform]) -> Data:
    """The tagged pictures of a layout."""
    inputs = list(layout.tags)
    classes = tuple(sorted({tag for some in layout.tags.values() for tag in some}))
    if not 2 <= len(classes) <= MAX_TAGS:
        raise DataError(
            f"{root.name} has {len(classes)} different tags ({quoted(classes) or 'none'}). It needs 2 to {MAX_TAGS}: check "
            "what parts them, and the column that they are in."
        )
    longest = max(classes, key=len)
    if len(longest) > MOST_LETTERS:
        raise DataError(
            f"“{longest[:40]} …” in {root.name} is too long for a tag. Is it in the column of tags, and is a quote open?"
        )
    channels = count_bands(inputs[0])
    answers = Answers(
        inputs=lambda _: inputs,
        split=lambda _, inputs: layout.split(inputs),
        label=partial(_label, tags=layout.tags),
        test=lambda _: [],
        unlabelled=lambda _: layout.unlabelled,
        transforms=transforms,
        batch=partial(open_sample, classes=classes, channels=channels),
        count=lambda items: Counter(tag for item in items for tag in layout.tags[item]),
    )
    return open_answers(
        answers, root, classes, findings=layout.findings, kind="tags", channels=channels, look_at=look_at_bands
    )


def align_tags(data: Data, classes: tuple[str, ...]) -> tuple[Data, tuple[str, ...]]:
    """The data set with a model's tags; others are left out of each picture's."""
    found = match_classes(data.classes, classes, data.root.name)
    label, count = data.block.label, data.block.count

    def known(item: Path) -> tuple[str, ...]:
        return tuple(sorted(found.names[tag] for tag in label(item) if tag in found.names))

    block = replace(
        data.block,
        label=known,
        batch=partial(open_sample, classes=classes, channels=data.channels),
        count=lambda items: {found.names[tag]: times for tag, times in count(items).items() if tag in found.names},
    )
    return replace(data, block=block, classes=classes), found.remarks


def share_tags(data: Data) -> SharedTable:
    """Pictures and lists of their tags."""
    return SharedTable(
        columns={"image": "picture", "tags": list(data.classes)},
        row=lambda item: {"image": picture_cell(item, data.looks[item]), "tags": list(data.label(item))},
    )


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


def _label(item: Path, *, tags: Mapping[Path, tuple[str, ...]]) -> tuple[str, ...]:
    if item not in tags:
        raise DataError(f"{item.name} has no tags here: nobody has said what they are.")
    return tags[item]
