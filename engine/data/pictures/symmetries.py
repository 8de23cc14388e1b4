"""How pictures may lie otherwise at test time, what undoes that in a model's figures, and how these are averaged."""

from torch import Tensor

from engine.task import Symmetries

LEAST = 1e-6


def as_it_is(figures: Tensor) -> Tensor:
    """Of tags and labels: they are the same however a picture lies."""
    return figures


def mirrored(figures: Tensor) -> Tensor:
    """Pictures (B, C, H, W), or masks' logits (B, K, H, W), from right to left."""
    return figures.flip(-1)


def points_mirrored(figures: Tensor) -> Tensor:
    """Points (B, 2P), x and y of each in −1..1, from right to left."""
    sign = figures.new_tensor([-1.0, 1.0]).repeat(figures.shape[-1] // 2)
    return figures * sign


def mean_of_sigmoids(figures: Tensor) -> Tensor:
    """Logits (S, B, K) of S changes as the logits of their mean probabilities."""
    return figures.sigmoid().mean(0).logit(eps=LEAST)


def mean_of_softmax(figures: Tensor) -> Tensor:
    """Logits (S, B, K, H, W) of S changes as the logarithms of their mean probabilities."""
    return figures.softmax(2).mean(0).clamp(min=LEAST).log()


def mean_of_points(figures: Tensor) -> Tensor:
    """Points (S, B, 2P) of S changes: their mean."""
    return figures.mean(0)


# The eight ways in which a square can lie.
SQUARE = Symmetries(
    changes=(
        (as_it_is, as_it_is),
        (mirrored, as_it_is),
        (lambda x: x.flip(-2), as_it_is),
        (lambda x: x.flip(-1, -2), as_it_is),
        (lambda x: x.transpose(-1, -2), as_it_is),
        (lambda x: x.transpose(-1, -2).flip(-1), as_it_is),
        (lambda x: x.transpose(-1, -2).flip(-2), as_it_is),
        (lambda x: x.transpose(-1, -2).flip(-1, -2), as_it_is),
    ),
    mean=mean_of_sigmoids,
)
MASKS_MIRRORED = Symmetries(changes=((as_it_is, as_it_is), (mirrored, mirrored)), mean=mean_of_softmax)
POINTS_MIRRORED = Symmetries(changes=((as_it_is, as_it_is), (mirrored, points_mirrored)), mean=mean_of_points)
