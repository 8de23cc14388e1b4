"""Models as torch's ONNX exporter takes them: the same weights and the same answers, in other modules."""

import copy
from typing import Any, cast

import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn


class SameConv(nn.Module):
    """A convolution padded as TensorFlow does, for the exporter alone: as ONNX's own node, since ONNX has that padding too.

    Computed from the size, as torch has to, the padding of each layer makes the exporter's formulas for the next sizes longer,
    until it takes many minutes.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        conv = self.conv
        batch, _, height, width = x.shape
        down, across = conv.stride
        return torch.onnx.ops.symbolic(
            "Conv",
            (x, conv.weight) if conv.bias is None else (x, conv.weight, conv.bias),
            {
                "auto_pad": "SAME_UPPER",  # where the padding is odd, the end gets more of it, as in timm
                "strides": list(conv.stride),
                "dilations": list(conv.dilation),
                "group": conv.groups,
            },
            dtype=x.dtype,
            shape=(batch, conv.out_channels, (height - 1) // down + 1, (width - 1) // across + 1),
        )


class TextLogits(nn.Module):
    """Numbers of texts (B, T) and where they are no padding (B, T) → logits (B, K), by one of transformers' classifiers."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.inner(input_ids=input_ids, attention_mask=attention_mask).logits


def for_export(model: nn.Module) -> nn.Module:
    """A copy that can be exported for pictures of any size; it cannot be called."""
    copied = copy.deepcopy(model)
    for name, module in list(copied.named_modules()):
        if isinstance(module, Conv2dSame):
            copied.set_submodule(name, SameConv(cast(nn.Conv2d, module)))
    return copied.eval()
