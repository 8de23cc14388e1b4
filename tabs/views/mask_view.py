"""How tasks of masks are shown: pictures under them."""

from typing import TYPE_CHECKING

from tabs.views.mask import (
    show_augmented,
    show_comparisons,
    show_evaluation,
    show_frequencies,
    show_legend,
    show_samples,
)
from tabs.views.mask_try import build_try
from tabs.views.view import View

if TYPE_CHECKING:
    from engine.data.pictures.block import Data

MASK_VIEW: "View[Data]" = View(
    overlay="mask",
    metrics={"pixel_accuracy": "Pixel accuracy", "mean_iou": "Mean IoU", "valid_loss": "Loss"},
    show_legend=show_legend,
    show_samples=show_samples,
    show_augmented=show_augmented,
    show_frequencies=show_frequencies,
    show_comparisons=show_comparisons,
    show_evaluation=show_evaluation,
    build_try=build_try,
)
