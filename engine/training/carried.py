"""Models that carry something from batch to batch, as one that reads a text window by window does."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from torch import Tensor, nn


@runtime_checkable
class Carrying(Protocol):
    """What a model has read so far is not among its weights: it is forgotten where a pass over the data begins."""

    def reset(self) -> None: ...
    def carried(self) -> dict[str, Tensor]: ...
    def carry(self, tensors: Mapping[str, Tensor]) -> None: ...


def forget(model: nn.Module) -> None:
    """The next batch begins anew; nothing where a model carries nothing."""
    if isinstance(model, Carrying):
        model.reset()


def carried(model: nn.Module) -> dict[str, Tensor]:
    """What has to be saved so that a pass can go on in its middle."""
    return model.carried() if isinstance(model, Carrying) else {}
