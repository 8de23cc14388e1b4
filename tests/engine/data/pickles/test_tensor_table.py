"""A pickled table of points is read, and whatever else a pickle can do is refused before it is done."""

import os
import pickle
import re
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch._utils import _rebuild_tensor_v2

from engine.data.pickles import tensor_table
from engine.data.pickles.tensor_table import read_tensor_table
from engine.errors import DataError

CENTRES = {"frame_00003_rgb.jpg": torch.tensor([263.91, 428.58]), "frame_00004_rgb.jpg": torch.tensor([1.0, 2.0])}


class Calls:
    """Unpickling it calls `function` with `arguments`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "centers.pkl"


def write(file: Path, content: Any, protocol: int | None = None) -> Path:
    file.write_bytes(pickle.dumps(content, protocol))
    return file


@pytest.mark.parametrize("protocol", range(3, pickle.HIGHEST_PROTOCOL + 1))
def test_a_dict_of_tensors_as_plain_numbers(file: Path, protocol: int) -> None:
    table = read_tensor_table(write(file, CENTRES, protocol), length=2)
    assert list(table) == list(CENTRES)
    assert table["frame_00003_rgb.jpg"] == pytest.approx((263.91, 428.58), abs=1e-4)
    assert table["frame_00004_rgb.jpg"] == (1.0, 2.0)


def test_an_ordered_dict_whole_numbers_and_views_of_a_larger_tensor(file: Path) -> None:
    grid = torch.arange(12).view(3, 4)
    table = read_tensor_table(write(file, OrderedDict(a=grid[1, :3], b=grid[:, 2])), length=3)
    assert table == {"a": (4, 5, 6), "b": (2, 6, 10)}


HOSTILE: dict[str, Callable[[Path], Calls]] = {
    "os.system": lambda marker: Calls(os.system, f"touch {marker}"),
    "eval": lambda marker: Calls(eval, f"open({str(marker)!r}, 'w').close()"),
    "open": lambda marker: Calls(open, str(marker), "w"),
    "getattr": lambda marker: Calls(getattr, marker, "touch"),
    "torch.save": lambda marker: Calls(torch.save, [1], str(marker)),
    "torch.load": lambda marker: Calls(torch.load, str(marker)),
    "numpy": lambda marker: Calls(np.zeros(2).tofile, str(marker)),
}


@pytest.mark.parametrize("place", ["alone", "as a value", "as a name", "behind a sound table"])
@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_runs_something_is_refused_before_it_runs(file: Path, tmp_path: Path, hostile: str, place: str) -> None:
    marker = tmp_path / "it_ran"
    call = HOSTILE[hostile](marker)
    content = {
        "alone": call,
        "as a value": CENTRES | {"x.jpg": call},
        "as a name": {call: torch.zeros(2)},
        "behind a sound table": (CENTRES, call),
    }[place]
    with pytest.raises(DataError, match=r"centers\.pkl is refused: it asks for .*, which no table of numbers needs"):
        read_tensor_table(write(file, content), length=2)
    assert not marker.exists()


def test_what_runs_something_inside_of_a_tensor_s_bytes_is_refused(file: Path, tmp_path: Path) -> None:
    """The numbers of a tensor are a file of torch's own inside of the pickle: a second pickle."""
    marker, inner = tmp_path / "it_ran", tmp_path / "inner.pt"
    load = torch.storage._load_from_bytes  # pyright: ignore[reportAttributeAccessIssue]
    for zipped in (False, True):
        torch.save(HOSTILE["eval"](marker), inner, _use_new_zipfile_serialization=zipped)
        with pytest.raises(DataError, match=r"centers\.pkl is refused"):
            read_tensor_table(write(file, {"x.jpg": Calls(load, inner.read_bytes())}), length=2)
        assert not marker.exists()


def test_a_name_with_dots_reaches_nothing_beyond_what_is_known(file: Path) -> None:
    file.write_bytes(b"ccollections\nOrderedDict.fromkeys\n.")
    with pytest.raises(DataError, match=r"it asks for collections\.OrderedDict\.fromkeys"):
        read_tensor_table(file, length=2)


def test_torch_s_own_functions_are_not_changed(file: Path) -> None:
    """Pickle's opcode BUILD sets attributes of whatever came before it, of a function too."""
    rebuild = _rebuild_tensor_v2
    before = rebuild.__defaults__
    file.write_bytes(
        b"\x80\x02}(X\x01\x00\x00\x00actorch._utils\n_rebuild_tensor_v2\n}}X\x0c\x00\x00\x00__defaults__)s\x86bu."
    )
    try:
        with pytest.raises(DataError, match=r"centers\.pkl"):
            read_tensor_table(file, length=2)
        assert rebuild.__defaults__ == before
    finally:
        rebuild.__defaults__ = before


@pytest.mark.parametrize(
    "content",
    [
        [torch.zeros(2)],
        None,
        torch.zeros(2),
        {"a": [1.0, 2.0]},
        {"a": 3},
        {3: torch.zeros(2)},
        {"a": torch.zeros(2), "b": torch.zeros(3)},
        {"a": torch.zeros(1, 2)},
        {"a": torch.zeros(())},
        {"a": {"b": torch.zeros(2)}},
    ],
    ids=["list", "none", "tensor", "lists", "number", "name", "three", "row", "scalar", "nested"],
)
def test_what_is_no_table_from_names_to_two_numbers_is_refused(file: Path, content: Any) -> None:
    with pytest.raises(DataError, match=r"centers\.pkl is no table from names to 2 numbers"):
        read_tensor_table(write(file, content), length=2)


def test_a_file_that_is_cut_anywhere_is_refused(file: Path) -> None:
    whole = write(file, {"a.jpg": torch.tensor([1.0, 2.0])}).read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"centers\.pkl"):
            read_tensor_table(file, length=2)


@pytest.mark.parametrize("size", [(2**70,), (2**40,), (-1,), ("2",), None], ids=str)
def test_a_tensor_that_claims_a_size_that_its_numbers_do_not_have(file: Path, size: Any) -> None:
    storage = torch.zeros(2).__reduce_ex__(2)[1][0]
    rebuilt = Calls(_rebuild_tensor_v2, storage, 0, size, (1,), False, OrderedDict())
    with pytest.raises(DataError, match=r"centers\.pkl"):
        read_tensor_table(write(file, {"a": rebuilt}), length=2)


@pytest.mark.parametrize(
    ("sound", "damaged"),
    [
        (b"\x80\x04\x95", b"\x80\x04\x95" + b"\xff" * 8),  # the length of all that follows
        (b"FloatStorage", b"FloatStorags"),
        (b"_load_from_bytes", b"_load_from_bytez"),
    ],
    ids=["length", "storage", "reader"],
)
def test_a_damaged_file_is_refused(file: Path, sound: bytes, damaged: bytes) -> None:
    whole = write(file, CENTRES, 4).read_bytes()
    assert sound in whole
    file.write_bytes(whole.replace(sound, damaged))
    with pytest.raises(DataError, match=r"centers\.pkl"):
        read_tensor_table(file, length=2)


def test_numbers_that_do_not_belong_to_their_tensor_are_refused(file: Path) -> None:
    """The storage's key stands twice in the tensor's bytes: once where it is asked for, once where it is."""
    whole = write(file, {"a": torch.zeros(2)}).read_bytes()
    # An address, and how many digits that has is the machine's affair.
    key, count = Counter(re.findall(rb"(?<![0-9])[0-9]{6,20}(?![0-9])", whole)).most_common(1)[0]
    assert count == 2
    file.write_bytes(whole.replace(key, b"9" * len(key), 1))
    with pytest.raises(DataError, match=r"centers\.pkl"):
        read_tensor_table(file, length=2)


@pytest.mark.parametrize("content", [b"", b"Dear Sir or Madam,\n", b"\x80\x04.", b"\xff" * 100, b"name,row\na,1\n"])
def test_what_is_no_pickle_at_all_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"centers\.pkl"):
        read_tensor_table(file, length=2)


def test_a_file_too_large_for_a_table_is_not_even_opened(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(file, CENTRES)
    monkeypatch.setattr(tensor_table, "MAX_BYTES", file.stat().st_size)
    assert len(read_tensor_table(file, length=2)) == 2
    monkeypatch.setattr(tensor_table, "MAX_BYTES", file.stat().st_size - 1)
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("it is not to be opened"))
    with pytest.raises(DataError, match=r"centers\.pkl is larger than"):
        read_tensor_table(file, length=2)


def test_a_file_that_is_not_there(file: Path) -> None:
    with pytest.raises(DataError, match=re.escape("centers.pkl cannot be read")):
        read_tensor_table(file, length=2)
