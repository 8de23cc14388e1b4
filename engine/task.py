"""What a task is, as data: the question it asks, its data sets and recipes, and one objective or more to train.

An `Objective` is what `fit` needs to know of a kind of task: how to open its data, build its model, take its loss and
measure it. Nothing here imports torch, so that the page can name every task before torch is there; a task's
`build_objective` imports its kind when it is first called.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from engine.errors import RecipeError
from engine.recipe import NEW_CHANNELS, Recipe, Stage

if TYPE_CHECKING:
    from torch import Tensor, nn

    from engine.data.block import Data


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPlan:
    """All that a model is built from; a bundle's config holds the same fields.

    `channels` is how many an input picture has. Where that is not 3, `new_channels` says how the first convolution of a
    pretrained body is fitted to it: see `engine.models.channels`.
    """

    backbone: str
    classes: tuple[str, ...]
    channels: int = 3
    new_channels: str = NEW_CHANNELS[0]


class Metrics(Protocol):
    """What validation counts: updated batch by batch, computed once (over all processes) at the end.

    `details()` is what the task's view shows, ready for JSON. Its "decision", if there is one, goes into the bundle: what
    turns a model's figures into an answer, such as a threshold.
    """

    def update(self, logits: "Tensor", target: "Tensor") -> None: ...
    def compute(self) -> dict[str, float]: ...
    def details(self) -> dict[str, Any]: ...
    def to(self, device: Any) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What one kind of training needs: data, model, loss and metrics.

    open_data(folder): finds the layout of a data set.
    build_model(plan, pretrained=True): a module with `layer_groups()`, earliest layers first, the head last.
    loss(logits, target): the sum over the elements that count and their number, so that means are exact over batches and
        processes.
    build_metrics(data): what validation counts. Of two values of `main_metric`, `is_better(one, other)` says whether `one`
        is the better; the best checkpoint is picked by it.
    prepare(source, image_size, channels): what the user gave, opened to be shown, and the network's input (1, …).
    predict(logits, shown, classes, decision): one input's logits as a prediction that can be shown.
    symmetries: changes of an input batch that leave its target as it is; test-time augmentation averages over them.
    """

    name: str
    main_metric: str
    open_data: "Callable[[Path], Data]"
    build_model: "Callable[..., nn.Module]"
    loss: "Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]"
    build_metrics: "Callable[[Data], Metrics]"
    prepare: "Callable[[Any, int, int], tuple[Any, Tensor]]"
    predict: "Callable[[Tensor, Any, tuple[str, ...], Mapping[str, Any]], Any]"
    is_better: Callable[[float, float], bool] = operator.gt
    symmetries: "tuple[Callable[[Tensor], Tensor], ...]" = ()


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


def plan_model(recipe: Recipe, data: "Data") -> ModelPlan:
    """The model that `recipe` trains on `data`."""
    return ModelPlan(
        backbone=recipe.backbone, classes=data.classes, channels=data.channels, new_channels=recipe.new_channels
    )
