import dataclasses
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from accelerate import Accelerator
from torch.overrides import TorchFunctionMode
from toy import STAGE, TOY, TinyClassifier, draw_squares, train_in_stretches

from engine.bundle.files import EVALUATION_FILE, latest_checkpoint
from engine.errors import RecipeError, RunError, TrainingError
from engine.events import (
    BatchHalved,
    CacheProgressed,
    EpochFinished,
    LossDiverged,
    PrecisionChosen,
    RunFinished,
    RunStarted,
    StageStarted,
    StepFinished,
    Warned,
)
from engine.host.home import HOME_VARIABLE
from engine.recipe import AWD_LSTM_SMALL, Recipe, Stage
from engine.runs.store import RunSpec, create_run, read_events
from engine.training import checkpoint, setup
from engine.training import evaluate as evaluating
from engine.training.checkpoint import read_progress
from engine.training.loop import fit
from engine.training.memory import halve_until_it_fits
from engine.training.precision import Choice
from engine.training.recipe_loop import train_recipe
from engine.training.setup import some_of

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def objective():
    return TOY.build_objective()


@pytest.fixture
def squares(tmp_path: Path, objective):
    return objective.open_data(draw_squares(tmp_path / "toy"))


def poisoned(objective, at_step: int):
    """The objective with a loss that is not a number from a step on."""
    calls = iter(range(1, 1000))

    def loss(logits, target):
        loss_sum, count = objective.loss(logits, target)
        return (loss_sum * float("nan") if torch.is_grad_enabled() and next(calls) >= at_step else loss_sum), count

    return dataclasses.replace(objective, loss=loss)


def test_a_loss_that_is_not_finite_is_one_event_and_keeps_the_checkpoint(squares, objective, tmp_path: Path) -> None:
    events, folder = [], tmp_path / "c"
    recipe = Recipe(name="bad", backbone="tiny", stages=(dataclasses.replace(STAGE, epochs=3),))
    model = TinyClassifier(3)
    with pytest.raises(TrainingError, match=r"at a learning rate of [\d.]+e-\d\. Try a maximum of 1e-3"):
        for event in train_recipe(poisoned(objective, 6), recipe, model=model, data=squares, folder=folder, workers=0):
            events.append(event)
    assert [type(event) for event in events].count(LossDiverged) == 1
    assert isinstance(events[-1], LossDiverged)
    steps = [event for event in events if isinstance(event, StepFinished)]
    assert events[-1].step == len(steps) + 1 == 6
    kept = latest_checkpoint(folder)
    assert kept
    assert read_progress(kept).step == 4
    assert all(torch.isfinite(p).all() for p in model.parameters())


@pytest.mark.device
def test_clipping_shortens_the_step(squares, objective) -> None:
    def change(clip_norm: float) -> float:
        torch.manual_seed(0)
        model = TinyClassifier(3)
        before = model.head[3].bias.detach().clone()
        stage = dataclasses.replace(STAGE, epochs=1, clip_norm=clip_norm, weight_decay=0)
        list(fit(objective, stage, model=model, data=squares, workers=0))
        return (model.head[3].bias - before).norm().item()

    # Adam's eps is the floor that makes a tiny gradient count for less.
    assert change(1e-7) < 0.1 * change(0.0)


def test_auto_precision_times_what_there_is(squares, objective) -> None:
    stage = dataclasses.replace(STAGE, epochs=1, precision="auto")
    model = TinyClassifier(3)
    chosen = next(
        event
        for event in fit(objective, stage, model=model, data=squares, workers=0)
        if isinstance(event, PrecisionChosen)
    )
    assert set(chosen.seconds_per_step) in ({"fp32", "bf16"}, {"fp32"}), (
        "bf16 only where the CPU has instructions for it"
    )
    assert chosen.precision in (*chosen.seconds_per_step, "fp32") and chosen.reason


def test_auto_chooses_once_for_a_run_and_keeps_it_when_it_is_resumed(
    squares, objective, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two stages of one recipe used to be timed each, and came out in different formats."""
    asked: list[object] = []

    def fastest(*given, shares) -> Choice:
        asked.append(shares)
        return Choice(precision="bf16", seconds={"fp32": 2.0, "bf16": 1.0}, reason="It is faster.")

    monkeypatch.setattr(setup, "fastest_precision", fastest)
    auto = dataclasses.replace(STAGE, epochs=1, precision="auto")
    said = dataclasses.replace(auto, precision="fp32")
    recipe = Recipe(name="toy", backbone="tiny", stages=(auto, said, auto))
    stop: list[int] = []

    def train() -> list[tuple[int, str, str]]:
        told = []
        for event in train_recipe(
            objective,
            recipe,
            model=TinyClassifier(3),
            data=squares,
            folder=tmp_path / "c",
            workers=0,
            should_stop=lambda: len(stop) == 1,
        ):
            if isinstance(event, PrecisionChosen):
                told.append((event.stage, event.precision, event.reason))
            if isinstance(event, StepFinished) and event.stage == 2 and not stop:
                stop.append(event.step)
        return told

    assert train() == [
        (0, "bf16", "It is faster."),
        (1, "fp32", "As the recipe says."),
        (2, "bf16", "As in the run's earlier stages."),
    ]
    stop.append(0)
    assert train() == [(2, "bf16", "As before the run was resumed.")]
    assert asked == [{0: 1.0}]


class Overflowing(torch.amp.GradScaler):
    """The gradients of the first steps are too large for it."""

    first = 0

    def scale(self, outputs):
        self.first -= 1
        return super().scale(outputs) * (1 if self.first < 0 else float("inf"))


@pytest.fixture
def scaled(monkeypatch: pytest.MonkeyPatch) -> list[torch.amp.GradScaler]:
    """Training with a gradient scaler, as fp16 has it on a GPU, on this CPU; the scalers that were made."""
    made: list[torch.amp.GradScaler] = []

    def build(precision: str) -> Accelerator:
        accelerator = real("fp32")
        accelerator.scaler = Overflowing("cpu", init_scale=2.0**20, growth_interval=4)
        made.append(accelerator.scaler)
        return accelerator

    real = setup.build_accelerator
    monkeypatch.setattr(setup, "build_accelerator", build)
    return made


def test_steps_that_the_scaler_leaves_out_are_no_divergence_and_told_when_they_are_many(
    squares, objective, scaled, monkeypatch
) -> None:
    monkeypatch.setattr(Overflowing, "first", 6)
    stage = dataclasses.replace(STAGE, epochs=2, clip_norm=1.0, batch_size=2)
    events = list(fit(objective, stage, model=TinyClassifier(3), data=squares, workers=0))
    assert not [event for event in events if isinstance(event, LossDiverged)]
    told = [event.message for event in events if isinstance(event, Warned)]
    assert len(told) == 1 and "steps were left out: their gradients were too large for fp16" in told[0]
    assert "In epoch 1 of 'toy', 6 of" in told[0]


def test_a_few_steps_that_are_left_out_are_not_worth_a_word(squares, objective, scaled, monkeypatch) -> None:
    monkeypatch.setattr(Overflowing, "first", 2)
    events = list(fit(objective, STAGE, model=TinyClassifier(3), data=squares, workers=0))
    assert not [event for event in events if isinstance(event, Warned)]


def test_a_run_with_a_scaler_is_resumed_bit_for_bit(squares, scaled, tmp_path: Path) -> None:
    recipe = Recipe(name="toy", backbone="tiny", stages=(dataclasses.replace(STAGE, epochs=4, clip_norm=1.0),))

    train = partial(train_in_stretches, recipe, lambda: TinyClassifier(3), squares)
    whole, broken = train(tmp_path / "whole"), train(tmp_path / "broken", 3, 9)
    assert all(torch.equal(whole[name], broken[name]) for name in whole)
    assert scaled[0].state_dict() == scaled[-1].state_dict(), "the scale goes on from where it was"


class Failing(TinyClassifier):
    """Has no room for its third batch."""

    batches = 0

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.batches += 1
            if self.batches == 3:
                raise RuntimeError("CUDA error: out of memory")
        return super().forward(pictures)


def test_one_process_without_room_has_all_of_them_go_on_with_half(
    squares, objective, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others wait for its loss: it sends none, and says why, so that all raise together. Played by one process here."""
    monkeypatch.setattr(Accelerator, "num_processes", property(lambda self: 2))
    events = list(
        halve_until_it_fits(
            lambda stage: fit(objective, stage, model=model, data=squares, workers=0),
            dataclasses.replace(STAGE, epochs=1),
            model=(model := Failing(3)),
            stage_index=0,
        )
    )
    assert [(event.old, event.new) for event in events if isinstance(event, BatchHalved)] == [(4, 2)]


def test_the_host_waits_for_the_device_once_a_step(squares, objective, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time that it does, a GPU runs dry: whatever makes a number of a tensor counts."""
    waits: list[str] = []

    class Watch(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            name = getattr(func, "__name__", "")
            if name in ("item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__", "nonzero"):
                waits.append(name)
            return func(*args, **(kwargs or {}))

    steps: list[int] = []
    real = setup.Ready.step

    def step(self, inputs, target):
        waits.clear()
        with Watch():
            done = real(self, inputs, target)
        steps.append(len(waits))
        return done

    monkeypatch.setattr(setup.Ready, "step", step)
    list(fit(objective, STAGE, model=TinyClassifier(3), data=squares, workers=0))
    assert len(steps) >= 8 and max(steps) <= 1


def test_measuring_leaves_its_caller_s_model_where_it_is(squares, objective, monkeypatch: pytest.MonkeyPatch) -> None:
    model = TinyClassifier(3)
    moved: list[object] = []
    monkeypatch.setattr(torch.nn.Module, "to", lambda self, *where, **how: moved.append(self) or self)
    monkeypatch.setattr(evaluating, "build_accelerator", lambda precision: SimpleNamespace(device=torch.device("meta")))
    monkeypatch.setattr(evaluating, "evaluate_batches", lambda objective, measured, *rest: measured)
    measured = evaluating.evaluate(objective, model, data=squares, items=squares.valid, stage=STAGE)
    assert measured is not model and moved == [measured]


@pytest.mark.device
def test_bf16_trains_and_leaves_weights_in_fp32(squares, objective) -> None:
    model = TinyClassifier(3)
    stage = dataclasses.replace(STAGE, precision="bf16", epochs=12)
    events = list(fit(objective, stage, model=model, data=squares, workers=0))
    losses = [event.loss for event in events if isinstance(event, StepFinished)]
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert type(model(torch.zeros(1, 3, 32, 32))) is torch.Tensor


def test_fp16_on_a_cpu_is_refused_with_the_fix(squares, objective) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    stage = dataclasses.replace(STAGE, precision="fp16")
    with pytest.raises(RecipeError, match="cpu trains in: fp32, bf16"):
        list(fit(objective, stage, model=TinyClassifier(3), data=squares, workers=0))


# `accelerate launch` starts one process alone where there is no GPU, unless it has MPI.
TWICE = ("-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone")
# With a body whose first BatchNorm stands in no group of its own.
U_NET_STAGE = Stage(epochs=1, max_lr=1e-3, image_size=32, batch_size=4, precision="fp32", augmentation="none")
U_NET = Recipe(
    name="two",
    backbone="tf_efficientnet_lite0",
    stages=(
        dataclasses.replace(U_NET_STAGE, name="frozen", train_from=-1),
        dataclasses.replace(U_NET_STAGE, name="full"),
    ),
)
# The lesson's model: its head has BatchNorms of another kind.
TEXT_STAGE = Stage(epochs=1, batch_size=4, text_length=32, drop_mult=0.0, train_items=12, precision="fp32")
TEXTS = Recipe(name="two", backbone=AWD_LSTM_SMALL, stages=(TEXT_STAGE,))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What so many processes left behind: a folder of the toy task, and the runs that they were the worker of."""

    processes: int
    toy: Path
    u_net: Path
    texts: Path


@pytest.fixture(scope="module")
def trained(streets: Path, reviews: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trained, Trained]:
    """The same trained by one process, and by two that start together."""
    squares = draw_squares(tmp_path_factory.mktemp("squares"))

    def train(processes: int, launcher: tuple[str, ...]) -> Trained:
        folder = tmp_path_factory.mktemp(f"trained-by-{processes}")
        left = Trained(
            processes=processes,
            toy=folder / "toy",
            u_net=create_run(RunSpec(task="camvid", dataset=str(streets), recipe=U_NET), folder=folder / "u-net"),
            texts=create_run(RunSpec(task="imdb", dataset=str(reviews), recipe=TEXTS), folder=folder / "texts"),
        )
        command = [*launcher, str(Path(__file__).with_name("train_on_cpus.py"))]
        done = subprocess.run(
            [sys.executable, *command, *map(str, (squares, left.toy, left.u_net, left.texts))],
            cwd=REPOSITORY,
            env=os.environ
            | {"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'tests' / 'support'}", HOME_VARIABLE: str(folder)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return left

    return train(1, ()), train(2, TWICE)


def test_two_processes_train_as_one(trained: tuple[Trained, Trained]) -> None:
    """Same global batch, same losses, one writer."""
    (one, *alone), (two, *together) = [
        [float(line) for line in (left.toy / "losses").read_text().split()] for left in trained
    ]
    assert (one, two) == (1, 2)
    assert len(alone) == len(together) > 8
    # Adam makes steps of rounding errors where a BatchNorm leaves no gradient, as of the bias in front of it.
    assert together == pytest.approx(alone, rel=1e-3)
    checkpoints = [sorted(path.name for path in (left.toy / "checkpoints").iterdir()) for left in trained]
    assert checkpoints[0] == checkpoints[1]


def test_a_stop_heard_right_after_an_epoch_keeps_its_figures(squares, objective, tmp_path: Path) -> None:
    """The checkpoint of the epoch's end has figures and a decision; one more of the same step would have none."""
    recipe = Recipe(name="toy", backbone="tiny", stages=(dataclasses.replace(STAGE, epochs=3),))
    asked, folder = [], tmp_path / "c"

    def train(**more) -> None:
        for event in train_recipe(
            objective, recipe, model=TinyClassifier(3), data=squares, folder=folder, workers=0, **more
        ):
            if isinstance(event, EpochFinished):
                asked.append(event.step)

    train(should_stop=lambda: bool(asked))
    kept = latest_checkpoint(folder)
    assert kept and read_progress(kept).step == asked[0]
    figures = (kept / EVALUATION_FILE).read_text()
    train(should_stop=lambda: True)  # resumed, and stopped before its first batch
    assert latest_checkpoint(folder) == kept and (kept / EVALUATION_FILE).read_text() == figures


def test_a_stop_is_heard_while_the_data_is_prepared(squares, objective) -> None:
    seen = []
    events = fit(objective, STAGE, model=TinyClassifier(3), data=squares, workers=0, should_stop=lambda: bool(seen))
    for event in events:
        seen.append(type(event))
    assert seen == [CacheProgressed]


def test_a_disk_that_is_full_is_told_and_the_checkpoint_before_it_stays(
    squares, objective, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(name="toy", backbone="tiny", stages=(dataclasses.replace(STAGE, epochs=2),))
    writes, save = [], checkpoint.save_file

    def full_at_last(tensors, path, **metadata) -> None:
        writes.append(path)
        if len(writes) > 1:  # the optimiser of the second checkpoint
            raise OSError(28, "No space left on device")
        save(tensors, path, **metadata)

    monkeypatch.setattr(checkpoint, "save_file", full_at_last)
    with pytest.raises(RunError, match=r"No space left on device.*Make room on the disk, then resume"):
        list(train_recipe(objective, recipe, model=TinyClassifier(3), data=squares, folder=tmp_path / "c", workers=0))
    kept = latest_checkpoint(tmp_path / "c")
    assert kept and [path.name for path in (tmp_path / "c").iterdir() if path.is_dir()] == [kept.name]


def told_by_worker(run_dir: Path, processes: int) -> list[float]:
    """The losses of a run that so many processes have finished."""
    events, _ = read_events(run_dir)
    assert [event.processes for event in events if isinstance(event, RunStarted)] == [processes]
    assert isinstance(events[-1], RunFinished)
    assert latest_checkpoint(run_dir / "checkpoints")
    steps = [event.loss for event in events if isinstance(event, StepFinished)]
    return steps + [event.valid_loss for event in events if isinstance(event, EpochFinished)]


def test_two_workers_train_a_u_net_as_one_does(trained: tuple[Trained, Trained]) -> None:
    alone, together = (told_by_worker(left.u_net, left.processes) for left in trained)
    assert len(alone) == len(together) == 6
    assert together == pytest.approx(alone, rel=2e-3)


def test_two_workers_train_on_texts_as_one_does(trained: tuple[Trained, Trained]) -> None:
    alone, together = (told_by_worker(left.texts, left.processes) for left in trained)
    assert len(alone) == len(together) > 3
    assert together == pytest.approx(alone, rel=1e-3)


def test_a_stage_sees_as_many_samples_as_it_was_told_spread_over_all(squares, objective) -> None:
    assert some_of(squares, 0) is squares and some_of(squares, len(squares.train)) is squares
    assert some_of(squares, 1).train == squares.train[:1]
    some = some_of(squares, 6)
    assert some.train == squares.train[::3] and some.valid == squares.valid
    seen = []
    stage = dataclasses.replace(STAGE, epochs=1, train_items=6, batch_size=2)
    events = list(fit(recording(objective, seen), stage, model=TinyClassifier(3), data=squares, workers=0))
    (started,) = [event for event in events if isinstance(event, StageStarted)]
    assert (started.train_items, started.steps_per_epoch, started.valid_items) == (6, 3, len(squares.valid))
    prepared = [len(items) for items in seen]
    assert prepared == [6, len(squares.valid)]


def recording(objective, seen: list):
    """The objective with a feed that notes which items are prepared."""

    def prepare(data, items, stage, model):
        seen.append(items)
        return objective.feed.prepare(data, items, stage, model)

    return dataclasses.replace(objective, feed=dataclasses.replace(objective.feed, prepare=prepare))


def test_dropout_is_as_strong_as_each_stage_has_it(squares, objective) -> None:
    model = TinyClassifier(3)
    for drop_mult, expected in ((0.5, 0.1), (0.0, 0.0), (1.0, 0.2), (0.5, 0.1)):
        list(
            fit(
                objective,
                dataclasses.replace(STAGE, epochs=1, drop_mult=drop_mult),
                model=model,
                data=squares,
                workers=0,
            )
        )
        assert model.head[2].p == pytest.approx(expected)


def test_several_processes_on_cuda_share_batch_norms_by_the_library_s_own_layer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """timm's keeps the activation that stands inside of its own BatchNorms; the names of the weights stay."""
    from timm.layers.norm_act import BatchNormAct2d

    from engine.training import distributed

    monkeypatch.setattr(distributed.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(distributed.distributed, "get_world_size", lambda: 2)

    def build() -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), BatchNormAct2d(4), torch.nn.BatchNorm2d(4))

    names = list(build().state_dict())
    monkeypatch.setattr(distributed, "PartialState", lambda: SimpleNamespace(device=torch.device("cuda")))
    on_card = distributed.synchronise_batch_norm(build())
    assert all(isinstance(layer, torch.nn.SyncBatchNorm) for layer in list(on_card)[1:])
    assert list(on_card.state_dict()) == names
    monkeypatch.setattr(distributed, "PartialState", lambda: SimpleNamespace(device=torch.device("cpu")))
    assert all(
        isinstance(layer, distributed.SyncedBatchNorm)
        for layer in list(distributed.synchronise_batch_norm(build()))[1:]
    )


def test_a_process_waits_for_another_s_caches_as_long_as_they_take(monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.training import distributed

    asked: dict[str, object] = {}
    monkeypatch.setattr(distributed, "PartialState", lambda **named: asked.update(named))
    distributed.join()
    assert asked == {"timeout": distributed.PATIENCE} and distributed.PATIENCE.days >= 1
