"""How tasks of numbers are shown."""

from typing import TYPE_CHECKING

from tabs.views.number import (
    show_augmented,
    show_comparisons,
    show_evaluation,
    show_frequencies,
    show_legend,
    show_samples,
)
from tabs.views.number_try import build_try
from tabs.views.view import View

if TYPE_CHECKING:
    from engine.data.pictures.block import Data

NUMBER_VIEW: "View[Data]" = View(
    own="a folder with a table that has a column for each number, and the pictures beside it",
    metrics={"mean_error": "Mean error", "r2": "R²", "valid_loss": "Squared error, in spreads"},
    frequencies="How the numbers are spread",
    show_legend=show_legend,
    show_samples=show_samples,
    show_augmented=show_augmented,
    show_frequencies=show_frequencies,
    show_comparisons=show_comparisons,
    show_evaluation=show_evaluation,
    build_try=build_try,
)
