"""Cached activations of a frozen body: equal where they are exact, few views where they are not, and nothing left behind."""

import dataclasses
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from toy import STAGE, TOY, TinyClassifier, draw_squares, train_in_stretches

from engine.events import BatchHalved, EpochFinished, Event, StageStarted, StepFinished
from engine.host.home import cache_folder
from engine.models.classifier import build_picture_model
from engine.models.text_classifier import TextClassifier
from engine.recipe import OFFLINE_BACKBONE, Recipe, Stage
from engine.task import ModelPlan
from engine.tasks.heads import HEADS
from engine.tasks.planet import PLANET
from engine.training import frozen, setup
from engine.training.frozen import Cut, kept_views
from engine.training.layer_groups import layer_groups
from engine.training.loop import fit
from engine.training.memory import halve_until_it_fits

FROZEN = dataclasses.replace(STAGE, epochs=4, train_from=-1, augmentation="none", batch_size=4)


class Halved(nn.Module):
    """A body with a BatchNorm, and a head with dropout: `answer` of `features`."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3, 2), nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(2))
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(24, 3))
        self.seen = 0

    def forward(self, pictures: Tensor) -> Tensor:
        return self.answer(self.features(pictures))

    def features(self, pictures: Tensor) -> Tensor:
        self.seen += len(pictures)
        return self.body(pictures.float() / 255)

    def answer(self, features: Tensor) -> Tensor:
        return self.head(features)

    def layer_groups(self) -> list[list[nn.Module]]:
        return [[self.body], [self.head]]


@pytest.fixture
def squares(tmp_path: Path) -> Any:
    return TOY.build_objective().open_data(draw_squares(tmp_path / "toy"))


def train(squares: Any, stage: Stage, **asked: Any) -> tuple[list[Event], Halved]:
    torch.manual_seed(0)
    model = Halved()
    return list(fit(TOY.build_objective(), stage, model=model, data=squares, workers=0, **asked)), model


def losses(events: list[Event]) -> list[float]:
    steps = [event.loss for event in events if isinstance(event, StepFinished)]
    return steps + [event.valid_loss for event in events if isinstance(event, EpochFinished)]


def views_of(events: list[Event]) -> int:
    return next(event.views for event in events if isinstance(event, StageStarted))


def test_without_augmentation_the_losses_are_the_same_and_the_body_runs_once(
    squares, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, model = train(squares, FROZEN)
    assert views_of(events) == 1
    assert model.seen == len(squares.train) + len(squares.valid) + 1, "and one sample to see how much it gives"
    monkeypatch.setattr(setup, "kept_views", lambda *asked, **more: 0)
    anew, other = train(squares, FROZEN)
    assert views_of(anew) == 0 and other.seen > 4 * len(squares.train)
    assert losses(events) == pytest.approx(losses(anew), rel=1e-5)
    ours, theirs = model.state_dict(), other.state_dict()
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-6) for name in theirs)


def test_augmented_views_take_turns_and_the_first_are_those_of_fresh_augmentation(
    squares, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = dataclasses.replace(FROZEN, augmentation="strong")
    events, model = train(squares, stage)
    assert views_of(events) == 2 and model.seen == 2 * len(squares.train) + len(squares.valid) + 1
    monkeypatch.setattr(setup, "kept_views", lambda *asked, **more: 0)
    anew, _ = train(squares, stage)
    steps = len(losses(events)) // 4 * 2 - 2
    assert losses(events)[:steps] == pytest.approx(losses(anew)[:steps], rel=1e-5)
    assert losses(events)[steps + 2 : steps + 4] != pytest.approx(losses(anew)[steps + 2 : steps + 4], rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "is_changed", "views"),
    [
        ({}, False, 1),
        ({"epochs": 1}, False, 0),
        ({"epochs": 2}, True, 0),
        ({"epochs": 3}, True, 2),
        ({"train_from": 0}, False, 0),
        ({"train_from": 1}, False, 1),
    ],
)
def test_activations_are_kept_where_the_head_alone_learns_for_more_epochs_than_there_are_views(
    changes: dict[str, Any], is_changed: bool, views: int
) -> None:
    stage, model = dataclasses.replace(FROZEN, **changes), Halved()
    assert kept_views(model, layer_groups(model), stage, is_changed=is_changed) == views
    whole = TinyClassifier(3)
    assert not isinstance(whole, Cut) and kept_views(whole, layer_groups(whole), stage, is_changed=False) == 0


def test_what_has_no_room_is_computed_anew(squares, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen, "MOST_BYTES", 1000)
    events, model = train(squares, FROZEN)
    assert views_of(events) == 0 and model.seen > 4 * len(squares.train)


def test_nothing_is_left_on_the_disk_whatever_happens(squares) -> None:
    def left() -> list[Path]:
        return [path for path in (cache_folder() / frozen.FOLDER).rglob("*") if path.exists()]

    train(squares, FROZEN)
    assert left() == []
    assert train(squares, FROZEN, should_stop=lambda: True)[0] and left() == []

    def fails(*asked: Any) -> Any:
        raise RuntimeError("broken")

    torch.manual_seed(0)
    objective = dataclasses.replace(TOY.build_objective(), loss=fails)
    with pytest.raises(RuntimeError, match="broken"):
        list(fit(objective, FROZEN, model=Halved(), data=squares, workers=0))
    assert left() == []


def test_a_stopped_stage_goes_on_as_if_it_had_not_been(squares, tmp_path: Path) -> None:
    recipe = Recipe(name="toy", backbone="tiny", stages=(dataclasses.replace(FROZEN, augmentation="light"),))

    run = partial(train_in_stretches, recipe, Halved, squares)
    whole, broken = run(tmp_path / "whole"), run(tmp_path / "broken", 2, 7)
    assert all(torch.equal(whole[name], broken[name]) for name in whole)


def test_a_batch_that_does_not_fit_is_halved_here_too(squares) -> None:
    class Greedy(Halved):
        def features(self, pictures: Tensor) -> Tensor:
            if len(pictures) > 2:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return super().features(pictures)

    model = Greedy()
    events = list(
        halve_until_it_fits(
            lambda stage: fit(TOY.build_objective(), stage, model=model, data=squares, workers=0),
            FROZEN,
            model=model,
            stage_index=0,
        )
    )
    assert [(event.old, event.new) for event in events if isinstance(event, BatchHalved)] == [(4, 2)]


@pytest.mark.device
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("task", [PLANET, HEADS], ids=lambda task: task.name)
def test_the_tasks_own_models_give_the_same_either_way(
    task: Any, precision: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = task.build_objective().open_data(request.getfixturevalue({"planet": "chips", "heads": "heads"}[task.name]))
    stage = Stage(
        name="f",
        epochs=2,
        max_lr=1e-3,
        image_size=32,
        batch_size=4,
        train_from=-1,
        augmentation="none",
        precision=precision,
    )
    plan = ModelPlan(backbone=OFFLINE_BACKBONE, classes=data.classes)

    def told() -> list[float]:
        torch.manual_seed(0)
        model = task.build_objective().build_model(plan)
        return losses(list(fit(task.build_objective(), stage, model=model, data=data, workers=0)))

    kept = told()
    monkeypatch.setattr(setup, "kept_views", lambda *asked, **more: 0)
    assert kept == pytest.approx(told(), rel=1e-4 if precision == "fp32" else 2e-2)


def test_the_models_that_can_be_cut_say_so() -> None:
    plan = ModelPlan(backbone=OFFLINE_BACKBONE, classes=("a", "b"))
    assert isinstance(build_picture_model(plan, pretrained=False), Cut)
    assert isinstance(TextClassifier(30, 2, width=8, hidden=12), Cut)
