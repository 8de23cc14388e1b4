"""What a model is built from, decided before it is built: a text model's vocabulary is made of the data."""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from engine.bundle.fields import MAX_CLASSES, fewest_classes, is_class_list
from engine.data.dataset import DataSet
from engine.errors import DataError
from engine.events import CacheProgressed, Event
from engine.recipe import Recipe
from engine.task import ModelPlan, Objective, plan_model


def planned(
    objective: Objective, recipe: Recipe, data: DataSet, start: Path | None = None
) -> Generator[Event, None, ModelPlan]:
    """The plan of the model that `recipe` trains on `data`, with the files it is built from: those of the bundle that it
    starts from, else made from the data. The scale is the data's in either case: weights that fit bring their own. `DataError`
    for classes that no model can be kept with.
    """
    check_classes(data.classes, objective.name)
    files = start
    if files is None:
        making = objective.make_files(recipe.backbone, data)
        while True:
            try:
                done, total = next(making)
            except StopIteration as end:
                files = end.value
                break
            yield CacheProgressed(done=done, total=total)
    return replace(plan_model(recipe, data, files), scale=objective.scale(data))


def check_classes(classes: tuple[str, ...], objective: str) -> None:
    """`DataError` for names of a model's outputs that its bundle could not hold."""
    if not is_class_list(list(classes), objective):
        named = ", ".join(map(repr, classes[:3])) + (", …" if len(classes) > 3 else "")
        raise DataError(
            f"The data set has {len(classes)} classes ({named or 'none'}), and a model has {fewest_classes(objective)} to "
            f"{MAX_CLASSES} with different names: one for each of its outputs. Change what the data set calls its classes."
        )


def plan_now(objective: Objective, recipe: Recipe, data: DataSet, start: Path | None = None) -> ModelPlan:
    """The same at once, without its events."""
    planning = planned(objective, recipe, data, start)
    while True:
        try:
            next(planning)
        except StopIteration as end:
            return end.value
