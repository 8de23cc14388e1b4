"""Dropout made stronger or weaker as a whole, as the lesson's `drop_mult` does."""

from torch import nn

from engine.errors import RecipeError

# How the layers here and torch's own call their probability.
NAMES = ("p", "weight_p")


def dropouts(model: nn.Module) -> list[tuple[nn.Module, str, float]]:
    """Every dropout probability of a model: the layer, what that calls it, and its value."""
    found = ((module, name, module.__dict__.get(name)) for module in model.modules() for name in NAMES)
    return [(module, name, p) for module, name, p in found if isinstance(p, float)]


def scale_dropout(model: nn.Module, factor: float) -> None:
    """Multiply every dropout probability that the model was built with; `RecipeError` where one would not be below 1."""
    built = [(module, name, module.__dict__.get(f"built_{name}", p)) for module, name, p in dropouts(model)]
    largest = max((p for *_, p in built), default=0.0)
    if largest * factor >= 1:
        raise RecipeError(
            f"Dropout times {factor:g} makes {largest:g} to {largest * factor:g}. Give less than {1 / largest:.2g}."
        )
    for module, name, p in built:
        module.__dict__[f"built_{name}"] = p
        setattr(module, name, p * factor)
