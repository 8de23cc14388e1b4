"""What every test relies on, in one process and in each of several: warnings are errors, and torch takes one thread."""

import os
import warnings

import pytest

pytestmark = pytest.mark.quick


def test_a_warning_is_an_error() -> None:
    with pytest.raises(UserWarning, match="a warning of ours"):
        warnings.warn("a warning of ours", stacklevel=1)


def test_two_processes_do_not_take_four_threads() -> None:
    import torch

    assert os.environ["OMP_NUM_THREADS"] == "1"  # for the programs that tests start
    assert torch.get_num_threads() == 1
