"""How tasks of points are shown: pictures with a cross."""

from typing import TYPE_CHECKING

from tabs.views.point import (
    show_augmented,
    show_breakdown,
    show_comparisons,
    show_evaluation,
    show_frequencies,
    show_legend,
    show_samples,
)
from tabs.views.point_try import build_try
from tabs.views.view import View

if TYPE_CHECKING:
    from engine.data.pictures.block import Data

POINT_VIEW: "View[Data]" = View(
    metrics={
        "mean_pixels": "Mean distance",
        "median_pixels": "Median distance",
        "p95_pixels": "95th percentile",
        "within_5_percent": "Within 5 % of the width",
        "mean_squared_error": "Mean squared error",
        "valid_loss": "Loss",
    },
    frequencies="Where the points are",
    show_legend=show_legend,
    show_samples=show_samples,
    show_augmented=show_augmented,
    show_frequencies=show_frequencies,
    show_comparisons=show_comparisons,
    show_evaluation=show_evaluation,
    show_breakdown=show_breakdown,
    build_try=build_try,
)
