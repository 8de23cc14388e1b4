"""Pictures with more or fewer channels than three: fitting the first convolution of a pretrained body to them.

The body's first kernels look at red, green and blue. What should they make of a fourth channel, near infrared say, or of only
two? `how` is what the channel that they never saw begins with; what they learned for the colours is kept:

- "zeros": nothing. At first the model answers as if the new channel were not there, and learns what it is worth. Two channels:
  as if a third one were all zeros.
- "mean": the mean of the three colours' kernels, so that the new channel is taken for one more brightness. Two channels: as if
  a third one were the two's average.
- "random": drawn as for a fresh layer, with the spread of the kernels that are there. Two channels: all kernels are drawn anew.
"""

import torch
from torch import Tensor, nn

COLORS = 3


def fit_first_convolution(body: nn.Module, channels: int, how: str) -> None:
    """Let the first convolution of `body`, made for three channels, take `channels` (2, 4 or more)."""
    if channels == COLORS:
        return
    first = next(module for module in body.modules() if isinstance(module, nn.Conv2d))
    first.in_channels = channels
    first.weight = nn.Parameter(fitted_kernels(first.weight.detach(), channels, how))


def fitted_kernels(kernels: Tensor, channels: int, how: str) -> Tensor:
    """Kernels (O, 3, k, k) as kernels (O, channels, k, k)."""
    if channels < COLORS:
        kept = kernels[:, :channels].clone()
        if how == "mean":  # w₃·(a+b)/2 is the same as w₃/2·a + w₃/2·b
            kept += kernels[:, channels:].sum(1, keepdim=True) / channels
        return _drawn_like(kept) if how == "random" else kept
    shape = (len(kernels), channels - COLORS, *kernels.shape[2:])
    new = kernels.mean(1, keepdim=True).expand(shape) if how == "mean" else kernels.new_zeros(shape)
    new = _drawn_like(new, spread=kernels.std()) if how == "random" else new
    return torch.cat([kernels, new], dim=1)


def _drawn_like(kernels: Tensor, spread: Tensor | None = None) -> Tensor:
    return torch.randn_like(kernels) * (kernels.std() if spread is None else spread)


def channel_statistics(colors: tuple[float, ...], channels: int) -> tuple[float, ...]:
    """Means or deviations for `channels`, from those of the three colours: a new channel gets their average."""
    average = sum(colors) / len(colors)
    return (*colors[:channels], *(average for _ in range(channels - len(colors))))
