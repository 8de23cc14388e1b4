"""What is drawn of a run comes from its events alone, and changes only when they do."""

from dataclasses import fields, replace
from typing import Any

import pytest

from engine.events import (
    BatchHalved,
    CacheProgressed,
    CheckpointSaved,
    EpochFinished,
    LossDiverged,
    RatesSuggested,
    RateTried,
    RunFailed,
    RunStarted,
    RunStopped,
    StageStarted,
    StepFinished,
    Warned,
)
from engine.runs.fold import fold
from engine.runs.snapshot import EMPTY, RunSnapshot
from tabs.drawing.live_run import averaged, epoch_table, progress_text, show_rates, show_run, signature, status_pill

MAIN = "pixel_accuracy"
METRICS = {MAIN: "Pixel accuracy"}
STARTED = [
    RunStarted(device="cpu", device_name="A <b>CPU</b>", processes=1, backbone="lite0", parameters=4_000_000),
    StageStarted(
        stage=0,
        stages=2,
        name="frozen",
        epochs=2,
        steps_per_epoch=3,
        input_size="96×128 px",
        batch_size=8,
        train_items=24,
        valid_items=8,
        trainable_parameters=1_000_000,
    ),
]


def step(number: int) -> StepFinished:
    epoch = 1 + (number - 1) // 3
    return StepFinished(stage=0, epoch=epoch, step=number, loss=2.0 / number, lr=(1e-3,), momentum=0.9, seconds=0.5)


EPOCH = EpochFinished(
    stage=0,
    epoch=1,
    step=3,
    train_loss=1.2,
    valid_loss=1.1,
    metrics={"pixel_accuracy": 0.81},
    train_seconds=1.5,
    valid_seconds=0.5,
)


def test_a_run_in_its_first_epoch_shows_where_it_is_and_how_long_it_takes():
    snapshot = fold(EMPTY, [*STARTED, step(1), step(2)])
    share, line = progress_text(snapshot)
    assert share == 2 / 6
    assert "Stage 1 of 2 (frozen), epoch 1 of 2, step 2 of 6" in line and "left in this stage" in line
    html = show_run("a title", snapshot, None, METRICS, main_metric=MAIN)
    assert "a title" in html and "96×128" in html and "A &lt;b&gt;CPU" in html


def test_the_table_has_a_row_an_epoch_and_a_star_for_the_best():
    saved = CheckpointSaved(stage=0, step=3, folder="c", best=True)
    html = epoch_table(fold(EMPTY, [*STARTED, step(1), step(2), step(3), EPOCH, saved]).epoch_rows, METRICS)
    assert "★ 1" in html and "0.8100" in html and "Pixel accuracy" in html


def test_whatever_went_wrong_is_said():
    snapshot = fold(
        EMPTY,
        [
            *STARTED,
            Warned(message="look <out>"),
            BatchHalved(stage=0, old=8, new=4),
            LossDiverged(stage=0, step=1, lr=1.0, message="The loss is not finite at a rate of 1."),
            RunFailed(message="The loss is not finite at a rate of 1.", log_tail="last line"),
        ],
    )
    html = show_run("t", snapshot, None, METRICS, main_metric=MAIN)
    assert "look &lt;out&gt;" in html and "batch 8 became 4" in html
    assert html.count("The loss is not finite at a rate of 1.") == 1
    assert "Resume starts it again" in show_run("t", replace(EMPTY, status="died"), None, METRICS, main_metric=MAIN)


def test_a_run_that_nobody_queued_does_not_say_that_it_waits():
    assert "not put in the queue" in progress_text(EMPTY)[1] and "goes on by itself" not in progress_text(EMPTY)[1]
    assert "not put in the queue" in show_rates("t", EMPTY, None)


def test_a_run_whose_time_is_over_says_so_and_one_that_somebody_stopped_says_nothing():
    over = RunStopped(reason="Its time at a stretch, 10 min, is over. <Resume>")
    for show in (
        lambda snapshot: show_run("t", snapshot, None, METRICS, main_metric=MAIN),
        lambda snapshot: show_rates("t", snapshot, None),
    ):
        assert "10 min, is over. &lt;Resume>" in show(fold(EMPTY, [*STARTED, over])).replace("&gt;", ">")
        assert "lab-note" not in show(fold(EMPTY, [*STARTED, RunStopped()]))
        assert "lab-note" not in show(fold(EMPTY, [*STARTED, over, STARTED[0]])), "it goes on"


def test_a_waiting_run_knows_its_place():
    waiting = replace(EMPTY, status="queued")
    assert "next in line" in status_pill(waiting, 1) and "number 3 in line" in status_pill(waiting, 3)


def test_preparing_the_data_has_a_bar_of_its_own():
    share, line = progress_text(fold(EMPTY, [STARTED[0], CacheProgressed(done=10, total=40)]))
    assert share == 0.25 and "10 of 40" in line


def test_the_signature_changes_with_what_is_drawn_and_only_then():
    seen = fold(EMPTY, [*STARTED, step(1)])
    assert signature("r", seen, None) == signature("r", replace(seen), None)
    for other in (
        fold(seen, [step(2)]),
        fold(seen, [EPOCH]),
        replace(seen, status="stopped"),
        replace(seen, stopping=True),
    ):
        assert signature("r", other, None) != signature("r", seen, None)
    assert signature("r", seen, 2) != signature("r", seen, 1)


def other_than(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, dict):
        return {**value, "more": 1.0}
    return (
        (*value, (1.0, 1.0))
        if isinstance(value, tuple)
        else not value
        if isinstance(value, bool)
        else value + type(value)(1)
    )


@pytest.mark.parametrize("field", [field.name for field in fields(RunSnapshot)])
def test_the_signature_changes_with_every_field_of_a_snapshot(field: str) -> None:
    for seen in (EMPTY, fold(EMPTY, [*STARTED, step(1), step(2), step(3), EPOCH])):
        other = replace(seen, **{field: other_than(getattr(seen, field))})
        assert signature("r", other, None) != signature("r", seen, None)


def test_a_curve_that_went_back_and_grew_to_the_same_length_is_drawn_anew() -> None:
    seen = fold(EMPTY, [*STARTED, step(1), step(2)])
    assert signature("r", replace(seen, train_points=(*seen.train_points[:1], (2, 9.0))), None) != signature(
        "r", seen, None
    )


def test_the_finder_draws_a_curve_with_marked_suggestions_and_its_reading():
    tried = [RateTried(step=n, steps=9, lr=10.0 ** (n - 8), loss=2.0, smoothed=3 - n / 5) for n in range(1, 8)]
    running = show_rates("t", fold(EMPTY, [STARTED[0], *tried]), None)
    assert "Rate 7 of 9" in running and 'data-log="1"' in running and 'data-high="10"' in running
    found = RatesSuggested(suggestions={"valley": 1e-3, "steep": 1e-2}, reading="Take 1e-3.", reading_lr=(1e-3,))
    done = show_rates("t", fold(EMPTY, [STARTED[0], *tried, found]), None)
    assert "valley" in done and "steep" in done and "Take 1e-3." in done and "Click the curve" in done


def test_a_curve_that_says_nothing_is_done_too_and_its_average_runs_through_the_middle_of_its_losses():
    tried = [RateTried(step=n, steps=60, lr=10.0 ** (n / 8 - 7), loss=2.0 + n % 2, smoothed=2.5) for n in range(1, 61)]
    unread = RatesSuggested(suggestions={}, reading="No rate can be read.", reading_lr=())
    snapshot = fold(EMPTY, [STARTED[0], *tried, unread])
    drawn = show_rates("t", snapshot, None)
    assert "No rate can be read." in drawn and "Rate 60 of 60" not in drawn
    assert "of each batch" in drawn and "averaged" in drawn
    average = [loss for _, loss in averaged(snapshot.rate_points)]
    assert all(2.4 < loss < 2.6 for loss in average[5:-5])
    assert averaged(()) == ()


def test_a_rate_or_a_loss_that_is_no_number_is_left_out_of_the_curve():
    tried = [RateTried(step=n, steps=30, lr=10.0 ** (n / 8 - 4), loss=2.0, smoothed=2.0) for n in range(1, 31)]
    unread = RatesSuggested(suggestions={}, reading="No rate can be read.", reading_lr=())
    snapshot = fold(EMPTY, [STARTED[0], *tried, unread])
    damaged = ((0.0, 1.0), (1e-3, float("nan")), (1e-2, float("inf")), (float("inf"), 1.0))
    drawn = show_rates("t", replace(snapshot, rate_points=(*snapshot.rate_points, *damaged)), None)
    assert drawn == show_rates("t", snapshot, None) and "nan" not in drawn
