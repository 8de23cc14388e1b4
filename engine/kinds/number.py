"""Regression to one number or several a picture: how old, how heavy, how far turned?

Numbers come in any unit, and a network learns best what lies around 0 and is about 1 wide. So the mean and the spread of the
training numbers are part of the model: its last layer puts the head's answer into units, and a bundle alone answers in them,
wherever it goes, as ONNX too. The loss divides by the spread of the training numbers of the data that it is taken on, which comes
with each target: on other data it still is a share of what there is to be explained. In a decision these numbers would be missing
from checkpoints inside an epoch, and a data set that is judged would be put into its own units, not into the model's.

The folders in which such pictures come are in `engine.data.pictures.number_layouts`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms import v2

from engine.data.aligned import match_classes
from engine.data.pictures.bands import count_bands, look_at_bands
from engine.data.pictures.block import Answers, Data, Sample, open_answers
from engine.data.pictures.feed import PICTURES
from engine.data.pictures.inputs import open_resized, pictures_in, prepare_picture
from engine.data.pictures.number_layouts import NumberLayout, find_number_layout
from engine.data.pictures.transforms import transforms_unmirrored
from engine.errors import DataError
from engine.kinds.main_metrics import MEAN_ERROR
from engine.kinds.shared import SharedTable, picture_cell, shared_facts
from engine.kinds.sifting import sift_numbers
from engine.kinds.sureness import WITHIN, within_words
from engine.models.classifier import PictureModel, build_picture_model
from engine.task import Metrics, ModelPlan, Objective

Range = tuple[float, float]
ONNX_ANSWER = 'print({name: float(number) for name, number in zip(config["classes"], logits[0])})'


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberPrediction:
    """What numbers a model reads off a picture.

    numbers: by name, in the units of the data that it learnt from.
    ranges: the lowest and the highest of the training numbers, by name; empty where the bundle does not say.
    picture: the picture that was judged, as RGB.
    within: so near the truth were 80 of 100 validation pictures, by name; empty where the bundle does not say.
    """

    numbers: dict[str, float]
    ranges: dict[str, Range]
    picture: Image.Image
    within: dict[str, float] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """Ready for JSON."""
        numbers = {name: float(f"{number:.6g}") for name, number in self.numbers.items()}
        return {"numbers": numbers, **({WITHIN: self.within} if self.within else {})}

    def table_row(self) -> dict[str, str | float]:
        """For a line of a table: a column for each number."""
        return self.summary()["numbers"]

    def in_words(self) -> str:
        """The numbers in one line."""
        near = {name: f" ({within_words(f'{by:.3g}')})" for name, by in self.within.items()}
        return ", ".join(f"{name} {number:.4g}{near.get(name, '')}" for name, number in self.numbers.items())

    def save(self, path: Path) -> Path:
        """Write the numbers as JSON, named after `path`; where it went."""
        target = path.with_name(f"{path.name}_numbers.json")
        target.write_text(json.dumps(self.summary(), indent=2) + "\n", encoding="utf-8")
        return target


class InUnits(nn.Module):
    """The head's last layer: numbers around 0 and about 1 wide (B, K) → in the units of the training numbers."""

    mean: Tensor
    spread: Tensor

    def __init__(self, scale: tuple[Range, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([mean for mean, _ in scale]))
        self.register_buffer("spread", torch.tensor([spread for _, spread in scale]))

    def forward(self, numbers: Tensor) -> Tensor:
        return self.mean + self.spread * numbers


def build_number_objective(open_data: Callable[..., Data] | None = None) -> Objective[Data]:
    """Numbers as an objective: squared error in spreads, judged by the mean error in their units.

    It has no symmetries: of a picture's mirror image other numbers may be true.
    """
    return Objective(
        name="number",
        metric=MEAN_ERROR,
        open_data=open_data or open_numbers,
        feed=PICTURES,
        scale=number_scale,
        build_model=build_number_model,
        loss=squared_spreads,
        build_metrics=number_metrics,
        prepare=prepare_picture,
        inputs_in=pictures_in,
        sift=sift_numbers,
        as_label=lambda prediction: dict(prediction.numbers),
        predict=predict_numbers,
        align=align_numbers,
        share=share_numbers,
        pipeline="other",
        onnx_answer=ONNX_ANSWER,
    )


def build_number_model(plan: ModelPlan, *, pretrained: bool = True) -> PictureModel:
    """The steady model that points have, with its numbers put into units; a bundle's weights hold what its plan does not."""
    model = build_picture_model(plan, pretrained=pretrained, is_steady=True)
    assert isinstance(model.head, nn.Sequential)
    model.head.append(InUnits(plan.scale or ((0.0, 1.0),) * len(plan.classes)))
    return model


def number_metrics(data: Data) -> Metrics:
    """Errors; torchmetrics is imported here, as a prediction does without."""
    from engine.kinds.number_metrics import NumberMetrics

    return NumberMetrics(data.classes, training_numbers(data))


def squared_spreads(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of the squared errors, each counted in spreads of the training numbers, and how many numbers that were.

    Args:
        logits: (B, K), in units.
        target: (B, 2, K), the numbers, NaN where one is not known, and their spreads.
    """
    numbers, spreads = target.unbind(1)
    known = numbers.isfinite()
    error = torch.where(known, (logits.float() - numbers.nan_to_num()) / spreads, 0.0)
    return error.square().sum(), known.sum()


def predict_numbers(
    logits: Tensor, picture: Image.Image, classes: tuple[str, ...], decision: Mapping[str, Any]
) -> NumberPrediction:
    """The numbers (K,) of one picture, beside the ranges of the training numbers, where the bundle's decision has them."""
    ranges: dict[str, Range] = {}
    lowest, highest = decision.get("lowest"), decision.get("highest")
    if isinstance(lowest, list) and isinstance(highest, list):
        ranges = dict(zip(classes, zip(lowest, highest, strict=True), strict=True))
    near = decision.get(WITHIN)
    return NumberPrediction(
        numbers=dict(zip(classes, logits.tolist(), strict=True)),
        ranges=ranges,
        picture=picture,
        within=dict(zip(classes, near, strict=True)) if isinstance(near, list) else {},
    )


def open_numbers(root: Path, *, is_chosen: bool = False) -> Data:
    """The pictures with numbers in `root`, in the layout that is known; see `find_number_layout`."""
    return open_number_layout(root, find_number_layout(root, is_chosen=is_chosen))


def open_number_layout(
    root: Path, layout: NumberLayout, *, transforms: Callable[[str], v2.Transform] = transforms_unmirrored
) -> Data:
    """The pictures with numbers of a layout."""
    channels = count_bands(next(iter(layout.numbers)))
    answers = Answers(
        inputs=lambda _: tuple(layout.numbers),
        split=lambda _, inputs: layout.split(inputs),
        label=partial(_label, numbers=layout.numbers),
        test=lambda _: [],
        facts=layout.facts,
        transforms=transforms,
        batch=partial(open_sample, spreads=(1.0,) * len(layout.names), channels=channels),
    )
    data = open_answers(
        answers,
        root,
        layout.names,
        findings=layout.findings,
        kind="number",
        channels=channels,
        look_at=look_at_bands,
    )
    return _in_spreads(data)


def open_sample(
    item: Path, label: tuple[float, ...], size: tuple[int, int], *, spreads: tuple[float, ...], channels: int = 3
) -> Sample:
    """A picture (C, h, w) uint8 at `size`; its numbers and the spreads that their errors are counted in, (2, K) float32."""
    return open_resized(item, size, channels=channels), torch.tensor([label, spreads])


def training_numbers(data: Data) -> Tensor:
    """The numbers (N, K) that training sees; of a data set that only tests, those."""
    items = data.train or (*data.valid, *data.test)
    return torch.tensor([data.label(item) for item in items], dtype=torch.float64)


def number_scale(data: Data) -> tuple[Range, ...]:
    """Mean and spread (standard deviation) of each training number; a spread of 1 for numbers that are all the same."""
    numbers = training_numbers(data)
    means, spreads = numbers.mean(0), numbers.std(0, correction=0)
    spreads = torch.where(spreads > 0, spreads, 1.0)  # nor is a NaN, of what nobody has said
    return tuple(zip(means.tolist(), spreads.tolist(), strict=True))


def align_numbers(data: Data, classes: tuple[str, ...]) -> tuple[Data, tuple[str, ...]]:
    """The data set with a model's numbers in its order; NaN for those that it does not have."""
    found = match_classes(data.classes, classes, data.root.name)
    place = {found.names[name]: at for at, name in enumerate(data.classes) if name in found.names}
    label = data.block.label

    def known(item: Path) -> tuple[float, ...]:
        numbers = label(item)
        return tuple(numbers[place[name]] if name in place else float("nan") for name in classes)

    return _in_spreads(replace(data, block=replace(data.block, label=known), classes=classes)), found.remarks


def share_numbers(data: Data) -> SharedTable:
    """Pictures and their numbers, with what else is known of each, such as the person."""
    facts = shared_facts(data.block.facts, (*data.train, *data.valid, *data.test))

    def row(item: Path) -> dict[str, Any]:
        known = data.block.facts(item)
        numbers = dict(zip(data.classes, data.label(item), strict=True))
        return {"image": picture_cell(item, data.looks[item]), **numbers, **{fact: known[fact] for fact in facts}}

    columns: dict[str, Any] = {
        "image": "picture",
        **dict.fromkeys(data.classes, "number"),
        **dict.fromkeys(facts, "text"),
    }
    return SharedTable(columns=columns, row=row)


def _in_spreads(data: Data) -> Data:
    """The data set whose targets have the spreads of its own training numbers; kept copies are of these spreads alone."""
    spreads = tuple(spread for _, spread in number_scale(data))
    batch = partial(open_sample, spreads=spreads, channels=data.channels)
    return replace(data, block=replace(data.block, batch=batch), reading=f"numbers in spreads of {spreads}")


def _label(item: Path, *, numbers: Mapping[Path, tuple[float, ...]]) -> tuple[float, ...]:
    if item not in numbers:
        raise DataError(f"{item.name} has no number here: nobody has said what it is.")
    return numbers[item]
