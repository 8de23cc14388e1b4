"""Layer groups: which layers learn, each at what rate, with which weight decay."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import nn

from engine.errors import RecipeError

ADAM_BETA2 = 0.99
ADAM_EPS = 1e-5
Groups = Sequence[Sequence[nn.Module]]


@runtime_checkable
class Layered(Protocol):
    """A module that knows its layer groups, earliest layers first, the head last."""

    def layer_groups(self) -> Groups: ...


def layer_groups(model: nn.Module) -> Groups:
    """The model's own layer groups."""
    if not isinstance(model, Layered):
        raise TypeError(f"{type(model).__name__} has no layer_groups().")
    return model.layer_groups()


def first_trained(groups: Groups, train_from: int) -> int:
    """The index of the first group that learns; -1 is the last one."""
    index = train_from if train_from >= 0 else len(groups) + train_from
    if not 0 <= index < len(groups):
        raise RecipeError(
            f"Train from layer group is {train_from}, but the model has {len(groups)} groups: "
            f"0 to {len(groups) - 1}, or -1 for the last."
        )
    return index


def freeze(groups: Groups, train_from: int) -> None:
    """Let the groups from `train_from` on learn, and no others."""
    first = first_trained(groups, train_from)
    for index, group in enumerate(groups):
        for module in group:
            module.requires_grad_(index >= first)


def set_train_mode(model: nn.Module, groups: Groups, train_from: int) -> None:
    """Training mode, but evaluation mode for frozen groups.

    A frozen BatchNorm normalises with the statistics of its pretraining and does not update them (fastai lets it learn): the
    whole frozen part is then a fixed function, and autograd records nothing of it.
    """
    model.train()
    for group in groups[: first_trained(groups, train_from)]:
        for module in group:
            module.eval()


def spread_rates(lr_slice: tuple[float, float], count: int) -> tuple[float, ...]:
    """One rate a group, evenly spread by a factor from the first to the last (Howard and Ruder 2018 call them discriminative)."""
    low, high = lr_slice
    if count == 1:
        return (high,)
    return tuple(low * (high / low) ** (index / (count - 1)) for index in range(count))


def parameter_groups(groups: Groups, train_from: int, weight_decay: float) -> list[dict]:
    """The optimiser's groups: for each layer group that learns, weights with decay, norms and biases without.

    Each has `layer_group`, the index of its layers among all groups.
    """
    chosen = []
    for index in range(first_trained(groups, train_from), len(groups)):
        # Once each: two modules may share a weight.
        parameters = list(dict.fromkeys(parameter for module in groups[index] for parameter in module.parameters()))
        for decay, matches in ((weight_decay, lambda p: p.ndim > 1), (0.0, lambda p: p.ndim <= 1)):
            members = [parameter for parameter in parameters if matches(parameter)]
            if members:
                chosen.append({"params": members, "weight_decay": decay, "layer_group": index})
    return chosen
