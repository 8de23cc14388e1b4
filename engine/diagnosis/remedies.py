"""Recipes changed in one thing, each a pure function of the recipe; None where the change is not to be had."""

from dataclasses import replace
from typing import Any

from engine.diagnosis.finding import Remedy
from engine.recipe import AUGMENTATIONS, Recipe, Stage, knob_fields, rate_text
from engine.task import Aim

LARGER = 1.5  # times the side of a picture
LARGEST = 512  # pixels, for a button: beyond it takes long and much memory
LONGEST = 40  # epochs, for a button
FULL_EPOCHS = 8  # of a stage that is added


def changed(recipe: Recipe, stage: int, **knobs: Any) -> Recipe:
    """With other knobs in one stage. It is trained as it stands: what was fitted to the data set is so already."""
    stages = [replace(old, **knobs) if number == stage else old for number, old in enumerate(recipe.stages)]
    return replace(recipe, stages=tuple(stages), least_steps=0)


def with_rate(recipe: Recipe, stages: tuple[int, ...], rate: float) -> Remedy | None:
    """With the head's rate in the first of these stages at `rate`, and all other rates in them moved by the same factor."""
    factor = rate / recipe.stages[stages[0]].lr_slice[1]
    for number in stages:
        recipe = changed(recipe, number, max_lr=_times(recipe.stages[number], factor))
    new = recipe.stages[stages[0]].lr_slice[1]
    return Remedy(what=f"a learning rate of {rate_text(new)} in {_named(recipe, stages)}", recipe=recipe)


def with_epochs(recipe: Recipe, stage: int, epochs: int) -> Remedy | None:
    """With another number of epochs in one stage."""
    epochs, old = max(1, min(epochs, LONGEST)), recipe.stages[stage].epochs
    if epochs == old:
        return None
    what = f"{epochs} epoch{'' if epochs == 1 else 's'} in place of {old} in {_named(recipe, (stage,))}"
    return Remedy(what=what, recipe=changed(recipe, stage, epochs=epochs))


def with_all_samples(recipe: Recipe, stage: int) -> Remedy | None:
    """With all training samples, where a stage sees some of them."""
    if not recipe.stages[stage].train_items:
        return None
    return Remedy(
        what=f"all training samples in {_named(recipe, (stage,))}", recipe=changed(recipe, stage, train_items=0)
    )


def with_augmentation(recipe: Recipe, stage: int, augmentation: str, aim: Aim) -> Remedy | None:
    """With another augmentation, of pictures."""
    if "augmentation" not in aim.knobs or recipe.stages[stage].augmentation == augmentation:
        return None
    return Remedy(
        what=f"the augmentation “{augmentation}” in {_named(recipe, (stage,))}",
        recipe=changed(recipe, stage, augmentation=augmentation),
    )


def more_augmentation(recipe: Recipe, stage: int, aim: Aim) -> Remedy | None:
    """With "standard" in place of less."""
    weaker = AUGMENTATIONS.index(recipe.stages[stage].augmentation) < AUGMENTATIONS.index("standard")
    return with_augmentation(recipe, stage, "standard", aim) if weaker else None


def with_knob(recipe: Recipe, stage: int, knob: str, value: float) -> Remedy:
    """With another weight decay, or dropout."""
    label = dict(knob_fields())[knob].label.lower()
    return Remedy(
        what=f"{label} {value:g} in {_named(recipe, (stage,))}", recipe=changed(recipe, stage, **{knob: value})
    )


def with_all_layers(recipe: Recipe) -> Remedy | None:
    """With a stage more, in which all layers learn: from a hundredth of the head's rate for the first to a fifth for the head."""
    last = recipe.stages[-1]
    if not last.is_frozen:
        return None
    top = last.lr_slice[1]
    added = replace(last, name="full", train_from=0, max_lr=(max(top / 100, 1e-7), top / 5), epochs=FULL_EPOCHS)
    what = f"a stage more in which all layers learn, {FULL_EPOCHS} epochs at up to {rate_text(top / 5)}"
    return Remedy(what=what, recipe=replace(recipe, stages=(*recipe.stages, added), least_steps=0))


def with_larger_pictures(recipe: Recipe, aim: Aim) -> Remedy | None:
    """With a last stage more at half as many pixels again on each side: progressive resizing."""
    last = recipe.stages[-1]
    size = round(last.image_size * LARGER / 4) * 4
    if aim.size_knob != "image_size" or size > LARGEST:
        return None
    first, top = last.lr_slice
    rate = (first / 2, top / 2) if isinstance(last.max_lr, tuple) else top / 2
    added = replace(last, name=f"at-{size}", image_size=size, max_lr=rate, epochs=min(last.epochs, FULL_EPOCHS))
    what = f"a stage more with pictures of {size} px, {added.epochs} epochs"
    return Remedy(what=what, recipe=replace(recipe, stages=(*recipe.stages, added), least_steps=0))


def _times(stage: Stage, factor: float) -> float | tuple[float, float]:
    first, top = (min(max(rate * factor, 1e-7), 1.0) for rate in stage.lr_slice)
    return (first, top) if isinstance(stage.max_lr, tuple) else top


def _named(recipe: Recipe, stages: tuple[int, ...]) -> str:
    if len(recipe.stages) == 1:
        return "its stage"
    numbers = " and ".join(str(number + 1) for number in stages)
    return f"stage {numbers} ({recipe.stages[stages[0]].name})" if len(stages) == 1 else f"stages {numbers}"
