"""Reads the one pickle that the lesson's data needs, `centers.pkl`, without letting it run anything.

It holds a dict from file names to small tensors. Unpickling is limited to what such a dict is made of; the numbers inside go
through torch's own reader of weights, which builds nothing but tensors.
"""

import io
import pickle
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch._utils import _rebuild_tensor_v2

from engine.errors import DataError

MAX_BYTES = 50_000_000
# What pickle and torch raise for files that are damaged.
DAMAGE = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    struct.error,
    AssertionError,
)


def read_tensor_table(path: Path, *, length: int) -> dict[str, tuple[float, ...]]:
    """The table as plain numbers, `length` of them for each name; `DataError` for anything else that a pickle can be."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{path.name} is larger than {MAX_BYTES // 1_000_000} MB: that is no table of points.")
        with path.open("rb") as file:
            found = _TableReader(file).load()
    except DAMAGE as problem:
        raise DataError(f"{path.name} cannot be read as a table of points ({problem}).") from None
    except (pickle.UnpicklingError, MemoryError) as problem:
        raise DataError(f"{path.name} is refused: {problem}") from None
    if not isinstance(found, dict) or not all(_is_row(name, value, length) for name, value in found.items()):
        raise DataError(f"{path.name} is no table from names to {length} numbers.")
    return {name: tuple(value.double().tolist()) for name, value in found.items()}


# The plain Python reader: the one in C sets aside as much memory as a number in the file asks for.
class _TableReader(pickle._Unpickler):  # pyright: ignore[reportAttributeAccessIssue]
    """Knows the three things that a pickled dict of tensors is made of."""

    def find_class(self, module: str, name: str) -> Any:
        known = {  # new functions each time, since a pickle may set attributes of what it is given
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): lambda *parts: _rebuild_tensor_v2(*parts),
            ("torch.storage", "_load_from_bytes"): lambda content: _load_numbers(content),
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no table of numbers needs.")
        return known[module, name]


def _load_numbers(content: bytes) -> Any:
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def _is_row(name: Any, value: Any, length: int) -> bool:
    return isinstance(name, str) and isinstance(value, torch.Tensor) and value.shape == (length,)
