"""Weights that somebody hands us are not trusted: they fit their config to the last tensor, or nothing is loaded."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from untrained import BACKBONE, CLASSES, contents, save_untrained

from engine.bundle.weights import init_weights, load_weights
from engine.errors import BundleError
from engine.models.unet import UNet, build_unet
from engine.task import ModelPlan


def build_model(classes: tuple[str, ...] = CLASSES, backbone: str = BACKBONE) -> UNet:
    return build_unet(ModelPlan(backbone=backbone, classes=classes), pretrained=False)


def read(path: Path) -> dict[str, torch.Tensor]:
    """Copies: safetensors maps the file itself into memory, which must not change underneath."""
    return {name: tensor.clone() for name, tensor in load_file(path).items()}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def renamed_pickle(path: Path) -> None:
    class Harmful:
        def __reduce__(self):
            return Path.touch, (path.with_name("harm"),)

    path.write_bytes(pickle.dumps(Harmful()))


def renamed_torch(path: Path) -> None:
    torch.save(read(path), path)


def huge_header(path: Path) -> None:
    path.write_bytes((10**12).to_bytes(8, "little") + b"{}")


@pytest.mark.parametrize("damage", [cut, renamed_pickle, renamed_torch, huge_header, Path.unlink])
@pytest.mark.parametrize("load", [load_weights, lambda model, bundle: init_weights(model, bundle, CLASSES)])
def test_weights_that_are_no_safetensors(bundle: Path, damage: Callable[[Path], None], load) -> None:
    damage(bundle / "model.safetensors")
    before, model = contents(bundle), build_model()
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(BundleError, match=r"model\.safetensors is damaged or not safetensors"):
        load(model, bundle)
    assert contents(bundle) == before
    assert all(torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items())


def change_weights(bundle: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    weights = read(bundle / "model.safetensors")
    change(weights)
    save_file(weights, bundle / "model.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weights: weights.pop("body.conv_stem.weight"), r"lacks tensor body\.conv_stem\.weight"),
        (lambda weights: weights.update(extra=torch.zeros(1)), "has an unknown tensor extra"),
        (
            lambda weights: weights.update({"head.bias": torch.zeros(4)}),
            r"head\.bias in .* has shape \(4,\) instead of \(3,\)",
        ),
    ],
)
def test_weights_that_do_not_fit(bundle: Path, change, message: str) -> None:
    change_weights(bundle, change)
    model = build_model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(BundleError, match=message):
        load_weights(model, bundle)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_weights_come_back_as_they_were_saved(bundle: Path) -> None:
    model = build_model()
    load_weights(model, bundle)
    saved = load_file(bundle / "model.safetensors")
    assert saved.keys() == model.state_dict().keys()
    assert all(torch.equal(tensor, saved[name]) for name, tensor in model.state_dict().items())


def test_a_start_with_the_same_classes_takes_everything(bundle: Path) -> None:
    model = build_model()
    assert init_weights(model, bundle, CLASSES) == []
    saved = load_file(bundle / "model.safetensors")
    assert all(torch.equal(tensor, saved[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("classes", [("sky", "road", "car", "tree"), ("car", "sky", "road"), ("cat", "dog", "cow")])
def test_a_start_with_other_classes_keeps_its_own_head_and_says_so(bundle: Path, classes: tuple[str, ...]) -> None:
    model = build_model(classes)
    head = {name: tensor.clone() for name, tensor in model.head.state_dict().items()}
    assert init_weights(model, bundle, classes) == ["head.bias", "head.weight"]
    saved = load_file(bundle / "model.safetensors")
    for name, tensor in model.state_dict().items():
        expected = head[name.removeprefix("head.")] if name.startswith("head.") else saved[name]
        assert torch.equal(tensor, expected)


# A ResNet-18 has the first blocks of a ResNet-34 under the same names and in the same shapes.
@pytest.mark.parametrize(("own", "other"), [("resnet18", "resnet34"), ("resnet34", "resnet18"), (BACKBONE, "resnet18")])
def test_a_start_from_another_backbone_is_refused(tmp_path: Path, own: str, other: str) -> None:
    stranger = save_untrained(tmp_path / "checkpoints", CLASSES, backbone=other)
    model = build_model(backbone=own)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    message = rf"holds another kind of model \(its backbone is {other}\): \d+ tensors do not fit"
    with pytest.raises(BundleError, match=message):
        init_weights(model, stranger, CLASSES)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
