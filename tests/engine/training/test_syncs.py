"""How often a training step waits for the device: each time a GPU runs dry. Counted on a CPU, by what makes tensors numbers."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from engine.recipe import AWD_LSTM_SMALL, OFFLINE_BACKBONE, Recipe, Stage
from engine.task import ModelPlan
from engine.tasks.registry import get_task
from engine.training import ready
from engine.training.loop import fit
from engine.training.planning import planned

WAITS = (
    "item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__", "nonzero", "unique", "masked_select",
    "tensor", "new_tensor", "as_tensor",  # a number that is copied to the device
)  # fmt: skip
# The AWD-LSTM asks how long the longest text of a batch is, and how many texts have begun at each window.
CEILING = {"planet": 1, "camvid": 1, "heads": 1, "imdb": 3, "weather": 1, "turns": 1}
FIXTURES = {
    "planet": "chips", "camvid": "streets", "heads": "heads", "imdb": "reviews", "weather": "chips", "turns": "heads",
}  # fmt: skip


class Watch(TorchFunctionMode):
    """Counts what has to wait for the device to have computed it."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in WAITS:
            self.waits.append(func.__name__)
        return func(*args, **(kwargs or {}))


def plan_of(task: str, data: Any) -> ModelPlan:
    recipe = Recipe(name="r", backbone=AWD_LSTM_SMALL if task == "imdb" else OFFLINE_BACKBONE, stages=(Stage(),))
    making = planned(get_task(task).build_objective(), recipe, data)
    while True:
        try:
            next(making)
        except StopIteration as end:
            return end.value


@pytest.mark.device
@pytest.mark.parametrize("task", CEILING)
@pytest.mark.parametrize("clip", [0.0, 1.0])
def test_a_step_waits_no_oftener_than_it_must(
    task: str, clip: float, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective, counts = get_task(task).build_objective(), list[int]()
    data = objective.open_data(request.getfixturevalue(FIXTURES[task]))
    real = ready.Ready.step

    def step(self: Any, inputs: Tensor, target: Tensor) -> tuple[float, float]:
        with Watch() as watch:
            done = real(self, inputs, target)
        counts.append(len(watch.waits))
        return done

    monkeypatch.setattr(ready.Ready, "step", step)
    stage = Stage(name="s", epochs=1, image_size=32, text_length=32, batch_size=4, precision="fp32", clip_norm=clip)
    torch.manual_seed(0)
    model = objective.build_model(plan_of(task, data), pretrained=False)
    list(fit(objective, stage, model=model, data=data, workers=0))
    assert counts and max(counts) <= CEILING[task]


def test_the_watch_sees_what_waits() -> None:
    with Watch() as watch:
        value = torch.ones(3)
        assert value.sum() > 0
        value.tolist(), value.sum().item(), value.cpu()
    assert len(watch.waits) == 4


def test_the_fastest_way_is_looked_for_where_batches_have_one_size(streets: Path, reviews: Path) -> None:
    for task, folder, expected in (("camvid", streets, True), ("imdb", reviews, False)):
        objective = get_task(task).build_objective()
        data = objective.open_data(folder)
        stage = Stage(name="s", epochs=1, image_size=32, text_length=32, batch_size=4, precision="fp32")
        training = fit(
            objective, stage, model=objective.build_model(plan_of(task, data), pretrained=False), data=data, workers=0
        )
        next(training)
        training.close()
        assert torch.backends.cudnn.benchmark is expected
