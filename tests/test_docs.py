"""What the pages in `docs/` and CONTRIBUTING.md say of the code is so, and what they must list is listed."""

import ast
import dataclasses
import itertools
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest

from engine.bundle import config, figures, files
from engine.events import EVENT_TYPES
from engine.library import export, history
from engine.recipe import Recipe, Stage
from engine.runs import accounts, store
from engine.training import checkpoint

ROOT = Path(__file__).parent.parent
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *(path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("docs/*.md"))),
)


def read(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def section(page: str, title: str) -> str:
    """What stands under a heading of a page, up to the next heading of the same level or a higher one."""
    level, rest = re.split(rf"^(#+) {re.escape(title)}\n", read(page), maxsplit=1, flags=re.M)[1:]
    return re.split(rf"^#{{1,{len(level)}}} ", rest, maxsplit=1, flags=re.M)[0]


def first_cells(text: str) -> list[str]:
    """The first cell of each row of the tables in a text, the heads too."""
    return re.findall(r"^\| (.*?) \|", text, re.M)


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)


def module_file(parts: list[str]) -> Path | None:
    path = ROOT.joinpath(*parts)
    found = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in found if file.is_file()), None)


def is_there(dotted: str) -> bool:
    """Whether it is a module of ours, or a name at the top of one, or a name inside a class there."""
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        file = module_file(parts[:end])
        if file:
            return has_name(ast.parse(file.read_text("utf-8")), parts[end:])
    return False


def has_name(node: ast.Module | ast.ClassDef, names: list[str]) -> bool:
    if not names:
        return True
    for child in node.body:
        targets = child.targets if isinstance(child, ast.Assign) else [getattr(child, "target", None)]
        called = {getattr(child, "name", None), *(target.id for target in targets if isinstance(target, ast.Name))}
        if names[0] in called:
            return not names[1:] or (isinstance(child, ast.ClassDef) and has_name(child, names[1:]))
    return False


def test_what_is_looked_up_is_found_and_what_is_not_there_is_not() -> None:
    there = ("engine", "engine.data.sources", "engine.training.loop.fit", "engine.recipe.Stage.max_lr")
    assert [name for name in there if not is_there(name)] == []
    assert [
        name for name in ("engine.nothing", "engine.recipe.Stage.nothing", "engine.recipe.stages") if is_there(name)
    ] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_module_function_and_file_that_a_page_names_is_there(page: str) -> None:
    own = "shapes" if page == "docs/add-a-task.md" else "\0"  # what that page adds is not there yet
    dotted = re.findall(r"\b((?:engine|tabs|tools|benchmarks)(?:\.\w+)+)", read(page))
    assert [
        name for name in dotted if not is_there(name) and own not in name and not re.search(r"\.(py|md)$", name)
    ] == []
    paths = re.findall(r"`((?:engine|tabs|tools|tests|docs|assets|benchmarks)/[\w./-]*)`", read(page))
    assert [path for path in paths if not (ROOT / path).exists() and own not in path] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_to_a_file_or_a_heading_leads_there(page: str) -> None:
    lost = []
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(read(page))):
        path, _, heading = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        if "://" not in link and not (target.exists() and (not heading or heading in anchors(target))):
            lost.append(link)
    assert lost == []


def anchors(page: Path) -> set[str]:
    """How links name a page's headings: small letters, hyphens for spaces, nothing else."""
    headings = re.findall(r"^#+ (.*)$", without_code(page.read_text("utf-8")), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def room_ranks() -> list[tuple[str, ...]]:
    """RANKS as the test of imports has them."""
    tree = ast.parse(read("tests/engine/test_imports.py"))
    (found,) = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["RANKS"]
    ]
    return list(eval(compile(ast.Expression(found), "RANKS", "eval"), {"__builtins__": {}}))


def test_the_order_of_the_rooms_is_the_one_that_is_tested() -> None:
    rows = [
        tuple(re.findall(r"`([\w.]+)`", cell)) for cell in first_cells(section("docs/architecture.md", "The rooms"))
    ]
    assert [row for row in rows if row] == room_ranks()


def test_the_version_is_in_one_place_and_has_its_changes() -> None:
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    sections = re.findall(r"^## (.*)$", read("CHANGELOG.md"), re.M)
    assert sections[:2] == ["Unreleased", version]
    sources = [ROOT / "app.py", *(path for folder in ("engine", "tabs") for path in (ROOT / folder).rglob("*.py"))]
    assert [path for path in sources if "__version__ =" in path.read_text("utf-8")] == []


def test_every_make_target_that_a_page_names_is_there() -> None:
    targets = set(re.findall(r"^([\w-]+):", read("Makefile"), re.M))
    named = {name for page in PAGES for name in re.findall(r"`?make ([\w-]+)", "\n".join(shown(read(page))))}
    assert sorted(named - targets) == []


def shown(text: str) -> list[str]:
    """What a page sets in the letters of code."""
    return [*re.findall(r"^```.*?^```", text, re.S | re.M), *re.findall(r"`[^`\n]+`", without_code(text))]


FORMATS = "docs/formats.md"


def assert_lists(found: Iterable[str], expected: Iterable[str], place: str) -> None:
    missing, unknown = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    assert not missing, f"{FORMATS} says nothing of {', '.join(missing)}: add a row to {place}."
    assert not unknown, f"{FORMATS} lists {', '.join(unknown)} in {place}, which the code does not have. Take it out."


def fields_of(kind: type) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def named_below(start: str) -> set[str]:
    """What the first cells of a table name: the first table at or after the line that begins with `start`."""
    lines = read(FORMATS).splitlines()
    below = lines[next(number for number, line in enumerate(lines) if line.startswith(start)) :]
    table = itertools.takewhile(is_row, itertools.dropwhile(lambda line: not is_row(line), below))
    _heads, _rule, *rows = table
    return {name for cell in first_cells("\n".join(rows)) for name in re.findall(r"`([^`]+)`", cell)}


def is_row(line: str) -> bool:
    return line.startswith("|")


def events_listed() -> dict[str, set[str]]:
    rows = re.findall(r"^\| (?:`(\w+)` )?\| (?:`(\w+)` )?\|", section(FORMATS, "Events"), re.M)
    found: dict[str, set[str]] = {}
    for event, field in rows:
        if event:
            found[event] = set()
        elif field:
            found[list(found)[-1]].add(field)
    return found


def test_every_event_is_listed() -> None:
    assert_lists(events_listed(), EVENT_TYPES, "the table under “Events”")


@pytest.mark.parametrize("event", EVENT_TYPES)
def test_every_field_of_an_event_is_listed(event: str) -> None:
    assert_lists(events_listed().get(event, ()), fields_of(EVENT_TYPES[event]), f"{event} under “Events”")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("`recipe.json`:", {*fields_of(store.RunSpec), "format"}),
        ("`worker.json`:", fields_of(store.WorkerRecord)),
        ("`progress.json`:", fields_of(checkpoint.Progress)),
        ("| field of `lesson_lab` |", {*config.WHAT, *config.HOW}),
        ("`evaluation.json`;", {"metrics", "classes", *figures._checks(2)}),
        ("`training.json`:", fields_of(history.History)),
        ("| field of an epoch |", set(history.EPOCH_FIELDS)),
        ("## A recipe", fields_of(Recipe)),
        ("| knob of a stage |", fields_of(Stage)),
    ],
)
def test_every_field_of_a_file_is_listed(line: str, expected: set[str]) -> None:
    assert_lists(named_below(line), expected, f"the table at “{line}”")


def file_names(module: ModuleType) -> set[str]:
    """The values of a module's own constants that say how a file or a folder is called."""
    names = [name for name in vars(module) if re.fullmatch(r"[A-Z]+_(FILE|FOLDER)(_\d)?", name)]
    return {getattr(module, name) for name in names}


def test_every_file_is_listed() -> None:
    shown_names = {name.rstrip("/") for name in re.findall(r"`([^`]+)`", read(FORMATS))}
    expected = {name for module in (store, files, config, history, checkpoint) for name in file_names(module)}
    assert len(expected) >= 17
    assert sorted({*expected, *export.BUNDLE_FILES} - shown_names) == [], f"{FORMATS} says nothing of these files"
    run_files = {name.rstrip("/") for name in named_below("## A run")}
    assert_lists(run_files, {*file_names(store), *file_names(accounts)}, "the table under “A run”")
    assert_lists(named_below("## A bundle"), export.BUNDLE_FILES, "the table under “A bundle”")


def test_the_versions_are_the_code_s() -> None:
    assert f"format {store.FORMAT}" in section(FORMATS, "Versions") and f"format {config.FORMAT}" in section(
        FORMATS, "Versions"
    )
    assert re.search(rf"^\| `format` \| {store.FORMAT} \|", section(FORMATS, "A run"), re.M)
    assert re.search(rf"^\| `format` \| {config.FORMAT} \|", section(FORMATS, "A bundle"), re.M)


def test_what_is_not_listed_is_named() -> None:
    with pytest.raises(AssertionError, match="says nothing of colour: add a row to the table of knobs"):
        assert_lists({"size"}, {"size", "colour"}, "the table of knobs")
    with pytest.raises(AssertionError, match="lists size in"):
        assert_lists({"size"}, (), "the table of knobs")
