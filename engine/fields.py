"""What JSON gave, as a dataclass's fields: each in its declared type, or refused. A file on disk may hold anything."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, Literal, get_args, get_origin, get_type_hints

# What is raised where a file is not what we write: it is no JSON, nests too deep, or has other names or types.
DAMAGE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
LARGEST = 2**64  # Python's whole numbers have no end, and many of them fit no float


def from_values(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a dataclass out of what JSON gave, in their own types; names that it does not have are passed over.

    Raises a `DAMAGE` for a value that does not fit.
    """
    readers, fields = _readers(kind), {}
    for name, value in values.items():
        if name in readers:
            try:
                fields[name] = readers[name](value)
            except ValueError:
                raise ValueError(f"{name} is {value!r:.80}") from None
    return fields


@cache  # opening a run reads thousands of lines
def _readers(kind: type) -> dict[str, Callable[[Any], Any]]:
    return {name: _reader(declared) for name, declared in get_type_hints(kind).items()}


def _reader(declared: Any) -> Callable[[Any], Any]:
    """What makes a value of the declared type out of JSON's, or raises `ValueError`."""
    parts = get_args(declared)
    if declared is float:
        return number
    if declared is int:
        return _whole
    if declared is str:
        return _text
    if get_origin(declared) is Literal:
        return partial(_one_of, parts)
    if get_origin(declared) is tuple:  # of one type, however many
        return partial(_tuple, _reader(parts[0]))
    if get_origin(declared) is dict:  # by name
        return partial(_dict, _reader(parts[1]))
    return partial(_instance, declared)


def number(value: Any) -> float:
    """A number of JSON's, or what `to_json` writes for one that it has no word for: {"float": "inf"}."""
    if type(value) is float:
        return value
    if isinstance(value, dict) and value.keys() == {"float"} and isinstance(value["float"], str):
        return float(value["float"])
    return float(_whole(value))


def _text(value: Any) -> str:
    _instance(str, value).encode()  # half a character ("\ud800") could be written nowhere
    return value


def _whole(value: Any) -> int:
    if type(value) is int and abs(value) < LARGEST:
        return value
    raise ValueError


def _one_of(choices: tuple[Any, ...], value: Any) -> Any:
    if value in choices:
        return value
    raise ValueError


def _tuple(read: Callable[[Any], Any], value: Any) -> tuple[Any, ...]:
    return tuple(map(read, _instance(list, value)))


def _dict(read: Callable[[Any], Any], value: Any) -> dict[str, Any]:
    return {name: read(part) for name, part in _instance(dict, value).items()}


def _instance(kind: type, value: Any) -> Any:
    if isinstance(value, kind):
        return value
    raise ValueError
