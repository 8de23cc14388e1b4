"""Imports point down, the page's rooms keep out of each other, and what must be quick to import is."""

import ast
import graphlib
import importlib
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
# DESIGN.md's order, the top first. The longest name that fits a module decides; equals may import each other,
# as long as no module does so in a circle.
RANKS = (
    ("app",),
    ("tabs",),
    ("engine.__main__",),
    ("engine.cli",),
    ("engine.cli_models", "engine.cli_texts", "engine.cli_hub"),
    ("engine.terminal", "engine.runs", "engine.serving", "engine.hub"),
    ("engine.tasks",),
    ("engine.kinds",),
    ("engine.training", "engine.models", "engine.data"),
    ("engine.access",),
    (
        "engine.task",
        "engine.recipe",
        "engine.events",
        "engine.fields",
        "engine.errors",
        "engine.home",
        "engine.machine",
        "engine",
    ),
)
RANK_OF = {name: rank for rank, names in enumerate(RANKS) for name in names}
HEAVY = ("torch", "torchvision", "timm", "accelerate", "torchmetrics")
# The page is up before torch is there, and whoever only looks at runs never needs it.
LIGHT = (
    "app",
    "tabs.page",
    "engine.cli",
    "engine.tasks.registry",
    "engine.runs.store",
    "engine.runs.queue",
    "engine.runs.runner",
    "engine.runs.watch",
    "engine.runs.snapshot",
    "engine.runs.fetches",
    "engine.hub.library",
    "engine.data.sources",
)


@dataclass(frozen=True)
class Import:
    """`target` is what `module` imports on `line`; `is_lazy` inside a function, `is_type` for type checkers alone."""

    module: str
    target: str
    line: int
    is_lazy: bool
    is_type: bool

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def module_name(path: Path) -> str:
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    module_name(path): path
    for path in (REPOSITORY / "app.py", *REPOSITORY.glob("tabs/**/*.py"), *REPOSITORY.glob("engine/**/*.py"))
}


def imports_in(module: str, source: str) -> list[Import]:
    found = []

    def visit(node: ast.AST, is_lazy: bool, is_type: bool) -> None:
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}:{node.lineno} has a relative import"
            assert node.module
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                target = whole if whole in MODULES else node.module
                found.append(Import(module, target, node.lineno, is_lazy, is_type))
        elif isinstance(node, ast.Import):
            found.extend(Import(module, alias.name, node.lineno, is_lazy, is_type) for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.body:
                visit(child, is_lazy, True)
            for child in node.orelse:
                visit(child, is_lazy, is_type)
        else:
            in_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for child in ast.iter_child_nodes(node):
                visit(child, is_lazy or in_function, is_type)

    visit(ast.parse(source), False, False)
    return found


def rank(module: str) -> int:
    parts = module.split(".")
    names = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next(RANK_OF[name] for name in names if name in RANK_OF)


def is_ours(module: str) -> bool:
    return module.split(".")[0] in ("app", "tabs", "engine")


IMPORTS = [found for module, path in MODULES.items() for found in imports_in(module, path.read_text("utf-8"))]


def upward(imports: list[Import]) -> list[str]:
    return [
        str(one) for one in imports if is_ours(one.target) and not one.is_type and rank(one.target) < rank(one.module)
    ]


def test_no_arrow_points_up() -> None:
    assert upward(IMPORTS) == []


def test_an_arrow_that_points_up_is_found() -> None:
    source = (
        "if TYPE_CHECKING:\n    from engine.runs.store import RunSpec\ndef f():\n    from engine.runs import store\n"
    )
    assert upward(imports_in("engine.training.loop", source)) == ["engine.training.loop:4 imports engine.runs.store"]
    assert upward(imports_in("engine.task", "import engine.data.block")) == ["engine.task:1 imports engine.data.block"]
    assert upward(imports_in("engine.hub.card", "from engine.runs.store import RunSpec")) == []


def test_no_module_imports_itself_in_a_circle() -> None:
    graph: dict[str, set[str]] = {module: set() for module in MODULES}
    for one in IMPORTS:
        if one.target in MODULES and not one.is_type and one.target != one.module:
            graph[one.module].add(one.target)
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(MODULES)


def test_rooms_of_one_rank_import_each_other_one_way() -> None:
    rooms: dict[str, set[str]] = {}
    for one in IMPORTS:
        if is_ours(one.target) and not one.is_type and one.module.startswith("engine."):
            here, there = (".".join(name.split(".")[:2]) for name in (one.module, one.target))
            if here != there:
                rooms.setdefault(here, set()).add(there)
    list(graphlib.TopologicalSorter(rooms).static_order())


def test_every_import_of_ours_is_there() -> None:
    missing = [str(one) for one in IMPORTS if is_ours(one.target) and one.target not in MODULES]
    assert missing == []


def test_the_engine_knows_no_page_and_the_page_no_torch() -> None:
    def brings(one: Import, *packages: str) -> bool:
        return one.target.split(".")[0] in packages

    assert [
        str(one) for one in IMPORTS if one.module.startswith("engine") and brings(one, "gradio", "tabs", "app")
    ] == []
    assert [str(one) for one in IMPORTS if not one.module.startswith("engine") and brings(one, *HEAVY)] == []


def test_star_imports_are_none() -> None:
    assert [
        name for name, path in MODULES.items() if re.search(r"^\s*from \S+ import \*", path.read_text("utf-8"), re.M)
    ] == []


@pytest.mark.parametrize("module", LIGHT)
def test_no_torch_is_reached_by_what_must_be_light(module: str) -> None:
    """By the imports at the top of modules, followed from one to the next; so that a failure names the way."""
    tops: dict[str, list[Import]] = {}
    for one in IMPORTS:
        if not one.is_lazy and not one.is_type:
            tops.setdefault(one.module, []).append(one)
    ways = {module: module}
    waiting = [module]
    while waiting:
        here = waiting.pop()
        for one in tops.get(here, []):
            assert one.target.split(".")[0] not in HEAVY, f"{ways[here]} → {one.target}"
            parents = [".".join(one.target.split(".")[:end]) for end in range(1, one.target.count(".") + 2)]
            for target in parents:
                if target in MODULES and target not in ways:
                    ways[target] = f"{ways[here]} → {target}"
                    waiting.append(target)


def test_torch_is_not_there_after_importing_what_must_be_light() -> None:
    """The libraries in between may not bring it either."""
    code = "import importlib, sys\n" + "".join(
        f"importlib.import_module({module!r}); assert 'torch' not in sys.modules, {module!r}\n"
        for module in LIGHT[::-1]
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def readme_imports() -> list[tuple[str, str]]:
    """What the Python in README.md imports from the engine: (module, name)."""
    readme = REPOSITORY / "README.md"
    text = readme.read_text("utf-8") if readme.is_file() else ""
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    nodes = [node for block in blocks for node in ast.walk(ast.parse(block)) if isinstance(node, ast.ImportFrom)]
    return [(node.module, alias.name) for node in nodes if node.module and is_ours(node.module) for alias in node.names]


def test_what_the_readme_imports_is_there() -> None:
    wrong = [
        f"{module}.{name}"
        for module, name in readme_imports()
        if not hasattr(importlib.import_module(module), name) and f"{module}.{name}" not in MODULES
    ]
    assert wrong == []


def test_a_prediction_does_without_what_only_judging_needs() -> None:
    """Its import would take half as long as all others together, between a visitor's first click and the answer."""
    code = (
        "import sys; from tabs.components.heavy import load_engine; load_engine()\n"
        "from engine.serving.predictor import load_predictor\n"
        "load_predictor('assets/models/imdb').predict('Good.')\n"
        "load_predictor('assets/models/camvid').predict('assets/examples/camvid/drawn-grey.jpg')\n"
        "assert 'torchmetrics' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
