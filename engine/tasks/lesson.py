"""What the recipes called the lesson's, and what follows its notebooks elsewhere, have in common."""

# The end of each such recipe's note.
ALL_SETTINGS = "docs/lesson.md compares every setting."
# How daring a language model writes in the notebook.
TEMPERATURE = 0.75
