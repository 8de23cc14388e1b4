"""What `make check` refuses beside what ruff and pyright do: long functions, long modules, and torch on the page.

    python -m tools.check_house

A function should fit a screen and a module should have one reason to exist. The page answers before torch is there, so nothing
in `tabs/` imports it, and neither does anything that opens with the page. Sources are read, not run.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.imports import find_modules, is_inside, read_imports, way_to_torch

REPOSITORY = Path(__file__).parents[1]
CHECKED = ("app.py", "engine/**/*.py", "tabs/**/*.py", "tools/**/*.py", "benchmarks/**/*.py")
MOST_FUNCTION_LINES, MOST_MODULE_LINES = 60, 300
OPENS_FIRST = ("app", "tabs.page")


def faults(root: Path) -> list[str]:
    """All that is wrong under `root`, a sentence each, which begins with the file and the line."""
    paths = [path for pattern in CHECKED for path in sorted(root.glob(pattern))]
    return [*(fault for path in paths for fault in long_parts(path, root)), *torch_on_the_page(root)]


def long_parts(path: Path, root: Path) -> Iterator[str]:
    """A module that is too long, and each function of it that is."""
    source = path.read_text("utf-8")
    name, lines = path.relative_to(root), len(source.splitlines())
    if lines > MOST_MODULE_LINES:
        yield (
            f"{name}:{MOST_MODULE_LINES + 1}: The module has {lines} lines and may have {MOST_MODULE_LINES}. "
            "Move what has a reason of its own into another module."
        )
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > MOST_FUNCTION_LINES:
                yield (
                    f"{name}:{node.lineno}: The function {node.name} has {lines} lines and may have "
                    f"{MOST_FUNCTION_LINES}. Give its steps names and make them functions."
                )


def torch_on_the_page(root: Path) -> Iterator[str]:
    """Imports of torch in `tabs/` or `app.py`, and the first way on which opening the page would import it."""
    modules = find_modules(root)
    imports = read_imports(modules)
    for one in imports:
        if one.is_heavy and not is_inside(one.module, "engine"):
            yield (
                f"{modules[one.module].relative_to(root)}:{one.line}: The page's code imports {one.target}, which loads torch. "
                "Move what needs it into the engine."
            )
    for start in OPENS_FIRST:
        way = way_to_torch(start, imports, modules)
        if way and is_inside(way[-1].module, "engine"):  # the others are told above
            last = way[-1]
            yield (
                f"{modules[last.module].relative_to(root)}:{last.line}: {last.target} is loaded when the page opens: "
                f"{' → '.join((start, *(one.target for one in way)))}. Import it in the function that needs it."
            )


def main(root: Path = REPOSITORY) -> int:
    """Print what is wrong; 1 if anything is."""
    found = faults(root)
    for fault in found:
        print(fault, file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
