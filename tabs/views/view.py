"""What is particular to showing one kind of task, as data: everything else on a task's page is shared by all tasks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

import gradio as gr

from engine.data.dataset import D, Item
from engine.recipe import Stage
from engine.task import Task

if TYPE_CHECKING:
    from engine.serving.predictor import Predictor


@dataclass(frozen=True, slots=True, kw_only=True)
class View(Generic[D]):
    """How the data, predictions and figures of one kind of task look. Every `show_*` gives HTML; none of them needs a browser.

    own: how somebody keeps a data set of their own, as it goes on after "type the path of".
    metrics: what the metrics are called, by their names.
    overlay: what lies over the pictures, when there is something whose strength can be set ("mask"); else "".
    show_legend(classes): the key to colours or labels.
    show_samples(data, split, start, count): labelled inputs as they are on disk.
    show_augmented(data, stage, index, seed): one input untouched, then as training may see it; None where nothing is changed.
    build_explorer(task, opened): how an input becomes what a model reads, to be played with; None for nothing.
    frequencies, show_frequencies(data): a heading, and how common each class or value is.
    show_comparisons(predictor, data, items): input, truth and prediction side by side.
    show_evaluation(evaluation): a model's `evaluation.json`, class by class.
    show_breakdown(predictor, data): what is found only by predicting the whole validation split; None for nothing.
    build_try(task, model, dataset): the inputs and outputs of trying a model, wired; `model` holds a model's name,
        `dataset` what it was trained on. It returns the component that holds what the model is given: a picture's path, a text.
    """

    own: str = "a folder in the same layout"
    metrics: Mapping[str, str]
    overlay: str = ""
    frequencies: str = "How common each class is"
    show_legend: Callable[[tuple[str, ...]], str]
    show_samples: Callable[[D, str, int, int], str]
    show_frequencies: Callable[[D], str]
    show_comparisons: "Callable[[Predictor, D, Sequence[Item]], str]"
    show_evaluation: Callable[[Mapping[str, Any]], str]
    build_try: Callable[[Task, gr.State, gr.State], Any]
    show_augmented: Callable[[D, Stage, int, int], str] | None = None
    build_explorer: Callable[[Task, gr.State], None] | None = None
    show_breakdown: "Callable[[Predictor, D], str] | None" = None

    def metric_title(self, name: str) -> str:
        """A metric in words; its own name where the view has none."""
        return self.metrics.get(name, name.replace("_", " "))
