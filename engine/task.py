"""What a task is, as data: the question it asks, its data sets and recipes, and one objective or more to train.

An `Objective` is what `fit` needs to know of a kind of task: how to open its data, build its model, take its loss and
measure it. Nothing here imports torch, so that the page can name every task before torch is there; a task's
`build_objective` imports its kind when it is first called.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from engine.errors import RecipeError
from engine.recipe import Recipe, Stage

if TYPE_CHECKING:
    from torch import Tensor, nn

    from engine.data.block import Data


class Metrics(Protocol):
    """What validation counts: updated batch by batch, computed once (over all processes) at the end."""

    def update(self, logits: "Tensor", target: "Tensor") -> None: ...
    def compute(self) -> dict[str, float]: ...
    def details(self) -> dict[str, Any]: ...
    def to(self, device: Any) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What one kind of training needs: data, model, loss and metrics.

    `open_data(folder)` finds the layout of a data set. `build_model(classes, backbone=, pretrained=)` gives a module with
    `layer_groups()`, earliest layers first, the head last. `loss(logits, target)` is the sum over the elements that count
    and their number, so that means are exact over batches and processes. `main_metric` (higher is better) picks the best
    checkpoint. `predict(logits, input, classes)` turns one input's logits into a prediction that can be shown.
    """

    name: str
    main_metric: str
    open_data: "Callable[[Path], Data]"
    build_model: "Callable[..., nn.Module]"
    loss: "Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]"
    build_metrics: "Callable[[tuple[str, ...]], Metrics]"
    predict: Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One of the lesson's tasks, or somebody's own: a kind of objective bound to data sets and defaults."""

    name: str
    title: str
    question: str
    lesson: str
    datasets: tuple[str, ...]
    backbones: tuple[str, ...]
    recipes: tuple[Recipe, ...]
    default_stage: Stage
    build_objective: Callable[[], Objective]

    def recipe(self, name: str) -> Recipe:
        """The recipe called `name`, or a `RecipeError` that lists those there are."""
        for recipe in self.recipes:
            if recipe.name == name:
                return recipe
        names = ", ".join(recipe.name for recipe in self.recipes)
        raise RecipeError(f"{self.title} has no recipe {name!r}. There are: {names}.")
