"""A point stays on what it marks, is left out where it cannot be seen, and is answered in the picture's own pixels."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from engine.data.pictures.block import Data
from engine.data.pictures.symmetries import POINTS_MIRRORED
from engine.data.pictures.transforms import augment, relative_points, stack
from engine.kinds.point import (
    build_place_objective,
    build_point_objective,
    middle_point,
    open_points,
    point_distance,
    predict_point,
    squared_error,
)
from engine.recipe import Stage
from engine.task import ModelPlan

NAN = float("nan")
SIZE = (72, 96)  # half of what is on disk
SEEDS = range(150)


def blobs(root: Path, points: list[tuple[int, int]]) -> Data:
    """Black pictures with a white square of 6×6 pixels about each one's point, the last one for validation."""
    (root / "images").mkdir(parents=True)
    lines = ["image,column,row,is_valid"]
    for number, (column, row) in enumerate(points):
        pixels = np.zeros((2 * SIZE[0], 2 * SIZE[1], 3), dtype=np.uint8)
        pixels[row - 3 : row + 3, column - 3 : column + 3] = 255
        Image.fromarray(pixels).save(root / "images" / f"{number}.png")
        lines.append(f"{number}.png,{column},{row},{number == len(points) - 1}")
    (root / "centres.csv").write_text("\n".join(lines) + "\n")
    return open_points(root)


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """In the middle, near two corners, and near an edge."""
    return blobs(tmp_path / "blobs", [(96, 72), (20, 16), (172, 130), (100, 10)])


def centroid(picture: Tensor) -> Tensor | None:
    """Column and row of the middle of what is bright, None where nothing is; a pixel's middle is half a pixel from its edge."""
    light = picture.float().mean(0)
    light = (light - light.median() - 0.1 * (light.max() - light.median())).clamp(min=0)
    if light.max() < 25:
        return None
    rows, columns = (torch.arange(length) + 0.5 for length in light.shape)
    return torch.stack([(light.sum(0) * columns).sum(), (light.sum(1) * rows).sum()]) / light.sum()


@pytest.mark.parametrize("strength", ["none", "light", "standard", "strong"])
def test_the_point_follows_its_picture_under_every_augmentation(data: Data, strength: str) -> None:
    transform, moved, left = data.block.transforms(strength), 0, 0
    for item in data.train:
        sample = data.sample(item, SIZE)
        for seed in SEEDS:
            picture, points = augment(transform, sample, seed)
            is_inside = bool(relative_points(points).isfinite().all())
            left += not is_inside
            found = centroid(picture)
            if not is_inside:
                continue
            assert found is not None, "what is inside can be seen"
            assert (found - points[0]).norm() < 1.5
            moved += bool((points[0] - sample[1][0]).norm() > 3)
    assert (moved > 0) == (strength != "none")
    assert (left > 0) == (strength in ("standard", "strong")), "near the corners some leave"


def test_a_point_that_leaves_its_picture_is_nan_and_what_it_marks_is_gone(data: Data) -> None:
    transform, sample = data.block.transforms("strong"), data.sample(data.train[2], SIZE)
    gone = 0
    for seed in SEEDS:
        picture, points = augment(transform, sample, seed)
        x, y = points[0].tolist()
        beyond = max(-x, -y, x - SIZE[1], y - SIZE[0])
        assert relative_points(points).isnan().all() == (beyond > 0)
        if beyond > 9:  # so that not even its edge is left, zoomed and tilted as it is
            gone += 1
            assert centroid(picture) is None
    assert gone > 5


def test_the_middle_point_is_that_of_the_training_pictures(data: Data) -> None:
    columns, rows = (96, 20, 172), (72, 16, 130)  # the last picture validates
    assert middle_point(data) == pytest.approx((2 * sum(columns) / 3 / 192 - 1, 2 * sum(rows) / 3 / 144 - 1))
    assert middle_point(replace(data, train=())) is None


def test_points_become_relative_to_their_picture_in_a_batch(data: Data) -> None:
    samples = [data.sample(item, SIZE) for item in data.train]
    pictures, targets = stack(samples)
    assert (pictures.shape, pictures.dtype) == ((3, 3, *SIZE), torch.uint8)
    assert (targets.shape, targets.dtype, type(targets)) == ((3, 2), torch.float32, Tensor)
    by_hand = [[column / 96 - 1, row / 72 - 1] for column, row in ((96, 72), (20, 16), (172, 130))]
    torch.testing.assert_close(targets, torch.tensor(by_hand))


def test_the_loss_is_the_sum_over_both_coordinates_and_their_number() -> None:
    total, count = squared_error(torch.tensor([[0.5, -0.5], [0.0, 1.0]]), torch.tensor([[0.0, 0.5], [0.25, 1.0]]))
    assert total.item() == pytest.approx(0.25 + 1.0 + 0.0625)
    assert count.item() == 4


def test_a_point_that_cannot_be_seen_counts_in_neither_and_gives_no_gradient() -> None:
    logits = torch.tensor([[0.5, -0.5], [0.9, 0.9]], requires_grad=True)
    total, count = squared_error(logits, torch.tensor([[0.0, 0.5], [NAN, NAN]]))
    total.backward()
    assert (total.item(), count.item()) == (1.25, 2)
    assert logits.grad is not None
    assert logits.grad.tolist() == [[1.0, -2.0], [0.0, 0.0]]


def test_places_are_learnt_by_the_sum_of_the_distances_of_the_points_that_can_be_seen() -> None:
    assert build_place_objective().loss is point_distance
    logits = torch.tensor([[0.3, -0.4, 0.5, 0.5], [0.9, 0.9, -0.1, 1.0]], requires_grad=True)
    total, count = point_distance(logits, torch.tensor([[0.0, 0.0, 0.5, 0.5], [NAN, NAN, -0.1, 0.25]]))
    total.backward()
    assert (total.item(), count.item()) == (pytest.approx(0.5 + 0.0 + 0.75, abs=1e-5), 3)
    assert logits.grad is not None
    expected = torch.tensor([[0.6, -0.8, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    torch.testing.assert_close(logits.grad, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("loss", [squared_error, point_distance])
def test_a_batch_in_which_no_point_can_be_seen(loss: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> None:
    logits = torch.zeros(2, 2, requires_grad=True)
    total, count = loss(logits, torch.full((2, 2), NAN))
    total.backward()
    assert (total.item(), count.item()) == (0.0, 0)
    assert logits.grad is not None
    assert not logits.grad.any()


@pytest.mark.parametrize(
    ("logits", "expected"),
    [
        ((0.0, 0.0), (320, 240)),
        ((-1.0, -1.0), (0, 0)),
        ((1.0, 1.0), (640, 480)),
        ((0.25, -0.5), (400, 120)),
        ((1.5, -9.0), (640, 0)),
    ],
)
def test_a_prediction_is_in_the_picture_s_own_pixels_and_never_outside(logits, expected) -> None:
    prediction = predict_point(torch.tensor(logits), Image.new("RGB", (640, 480)), ("column", "row"), {})
    assert (prediction.column, prediction.row) == pytest.approx(expected)
    assert prediction.distance(expected[0] + 3, expected[1] - 4) == pytest.approx(5)


def test_a_prediction_in_words_as_json_and_as_a_file(tmp_path: Path) -> None:
    prediction = predict_point(torch.tensor([0.25, -0.5]), Image.new("RGB", (640, 480)), ("column", "row"), {})
    assert prediction.summary() == {"column": 400.0, "row": 120.0, "height": 480, "width": 640}
    assert prediction.in_words() == "column 400.0, row 120.0 of 640×480 pixels"
    saved = prediction.save(tmp_path / "frame")
    assert saved == tmp_path / "frame_point.json"
    assert json.loads(saved.read_text()) == prediction.summary()


def test_the_objective_is_made_of_these(data: Data) -> None:
    objective = build_point_objective()
    assert (objective.name, objective.main_metric) == ("point", "mean_pixels")
    assert objective.symmetries is POINTS_MIRRORED
    assert objective.is_better(3.0, 4.0)
    assert not objective.is_better(4.0, 3.0)
    metrics = objective.build_metrics(data)
    metrics.update(torch.tensor([[0.0, 0.0]]), torch.tensor([[3 / 96, 4 / 72]]))
    assert metrics.compute()[objective.main_metric] == pytest.approx(5), "pixels of the pictures on disk"
    plan = ModelPlan(backbone="mobilenetv3_small_100", classes=data.classes)
    model = objective.build_model(plan, pretrained=False).eval()
    shown, batch = objective.prepare(data.train[0], Stage(image_size=32), plan, model)
    assert not any(part.p for part in model.modules() if isinstance(part, nn.Dropout))
    last = next(part for part in reversed(list(model.modules())) if isinstance(part, nn.Linear))
    nn.init.normal_(last.weight, std=1e9)  # far out of the picture
    with torch.inference_mode():
        prediction = objective.predict(model(batch)[0], shown, data.classes, {})
    assert prediction.picture.size == (192, 144)
    assert (prediction.column, prediction.row) in [(0, 0), (0, 144), (192, 0), (192, 144)]
