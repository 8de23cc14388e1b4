"""Number formats: what autocast touches on a CPU, and how `auto` decides."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.training import precision
from engine.training.precision import fastest_precision, in_precision

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


def test_auto_takes_the_faster_format_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), depthwise())
    before = copy.deepcopy(model.state_dict())
    seconds = {"fp32": [3.0, 2.0], "bf16": [1.0, 4.0]}
    monkeypatch.setattr(precision, "_is_bf16_emulated", lambda: False)
    monkeypatch.setattr(precision, "_time_steps", lambda loss, model, images, target, name: iter(seconds[name]))
    assert fastest_precision(squared, model, torch.rand(2, 3, 8, 8), torch.zeros(2)) == (
        "bf16",
        {"fp32": 2.0, "bf16": 1.0},
    )
    monkeypatch.undo()
    monkeypatch.setattr(precision, "_is_bf16_emulated", lambda: False)
    verdict, measured = fastest_precision(squared, model, torch.rand(2, 3, 8, 8), torch.zeros(2))
    assert verdict == min(measured, key=measured.__getitem__)
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_cpu_that_only_emulates_bf16_is_not_made_to_time_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_is_bf16_emulated", lambda: True)
    model = nn.Conv2d(3, 4, 3)
    verdict, measured = fastest_precision(squared, model, torch.rand(2, 3, 8, 8), torch.zeros(2))
    assert (verdict, list(measured)) == ("fp32", ["fp32"])
