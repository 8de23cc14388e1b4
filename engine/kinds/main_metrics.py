"""The metric by which each kind's best checkpoint is chosen: plain data, so that the page can name it without torch."""

from engine.task import Metric

PIXEL_ACCURACY = Metric(name="pixel_accuracy")
F2 = Metric(name="f2")
MEAN_PIXELS = Metric(name="mean_pixels", lower_is_better=True)
MEAN_ERROR = Metric(name="mean_error", lower_is_better=True)
ACCURACY = Metric(name="accuracy")
NEXT_WORD_ACCURACY = Metric(name="next_word_accuracy")

# From where on a tag is given, in the lesson; F2 is judged there.
LESSON_THRESHOLD = 0.2
