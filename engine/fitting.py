"""How a recipe fits a data set's size: with few samples its batches become smaller and its epochs more, until its stages take
steps enough to learn anything; and what a training will come to, in numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.recipe import Recipe, Stage

ENOUGH_A_EPOCH = 12  # steps, from which on a data set is not small, and its recipe stays as it is
FEWEST_A_EPOCH = 4  # steps, as long as a batch has more than the smallest
SMALLEST_BATCH = 8  # samples: with fewer, BatchNorm has next to nothing to go by
MOST_EPOCHS = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """What a stage will come to: its steps in an epoch and in all, and the samples that each epoch sees."""

    stage: Stage
    samples: int
    steps_per_epoch: int

    @property
    def steps(self) -> int:
        """In all."""
        return self.steps_per_epoch * self.stage.epochs


def foretell(stage: Stage, samples: int) -> Foretold:
    """A stage on so many training samples; a last, smaller batch is left out, as training leaves it out."""
    seen = min(samples, stage.train_items or samples)
    return Foretold(stage=stage, samples=seen, steps_per_epoch=max(1, seen // stage.batch_size))


def fitted(recipe: Recipe, samples: int) -> Recipe:
    """The recipe for so many training samples. One without `least_steps`, and one that takes them anyway, stays as it is."""
    if not recipe.least_steps or samples < 1:
        return recipe
    stages = tuple(_fitted(stage, samples, recipe.least_steps) for stage in recipe.stages)
    return recipe if stages == recipe.stages else replace(recipe, stages=stages)


def _fitted(stage: Stage, samples: int, least: int) -> Stage:
    told = foretell(stage, samples)
    if told.steps >= least or told.steps_per_epoch >= ENOUGH_A_EPOCH:
        return stage
    batch = stage.batch_size
    while batch > SMALLEST_BATCH and min(samples, stage.train_items or samples) // batch < FEWEST_A_EPOCH:
        batch = max(SMALLEST_BATCH, batch // 2)
    smaller = replace(stage, batch_size=min(batch, stage.batch_size))
    epochs = -(-least // foretell(smaller, samples).steps_per_epoch)
    return replace(smaller, epochs=max(stage.epochs, min(epochs, MOST_EPOCHS)))


def in_words(asked: Recipe, given: Recipe, samples: int) -> Sequence[str]:
    """A sentence for each stage of a recipe that is trained otherwise than it was `asked` for, as the data set is small."""
    said = []
    for before, after in zip(asked.stages, given.stages, strict=True):
        if before != after:
            said.append(
                f"{after.name}: batches of {after.batch_size} and {after.epochs} epochs, in place of {before.batch_size} and "
                f"{before.epochs}, as there are {samples} training samples"
            )
    return said
