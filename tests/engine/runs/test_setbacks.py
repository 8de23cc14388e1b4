"""A stage that made a run's model worse is told; one that did not, or at another input size, is not."""

from dataclasses import replace

import pytest

from engine.recipe import Recipe, Stage
from engine.runs.setbacks import Reached, setbacks, setbacks_of
from engine.runs.snapshot import EMPTY, EpochRow
from engine.tasks.heads import HEADS
from engine.tasks.planet import PLANET

STAGE = Stage(name="a", image_size=64)
SAME = Recipe(name="same", backbone="none", stages=(STAGE, replace(STAGE, name="b"), replace(STAGE, name="c")))
LARGER = replace(SAME, stages=(STAGE, replace(STAGE, name="b", image_size=128), replace(STAGE, name="c")))
AIM = PLANET.aim()


def told(recipe: Recipe, *stages: tuple[float, ...], aim=AIM) -> list[str]:
    names = [stage.name for stage in recipe.stages]
    epochs = [
        Reached(stage, names[stage], epoch, value)
        for stage, values in enumerate(stages)
        for epoch, value in enumerate(values, start=1)
    ]
    return setbacks(epochs, recipe, aim)


def test_a_stage_below_an_earlier_one_is_told_with_both_figures() -> None:
    (said,) = told(SAME, (0.5, 0.8, 0.7), (0.6, 0.75))
    assert "Stage 2 (b) made the model worse: its best f2 is 0.75, and stage 1 (a) had reached 0.8." in said
    assert said.endswith("with inputs of this size, the model of stage 1, epoch 2, is the one that counts.")


def test_each_is_held_against_the_best_so_far() -> None:
    first, second = told(SAME, (0.8,), (0.7,), (0.75,))
    assert "stage 1 (a) had reached 0.8" in first and "stage 1 (a) had reached 0.8" in second


@pytest.mark.parametrize("stages", [((0.5,), (0.6,)), ((0.5,), (0.5,)), ((0.9,),), ((float("nan"),), (0.5,)), ()])
def test_nothing_is_said_where_nothing_became_worse(stages) -> None:
    assert told(SAME, *stages) == []


def test_figures_at_two_input_sizes_are_not_compared() -> None:
    assert told(LARGER, (0.8,), (0.7,)) == []


def test_fewer_pixels_are_better() -> None:
    assert told(SAME, (9.0, 5.0), (4.0,), aim=HEADS.aim()) == []
    assert "its best mean pixels is 6" in told(SAME, (9.0, 5.0), (6.0,), aim=HEADS.aim())[0]


def test_a_stage_that_goes_on_may_yet_become_better() -> None:
    rows = tuple(
        EpochRow(
            stage=stage,
            stage_name="ab"[stage],
            epoch=1,
            step=1,
            global_step=stage + 1,
            train_loss=1.0,
            valid_loss=1.0,
            metrics={"f2": value},
            train_seconds=1.0,
            valid_seconds=1.0,
        )
        for stage, value in enumerate((0.8, 0.7))
    )
    running = replace(EMPTY, status="running", stage=1, epoch_rows=rows)
    assert setbacks_of(running, SAME, AIM) == []
    for over in (replace(running, status="stopped"), replace(running, stage=2)):
        assert len(setbacks_of(over, SAME, AIM)) == 1
