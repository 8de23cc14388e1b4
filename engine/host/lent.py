"""A GPU that is lent for a minute at a time, as on Hugging Face's ZeroGPU: whoever lends it does there what needs one.

Elsewhere there is no lender: models answer in this process, and a run has a worker of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Lender:
    """`forward(bundle, batch, tta)` is `engine.serving.predictor.forward` with a GPU: a bundle's figures, as fp32 on the CPU.

    `train(run_dir)` begins to be the worker of a run that was just queued, and returns at once. `attends(run_dir)` is whether it
    still asks for a GPU on a run's behalf, or has one.
    """

    forward: "Callable[[Path, Tensor, bool], Tensor]"
    train: Callable[[Path], None]
    attends: Callable[[Path], bool]


class _Lent:
    """Who lends a GPU: set once, before the page is opened."""

    def __init__(self) -> None:
        self.lender: Lender | None = None


_LENT = _Lent()


def borrow_from(lender: Lender | None) -> None:
    """From now on `lender` has the GPU; None for nobody."""
    _LENT.lender = lender


def lender() -> Lender | None:
    """Who lends the GPU; None where this machine's own devices do."""
    return _LENT.lender
