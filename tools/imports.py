"""Who imports whom, read from the source without running it: for the checks of the house and the test of its rooms."""

import ast
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

# What is torch, or brings it.
HEAVY = ("torch", "torchvision", "timm", "accelerate", "torchmetrics", "transformers", "safetensors.torch")


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

    @property
    def is_heavy(self) -> bool:
        """Whether the target is a package that is torch or brings it."""
        return any(is_inside(self.target, package) for package in HEAVY)


def is_inside(module: str, package: str) -> bool:
    """Whether `module` is `package` or in it."""
    return module == package or module.startswith(f"{package}.")


def parents(module: str) -> list[str]:
    """`a`, `a.b` and `a.b.c` for `a.b.c`: importing it runs all of them."""
    parts = module.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def find_modules(root: Path) -> dict[str, Path]:
    """The modules of the app, its page and its engine: where each one's source is, by name."""
    paths = [root / "app.py", *sorted(root.glob("tabs/**/*.py")), *sorted(root.glob("engine/**/*.py"))]
    return {_module_name(path.relative_to(root)): path for path in paths if path.is_file()}


def _module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_in(module: str, source: str, ours: Collection[str]) -> list[Import]:
    """The imports of one module, those inside functions too; `ours` are the modules there are, to tell one from a name."""
    found = []

    def visit(node: ast.AST, is_lazy: bool, is_type: bool) -> None:
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}:{node.lineno} has a relative import"
            assert node.module
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                target = whole if whole in ours or whole in HEAVY else node.module
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


def read_imports(modules: Mapping[str, Path]) -> list[Import]:
    """All imports of all modules."""
    return [one for name, path in modules.items() for one in imports_in(name, path.read_text("utf-8"), modules)]


def way_to_torch(start: str, imports: Iterable[Import], ours: Collection[str]) -> list[Import]:
    """The imports that lead from a module to torch, by what stands at the top of modules; none where no way leads there."""
    tops: dict[str, list[Import]] = {}
    for one in imports:
        if not one.is_lazy and not one.is_type:
            tops.setdefault(one.module, []).append(one)
    ways: dict[str, list[Import]] = {start: []}
    waiting = [start]
    while waiting:
        here = waiting.pop()
        for one in tops.get(here, []):
            way = [*ways[here], one]
            if one.is_heavy:
                return way
            for target in parents(one.target):
                if target in ours and target not in ways:
                    ways[target] = way
                    waiting.append(target)
    return []
