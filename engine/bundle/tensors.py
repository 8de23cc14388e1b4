"""A model's tensors by name, as a bundle's `model.safetensors` holds them."""

from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor, nn


def own_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The state dict with each tensor once: tied weights, which go by several names, have their first one."""
    tensors: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            tensors[name] = tensor.detach()
    return tensors


def save_tensors(tensors: dict[str, Tensor], file: Path) -> None:
    """Write them as safetensors, marked as torch's: transformers wants that."""
    file.touch()
    readers = file.stat().st_mode
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, file, metadata={"format": "pt"})
    file.chmod(readers)  # safetensors lets nobody else read


def load_tensors(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """What `own_tensors` gave, or some of it, into `model`."""
    model.load_state_dict(tensors, strict=False)
