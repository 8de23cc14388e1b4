"""What was learned for three channels is kept, whatever number of channels the pictures have."""

import itertools

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.models.channels import fit_first_convolution, fitted_kernels
from engine.models.classifier import PictureModel, build_picture_model
from engine.models.unet import UNet, build_unet
from engine.recipe import NEW_CHANNELS, Stage
from engine.task import ModelPlan
from engine.training.setup import build_optimizer

CLASSES = ("forest", "water", "road")
LITE = "tf_efficientnet_lite0"  # mean = std = 0.5 for all three colours: an average of pixels stays one when normalised
BACKBONES = ("mobilenetv3_small_100", LITE)
BUILDERS = {"classifier": build_picture_model, "unet": build_unet}


def build(kind: str, backbone: str, channels: int, how: str = "zeros") -> PictureModel | UNet:
    """The same seed gives the same weights, but for the new channels'; no last layer of zeros hides a difference."""
    torch.manual_seed(0)
    plan = ModelPlan(backbone=backbone, classes=CLASSES, channels=channels, new_channels=how)
    model = BUILDERS[kind](plan, pretrained=False).eval()
    last = [module for module in model.modules() if isinstance(module, nn.Linear | nn.Conv2d)][-1]
    nn.init.normal_(last.weight, std=0.1, generator=torch.Generator().manual_seed(1))
    return model


def pictures(channels: int = 3) -> Tensor:
    return torch.randint(0, 256, (2, channels, 48, 40), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def first_convolution(model: nn.Module) -> nn.Conv2d:
    return next(module for module in model.modules() if isinstance(module, nn.Conv2d))


@pytest.fixture
def kernels() -> Tensor:
    return torch.randn(16, 3, 5, 5, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("kind", BUILDERS)
@torch.inference_mode()
def test_a_fourth_channel_that_begins_with_zeros_changes_no_logit(kind: str, backbone: str) -> None:
    three, four = build(kind, backbone, 3), build(kind, backbone, 4)
    expected = three(pictures())
    assert expected.std() > 0
    dark, bright, noise = torch.zeros(2, 1, 48, 40), torch.full((2, 1, 48, 40), 255), pictures(1)
    for fourth in (dark, bright, noise):
        assert torch.equal(four(torch.cat([pictures(), fourth.to(torch.uint8)], 1)), expected)


@pytest.mark.parametrize("kind", BUILDERS)
def test_channels_that_begin_with_zeros_can_learn(kind: str) -> None:
    model = build(kind, BACKBONES[0], 5)
    model(pictures(5)).square().sum().backward()
    gradient = first_convolution(model).weight.grad
    assert gradient is not None
    assert (gradient[:, 3:].abs().amax((0, 2, 3)) > 0).all()


def test_a_fourth_channel_can_begin_as_the_mean_of_the_colours(kernels: Tensor) -> None:
    fitted = fitted_kernels(kernels, 5, "mean")
    assert torch.equal(fitted[:, :3], kernels)
    mean = (kernels[:, 0] + kernels[:, 1] + kernels[:, 2]) / 3
    torch.testing.assert_close(fitted[:, 3], mean)
    torch.testing.assert_close(fitted[:, 4], mean)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("how", ["zeros", "mean"])
def test_missing_channels_are_as_if_they_were_zeros_or_the_average(kernels: Tensor, channels: int, how: str) -> None:
    seen = torch.randn(2, channels, 20, 24)
    rest = torch.zeros_like(seen[:, :1]) if how == "zeros" else seen.mean(1, keepdim=True)
    whole = torch.cat([seen, *[rest] * (3 - channels)], 1)
    found = functional.conv2d(seen, fitted_kernels(kernels, channels, how))
    torch.testing.assert_close(found, functional.conv2d(whole, kernels), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", BUILDERS)
@pytest.mark.parametrize("how", ["zeros", "mean"])
@torch.inference_mode()
def test_two_channels_in_a_whole_model(kind: str, how: str) -> None:
    two, three = build(kind, LITE, 2, how), build(kind, LITE, 3)
    seen = pictures(2).float()
    # Pixels that normalise to 0, and the two's average
    third = torch.full_like(seen[:, :1], 127.5) if how == "zeros" else seen.mean(1, keepdim=True)
    expected = three(torch.cat([seen, third], 1))
    torch.testing.assert_close(two(seen), expected, rtol=1e-3, atol=1e-4 * expected.abs().max().item())
    assert not torch.allclose(two(seen), three(torch.cat([seen, seen[:, :1]], 1)), rtol=1e-3), "the third does count"


@pytest.mark.parametrize("channels", [2, 4])
def test_random_kernels_have_the_spread_of_those_there(kernels: Tensor, channels: int) -> None:
    drawn = fitted_kernels(7 * kernels, channels, "random")[:, 3 if channels > 3 else 0 :]
    assert drawn.std().item() == pytest.approx(7 * kernels.std().item(), rel=0.1)
    assert drawn.mean().item() == pytest.approx(0, abs=1)


def test_random_kernels_keep_those_there_and_follow_the_seed(kernels: Tensor) -> None:
    drawn = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        drawn.append(fitted_kernels(kernels, 5, "random"))
    first, again, other = drawn
    assert torch.equal(first[:, :3], kernels)
    assert torch.equal(first, again)
    assert not torch.allclose(first[:, 3:], other[:, 3:])
    assert not torch.allclose(first[:, 3], first[:, 4])


@pytest.mark.parametrize("how", NEW_CHANNELS)
def test_three_channels_are_left_alone(how: str) -> None:
    first = nn.Conv2d(3, 4, 3)
    kernels, state = first.weight, torch.get_rng_state()
    before = kernels.detach().clone()
    fit_first_convolution(nn.Sequential(first), 3, how)
    assert first.weight is kernels
    assert torch.equal(kernels, before)
    assert torch.equal(torch.get_rng_state(), state)


def test_only_the_first_convolution_is_fitted_and_its_bias_stays() -> None:
    convolutions = [nn.Conv2d(3, 4, 3), nn.Conv2d(4, 3, 3), nn.Conv2d(3, 5, 3)]
    body = nn.Sequential(nn.BatchNorm2d(3), *convolutions)
    before = {name: value.clone() for name, value in body.state_dict().items()}
    fit_first_convolution(body, 6, "mean")
    after = body.state_dict()
    assert [name for name, value in before.items() if not torch.equal(value, after[name])] == ["1.weight"]
    assert (convolutions[0].in_channels, after["1.weight"].shape) == (6, (4, 6, 3, 3))


@pytest.mark.parametrize("kind", BUILDERS)
@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("how", NEW_CHANNELS)
def test_the_fitted_kernels_are_parameters_like_all_others(kind: str, channels: int, how: str) -> None:
    model = build(kind, BACKBONES[0], channels, how)
    assert first_convolution(model).weight.shape[1] == channels
    everything = sorted(id(parameter) for parameter in model.parameters())
    groups = model.layer_groups()
    held = [id(p) for p in itertools.chain(*(module.parameters() for module in itertools.chain(*groups)))]
    assert sorted(held) == everything
    assert id(first_convolution(model).weight) in {id(p) for module in groups[0] for p in module.parameters()}
    stage = Stage(name="tiny", epochs=1, image_size=32, batch_size=4, precision="fp32")
    optimised = [id(p) for group in build_optimizer(model, stage).param_groups for p in group["params"]]
    assert sorted(optimised) == everything
