"""The mean of the weights over the last steps, which is judged and kept in place of the last step's.

An exponential moving average: steps scatter around what they aim at, and their mean lies nearer (Polyak and Juditsky 1992;
Tarvainen and Valpola 2017 use it as a teacher).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

WARM_UP = 10  # steps over which the mean reaches back less far, so that the first weights do not stay in it


class MeanOfWeights:
    """The mean of everything that a stage changes in a model, in fp32: its parameters that learn, and BatchNorm's statistics.

    `decay` is how much of the mean a step leaves: 0.99 reaches back about a hundred steps.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.names, self.now = zip(*_changing(model), strict=True)
        self.mean = [tensor.detach().clone() for tensor in self.now]

    def update(self, step: int) -> None:
        """Take the weights after a step, counted from 1, into the mean."""
        decay = min(self.decay, (1 + step) / (WARM_UP + step))
        with torch.no_grad():
            for mean, now in zip(self.mean, self.now, strict=True):
                mean.lerp_(now.detach(), 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[Mapping[str, Tensor]]:
        """The model has the mean's weights meanwhile; its own, by name, are what is given."""
        self.swap()
        try:
            yield dict(zip(self.names, self.mean, strict=True))
        finally:
            self.swap()

    def swap(self) -> None:
        """The mean's weights and the model's change places."""
        with torch.no_grad():
            for mean, now in zip(self.mean, self.now, strict=True):
                kept = now.detach().clone()
                now.copy_(mean)
                mean.copy_(kept)

    def take(self, own: Mapping[str, Tensor]) -> None:
        """Give the model its own weights, as `in_place` gave them: what it has then is the mean."""
        with torch.no_grad():
            for name, now in zip(self.names, self.now, strict=True):
                now.copy_(own[name])


def _changing(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            yield name, parameter
    for name, buffer in model.named_buffers():
        if buffer.is_floating_point() and name.rpartition(".")[2].startswith("running_"):
            yield name, buffer
