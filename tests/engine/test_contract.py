"""What every task promises, whoever wrote it: the registered ones on drawn data, and the toy."""

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from drawn import drawn_for
from tiny_text import shrink_word_models
from torch import Tensor
from toy import TOY

from engine.bundle.config import build_config, resolve_bundle
from engine.bundle.weights import load_weights
from engine.data.loaders import Share
from engine.events import (
    CacheProgressed,
    CheckpointSaved,
    EpochFinished,
    Event,
    PrecisionChosen,
    RatesSuggested,
    RunResumed,
    StageFinished,
    StageStarted,
    StepFinished,
)
from engine.recipe import Recipe, Stage
from engine.task import ModelPlan, Objective, Task
from engine.tasks.imdb import CLASSIFIER, IMDB, LANGUAGE_MODEL
from engine.tasks.registry import TASKS
from engine.training.carried import forget
from engine.training.dropout import scale_dropout
from engine.training.layer_groups import freeze, layer_groups
from engine.training.loop import fit
from engine.training.lr_finder import find_lr
from engine.training.planning import plan_now
from engine.training.recipe_loop import train_recipe
from engine.training.setup import prepare_caches

# Texts have two objectives, and bodies of two kinds; the lesson's carries what it has read from batch to batch.
CASES = [(task, "", "") for task in (*TASKS, TOY) if task is not IMDB] + [
    (IMDB, objective, body) for objective in (CLASSIFIER, LANGUAGE_MODEL) for body in ("transformer", "awd-lstm")
]


@dataclasses.dataclass
class Case:
    """A task with an objective, opened data and a stage that takes a moment."""

    task: Task
    objective: Objective
    data: Any
    stage: Stage
    backbone: str

    def build_model(self, seed: int = 0) -> torch.nn.Module:
        torch.manual_seed(seed)
        return self.objective.build_model(self.plan())

    def plan(self) -> ModelPlan:
        return plan_now(self.objective, self.recipe(), self.data)

    def recipe(self) -> Recipe:
        frozen = dataclasses.replace(self.stage, name="frozen", train_from=-1, epochs=1)
        return Recipe(name="two", backbone=self.backbone, stages=(frozen, self.stage))


def as_parameter(task: Task, objective: str, body: str) -> Any:
    """The toy's promises are tried by `make quick`: they are the engine's."""
    marks = [pytest.mark.quick] if task is TOY else []
    return pytest.param((task, objective, body), id="-".join(filter(None, (task.name, objective, body))), marks=marks)


@pytest.fixture(params=[as_parameter(*case) for case in CASES])
def case(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    task, name, body = request.param
    objective, backbone = task.build_objective(name), task.backbones[0]
    if body == "transformer":
        backbone = str(request.getfixturevalue("tiny_bert"))
    elif body:
        backbone = shrink_word_models(monkeypatch)
    root = drawn_for(task, request, tmp_path)
    stage = dataclasses.replace(
        task.aim(name).default_stage,
        epochs=2,
        image_size=32,
        text_length=32,
        batch_size=4,
        train_from=0,
        max_lr=1e-3,
        precision="fp32",
        augmentation="light",
    )
    return Case(task, objective, objective.open_data(root), stage, backbone)


def drain(events: Iterator[Event]) -> tuple[list[Event], bool]:
    """All events of a generator, and what it returned."""
    seen = []
    while True:
        try:
            seen.append(next(events))
        except StopIteration as end:
            return seen, end.value


def losses(events: list[Event]) -> list[float]:
    return [event.loss for event in events if isinstance(event, StepFinished)]


def figures(model: torch.nn.Module, batch: Tensor) -> Tensor:
    """The model's figures for a batch, read as the first of a text."""
    forget(model)
    output = model.eval()(batch)
    return getattr(output, "logits", output)


def test_layer_groups_hold_every_parameter_once(case: Case) -> None:
    model = case.build_model()
    # A weight that two layers of a group share is there once.
    groups = [{id(p) for module in group for p in module.parameters()} for group in layer_groups(model)]
    assert sorted(itertools.chain(*groups)) == sorted(id(p) for p in model.parameters())


def test_overfits_one_batch(case: Case) -> None:
    stage = dataclasses.replace(case.stage, augmentation="none")
    model = case.build_model().train()
    scale_dropout(model, 0.0)
    list(prepare_caches(case.objective, stage, model, case.data))
    build_loaders = case.objective.feed.build_loaders
    inputs, target = next(iter(build_loaders(case.data, stage, model, seed=0, share=Share(workers=0)).train))
    # Models that begin with random weights take longer, and larger steps.
    rate, steps = {TOY: (1e-2, 30), IMDB: (2e-2, 100)}.get(case.task, (1e-3, 30))
    optimizer = torch.optim.AdamW(model.parameters(), rate)
    trace = []
    for _ in range(steps):
        forget(model)
        loss_sum, count = case.objective.loss(model(inputs), target)
        (loss_sum / count).backward()
        optimizer.step()
        optimizer.zero_grad()
        trace.append((loss_sum / count).item())
    assert trace[-1] < 0.5 * trace[0]


def test_frozen_groups_get_no_gradient_and_keep_their_statistics(case: Case) -> None:
    model = case.build_model()
    *frozen, _ = layer_groups(model)
    named = {**dict(model.named_parameters(remove_duplicate=False)), **dict(model.named_buffers())}
    before = {name: tensor.detach().clone() for name, tensor in named.items()}
    drain(fit(case.objective, dataclasses.replace(case.stage, train_from=-1), model=model, data=case.data, workers=0))
    changed = {name for name, tensor in named.items() if not torch.equal(tensor, before[name])}
    in_frozen = {id(p) for group in frozen for module in group for p in (*module.parameters(), *module.buffers())}
    assert changed
    assert not [name for name in changed if id(named[name]) in in_frozen]
    assert all(p.grad is None for group in frozen for module in group for p in module.parameters())


def test_checkpoint_gives_identical_logits(case: Case, tmp_path: Path) -> None:
    model, folder = case.build_model(), tmp_path / "run" / "checkpoints"
    recipe = case.recipe()
    config = build_config(
        task=case.task.name,
        objective=case.objective.name,
        recipe=recipe,
        plan=case.plan(),
        dataset="drawn",
        seed=1,
    )
    drain(train_recipe(case.objective, recipe, model=model, data=case.data, folder=folder, config=config, workers=0))
    twin = case.build_model(seed=99)
    latest = sorted(path for path in folder.iterdir() if path.is_dir())[-1]
    load_weights(twin, latest)
    batches = case.objective.feed.build_loader(case.data, case.data.valid, case.stage, model, batch_size=2)
    batch, _ = next(iter(batches))
    with torch.inference_mode():
        assert torch.equal(figures(model, batch), figures(twin, batch))
    assert resolve_bundle(tmp_path / "run").parent == folder


def test_events_come_in_the_promised_order(case: Case, tmp_path: Path) -> None:
    events, is_done = drain(
        train_recipe(
            case.objective, case.recipe(), model=case.build_model(), data=case.data, folder=tmp_path / "c", workers=0
        )
    )
    kinds = [type(event) for event in events if not isinstance(event, CacheProgressed)]
    steps = next(event for event in events if isinstance(event, StageStarted)).steps_per_epoch
    epoch = [StepFinished] * steps + [EpochFinished, CheckpointSaved]
    opening = [PrecisionChosen, StageStarted]
    assert is_done
    assert kinds == [*opening, *epoch, StageFinished, *opening, *epoch, *epoch, StageFinished]


def test_stop_and_resume_give_the_losses_of_an_unbroken_run(case: Case, tmp_path: Path) -> None:
    def run(folder: Path, should_stop=lambda: False) -> tuple[list[Event], bool]:
        model = case.build_model()
        return drain(
            train_recipe(
                case.objective,
                case.recipe(),
                model=model,
                data=case.data,
                folder=folder,
                should_stop=should_stop,
                workers=0,
            )
        )

    unbroken, _ = run(tmp_path / "unbroken")
    for stop_after in (1, 3):
        folder, calls = tmp_path / f"broken-{stop_after}", itertools.count(1)
        first, is_done = run(folder, lambda calls=calls, most=stop_after: next(calls) > most)
        assert not is_done
        assert len(losses(first)) == stop_after
        second, is_done = run(folder)
        assert is_done
        assert isinstance(second[0], RunResumed)
        assert losses(first) + losses(second) == losses(unbroken)
        ends = [[e for e in events if isinstance(e, EpochFinished)] for events in (unbroken, first + second)]
        assert [e.train_loss for e in ends[0]] == [e.train_loss for e in ends[1]]
        assert [e.metrics for e in ends[0]] == [e.metrics for e in ends[1]]


def test_the_same_seed_repeats_and_another_differs(case: Case) -> None:
    def run(seed: int) -> list[float]:
        events = fit(case.objective, case.stage, model=case.build_model(), data=case.data, seed=seed, workers=0)
        return losses(drain(events)[0])

    once = run(1)
    assert run(1) == once
    assert run(2) != once


def test_loader_workers_change_nothing(case: Case) -> None:
    def run(workers: int) -> list[float]:
        events = fit(case.objective, case.stage, model=case.build_model(), data=case.data, workers=workers)
        return losses(drain(events)[0])

    assert run(0) == run(2)


def test_freeze_leaves_only_the_groups_from_there_on(case: Case) -> None:
    model = case.build_model()
    groups = layer_groups(model)
    freeze(groups, -1)
    learning = [any(p.requires_grad for module in group for p in module.parameters()) for group in groups]
    assert learning == [False] * (len(groups) - 1) + [True]
    freeze(groups, 0)
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("train_from", [-1, 0])
def test_finding_a_rate_changes_no_bit(case: Case, train_from: int) -> None:
    model = case.build_model()
    before, random_state = {name: t.clone() for name, t in model.state_dict().items()}, torch.get_rng_state()
    stage = dataclasses.replace(case.stage, train_from=train_from)
    *_, verdict = find_lr(case.objective, stage, model=model, data=case.data, steps=12, workers=0)
    assert isinstance(verdict, RatesSuggested)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
