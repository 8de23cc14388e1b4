"""`engine.api` exports what it says, all of it is documented, and what is shown to people imports from nowhere else."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine import api

pytestmark = pytest.mark.quick

REPOSITORY = Path(__file__).parents[2]


def documented() -> list[str]:
    rows = re.findall(r"^\| (`.*?`) \|", (REPOSITORY / "docs" / "api.md").read_text("utf-8"), re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def imported(nodes: list[ast.stmt]) -> set[str]:
    return {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}


def test_what_is_exported_is_what_is_documented() -> None:
    assert sorted(documented()) == sorted(api.__all__)
    assert all(getattr(api, name) is not None for name in api.__all__)


def test_the_type_checker_sees_the_names_that_come_later() -> None:
    tree = ast.parse((REPOSITORY / "engine" / "api.py").read_text("utf-8"))
    (typed,) = [node for node in tree.body if isinstance(node, ast.If)]
    (later,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("_names")]
    at_once = imported(tree.body) - {"TYPE_CHECKING", "Any"}
    assert imported(typed.body) == imported(later.body)
    assert at_once | imported(later.body) == set(api.__all__)


def test_importing_it_brings_no_torch_and_an_unknown_name_is_told() -> None:
    code = "import sys, engine.api as a; assert 'torch' not in sys.modules; a.fit; assert 'torch' in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with pytest.raises(AttributeError, match="no name 'Trainer'"):
        _ = api.Trainer


@pytest.mark.parametrize("file", ["README.md", "docs/api.md", "docs/add-a-task.md"])
def test_what_people_read_imports_from_it_alone(file: str) -> None:
    path = REPOSITORY / file
    blocks = re.findall(r"^```python\n(.*?)^```", path.read_text("utf-8") if path.is_file() else "", re.S | re.M)
    modules = {
        node.module
        for block in blocks
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("engine")
    }
    assert modules <= {"engine.api"}
