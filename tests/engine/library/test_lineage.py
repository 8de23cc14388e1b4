"""What a run started from, its figure before the first step and since; and the chain of models behind it."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.events import CheckpointSaved, EpochFinished, RunResumed, StageStarted, StartJudged
from engine.library.lineage import ancestors_of, since_start
from engine.recipe import Recipe, Stage
from engine.runs.fold import fold
from engine.runs.snapshot import EMPTY
from engine.runs.start import start_model
from engine.runs.store import RunSpec, create_run
from engine.tasks.registry import get_task
from engine.training.recipe_loop import is_resized, train_recipe

AIM = get_task("heads").aims[0]
STAGE = Stage(name="s", epochs=1, max_lr=1e-3, image_size=32, batch_size=4)


def started(stage: int = 0, epochs: int = 1) -> StageStarted:
    return StageStarted(
        stage=stage, stages=2, name="s", epochs=epochs, steps_per_epoch=4, batch_size=2, train_items=8, valid_items=2,
        trainable_parameters=1,
    )  # fmt: skip


def epoch(value: float, stage: int = 0) -> EpochFinished:
    metrics = {AIM.metric.name: value}
    return EpochFinished(
        stage=stage,
        epoch=1,
        step=4,
        train_loss=1.0,
        valid_loss=value,
        metrics=metrics,
        train_seconds=1,
        valid_seconds=1,
    )


def judged(value: float, stage: int = 0) -> StartJudged:
    return StartJudged(stage=stage, valid_loss=value, metrics={AIM.metric.name: value}, seconds=1.0)


SAVED = CheckpointSaved(stage=0, step=4, folder="x", best=True)


@pytest.mark.parametrize(
    ("before", "after", "is_worse", "said"),
    [(9.0, 7.5, False, "its best since is 7.5"), (7.0, 7.5, True, "made it worse"), (7.5, 7.5, False, "is 7.5.")],
)
def test_it_is_said_what_training_has_made_of_it(before: float, after: float, is_worse: bool, said: str) -> None:
    snapshot = fold(EMPTY, [started(), judged(before), epoch(after), SAVED])
    since = since_start(snapshot, AIM, lambda name, value: f"{value:g}")
    assert since and since.is_worse == is_worse and said in since.said and f"was {before:g}" in since.said
    assert snapshot.valid_points == ((0, before), (4, after))
    assert since_start(replace(snapshot, start_rows=()), AIM, lambda name, value: "") is None


def test_before_a_later_stage_comes_after_the_stage_before_and_a_stage_that_starts_again_is_judged_again() -> None:
    events = [started(), judged(9.0), epoch(8.0), started(1), judged(12.0, 1), judged(11.0, 1), epoch(6.0, 1)]
    snapshot = fold(EMPTY, events)
    assert snapshot.valid_points == ((0, 9.0), (4, 8.0), (4, 11.0), (8, 6.0))
    assert fold(snapshot, [RunResumed(stage=0, step=4)]).valid_points == ((0, 9.0), (4, 8.0))


def test_a_trained_model_is_judged_before_its_first_step_and_where_inputs_change_their_size(heads: Path) -> None:
    objective = get_task("heads").build_objective()
    data = objective.open_data(heads)
    other = replace(STAGE, name="t", image_size=48)
    recipe = Recipe(
        name="r", title="r", backbone="tf_efficientnet_lite0", stages=(STAGE, replace(STAGE, name="u"), other)
    )
    assert [is_resized(recipe, at) for at in (1, 2)] == [False, True]
    model = start_model(get_task("heads"), recipe, data, dataset=str(heads)).model
    events = list(train_recipe(objective, recipe, model=model, data=data, is_trained=True))
    found = [event.stage for event in events if isinstance(event, StartJudged)]
    assert found == [0, 2]
    at = [type(event).__name__ for event in events].index("StartJudged")
    assert isinstance(events[at - 1], StageStarted)
    fresh = [
        event.stage
        for event in train_recipe(objective, recipe, model=model, data=data)
        if isinstance(event, StartJudged)
    ]
    assert fresh == [2]


def test_a_chain_ends_where_a_model_is_gone(lab_home: Path) -> None:
    recipe = Recipe(name="r", title="r", backbone="x", stages=(STAGE,))
    run = create_run(
        RunSpec(task="heads", dataset="d", recipe=recipe, init_from=str(lab_home / "gone"), seed=1, title="t")
    )
    assert ancestors_of(run.name) == () and ancestors_of("no-such-run") == ()
