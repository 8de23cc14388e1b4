"""What README.md and the pages in `docs/` show is what the code does: programs run, commands and settings are there."""

import ast
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from engine.cli.app import app
from engine.host.home import HOME_VARIABLE
from engine.hub.space import space_files
from engine.library import listing

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {path.name: path.read_text("utf-8") for path in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")))}
# Their programs have tests of their own: tests/test_add_a_task.py and tests/engine/kinds/test_data_block.py.
OWN_TESTS = ("add-a-task.md", "data-block.md")
VARIABLE = re.compile(r"[A-Z]+(_[A-Z]+)*")


def programs() -> list[tuple[str, str]]:
    """The Python in the pages, each with its page's name."""
    pages = {name: text for name, text in PAGES.items() if name not in OWN_TESTS}
    return [
        (name, code) for name, text in pages.items() for code in re.findall(r"^```python\n(.*?)^```", text, re.S | re.M)
    ]


@pytest.mark.parametrize(("page", "program"), programs())
def test_a_python_program_runs(
    page: str, program: str, lab_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(listing, "SAMPLES_FOLDER", ROOT / "assets" / "models")
    exec(compile(program, page, "exec"), {"__name__": "__main__"})
    shown = capsys.readouterr().out
    assert shown and ("fit(" not in program or "StageFinished(" in shown)


def test_there_is_a_program_that_trains() -> None:
    assert sum("fit(" in program for _, program in programs()) == 1


def test_every_command_and_option_is_there() -> None:
    whole = "\n".join(PAGES.values())
    lines = re.findall(r"^python -m engine (.*)$", whole, re.MULTILINE)
    lines += re.findall(r"`python -m engine ([^`\n]+)`", whole)
    assert len(lines) >= 25
    for line in lines:
        command, *arguments = shlex.split(line)
        shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
        assert shown.exit_code == 0, line
        for option in [argument for argument in arguments if argument.startswith("--")]:
            assert option in shown.output, line


def test_every_command_is_listed() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \|", PAGES["command-line.md"], re.M)
    command = typer.main.get_command(app)
    assert sorted(rows) == sorted(command.commands)


def settings() -> list[tuple[list[str], str, str]]:
    """(variables, option, default) of each row of the first table; the other says what others set."""
    rows = re.findall(r"^\| (.*?) ?\| (.*?) ?\| .* \| (.*?) \|$", PAGES["settings.md"].partition("\n## ")[0], re.M)
    names = [(re.findall(r"`(\w+)`", variable), option.strip("`"), default) for variable, option, default in rows]
    return [row for row in names if row[0] or row[1].startswith("--")]


def test_every_option_is_documented_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    from app import build_parser, read_settings

    documented = {option: default for _, option, default in settings() if option}
    options = {
        option for action in build_parser()._actions for option in action.option_strings if option.startswith("--")
    }
    assert sorted(documented) == sorted(options - {"--help"})
    for variables, _, _ in settings():
        for variable in variables:
            monkeypatch.delenv(variable, raising=False)
    now = read_settings([])
    for option, default in documented.items():
        value = getattr(now, option.strip("-").replace("-", "_"))
        shown = f"{value:g}" if isinstance(value, float) else str(value)
        assert shown == default or (default.startswith(("–", "the ")) and not value), option


def test_every_variable_beside_an_option_stands_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from app import read_settings

    pairs = [(variables[0], option) for variables, option, _ in settings() if variables and option]
    assert HOME_VARIABLE in dict(pairs) and len(pairs) >= 4
    for variable, option in pairs:
        monkeypatch.setitem(os.environ, variable, "4321")
        assert str(getattr(read_settings([]), option.strip("-"))) == "4321", variable


def test_every_variable_that_is_read_is_documented_and_the_other_way_round() -> None:
    documented = {
        name
        for cell in re.findall(r"^\| (.*?) ?\|", PAGES["settings.md"], re.M)
        for name in re.findall(r"`([A-Z_]+)`", cell)
    }
    read = variables_read()
    assert {HOME_VARIABLE, "GRADIO_SERVER_PORT", "LESSON_LAB_PASSWORD", "LESSON_LAB_HOSTS", "RANK"} <= read
    assert sorted(read - documented) == [], "docs/settings.md does not say what these are: add a row each"
    assert sorted(documented - read) == [], "docs/settings.md has these, which nothing reads: take them out"


def variables_read() -> set[str]:
    """The variables of the environment that the app reads, by the source: each access to `os.environ` names its own."""
    trees = [
        ast.parse(path.read_text("utf-8"))
        for path in (ROOT / "app.py", *ROOT.glob("engine/**/*.py"), *ROOT.glob("tabs/**/*.py"))
    ]
    constants = {name: found for tree in trees for name, found in constants_of(tree)}
    return {name for tree in trees for key, inside in accesses(tree) for name in names_of(key, inside, constants)}


def constants_of(tree: ast.Module) -> Iterator[tuple[str, set[str]]]:
    """The names at the top of a module that stand for texts, or for tuples of texts."""
    for node in tree.body:
        if isinstance(node, ast.Assign):
            (target,) = node.targets
            pairs = (
                zip(target.elts, node.value.elts, strict=True)
                if both_tuples(target, node.value)
                else [(target, node.value)]
            )
            for name, value in pairs:
                texts = {part.value for part in ast.walk(value) if isinstance(part, ast.Constant)}
                if isinstance(name, ast.Name) and isinstance(value, ast.Constant | ast.Tuple):
                    yield name.id, {text for text in texts if isinstance(text, str) and VARIABLE.fullmatch(text)}


def both_tuples(one: ast.expr, other: ast.expr) -> bool:
    return isinstance(one, ast.Tuple) and isinstance(other, ast.Tuple)


def accesses(tree: ast.Module) -> Iterator[tuple[ast.expr, ast.AST]]:
    """What an access asks `os.environ` for, and the function that it stands in."""
    for function in [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))]:
        for node in ast.walk(function):
            if isinstance(node, ast.Subscript) and is_environment(node.value) and isinstance(node.ctx, ast.Load):
                yield node.slice, function
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and is_environment(node.func.value):
                yield node.args[0], function


def is_environment(node: ast.expr) -> bool:
    return ast.unparse(node) == "os.environ"


def names_of(key: ast.expr, inside: ast.AST, constants: dict[str, set[str]]) -> set[str]:
    """The variables that an expression may name: a text, a constant, or what a loop in the same function goes over."""
    if isinstance(key, ast.Constant):
        return {str(key.value)}
    if isinstance(key, ast.Name) and key.id in constants:
        return constants[key.id]
    if isinstance(inside, ast.Module):
        return set()  # the function that it stands in is looked at by itself
    used = {node.id for node in ast.walk(inside) if isinstance(node, ast.Name)}
    return {name for constant in used & constants.keys() for name in constants[constant]}


def test_a_space_has_what_its_pages_link_to() -> None:
    sent = dict(space_files())
    pages = [name for name in sent if name.endswith(".md") and not name.startswith("assets/")]
    assert {"README.md", "CONTRIBUTING.md", "docs/class.md", "docs/formats.md"} <= set(pages)
    for page in pages:
        for link in re.findall(r"\]\(([^)\s#]+)", sent[page].read_text("utf-8")):
            target = os.path.normpath(Path(page).parent / link)
            assert "://" in link or target in sent, f"{page} links to {link}, which a Space does not have"
