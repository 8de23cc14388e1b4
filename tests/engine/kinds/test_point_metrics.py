"""Distances are in pixels of the pictures on disk, worked out by hand, and leave out what cannot be seen."""

import json
import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from engine.kinds.point_metrics import FIGURES, PointMetrics

NAN = float("nan")
SHAPE = (240, 320)  # a half is 120 rows and 160 columns: the smallest distance in −1..1 is not so in pixels


def relative(points: Sequence[tuple[float, float]]) -> Tensor:
    """Offsets in pixels as what the model gives."""
    return torch.tensor(points) / torch.tensor([160.0, 120.0])


def measured(offsets: Sequence[tuple[float, float]], *, batch: int = 100) -> PointMetrics:
    """Points at `offsets` from their targets, each target somewhere else; NaN where the target cannot be seen."""
    metrics = PointMetrics(SHAPE)
    for start in range(0, len(offsets), batch):
        away = relative(offsets[start : start + batch])
        targets = torch.linspace(-0.5, 0.4, len(away))[:, None].expand(-1, 2).masked_fill(away.isnan(), NAN)
        metrics.update((targets + away).nan_to_num(0.3), targets)
    return metrics


def test_distances_worked_out_by_hand() -> None:
    distances = measured([(3, 4), (0, 0), (-16, 0), (0, 12), (-6, -8)]).distances()
    assert distances.tolist() == pytest.approx([5, 0, 16, 12, 10], abs=1e-4)


def test_targets_that_cannot_be_seen_are_left_out() -> None:
    metrics = measured([(3, 4), (NAN, NAN), (-6, -8)])
    assert metrics.distances().tolist() == pytest.approx([5, 10], abs=1e-4)
    assert metrics.compute()["mean_pixels"] == pytest.approx(7.5, abs=1e-4)


def test_a_guess_outside_the_picture_counts_as_one_on_its_edge() -> None:
    metrics = PointMetrics(SHAPE)
    metrics.update(torch.tensor([[1.5, 0.0], [-7.0, 2.0]]), torch.tensor([[0.9, 0.0], [-1.0, 0.5]]))
    assert metrics.distances().tolist() == pytest.approx([0.1 * 160, 0.5 * 120], abs=1e-3)


def test_mean_median_and_percentile() -> None:
    figures = measured([(number, 0) for number in range(20)] + [(0, 60)]).compute()  # 0, 1, … 19, and one far off
    assert figures["mean_pixels"] == pytest.approx((190 + 60) / 21, abs=1e-3)
    assert figures["median_pixels"] == pytest.approx(10, abs=1e-3)
    assert figures["p95_pixels"] == pytest.approx(19, abs=1e-3), "the 20th of 21"


def test_the_lesson_s_figure_is_of_the_coordinates_from_minus_one_to_one() -> None:
    figures = measured([(16, 12), (NAN, NAN), (0, -24)]).compute()
    assert figures["mean_squared_error"] == pytest.approx((0.1**2 + 0.1**2 + 0.2**2) / 4, abs=1e-6)


def test_near_is_5_percent_of_the_width() -> None:
    figures = measured([(15.9, 0), (0, 15.9), (16.1, 0), (12, 12)]).compute()  # 5 % of 320 are 16 pixels, 12·√2 are 17
    assert figures["within_5_percent"] == 0.5


def test_batches_add_up() -> None:
    offsets = [(float(number), 2.0 * number) for number in range(7)] + [(NAN, NAN)]
    whole, parts = PointMetrics(SHAPE), PointMetrics(SHAPE)
    predicted, targets = (
        relative(offsets).nan_to_num(0.3),
        torch.zeros(8, 2).masked_fill(relative(offsets).isnan(), NAN),
    )
    whole.update(predicted, targets)
    for some in (slice(0, 3), slice(3, 8)):
        parts.update(predicted[some], targets[some])
    assert parts.compute() == whole.compute()
    assert parts.details() == whole.details()


def test_nothing_that_can_be_seen_gives_no_figure() -> None:
    figures = measured([(NAN, NAN), (NAN, NAN)]).compute()
    assert tuple(figures) == FIGURES
    assert all(map(math.isnan, figures.values()))
    assert measured([(NAN, NAN)]).details()["distances"] == []


def test_details_are_sorted_and_say_of_which_size() -> None:
    details = measured([(3, 4), (NAN, NAN), (0, 0), (0, 1.234567)]).details()
    assert details == {"distances": [0.0, 1.23, 5.0], "width": 320, "height": 240}
    assert json.loads(json.dumps(details, allow_nan=False)) == details


def test_always_the_same_point_is_judged_beside() -> None:
    metrics = PointMetrics(SHAPE, (0.0, 0.5))
    metrics.update(torch.zeros(3, 2), torch.tensor([[0.0, 0.0], [0.5, 0.5], [NAN, NAN]]))
    assert metrics.details()["always"] == {"mean_pixels": (60 + 80) / 2}
    assert "always" not in measured([(3, 4)]).details()
