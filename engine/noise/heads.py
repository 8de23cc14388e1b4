"""Linear heads that learn from a frozen body's activations in seconds, and judge the samples that they have not seen."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

LEAST_SPREAD = 1e-3
NUMBERS = 512  # principal components that are kept
SHRINK = 0.03  # on the squared weights; `benchmarks.label_noise` measures it
STEPS = 60

Loss = Callable[[Tensor, Tensor], Tensor]


def components(activations: Tensor, most: int = NUMBERS) -> Tensor:
    """The principal components (N, most) of activations (N, D), together about 1 wide: heads learn from fewer numbers, faster.

    No label has a part in it, so that a sample may be there which a head has not seen.
    """
    numbers = activations.float()
    numbers = (numbers - numbers.mean(0)) / numbers.std(0, correction=0).clamp(min=LEAST_SPREAD)
    most = min(most, len(numbers), numbers.shape[1])
    if len(numbers) <= 2 * numbers.shape[1]:
        values, vectors = torch.linalg.eigh(numbers @ numbers.T)
        found = vectors[:, -most:] * values[-most:].clamp(min=0).sqrt()
    else:
        found = numbers @ torch.linalg.eigh(numbers.T @ numbers)[1][:, -most:]
    return found / found.std().clamp(min=LEAST_SPREAD)


def held_out(
    inputs: Tensor, targets: Tensor, part_of: Tensor, outputs: int, loss: Loss, *, shrink: float = SHRINK
) -> Tensor:
    """Each sample's logits (N, K), from the head that learnt from all parts but its own; nothing is random."""
    logits = torch.zeros(len(inputs), outputs)
    for part in part_of.unique().tolist():
        seen = part_of != part
        logits[~seen] = _learnt(inputs[seen], targets[seen], outputs, loss, shrink)(inputs[~seen])
    return logits.detach()


def _learnt(inputs: Tensor, targets: Tensor, outputs: int, loss: Loss, shrink: float) -> nn.Linear:
    with torch.inference_mode(False), torch.enable_grad():
        head = nn.Linear(inputs.shape[1], outputs)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        optimizer = torch.optim.LBFGS(head.parameters(), max_iter=STEPS, line_search_fn="strong_wolfe")

        def step() -> Tensor:
            optimizer.zero_grad()
            total = loss(head(inputs), targets) + shrink * head.weight.square().sum()
            total.backward()
            return total

        optimizer.step(step)  # pyright: ignore[reportArgumentType] (its stub wants a float)
    return head


def tags_loss(logits: Tensor, tags: Tensor) -> Tensor:
    """Cross-entropy of each tag, summed over the tags and averaged over samples."""
    return functional.binary_cross_entropy_with_logits(logits, tags, reduction="sum") / len(logits)


def class_loss(logits: Tensor, classes: Tensor) -> Tensor:
    """Cross-entropy."""
    return functional.cross_entropy(logits, classes)


def number_loss(numbers: Tensor, targets: Tensor) -> Tensor:
    """Absolute error beyond a spread and squared below, so that a few wrong numbers do not pull; NaN counts for nothing."""
    known = targets.isfinite()
    errors = functional.huber_loss(numbers, targets.nan_to_num(), reduction="none")
    return torch.where(known, errors, 0.0).sum() / len(numbers)
