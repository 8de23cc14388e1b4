"""Number formats: what autocast touches on a CPU, and how `auto` decides."""

import copy
import dataclasses

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.recipe import Stage
from engine.training import precision
from engine.training.precision import fastest_precision, in_precision
from engine.training.recipe_loop import trained_shares

CPU = torch.device("cpu")


def depthwise() -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(4, 4, 3, padding=1, groups=4)


def squared(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    return (logits.float().mean((1, 2, 3)) - target).square().sum(), torch.tensor(len(target))


def test_a_depthwise_convolution_that_learns_keeps_fp32_with_exactly_its_gradients() -> None:
    picture, conv = torch.rand(2, 4, 8, 8), depthwise()
    twin = copy.deepcopy(conv)
    twin(picture.bfloat16().float()).sum().backward()

    with in_precision(CPU, "bf16"):
        answer = conv(picture.bfloat16())
    answer.sum().backward()

    assert answer.dtype == torch.float32
    assert conv.weight.grad is not None and twin.weight.grad is not None
    assert torch.equal(conv.weight.grad, twin.weight.grad)


def test_everything_else_is_computed_in_bf16() -> None:
    picture, dense = torch.rand(2, 4, 8, 8), nn.Conv2d(4, 4, 3)
    frozen = depthwise().requires_grad_(False)
    with in_precision(CPU, "bf16"):
        assert dense(picture).dtype == torch.bfloat16
        assert frozen(picture).dtype == torch.bfloat16
        assert functional.conv2d(picture, weight=dense.weight).dtype == torch.bfloat16
        with torch.no_grad():
            assert depthwise()(picture).dtype == torch.bfloat16


@pytest.mark.parametrize("name", ["fp32", "no"])
def test_full_precision_is_left_alone(name: str) -> None:
    with in_precision(CPU, name):
        assert depthwise()(torch.rand(1, 4, 8, 8)).dtype == torch.float32
        assert nn.Conv2d(4, 4, 3)(torch.rand(1, 4, 8, 8)).dtype == torch.float32


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The seconds that a step in each format takes, to be filled in."""
    seconds: dict[str, float] = {}
    monkeypatch.setattr(precision, "is_bf16_emulated", lambda: False)
    monkeypatch.setattr(precision, "_time_steps", lambda loss, model, images, target, names: dict(seconds))
    return seconds


@pytest.mark.parametrize(
    ("fp32", "bf16", "chosen", "why"),
    [
        (2.0, 1.0, "bf16", "A step is 2.0 times as fast in bf16 as in fp32."),
        (1.0, 0.95, "fp32", "A step in bf16 is 1.1 times as fast as in fp32, and less than 1.1 is not worth it."),
        (1.0, 3.0, "fp32", "A step in bf16 is 0.3 times as fast as in fp32, and less than 1.1 is not worth it."),
    ],
)
def test_auto_takes_another_format_only_where_it_is_faster_by_a_clear_margin(
    timed: dict[str, float], fp32: float, bf16: float, chosen: str, why: str
) -> None:
    timed |= {"fp32": fp32, "bf16": bf16}
    choice = fastest_precision(squared, nn.Conv2d(3, 4, 3), torch.rand(2, 3, 8, 8), torch.zeros(2))
    assert (choice.precision, choice.seconds, choice.reason) == (chosen, timed, why)


def test_timing_changes_nothing_in_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), depthwise())
    before = copy.deepcopy(model.state_dict())
    monkeypatch.setattr(precision, "is_bf16_emulated", lambda: False)
    choice = fastest_precision(squared, model, torch.rand(2, 3, 8, 8), torch.zeros(2))
    assert set(choice.seconds) == {"fp32", "bf16"} and choice.precision in choice.seconds and choice.reason
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_what_slows_the_machine_down_for_a_while_slows_both_formats_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program takes the cores while the first half of the steps is timed: by turns, that is half of each format's."""
    monkeypatch.setattr(precision, "is_bf16_emulated", lambda: False)
    now, steps = [0.0], [0]

    def loss(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        steps[0] += 1
        now[0] += 10.0 if steps[0] <= 5 else 1.0
        return squared(logits, target)

    monkeypatch.setattr(precision.time, "perf_counter", lambda: now[0])
    choice = fastest_precision(loss, nn.Conv2d(3, 4, 3), torch.rand(2, 3, 8, 8), torch.zeros(2))
    assert choice.precision == "fp32" and choice.seconds == {"fp32": 1.0, "bf16": 1.0}


def test_a_cpu_that_only_emulates_bf16_is_not_made_to_time_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "is_bf16_emulated", lambda: True)
    choice = fastest_precision(squared, nn.Conv2d(3, 4, 3), torch.rand(2, 3, 8, 8), torch.zeros(2))
    assert (choice.precision, choice.seconds) == ("fp32", {}) and "no instructions for bf16" in choice.reason


def test_a_run_is_judged_by_all_its_stages(timed: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    """bf16 loses where the body is frozen and wins where it learns; most of the run is the latter."""
    trained: list[int] = []
    monkeypatch.setattr(precision, "freeze", lambda groups, train_from: trained.append(train_from))
    monkeypatch.setattr(precision, "set_train_mode", lambda model, groups, train_from: None)
    monkeypatch.setattr(precision, "layer_groups", lambda model: ())
    taken = {-1: {"fp32": 1.0, "bf16": 2.0}, 0: {"fp32": 4.0, "bf16": 2.0}}
    monkeypatch.setattr(precision, "_time_steps", lambda *asked: taken[trained[-1]])
    asked = (squared, nn.Conv2d(3, 4, 3), torch.rand(2, 3, 8, 8), torch.zeros(2))
    assert fastest_precision(*asked, shares={-1: 0.2, 0: 0.8}).seconds == pytest.approx({"fp32": 3.4, "bf16": 2.0})
    assert fastest_precision(*asked, shares={-1: 0.2, 0: 0.8}).precision == "bf16"
    assert fastest_precision(*asked, shares={-1: 0.9, 0: 0.1}).precision == "fp32"


def test_the_shares_of_a_recipe_count_epochs_and_pixels() -> None:
    stage = Stage(name="s", epochs=2, max_lr=1e-3, image_size=64, train_from=-1)
    other = dataclasses.replace(stage, epochs=1, image_size=128, train_from=0)
    said = dataclasses.replace(stage, precision="fp32")
    assert trained_shares((stage, other, said)) == pytest.approx({-1: 1 / 3, 0: 2 / 3})
    assert trained_shares((said,)) == {}
