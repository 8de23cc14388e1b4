"""The checks of the house refuse what they say that they refuse, and name the file and the line."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.check_house import MOST_FUNCTION_LINES, MOST_MODULE_LINES, faults, main

pytestmark = pytest.mark.quick

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A small house with nothing to refuse."""
    write(tmp_path, "app.py", "def main():\n    import tabs.page\n")
    write(tmp_path, "tabs/page.py", "from engine.store import read\n")
    write(tmp_path, "tabs/theme.py", "def use():\n    from engine.net import predict\n    predict()\n")
    write(tmp_path, "engine/store.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n")
    write(tmp_path, "engine/net.py", "import torch\n")
    write(tmp_path, "engine/__init__.py", "")
    return tmp_path


def write(root: Path, name: str, source: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, "utf-8")


def function(lines: int, *, name: str = "build", indent: str = "") -> str:
    return f"{indent}def {name}():\n" + f"{indent}    pass\n" * (lines - 1)


def test_a_sound_house_has_no_faults(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert faults(house) == []
    assert main(house) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("folder", ["engine/data/texts", "tabs/views", "tools", "benchmarks", "."])
def test_a_function_that_is_too_long_is_refused_wherever_it_is(house: Path, folder: str) -> None:
    name = "app.py" if folder == "." else f"{folder}/long.py"
    write(house, name, "# One line before it.\n" + function(MOST_FUNCTION_LINES))
    assert faults(house) == []
    write(house, name, "# One line before it.\n" + function(MOST_FUNCTION_LINES + 1))
    (fault,) = faults(house)
    assert fault.startswith(f"{name}:2: The function build has 61 lines and may have 60.")


@pytest.mark.parametrize("source", ["class Box:\n", "def outer():\n", "async def outer():\n"])
def test_a_function_inside_something_is_measured_too(house: Path, source: str) -> None:
    write(house, "engine/long.py", source + function(MOST_FUNCTION_LINES + 1, name="inner", indent="    "))
    assert any("engine/long.py:2: The function inner has 61 lines" in fault for fault in faults(house))


def test_a_module_that_is_too_long_is_refused(house: Path) -> None:
    write(house, "benchmarks/long.py", "x = 1\n" * MOST_MODULE_LINES)
    assert faults(house) == []
    write(house, "benchmarks/long.py", "x = 1\n" * (MOST_MODULE_LINES + 1))
    (fault,) = faults(house)
    assert fault.startswith("benchmarks/long.py:301: The module has 301 lines and may have 300.")


def test_tests_may_be_longer(house: Path) -> None:
    write(house, "tests/test_long.py", function(MOST_MODULE_LINES + 1))
    assert faults(house) == []


@pytest.mark.parametrize(
    "statement",
    [
        "import torch",
        "import torch.nn.functional as F",
        "from torch import nn",
        "from torchvision.transforms import v2",
        "import timm",
        "from accelerate import Accelerator",
        "import torchmetrics",
        "from transformers import AutoModel",
        "from safetensors.torch import load_file",
        "from safetensors import torch as tensors",
    ],
)
@pytest.mark.parametrize("name", ["tabs/views/mask.py", "app.py"])
def test_torch_in_the_page_is_refused_in_functions_too(house: Path, name: str, statement: str) -> None:
    write(house, name, f"def show():\n    {statement}\n")
    (fault,) = faults(house)
    assert fault.startswith(f"{name}:2: The page's code imports ")


@pytest.mark.parametrize("name", ["torchlight", "timmy", "safetensors"])
def test_other_packages_are_welcome(house: Path, name: str) -> None:
    write(house, "tabs/page.py", f"import {name}\n")
    assert faults(house) == []


def test_torch_that_the_page_reaches_is_refused_with_the_way_there(house: Path) -> None:
    write(house, "tabs/page.py", "from tabs import home\n")
    write(house, "tabs/home.py", "from engine.store import read\n")
    write(house, "engine/store.py", "import json\nfrom engine.net import Net\n")
    (fault,) = faults(house)
    assert fault.startswith("engine/net.py:1: torch is loaded when the page opens: ")
    assert "tabs.page → tabs.home → engine.store → engine.net → torch." in fault


def test_a_package_that_is_entered_on_the_way_counts(house: Path) -> None:
    write(house, "engine/models/__init__.py", "import timm\n")
    write(house, "engine/models/names.py", "")
    write(house, "app.py", "import engine.models.names\n")
    (fault,) = faults(house)
    assert fault.startswith("engine/models/__init__.py:1: timm is loaded when the page opens: app → ")


def test_every_fault_is_told_and_the_check_fails(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(house, "engine/long.py", function(MOST_MODULE_LINES + 1))
    write(house, "tabs/page.py", "import torch\n")
    assert main(house) == 1
    told = capsys.readouterr().err.splitlines()
    assert told == faults(house)
    assert [fault.split(": ")[0] for fault in told] == [
        "engine/long.py:301",
        "engine/long.py:1",
        "tabs/page.py:1",
    ]


def test_make_check_runs_it() -> None:
    """On this repository: what is wrong with it is what it prints."""
    assert "-m tools.check_house" in (REPOSITORY / "Makefile").read_text("utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "tools.check_house"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines() == faults(REPOSITORY)
    assert done.returncode == int(bool(done.stderr))
