"""What the recipes called the lesson's, and what follows its notebooks elsewhere, have in common."""

# The end of each such recipe's note.
ALL_SETTINGS = "docs/lesson.md compares every setting."
# How daring a language model writes in the notebook.
TEMPERATURE = 0.75
FACTOR = 2.6**4  # 2.6 a layer group, as Howard and Ruder found


def slice_below(rate: float) -> tuple[float, float]:
    """From the lowest of five layer groups to `rate` for the highest, 2.6 times more for each."""
    return float(f"{rate / FACTOR:.2e}"), rate
