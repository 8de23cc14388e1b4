"""How the house stands, in numbers: rooms, arrows between them, files, lines, and the longest function and module.

    python -m tools.measure_house .
    python -m tools.measure_house . --column now --into docs/architecture.md

Modules are read, never imported, so any version of the project can be measured by its folder. An arrow is an import of one of the
project's modules by another, inside functions too; imports for type checkers alone do not count, nor do tests.
"""

import argparse
import ast
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.check_house import MOST_FUNCTION_LINES, MOST_MODULE_LINES
from tools.imports import find_modules, read_imports

BESIDE = ("benchmarks/**/*.py", "tools/**/*.py")
HEADS = (
    "version",
    "lines (with tools, benchmarks)",
    "modules",
    "folders",
    "most files in a folder",
    "rooms",
    "arrows between rooms",
    "arrows between folders",
    "inside `engine/data`",
    "inside `tabs`",
    "longest function",
    f"functions over {MOST_FUNCTION_LINES} lines",
    "longest module",
    f"modules over {MOST_MODULE_LINES} lines",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The modules of a version by their names, each with its file and text, and who imports whom."""

    files: dict[str, Path]
    texts: dict[str, str]
    arrows: frozenset[tuple[str, str]]


def read_house(root: Path) -> House:
    """The modules under `root`, which is a checkout of the project."""
    files = find_modules(root)
    texts = {name: path.read_text("utf-8") for name, path in files.items()}
    arrows = {(one.module, one.target) for one in read_imports(files) if one.target in files and not one.is_type}
    return House(files=files, texts=texts, arrows=frozenset(arrows))


def count_arrows(house: House, place: Callable[[str], str], *, inside: str = "") -> int:
    """How many pairs of places import each other one way; with `inside`, of those within that package alone."""
    kept = [pair for pair in house.arrows if all(name.startswith(inside) for name in pair)]
    return len({(place(one), place(other)) for one, other in kept if place(one) != place(other)})


def longest_functions(house: House) -> list[tuple[int, str]]:
    """The lines and names of all functions, the longest first; decorators are not counted."""
    found = [
        ((node.end_lineno or node.lineno) - node.lineno + 1, f"{name}.{node.name}")
        for name, text in house.texts.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return sorted(found, reverse=True)


def measure(root: Path, name: str) -> dict[str, str]:
    """One row of the table."""
    house = read_house(root)
    lines = {module: len(text.splitlines()) for module, text in house.texts.items()}
    beside = sum(len(path.read_text("utf-8").splitlines()) for pattern in BESIDE for path in sorted(root.glob(pattern)))
    folders = Counter(path.parent.relative_to(root).as_posix() for path in house.files.values())
    del folders["."]  # app.py alone
    fullest, most = folders.most_common(1)[0]
    functions = longest_functions(house)
    module = max(lines, key=lambda one: lines[one])

    def folder(module: str) -> str:
        return house.files[module].parent.as_posix()

    def inside(package: str) -> str:
        def entry(module: str) -> str:
            return ".".join(module.split(".")[: package.count(".") + 2])

        entries = {entry(module) for module in house.files if module.startswith(f"{package}.")}
        return f"{len(entries)} entries, {count_arrows(house, entry, inside=f'{package}.')} arrows"

    values = (
        name,
        f"{sum(lines.values()):,} ({sum(lines.values()) + beside:,})",
        str(len(lines)),
        str(len(folders)),
        f"{most} (`{fullest}`)",
        str(len({_room(module) for module in house.files})),
        str(count_arrows(house, _room)),
        str(count_arrows(house, folder)),
        inside("engine.data"),
        inside("tabs"),
        f"{functions[0][0]} (`{functions[0][1]}`)",
        str(sum(length > MOST_FUNCTION_LINES for length, _ in functions)),
        f"{lines[module]} (`{module}`)",
        str(sum(length > MOST_MODULE_LINES for length in lines.values())),
    )
    return dict(zip(HEADS, values, strict=True))


def _room(module: str) -> str:
    """What stands on the top sheet: `app`, `tabs`, and what lies directly in `engine`."""
    return ".".join(module.split(".")[: 2 if module.startswith("engine") else 1])


def put_into(page: Path, row: dict[str, str]) -> None:
    """Give a page's table of measures this row's values, in the column of the row's name, which must be there."""
    lines = page.read_text("utf-8").splitlines()
    heads = next(line for line in lines if line.startswith("| measure |"))
    column = [cell.strip() for cell in heads.split("|")].index(row["version"])
    for number, line in enumerate(lines):
        cells = line.split("|")
        if len(cells) > column and cells[1].strip() in row:
            cells[column] = f" {row[cells[1].strip()]} "
            lines[number] = "|".join(cells)
    page.write_text("\n".join(lines) + "\n", "utf-8")


def main(arguments: list[str] | None = None) -> None:
    """Print what was measured, and put it into a page where one is named."""
    parser = argparse.ArgumentParser(description="Measure a checkout of the project.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--column", default="now", help="what this version is called")
    parser.add_argument("--into", type=Path, help="a page with the table")
    asked = parser.parse_args(arguments)
    row = measure(asked.folder.resolve(), asked.column)
    for head, value in row.items():
        print(f"{head}: {value}")
    if asked.into:
        put_into(asked.into, row)


if __name__ == "__main__":
    main()
