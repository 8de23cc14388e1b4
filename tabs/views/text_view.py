"""How tasks of texts are shown: texts with their class, and what a model reads of them."""

from typing import TYPE_CHECKING

from tabs.views.text import show_comparisons, show_evaluation, show_frequencies, show_legend, show_samples
from tabs.views.text_tokens import build_explorer
from tabs.views.text_try import build_try
from tabs.views.view import View

if TYPE_CHECKING:
    from engine.data.texts.dataset import TextData

TEXT_VIEW: "View[TextData]" = View(
    own="a CSV file or a folder with texts",
    metrics={
        "accuracy": "Accuracy",
        "f1": "F1, mean",
        "roc_auc": "ROC AUC",
        "next_word_accuracy": "Words guessed",
        "perplexity": "Perplexity",
        "valid_loss": "Loss",
    },
    frequencies="How many, and how long",
    show_legend=show_legend,
    show_samples=show_samples,
    show_frequencies=show_frequencies,
    show_comparisons=show_comparisons,
    show_evaluation=show_evaluation,
    build_explorer=build_explorer,
    build_try=build_try,
)
