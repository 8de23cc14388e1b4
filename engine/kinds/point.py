"""Point regression: where in the picture is it? The lesson asks for the middle of a head."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from engine.data.pictures.block import Answers, Data, Sample, open_answers
from engine.data.pictures.feed import PICTURES
from engine.data.pictures.files import picture_size
from engine.data.pictures.inputs import open_resized, pictures_in, prepare_picture
from engine.data.pictures.point_layouts import find_layout
from engine.data.pictures.point_table import Point, PointLayout
from engine.data.pictures.scan import shown_size
from engine.data.pictures.symmetries import POINTS_MIRRORED
from engine.data.pictures.transforms import build_augmentation
from engine.errors import DataError
from engine.kinds.main_metrics import MEAN_PIXELS
from engine.kinds.shared import SharedTable, picture_cell, shared_facts
from engine.kinds.sifting import sift_point
from engine.kinds.sureness import WITHIN, within_words
from engine.models.classifier import build_picture_model
from engine.models.places import build_places_model
from engine.task import Metrics, Objective

COORDINATES = ("column", "row")  # the model's two outputs
SMALLEST = 1e-12  # of a squared distance: the root of 0 has no slope


@dataclass(frozen=True, slots=True, kw_only=True)
class PointPrediction:
    """Where a model sees the point, in pixels of the picture; (0, 0) is the top left corner of its top left pixel.

    picture: the picture that was judged, as RGB.
    within: so near the truth were 80 of 100 validation pictures, in pixels; None where the bundle does not say.
    """

    column: float
    row: float
    picture: Image.Image
    within: float | None = None

    def shares(self) -> list[float]:
        """The point as [share of the width, share of the height], in the picture."""
        places = (self.column / self.picture.width, self.row / self.picture.height)
        return [min(max(place, 0.0), 1.0) for place in places]

    def distance(self, column: float, row: float) -> float:
        """How far another point is from this one, in pixels."""
        return ((self.column - column) ** 2 + (self.row - row) ** 2) ** 0.5

    def summary(self) -> dict[str, Any]:
        """Ready for JSON."""
        size = {"height": self.picture.height, "width": self.picture.width}
        near = {} if self.within is None else {WITHIN: round(self.within, 2)}
        return {"column": round(self.column, 2), "row": round(self.row, 2), **size, **near}

    def table_row(self) -> dict[str, str | float]:
        """The same for a line of a table."""
        return self.summary()

    def in_words(self) -> str:
        """The point in one line."""
        size = f"{self.picture.width}×{self.picture.height} pixels"
        near = "" if self.within is None else f" ({within_words(f'{self.within:.1f} px')})"
        return f"column {self.column:.1f}, row {self.row:.1f} of {size}{near}"

    def save(self, path: Path) -> Path:
        """Write the point as JSON, named after `path`; where it went."""
        target = path.with_name(f"{path.name}_point.json")
        target.write_text(json.dumps(self.summary()) + "\n", encoding="utf-8")
        return target


def build_point_objective() -> Objective[Data]:
    """A point as an objective: squared error in −1..1, judged by the mean distance in pixels."""
    return Objective(
        name="point",
        metric=MEAN_PIXELS,
        open_data=open_points,
        # No tanh keeps the outputs in −1..1: at the rates that suit a head it saturates, and learns no more.
        build_model=partial(build_picture_model, is_steady=True),
        loss=squared_error,
        build_metrics=point_metrics,
        feed=PICTURES,
        prepare=prepare_picture,
        inputs_in=pictures_in,
        sift=sift_point,
        as_label=lambda prediction: prediction.shares(),
        predict=predict_point,
        share=share_points,
        symmetries=POINTS_MIRRORED,
        pipeline="keypoint-detection",
        onnx_answer="print((logits[0].clip(-1, 1) + 1) / 2 * picture.size)  # column and row, in pixels",
    )


def build_place_objective() -> Objective[Data]:
    """The same by a model that reads the point from the places of its maps, and does not pool them; it learns by the distance."""
    return replace(build_point_objective(), name="place", build_model=build_places_model, loss=point_distance)


def point_metrics(data: Data) -> Metrics:
    """Distances; torchmetrics is imported here, as a prediction does without."""
    from engine.kinds.point_metrics import PointMetrics

    return PointMetrics(data.shape, middle_point(data))


def middle_point(data: Data) -> tuple[float, float] | None:
    """The mean of the training points as (x, y) in −1..1 of their pictures; None where there are none."""
    relative: list[tuple[float, float]] = []
    for item in data.train:
        (column, row), (height, width) = data.label(item), shown_size(data.looks[item])
        relative.append((2 * column / width - 1, 2 * row / height - 1))
    if not relative:
        return None
    columns, rows = zip(*relative, strict=True)
    return sum(columns) / len(columns), sum(rows) / len(rows)


def squared_error(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of the squared errors over the coordinates of points inside their picture, and the number of these coordinates.

    Args:
        logits: (B, 2), x and y, meant to be in −1..1.
        target: (B, 2), NaN where augmentation moved the point out of the picture: there is nothing to be seen there.
    """
    inside = target.isfinite()
    error = torch.where(inside, logits.float() - target.nan_to_num(), 0.0)
    return error.square().sum(), inside.sum()


def point_distance(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Sum of the distances of points inside their picture, and their number; arguments as for `squared_error`.

    A squared error asks most of the few pictures that are far off; what is told is a mean distance.
    """
    inside = target.isfinite()
    error = torch.where(inside, logits.float() - target.nan_to_num(), 0.0).unflatten(1, (-1, 2))
    distances, counted = (error.square().sum(2) + SMALLEST).sqrt(), inside.unflatten(1, (-1, 2)).all(2)
    return distances[counted].sum(), counted.sum()


def predict_point(
    logits: Tensor, picture: Image.Image, classes: tuple[str, ...], decision: Mapping[str, Any]
) -> PointPrediction:
    """The point (2,) in −1..1 in the pixels of one picture; one outside becomes the nearest on its edge."""
    x, y = ((logits.clamp(-1, 1) + 1) / 2).tolist()
    share = decision.get(WITHIN)
    within = share * picture.width if isinstance(share, int | float) else None
    return PointPrediction(column=x * picture.width, row=y * picture.height, picture=picture, within=within)


def open_points(root: Path) -> Data:
    """The pictures with points in `root`, in one of the layouts that are known."""
    return open_point_layout(root, find_layout(root))


def open_point_layout(
    root: Path, layout: PointLayout, *, transforms: Callable[[str], v2.Transform] = build_augmentation
) -> Data:
    """The pictures with points of a layout."""
    points, unclear = _read(layout)
    if not points and unclear:
        raise DataError(next(iter(unclear)))
    left_out = {"its point cannot be read": tuple(unclear)} if unclear else {}
    answers = Answers(
        inputs=lambda _: tuple(points),
        split=lambda _, inputs: layout.split(inputs),
        label=points.__getitem__,
        test=lambda _: [],
        facts=layout.facts,
        transforms=transforms,
        batch=open_sample,
    )
    findings = replace(layout.findings, left_out={**layout.findings.left_out, **left_out})
    return open_answers(answers, root, COORDINATES, findings=findings, kind="point")


def share_points(data: Data) -> SharedTable:
    """Pictures and the columns and rows of their points, with what else is known of each, such as the person."""
    facts = shared_facts(data.block.facts, (*data.train, *data.valid, *data.test))

    def row(item: Path) -> dict[str, Any]:
        column, line = data.label(item)
        known = data.block.facts(item)
        return {
            "image": picture_cell(item, data.looks[item]),
            "column": column,
            "row": line,
            **{f: known[f] for f in facts},
        }

    return SharedTable(
        columns={"image": "picture", "column": "number", "row": "number", **dict.fromkeys(facts, "text")}, row=row
    )


def _read(layout: PointLayout) -> tuple[dict[Path, Point], list[str]]:
    """Each picture's point, before anything is trained; and why some have none."""
    points: dict[Path, Point] = {}
    unclear: list[str] = []
    for picture in layout.pictures:
        try:
            points[picture] = layout.point(picture)
        except DataError as problem:
            unclear.append(str(problem))
    return points, unclear


def open_sample(item: Path, label: Point, size: tuple[int, int]) -> Sample:
    """A picture (3, h, w) uint8 and its point (1, 2) float32 as column and row in the pixels of `size`."""
    height, width = picture_size(item)
    point = torch.tensor([[label[0] * size[1] / width, label[1] * size[0] / height]])
    return open_resized(item, size), tv_tensors.KeyPoints(point, canvas_size=size)  # pyright: ignore[reportCallIssue]
