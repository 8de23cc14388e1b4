"""A bundle that somebody hands us is not trusted: whatever is wrong with it is named, and nothing is written."""

import json
import math
import pickle
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from untrained import BACKBONE, edit, save_untrained

from engine.bundle_files import OURS
from engine.errors import BundleError
from engine.models.unet import UNet, build_unet
from engine.task import ModelPlan
from engine.training.bundle import (
    MAX_CLASSES,
    init_weights,
    load_weights,
    read_config,
    read_evaluation,
    resolve_bundle,
)

CLASSES = ("sky", "road", "car")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared by all tests, which only read it."""
    return save_untrained(tmp_path_factory.mktemp("sound") / "run" / "checkpoints", CLASSES)


@pytest.fixture
def bundle(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "bundle"))


def build_model(classes: tuple[str, ...] = CLASSES, backbone: str = BACKBONE) -> UNet:
    return build_unet(ModelPlan(backbone=backbone, classes=classes), pretrained=False)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_sound_bundle_says_what_it_is(bundle: Path) -> None:
    config = read_config(bundle)
    assert (config.task, config.objective, config.plan.backbone, config.plan.classes) == (
        "camvid",
        "mask",
        BACKBONE,
        CLASSES,
    )
    assert (config.stage.image_size, config.dataset, config.metrics) == (32, "drawn", {"pixel_accuracy": 0.5})
    assert json.loads((bundle / "config.json").read_text())[OURS]["recipe"]["stages"][0]["image_size"] == 32


def test_a_bundle_is_found_in_itself_and_in_its_run(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_bundle(sound) == resolve_bundle(str(sound)) == resolve_bundle(sound.parents[1]) == sound
    monkeypatch.chdir(sound.parent)
    assert resolve_bundle(sound.name) == sound


def test_a_run_without_a_checkpoint_and_a_folder_that_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="neither a model bundle"):
        resolve_bundle(tmp_path)
    (tmp_path / "recipe.json").touch()
    with pytest.raises(BundleError, match="has no checkpoint yet: the first comes with its first epoch"):
        resolve_bundle(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "{", "not json", "[1, 2]", "null", "\udcff", "[" * 100_000], ids=["empty", "cut", *"abcde"]
)
def test_a_config_that_is_no_config(bundle: Path, text: str) -> None:
    (bundle / "config.json").write_text(text, encoding="utf-8", errors="surrogateescape")
    before = contents(bundle)
    with pytest.raises(BundleError, match=r"config\.json (cannot be read|is no model config)"):
        read_config(bundle)
    assert contents(bundle) == before


def test_a_huge_config_is_not_even_read(bundle: Path) -> None:
    edit(bundle, note="x" * 1_000_000)
    with pytest.raises(BundleError, match="larger than 1000 kB"):
        read_config(bundle)


def test_a_missing_config(bundle: Path) -> None:
    (bundle / "config.json").unlink()
    with pytest.raises(BundleError, match=r"config\.json cannot be read"):
        read_config(bundle)


@pytest.mark.parametrize("format_", [0, 3, "1", None])
def test_another_format_is_refused(bundle: Path, format_: Any) -> None:
    edit(bundle, format=format_)
    with pytest.raises(BundleError, match=f"has format {format_}; this version reads 2"):
        read_config(bundle)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("stage", value) for value in (None, 7, [], "x", {"image_size": 0}, {"image_size": "32"}, {"nothing": 1})),
        *(("remarks", value) for value in ("x", [1], ["x" * 500], ["x"] * 20)),
        *(("classes", value) for value in ([], ["one"], ["a", "a"], "abc", {"a": 1}, [1, 2], ["", "b"], None)),
        ("classes", [str(number) for number in range(MAX_CLASSES + 1)]),
        ("classes", ["a", "b" * 200]),
        *(("backbone", value) for value in (None, 7, ["resnet18"], "x" * 200)),
        ("task", None),
        ("seed", "x"),
        ("dataset", 7),
        *(("recipe", value) for value in (None, [], {"name": "x"}, {"name": "x", "backbone": "y", "stages": [7]})),
        ("objective", {}),
        *(("metrics", value) for value in ([0.5], {"accuracy": "high"}, {"accuracy": None})),
    ],
)
def test_a_field_that_cannot_be_is_named(bundle: Path, field: str, value: Any) -> None:
    edit(bundle, **{field: value})
    with pytest.raises(BundleError, match=f"^{field} in .*config.json is .*; expected ") as refusal:
        read_config(bundle)
    assert len(str(refusal.value)) < 300 + len(str(bundle))


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


def test_the_evaluation_of_a_bundle(bundle: Path) -> None:
    assert read_evaluation(bundle) == {"metrics": {"pixel_accuracy": 0.5, "valid_loss": 1.0}}
    for text in ("{", "[" * 100_000, "\0", "[1]"):
        (bundle / "evaluation.json").write_text(text)
        assert read_evaluation(bundle) is None
    (bundle / "evaluation.json").unlink()
    assert read_evaluation(bundle) is None


def test_figures_that_are_no_numbers_come_back(bundle: Path) -> None:
    edit(bundle, metrics={"mean_iou": float("nan")})
    assert math.isnan(read_config(bundle).metrics["mean_iou"])


def test_messages_name_the_file(bundle: Path) -> None:
    edit(bundle, classes=["a"])
    with pytest.raises(BundleError, match=re.escape(str(bundle / "config.json"))):
        read_config(bundle)
