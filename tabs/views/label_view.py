"""How tasks with one label a picture are shown."""

from typing import TYPE_CHECKING

from tabs.views.label import show_augmented, show_comparisons, show_frequencies, show_legend, show_samples
from tabs.views.label_try import build_try
from tabs.views.text import show_evaluation
from tabs.views.view import View

if TYPE_CHECKING:
    from engine.data.pictures.block import Data

LABEL_VIEW: "View[Data]" = View(
    own="a folder with a folder of pictures for each label, or a table",
    metrics={"accuracy": "Accuracy", "f1": "F1, mean", "roc_auc": "ROC AUC", "valid_loss": "Loss"},
    frequencies="How common each label is",
    show_legend=show_legend,
    show_samples=show_samples,
    show_augmented=show_augmented,
    show_frequencies=show_frequencies,
    show_comparisons=show_comparisons,
    show_evaluation=show_evaluation,
    build_try=build_try,
)
