"""One row of numbers for a picture of any size, over any convolutional backbone."""

import itertools

import pytest
import torch
from torch import Tensor, nn

from engine.errors import ModelError
from engine.models.classifier import ConcatPool, PictureModel, build_head, build_picture_model
from engine.task import ModelPlan

CLASSES = ("forest", "water", "road", "haze")
BACKBONES = ("resnet18", "mobilenetv3_small_100", "convnext_atto", "tf_efficientnet_lite0")
SMALL = BACKBONES[1]


def build(backbone: str = SMALL, *, channels: int = 3) -> PictureModel:
    """A model whose last layer, which begins with zeros, lets something through."""
    torch.manual_seed(0)
    plan = ModelPlan(backbone=backbone, classes=CLASSES, channels=channels)
    model = build_picture_model(plan, pretrained=False).eval()
    nn.init.normal_([part for part in model.head.modules() if isinstance(part, nn.Linear)][-1].weight)
    return model


@pytest.fixture(scope="module", params=BACKBONES)
def model(request: pytest.FixtureRequest) -> PictureModel:
    """Shared by all tests, which leave it as it is."""
    return build(request.param)


def pictures(height: int, width: int, channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(height * width)
    return torch.randint(0, 256, (2, channels, height, width), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("size", [(64, 64), (33, 47), (32, 101), (97, 32)])
@torch.inference_mode()
def test_a_row_of_logits_for_pictures_of_any_size(model: PictureModel, size: tuple[int, int]) -> None:
    logits = model(pictures(*size))
    assert (logits.shape, logits.dtype) == ((2, len(CLASSES)), torch.float32)
    assert torch.isfinite(logits).all()
    assert not torch.equal(logits[0], logits[1]), "it looks at the pictures"
    assert torch.equal(logits, model(pictures(*size).float()))


def test_three_layer_groups_in_order_hold_every_parameter_once(model: PictureModel) -> None:
    place = {id(parameter): place for place, parameter in enumerate(model.parameters())}
    groups = [[place[id(p)] for module in group for p in module.parameters()] for group in model.layer_groups()]
    assert len(groups) == 3
    assert all(groups)
    assert sorted(itertools.chain(*groups)) == sorted(place.values())
    early, late, head = groups
    assert max(early) < min(late)
    assert max(late) < min(head)
    assert set(head) == {place[id(parameter)] for parameter in model.head.parameters()}


def test_features_and_answer_are_the_two_halves_of_the_model(model: PictureModel) -> None:
    with torch.inference_mode():
        maps = model.features(pictures(64, 96))
        assert (maps.ndim, maps.shape[2:]) == (4, (2, 3))
        assert torch.equal(model.answer(maps), model(pictures(64, 96)))


@pytest.mark.parametrize("backbone", ["vit_tiny_patch16_224", "swin_tiny_patch4_window7_224", "mambaout_femto"])
def test_a_backbone_without_a_map_of_places_is_refused(backbone: str) -> None:
    with pytest.raises(
        ModelError, match=rf"The backbone {backbone} gives no .*feature map.* Choose a convolutional one"
    ):
        build(backbone)


def test_pooling_is_the_maximum_beside_the_mean() -> None:
    maps = torch.tensor(
        [[[[1.0, 2.0, 6.0]], [[-4.0, 0.0, 1.0]]], [[[0.0, 0.0, 3.0]], [[5.0, 5.0, 5.0]]]]
    )  # (2, 2, 1, 3)
    assert ConcatPool()(maps).tolist() == [[6, 1, 3, -1], [3, 5, 1, 5]]


def test_the_head_begins_with_the_pooling_and_ends_with_an_output_a_class() -> None:
    head = build_head(6, 4, dropout=0.4)
    assert [type(part) for part in head] == [
        ConcatPool,
        *(nn.BatchNorm1d, nn.Dropout, nn.Linear, nn.ReLU),
        *(nn.BatchNorm1d, nn.Dropout, nn.Linear),
    ]
    assert [part.p for part in head if isinstance(part, nn.Dropout)] == pytest.approx([0.2, 0.4])
    linear = [part for part in head if isinstance(part, nn.Linear)]
    assert (linear[0].in_features, linear[-1].out_features) == (12, 4)


def test_in_a_steady_model_a_picture_s_answer_is_its_own_in_training_too() -> None:
    plan = ModelPlan(backbone=SMALL, classes=CLASSES)
    for is_steady in (True, False):
        torch.manual_seed(0)
        model = build_picture_model(plan, pretrained=False, is_steady=is_steady)
        nn.init.normal_([part for part in model.head.modules() if isinstance(part, nn.Linear)][-1].weight)
        statistics = {name: value.clone() for name, value in model.named_buffers()}
        shown = pictures(64, 64)
        with torch.no_grad():
            answers = model.eval()(shown)
            together = model.train()(shown)
        alike = {name: torch.equal(value, statistics[name]) for name, value in model.named_buffers()}
        assert torch.allclose(together, answers, atol=1e-5) is is_steady
        assert all(alike.values()) is is_steady


def test_before_any_training_every_logit_is_0() -> None:
    model = build_picture_model(ModelPlan(backbone=SMALL, classes=CLASSES), pretrained=False)
    assert model(pictures(48, 64)).tolist() == [[0] * len(CLASSES)] * 2


def test_the_head_works_in_fp32_under_autocast() -> None:
    model = build()
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        maps = model.features(pictures(64, 64))
        logits = model(pictures(64, 64))
        assert maps.dtype == torch.bfloat16, "the body does not"
    assert logits.dtype == torch.float32
    with torch.inference_mode():
        assert torch.equal(logits, model.head(maps.float()))


def test_pictures_are_normalised_with_the_backbone_s_own_numbers() -> None:
    lite = build("tf_efficientnet_lite0")
    assert lite.mean.flatten().tolist() == lite.std.flatten().tolist() == [127.5] * 3
    resnet = build("resnet18.tv_in1k", channels=4)
    assert (resnet.mean.flatten() / 255).tolist() == pytest.approx([0.485, 0.456, 0.406, (0.485 + 0.456 + 0.406) / 3])
    assert (resnet.std.flatten() / 255).tolist() == pytest.approx([0.229, 0.224, 0.225, (0.229 + 0.224 + 0.225) / 3])
    two = build("resnet18.tv_in1k", channels=2)
    assert (two.mean.flatten() / 255).tolist() == pytest.approx([0.485, 0.456])
    assert not {"mean", "std"} & resnet.state_dict().keys(), "they follow from the backbone's name"


def test_the_body_is_given_normalised_pictures() -> None:
    model = PictureModel(nn.Identity(), nn.Identity(), mean=(0.5, 0.2, 0.0), std=(0.5, 0.25, 1.0))
    picture = torch.tensor([255, 102, 51], dtype=torch.uint8).view(1, 3, 1, 1)
    assert model.features(picture).flatten().tolist() == pytest.approx([1.0, 0.8, 0.2])


def test_kernels_lie_channels_last_after_their_channels_were_fitted() -> None:
    model = build("resnet18", channels=4)
    kernels = [part.weight for part in model.modules() if isinstance(part, nn.Conv2d) and part.kernel_size != (1, 1)]
    assert kernels[0].shape[1] == 4
    assert all(kernel.is_contiguous(memory_format=torch.channels_last) for kernel in kernels)
