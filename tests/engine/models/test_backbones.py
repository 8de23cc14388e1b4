"""Backbones: weights from the package, from an earlier download or from the hub, and never a silent random start."""

import logging
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import timm
import torch
from huggingface_hub import constants
from huggingface_hub.errors import HTTPError
from safetensors.torch import save_file

from engine.errors import ModelError
from engine.models import backbones
from engine.models.backbones import (
    build_pyramid,
    feature_info,
    load_offline_weights,
    normalisation,
    offline_weights_path,
)
from engine.recipe import LESSON_BACKBONE, OFFLINE_BACKBONE

TASK_BACKBONES = ("resnet18.tv_in1k", "resnet34.tv_in1k", "mobilenetv3_small_100", "tf_efficientnet_lite0")


@pytest.fixture(autouse=True)
def no_weights_of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache is an empty folder, whatever this machine has downloaded."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def packed_weights() -> dict[str, torch.Tensor]:
    return torch.load(offline_weights_path(), map_location="cpu", weights_only=True)


def test_offline_weights_are_the_package_s_tensors_in_their_order() -> None:
    body, packed = build_pyramid(OFFLINE_BACKBONE), packed_weights()
    loaded = body.state_dict()
    whole = timm.create_model(OFFLINE_BACKBONE, pretrained=False).state_dict()
    assert len(packed) == len(whole)
    compared = 0
    for name, (packed_name, tensor) in zip(whole, packed.items(), strict=True):
        if name in loaded:
            assert torch.equal(loaded[name], tensor), (name, packed_name)
            compared += 1
    assert compared == len(loaded) > 250


def test_offline_weights_match_by_name_where_one_can_tell() -> None:
    loaded, packed = build_pyramid(OFFLINE_BACKBONE).state_dict(), packed_weights()
    pairs = {
        "conv_stem.weight": ("_conv_stem.weight", (32, 3, 3, 3)),
        "blocks.0.0.conv_dw.weight": ("_blocks.0._depthwise_conv.weight", (32, 1, 3, 3)),
        "blocks.6.0.conv_pwl.weight": ("_blocks.15._project_conv.weight", (320, 1152, 1, 1)),
        "blocks.6.0.bn3.running_var": ("_blocks.15._bn2.running_var", (320,)),
    }
    for name, (packed_name, shape) in pairs.items():
        assert loaded[name].shape == shape
        assert torch.equal(loaded[name], packed[packed_name])


def test_without_pretraining_the_start_is_random() -> None:
    torch.manual_seed(0)
    first, second = (build_pyramid(OFFLINE_BACKBONE, pretrained=False).state_dict() for _ in range(2))
    assert not torch.equal(first["conv_stem.weight"], second["conv_stem.weight"])


def test_packaged_weights_of_another_shape_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = packed_weights()
    name = list(packed)[40]
    packed[name] = packed[name].reshape(-1)[:-1] if packed[name].ndim else torch.zeros(2)
    torch.save(packed, tmp_path / "wrong.pth")
    monkeypatch.setattr(backbones, "offline_weights_path", lambda: tmp_path / "wrong.pth")
    body = timm.create_model(OFFLINE_BACKBONE, features_only=True)
    before = {key: tensor.clone() for key, tensor in body.state_dict().items()}
    with pytest.raises(ModelError, match=rf"{name} has shape .* needs"):
        load_offline_weights(body)
    assert all(torch.equal(tensor, before[key]) for key, tensor in body.state_dict().items())


def test_packaged_weights_of_another_length_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = packed_weights()
    packed.popitem()
    torch.save(packed, tmp_path / "short.pth")
    monkeypatch.setattr(backbones, "offline_weights_path", lambda: tmp_path / "short.pth")
    with pytest.raises(ModelError, match="The packaged weights have 295 tensors, tf_efficientnet_lite0 has 296"):
        build_pyramid(OFFLINE_BACKBONE)


@pytest.mark.parametrize(
    ("name", "close"),
    [("resnet43", "resnet34"), ("resnet18.tv_in2k", "resnet18.tv_in1k"), ("mobilenetv4", "mobilenetv4_conv_small")],
)
def test_an_unknown_name_is_refused_with_those_close_to_it(name: str, close: str) -> None:
    with pytest.raises(ModelError, match=rf"timm has no backbone '{name}'\. Close to it: ") as refusal:
        build_pyramid(name, pretrained=False)
    assert any(known.startswith(close.split("_")[0]) for known in str(refusal.value).split(": ")[1].split(", "))


def test_a_name_like_nothing_is_refused() -> None:
    with pytest.raises(ModelError, match=r"timm has no backbone 'hf-hub:someone/something'\.$"):
        build_pyramid("hf-hub:someone/something")


def test_a_backbone_without_weights_is_refused_when_they_are_wanted() -> None:
    name = next(name for name in timm.list_models() if not timm.is_model_pretrained(name))
    with pytest.raises(ModelError, match=f"timm has no weights for {name}"):
        build_pyramid(name)


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"])
def test_a_backbone_that_gives_no_pyramid_is_refused(name: str) -> None:
    with pytest.raises(ModelError, match=f"{name} gives no .*feature maps"):
        build_pyramid(name, pretrained=False)


@pytest.mark.parametrize("name", TASK_BACKBONES)
def test_the_task_s_backbones_give_maps_from_a_half_down_to_a_thirty_second(name: str) -> None:
    info = feature_info(build_pyramid(name, pretrained=False))
    assert info.reduction() == [2, 4, 8, 16, 32]


def test_normalisation_is_timm_s() -> None:
    assert normalisation(OFFLINE_BACKBONE) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    assert normalisation(LESSON_BACKBONE) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def offline_advice(name: str) -> str:
    return rf"weights of {name} cannot be downloaded .* Without a network choose {OFFLINE_BACKBONE}"


def test_where_the_hub_is_switched_off_the_offline_backbone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backbones, "_hub_answers", lambda: pytest.fail("nobody is to be asked"))
    with pytest.raises(ModelError, match=offline_advice("resnet18.tv_in1k")):
        build_pyramid("resnet18.tv_in1k")


def test_without_a_network_the_offline_backbone_is_named_at_once(monkeypatch, caplog, capfd) -> None:
    """One attempt and no word in the log: the hub's own client would try six times over half a minute."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody listens on the port for discarding
    monkeypatch.setattr(timm, "create_model", lambda *_, **__: pytest.fail("nothing is to be built"))
    with caplog.at_level(logging.INFO), pytest.raises(ModelError, match=offline_advice("resnet18.tv_in1k")):
        build_pyramid("resnet18.tv_in1k")
    assert caplog.text == ""
    assert "".join(capfd.readouterr()) == ""


class Refusing(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_error(403)

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_hub_that_answers_with_an_error_does_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    web = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{web.server_port}")
    try:
        assert backbones._hub_answers()
    finally:
        web.shutdown()
        web.server_close()
        thread.join()
    assert not backbones._hub_answers()


@pytest.mark.parametrize("problem", [ConnectionError("reset by peer"), HTTPError("the hub's client gave up")])
def test_a_broken_download_names_the_offline_backbone(monkeypatch: pytest.MonkeyPatch, problem: Exception) -> None:
    def broken(*_, **__):
        raise problem

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(backbones, "_hub_answers", lambda: True)
    monkeypatch.setattr(timm, "create_model", broken)
    with pytest.raises(ModelError, match=offline_advice(LESSON_BACKBONE)):
        build_pyramid(LESSON_BACKBONE)


def test_weights_of_an_earlier_download_need_no_network(no_weights_of_the_machine: Path, monkeypatch) -> None:
    repository = no_weights_of_the_machine / "models--timm--resnet18.tv_in1k"
    snapshot = repository / "snapshots" / "0123456789abcdef0123456789abcdef01234567"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(snapshot.name)
    weights = timm.create_model("resnet18.tv_in1k", pretrained=False).state_dict()
    save_file(weights, snapshot / "model.safetensors")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(backbones, "_hub_answers", lambda: pytest.fail("nobody is to be asked"))
    loaded = build_pyramid("resnet18.tv_in1k").state_dict()
    assert len(loaded) > 100
    assert all(torch.equal(tensor, weights[name]) for name, tensor in loaded.items())
    shutil.rmtree(repository)
    with pytest.raises(BaseException, match="nobody is to be asked"):
        build_pyramid("resnet18.tv_in1k")
