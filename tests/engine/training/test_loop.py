import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from toy import STAGE, TOY, TinyClassifier, draw_squares

from engine.errors import RecipeError, TrainingError
from engine.events import LossDiverged, PrecisionChosen, StepFinished
from engine.recipe import Recipe
from engine.training.checkpoint import latest_checkpoint, read_progress
from engine.training.loop import fit
from engine.training.recipe_loop import train_recipe

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
    checkpoint = latest_checkpoint(folder)
    assert checkpoint
    assert read_progress(checkpoint).step == 4
    assert all(torch.isfinite(p).all() for p in model.parameters())


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
    assert chosen.precision == min(chosen.seconds_per_step, key=chosen.seconds_per_step.__getitem__)


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


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    """Same global batch, same losses, one writer: through accelerate's own launcher."""
    script = Path(__file__).with_name("train_toy.py")

    def run(name: str, *launcher: str) -> list[float]:
        environment = os.environ | {"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'tests'}"}
        command = [sys.executable, *launcher, str(script), str(tmp_path), name]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        lines = (tmp_path / f"{name}.losses").read_text().split()
        return [float(line) for line in lines]

    draw_squares(tmp_path / "toy")
    alone = run("alone")
    launch = ("-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1")
    together = run("together", *launch, "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0")
    assert len(alone) == len(together) > 8
    assert together == pytest.approx(alone, rel=1e-4)
    checkpoints = [sorted(path.name for path in (tmp_path / name).iterdir()) for name in ("alone", "together")]
    assert checkpoints[0] == checkpoints[1]
