"""How tasks of tags are shown: pictures with their tags."""

from typing import TYPE_CHECKING

from tabs.views.tags import (
    show_augmented,
    show_comparisons,
    show_evaluation,
    show_frequencies,
    show_legend,
    show_samples,
)
from tabs.views.tags_try import build_try
from tabs.views.view import View

if TYPE_CHECKING:
    from engine.data.pictures.block import Data

TAGS_VIEW: "View[Data]" = View(
    metrics={
        "f2": "F2 at 0.2",
        "f2_tuned": "F2, tuned",
        "accuracy_thresh": "Accuracy at 0.2",
        "mean_average_precision": "Mean av. precision",
        "valid_loss": "Loss",
    },
    frequencies="How common each tag is",
    show_legend=show_legend,
    show_samples=show_samples,
    show_augmented=show_augmented,
    show_frequencies=show_frequencies,
    show_comparisons=show_comparisons,
    show_evaluation=show_evaluation,
    build_try=build_try,
)
