"""A bundle's weights: whether they fit the model that its config describes, and into a model.

They are safetensors alone, and nothing is built before it is known to have their sizes.
"""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from engine.bundle.config import read_config
from engine.bundle.files import CONFIG_FILE, MODEL_FILE, check_files
from engine.errors import BundleError

if TYPE_CHECKING:
    from torch import nn

DTYPES = ("F32", "F16", "BF16", "I64")  # numbers of BatchNorm's batches are integers
MAX_HEADER_BYTES = 10_000_000
MAX_COMPUTED = 300_000_000  # numbers that are no weights, such as masks


@runtime_checkable
class Headed(Protocol):
    """A model that shares all but some tensors with models of other objectives, or knows of tensors that only those have.

    `has_classes` says whether its head answers about classes: then it is of no use to a data set with other ones.
    `complete(names)` gives those of its tensors that a model of another objective never has their pretrained values, where the
    backbone has some; it returns the names of those.
    """

    has_classes: bool

    def is_head(self, name: str) -> bool: ...
    def complete(self, names: Sequence[str]) -> list[str]: ...


def check_weights(model: "nn.Module", bundle: Path) -> None:
    """`BundleError` unless the bundle has exactly the tensors of `model`, in their shapes; it may be on the meta device."""
    from engine.bundle.tensors import own_tensors

    expected, found = own_tensors(model), _read_shapes(bundle)
    for name in expected.keys() ^ found.keys():
        where = "lacks" if name in expected else "has an unknown"
        raise BundleError(
            f"{bundle / MODEL_FILE} {where} tensor {name[:80]}: it is not a model of the kind its config says."
        )
    for name, shape in found.items():
        if shape != tuple(expected[name].shape):
            shapes = f"{str(shape)[:80]} instead of {tuple(expected[name].shape)}"
            raise BundleError(f"{name} in {bundle / MODEL_FILE} has shape {shapes}.")


def load_weights(model: "nn.Module", bundle: Path) -> None:
    """The bundle's weights into `model`, which must have exactly these tensors in these shapes."""
    from engine.bundle.tensors import load_tensors

    check_weights(model, bundle)
    load_tensors(model, read_weights(bundle))


def init_weights(model: "nn.Module", bundle: Path, classes: Sequence[str]) -> list[str]:
    """Start `model` from a bundle's weights; the names of tensors left as they were.

    The same classes in the same order take everything; other classes take all but the head. Everything else must fit: a
    bundle of another backbone is refused. What is the head, a model may say: see `Headed`.
    """
    from engine.bundle.tensors import load_tensors, own_tensors

    fitting, weights = fitting_tensors(model, bundle, classes), read_weights(bundle)
    load_tensors(model, {name: weights[name] for name in fitting})
    fresh = sorted(own_tensors(model).keys() - fitting)
    filled = model.complete(fresh) if isinstance(model, Headed) else ()
    return [name for name in fresh if name not in filled]


def fitting_tensors(model: "nn.Module", bundle: Path, classes: Sequence[str]) -> set[str]:
    """The names of what `init_weights` takes; `BundleError` where it would. The model may be on the meta device."""
    from engine.bundle.tensors import own_tensors

    config, shapes, expected = read_config(bundle), _read_shapes(bundle), own_tensors(model)
    is_head = model.is_head if isinstance(model, Headed) else _is_head
    fitting = {name for name, shape in shapes.items() if name in expected and shape == tuple(expected[name].shape)}
    misfits = sorted(name for name in (shapes.keys() | expected.keys()) - fitting if not is_head(name))
    if misfits:
        raise BundleError(
            f"{bundle} holds another kind of model (its backbone is {config.plan.backbone}): {len(misfits)} tensors do not fit, "
            f"among them {misfits[0][:80]}. Choose the same backbone, or start without it."
        )
    if config.plan.classes != tuple(classes) and learns_classes(model):
        fitting = {name for name in fitting if not is_head(name)}
    return fitting


def build_checked(
    build: "Callable[[], nn.Module]", bundle: Path, *, check: "Callable[[nn.Module], object]"
) -> "nn.Module":
    """What `build` makes by what a bundle says, once `check` has raised nothing for it: see `check_build`."""
    check_build(build, bundle, check=check)
    return build()


def check_build(build: "Callable[[], nn.Module]", bundle: Path, *, check: "Callable[[nn.Module], object]") -> None:
    """`BundleError` where `check` raises one for what `build` makes by what a bundle says.

    That is made on the meta device: whatever sizes somebody wrote there take no memory before they are known to be the weights'
    own, nor does a number of layers that the weights do not have take time.
    """
    import torch

    with torch.device("meta"), _at_most(3 * len(_read_shapes(bundle)) + 1000, bundle):
        sketch = build()
    check(sketch)
    computed = sum(buffer.numel() for buffer in sketch.buffers())
    if computed > MAX_COMPUTED:
        raise BundleError(
            f"The model that {bundle / CONFIG_FILE} describes has {computed:,} numbers beside its weights."
        )


@contextmanager
def _at_most(parameters: int, bundle: Path) -> Iterator[None]:
    """`BundleError` for a model of more parameters, as soon as one too many is made; models tie some, and make some twice."""
    from torch.nn.modules.module import register_module_parameter_registration_hook

    made, here = itertools.count(1), threading.get_ident()

    def tell(*_: Any) -> None:
        if threading.get_ident() == here and next(made) > parameters:
            raise BundleError(f"{bundle / MODEL_FILE} has far fewer tensors than the model that its config describes.")

    hook = register_module_parameter_registration_hook(tell)
    try:
        yield
    finally:
        hook.remove()


def learns_classes(model: "nn.Module") -> bool:
    """Whether what a model gives are answers about the data set's classes."""
    return model.has_classes if isinstance(model, Headed) else True


def _is_head(name: str) -> bool:
    return name.startswith("head.")


def read_weights(bundle: Path) -> "dict[str, Any]":
    """The bundle's tensors by name; `BundleError` where the file is damaged."""
    from safetensors.torch import load_file

    with _told_as_damage(bundle / MODEL_FILE):
        weights = load_file(bundle / MODEL_FILE)
    for name, tensor in weights.items():
        # Both ends are infinite, or NaN, where any number is; finding them takes no memory.
        if tensor.is_floating_point() and tensor.numel() and not all(end.isfinite() for end in tensor.aminmax()):
            raise BundleError(
                f"{name[:80]} in {bundle / MODEL_FILE} has numbers that are not finite: the model gives no answers."
            )
    return weights


def is_half(bundle: Path) -> bool:
    """Whether any of the bundle's tensors is kept in half precision; `BundleError` where the file is damaged."""
    from safetensors import safe_open

    with _told_as_damage(bundle / MODEL_FILE), safe_open(bundle / MODEL_FILE, "pt") as weights:
        return any(weights.get_slice(name).get_dtype() == "F16" for name in weights.keys())  # noqa: SIM118


def _read_shapes(bundle: Path) -> dict[str, tuple[int, ...]]:
    """The names and shapes of the bundle's tensors, from the head of the file alone."""
    from safetensors import safe_open

    with _told_as_damage(bundle / MODEL_FILE), safe_open(bundle / MODEL_FILE, "pt") as weights:
        found = {name: weights.get_slice(name) for name in weights.keys()}  # noqa: SIM118
        for name, part in found.items():
            if part.get_dtype() not in DTYPES:
                raise BundleError(
                    f"{name[:80]} in {bundle / MODEL_FILE} has numbers of type {part.get_dtype()}: no model's."
                )
        return {name: tuple(part.get_shape()) for name, part in found.items()}


@contextmanager
def _told_as_damage(file: Path) -> Iterator[None]:
    from safetensors import SafetensorError

    try:
        check_files(file.parent)
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
        if length > MAX_HEADER_BYTES:  # safetensors reads up to ten times as much, and needs a gigabyte for it
            raise ValueError(f"its header is said to have {length} bytes")
        yield
    except (SafetensorError, OSError, ValueError) as problem:
        raise BundleError(f"{file} is damaged or not safetensors ({problem}).") from None
