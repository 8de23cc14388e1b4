"""What a bundle holds, opened: its checked config, the objective of its task, and the model with its weights."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from engine.bundle.config import BundleConfig, read_config
from engine.bundle.files import CONFIG_FILE
from engine.bundle.weights import build_checked, check_build, check_weights, load_weights
from engine.errors import BundleError, ModelError, RecipeError
from engine.task import Objective
from engine.tasks.registry import get_task

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundled:
    """A bundle's config, its objective, and its model: in evaluation mode, on the CPU."""

    config: BundleConfig
    objective: Objective
    model: "nn.Module"


def open_bundle(bundle: Path) -> Bundled:
    """The model in a bundle's folder. Raises `BundleError` for anything that is not a whole and sound bundle."""
    config = read_config(bundle)
    with _building_told(bundle):
        objective, build = _described(config)
        model = build_checked(build, bundle, check=partial(check_weights, bundle=bundle))
    load_weights(model, bundle)
    return Bundled(config=config, objective=objective, model=model.eval())


def check_bundle(bundle: Path) -> None:
    """`BundleError` unless the weights have the tensors of the model that the config describes. Neither is made or read."""
    config = read_config(bundle)
    with _building_told(bundle):
        _, build = _described(config)
        check_build(build, bundle, check=partial(check_weights, bundle=bundle))


def _described(config: BundleConfig) -> "tuple[Objective, Callable[[], nn.Module]]":
    objective = get_task(config.task).build_objective(config.objective)
    return objective, partial(objective.build_model, config.plan, pretrained=False)


@contextmanager
def _building_told(bundle: Path) -> Iterator[None]:
    try:
        yield
    except (RecipeError, ModelError) as problem:
        raise BundleError(f"The model that {bundle / CONFIG_FILE} describes cannot be built: {problem}") from None
