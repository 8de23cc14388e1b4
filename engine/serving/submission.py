"""A table of predicted tags for a folder of pictures, as Kaggle wants it: `image_name,tags`."""

import csv
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from engine.data.dataset import DataSet
from engine.data.pictures.bands import band_picture_size
from engine.data.pictures.inputs import network_size, open_resized
from engine.errors import DataError
from engine.kinds.thresholds import LESSON_THRESHOLD
from engine.serving.predictor import Predictor

AT_ONCE = 32


def write_submission(
    predictor: Predictor,
    items: Sequence[Path],
    target: Path,
    *,
    threshold: float | None = None,
    tta: bool = False,
    decision: Mapping[str, Any] | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Predict the tags of `items`, pictures of one shape, and write one line for each in their order; where it went.

    Without a `threshold` each tag has its own from `decision`; by default those that the model was given, tuned on
    validation data without test-time augmentation: see `decide_with_tta`. The file appears when it is whole.
    A picture that cannot be read ends it with a `DataError` that names the picture.
    """
    if predictor.objective.name != "tags":
        raise DataError(f"A submission is a table of tags; this model gives a {predictor.objective.name}.")
    if not items:
        raise DataError(
            "There are no pictures to write a submission for. Put them into test-jpg/ beside train-jpg/, or into "
            "test-tif-v2/ beside train-tif-v2/."
        )
    limits = _limits(predictor.classes, predictor.config.decision if decision is None else decision, threshold)
    channels = predictor.config.plan.channels
    size = network_size(band_picture_size(items[0]), predictor.config.stage.image_size)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with partial.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["image_name", "tags"])
            for start in range(0, len(items), AT_ONCE):
                some = items[start : start + AT_ONCE]
                batch = torch.stack([open_resized(item, size, channels=channels) for item in some])
                given = predictor.logits(batch, tta=tta).sigmoid() > limits
                for item, row in zip(some, given, strict=True):
                    tags = [name for name, is_given in zip(predictor.classes, row.tolist(), strict=True) if is_given]
                    table.writerow([item.stem, " ".join(tags)])
                on_progress(start + len(some), len(items))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def decide_with_tta(predictor: Predictor, data: DataSet) -> dict[str, Any]:
    """Thresholds tuned on the validation split for probabilities that are averaged over the symmetries.

    Averaging pulls probabilities together, so that thresholds tuned without it do not fit.
    """
    feed, stage, items = predictor.objective.feed, predictor.config.stage, data.items("valid")
    for _ in feed.prepare(data, items, stage, predictor.model):
        pass
    metrics = predictor.objective.build_metrics(data)
    for batch, target in feed.build_loader(data, items, stage, predictor.model, batch_size=AT_ONCE):
        metrics.update(predictor.logits(batch, tta=True), target)
    return metrics.details()["decision"]


def _limits(classes: Sequence[str], decision: Mapping[str, Any], threshold: float | None) -> torch.Tensor:
    """A threshold for each class (C,)."""
    if threshold is not None:
        return torch.full((len(classes),), threshold)
    common = decision.get("threshold", LESSON_THRESHOLD)
    return torch.tensor(decision.get("thresholds", [common] * len(classes)))
