"""The U-Net gives a logit for every pixel and class, at any size, over any backbone."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional

from engine.models.unet import UNet, UpBlock, build_unet, conv_of_doubled
from engine.task import ModelPlan

CLASSES = ("sky", "road", "car", "tree")
BACKBONES = ("resnet18", "mobilenetv3_small_100", "convnext_atto", "tf_efficientnet_lite0")


@pytest.fixture(scope="module", params=BACKBONES)
def model(request: pytest.FixtureRequest) -> UNet:
    return build_unet(ModelPlan(backbone=request.param, classes=CLASSES), pretrained=False).eval()


@pytest.mark.parametrize("size", [(32, 48), (33, 47), (35, 32), (32, 101)])
def test_a_logit_for_every_pixel_of_any_size(model: UNet, size: tuple[int, int]) -> None:
    pictures = torch.randint(0, 256, (2, 3, *size), dtype=torch.uint8)
    with torch.inference_mode():
        logits = model(pictures)
        assert logits.shape == (2, len(CLASSES), *size)
        assert torch.isfinite(logits).all()
        assert torch.equal(logits, model(pictures.float()))


def test_three_layer_groups_hold_every_parameter_once(model: UNet) -> None:
    groups = [[id(p) for module in group for p in module.parameters()] for group in model.layer_groups()]
    assert len(groups) == 3
    assert all(groups)
    assert sorted(itertools.chain(*groups)) == sorted(id(p) for p in model.parameters())
    assert set(groups[0] + groups[1]) == {id(p) for p in model.body.parameters()}


def test_groups_come_in_the_order_of_the_layers(model: UNet) -> None:
    order = {id(p): place for place, p in enumerate(model.parameters())}
    early, late, head = ([order[id(p)] for m in group for p in m.parameters()] for group in model.layer_groups())
    assert max(early) < min(late)
    assert max(late) < min(head)


def test_every_parameter_of_the_decoder_learns(model: UNet) -> None:
    model.zero_grad()
    model(torch.randint(0, 256, (1, 3, 32, 48))).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.decoder.parameters())
    assert model.head.weight.grad is not None
    model.zero_grad()


def test_pictures_are_normalised_with_the_backbone_s_own_numbers() -> None:
    lite = build_unet(ModelPlan(backbone="tf_efficientnet_lite0", classes=CLASSES), pretrained=False)
    assert lite.mean.flatten().tolist() == lite.std.flatten().tolist() == [127.5] * 3
    resnet = build_unet(ModelPlan(backbone="resnet18.tv_in1k", classes=CLASSES), pretrained=False)
    assert (resnet.mean.flatten() / 255).tolist() == pytest.approx([0.485, 0.456, 0.406])
    assert "mean" not in resnet.state_dict(), "it follows from the backbone's name"


def test_an_up_block_joins_maps_whose_sizes_do_not_divide() -> None:
    block = UpBlock(6, 4, 5).eval()
    assert block(torch.randn(1, 6, 3, 5), torch.randn(1, 4, 7, 9)).shape == (1, 5, 7, 9)


def test_convolutions_are_laid_out_channels_last() -> None:
    model = build_unet(ModelPlan(backbone="mobilenetv3_small_100", classes=CLASSES), pretrained=False)
    kernels = [m.weight for m in model.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert kernels
    assert all(kernel.is_contiguous(memory_format=torch.channels_last) for kernel in kernels)


def test_joining_is_a_convolution_over_both_maps_side_by_side() -> None:
    torch.manual_seed(0)
    block = UpBlock(8, 4, 6).eval()
    x, skip = torch.randn(2, 8, 3, 4), torch.randn(2, 4, 6, 8)
    enlarged = functional.interpolate(x, scale_factor=2, mode="nearest")
    expected = block.refine(block.join(torch.cat([enlarged, skip], dim=1)))
    assert torch.allclose(block(x, skip), expected, atol=1e-5)


def test_a_convolution_of_the_doubled_map_is_what_it_says() -> None:
    x, weight = torch.randn(2, 5, 4, 7, requires_grad=True), torch.randn(3, 5, 3, 3, requires_grad=True)
    expected = functional.conv2d(functional.interpolate(x, scale_factor=2, mode="nearest"), weight, padding=1)
    found = conv_of_doubled(x, weight)
    torch.testing.assert_close(found, expected)
    push = torch.randn_like(expected)
    for ours, theirs in zip(
        torch.autograd.grad(found, (x, weight), push), torch.autograd.grad(expected, (x, weight), push), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
