"""Imports point down, the page's rooms keep out of each other, and what must be quick to import is."""

import ast
import graphlib
import importlib
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tools.imports import Import, find_modules, imports_in, is_inside, parents, read_imports, way_to_torch

pytestmark = pytest.mark.quick

REPOSITORY = Path(__file__).parents[2]
# DESIGN.md's order, the top first. The longest name that fits a module decides; equals may import each other,
# as long as no module does so in a circle.
RANKS = (
    ("app",),
    (
        "tabs.front",
        "tabs.page",
        "tabs.task_page",
        "tabs.home",
        "tabs.models_page",
        "tabs.own_page",
        "tabs.corrections_page",
        "tabs.compare_page",
    ),
    ("tabs.panels",),
    ("tabs.views",),
    ("tabs.wiring",),
    ("tabs.programs",),
    ("tabs.reading",),
    ("tabs.drawing",),
    ("tabs.door", "tabs.theme", "tabs"),
    ("engine.__main__",),
    ("engine.cli",),
    ("engine.api",),
    ("engine.noise",),
    ("engine.serving",),
    ("engine.hub",),
    ("engine.library",),
    ("engine.diagnosis",),
    ("engine.runs",),
    ("engine.tasks",),
    ("engine.kinds",),
    ("engine.training", "engine.models"),
    ("engine.bundle",),
    ("engine.data.sources",),
    ("engine.data.own",),
    ("engine.data.drawn", "engine.data.texts"),
    ("engine.data.pictures",),
    ("engine.data.pickles",),
    ("engine.data.loaders", "engine.data.seeding", "engine.data.whole_folder", "engine.data"),
    ("engine.data.reading",),
    (
        *("engine.task", "engine.recipe", "engine.fitting", "engine.knobs", "engine.events", "engine.fields"),
        "engine.errors",
        *("engine.host", "engine"),
    ),
)
RANK_OF = {name: rank for rank, names in enumerate(RANKS) for name in names}
# The page is up before torch is there, and whoever only looks at runs never needs it.
LIGHT = (
    "app",
    "tabs.page",
    "engine.api",
    "engine.cli.app",
    "engine.tasks.registry",
    "engine.diagnosis.of_run",
    "engine.runs.store",
    "engine.runs.queue",
    "engine.runs.runner",
    "engine.runs.watch",
    "engine.runs.snapshot",
    "engine.runs.fetches",
    "engine.library.listing",
    "engine.data.sources.fetching",
)


MODULES = find_modules(REPOSITORY)
IMPORTS = read_imports(MODULES)


def rank(module: str) -> int:
    return next(RANK_OF[name] for name in reversed(parents(module)) if name in RANK_OF)


def is_ours(module: str) -> bool:
    return module.split(".")[0] in ("app", "tabs", "engine")


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
    assert upward(imports_in("engine.training.loop", source, MODULES)) == [
        "engine.training.loop:4 imports engine.runs.store"
    ]
    assert upward(imports_in("engine.task", "import engine.data.pictures.block", MODULES)) == [
        "engine.task:1 imports engine.data.pictures.block"
    ]
    assert upward(imports_in("engine.library.card", "from engine.runs.store import RunSpec", MODULES)) == []


def test_no_module_imports_itself_in_a_circle() -> None:
    graph: dict[str, set[str]] = {module: set() for module in MODULES}
    for one in IMPORTS:
        if one.target in MODULES and not one.is_type and one.target != one.module:
            graph[one.module].add(one.target)
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(MODULES)


def test_every_folder_has_a_rank_of_its_own() -> None:
    folders = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    assert folders - set(RANK_OF) == set()
    assert {"engine.data.sources", "engine.data.pictures", "tabs.panels", "tabs.views"} <= folders


def test_every_rank_is_that_of_something() -> None:
    assert [name for name in RANK_OF if name not in MODULES] == []


def circles(imports: Iterable[Import]) -> list[list[str]]:
    """Files and folders of one folder that import each other in a circle, or what is in them does; a circle a folder."""
    found = []
    graphs: dict[str, dict[str, set[str]]] = {}
    for one in imports:
        if is_ours(one.target) and not one.is_type:
            for inside, here, there in zip(
                ["", *parents(one.module)], parents(one.module), parents(one.target), strict=False
            ):
                if here != there:  # up to where the two part, they are in the same folder
                    graphs.setdefault(inside, {}).setdefault(here, set()).add(there)
                    break
    for graph in graphs.values():
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            found.append(error.args[1])
    return found


def test_no_folder_imports_itself_in_a_circle() -> None:
    assert circles(IMPORTS) == []


@pytest.mark.parametrize(
    ("module", "target", "back", "forth"),
    [
        ("engine.hub.client", "engine.library.card", "engine.library.trash", "engine.hub.sending"),
        ("engine.data.texts.words", "engine.data.pictures.feed", "engine.data.pictures.block", "engine.data.texts.own"),
        ("engine.data.loaders", "engine.data.texts.feed", "engine.data.texts.own", "engine.data.loaders"),
        ("engine.task", "engine.models.unet", "engine.models.channels", "engine.task"),
        ("tabs.views.mask", "tabs.panels.train", "tabs.panels.rate", "tabs.views.text"),
        ("tabs.wiring", "tabs.door.people", "tabs.door.space", "tabs.wiring"),
    ],
)
def test_a_circle_of_folders_is_found_though_no_module_is_in_one(
    module: str, target: str, back: str, forth: str
) -> None:
    for source in (f"import {forth}", f"def f():\n    import {forth}"):
        made_up = [*imports_in(module, f"import {target}", MODULES), *imports_in(back, source, MODULES)]
        (circle,) = circles(made_up)
        depth = len(circle[0].split("."))
        assert set(circle) == {".".join(name.split(".")[:depth]) for name in (module, target)}
        assert circles(made_up[:1]) == circles(made_up[1:]) == []


def test_a_longer_circle_is_found_and_types_alone_make_none() -> None:
    pairs = (("hub.client", "library.card"), ("library.trash", "runs.store"), ("runs.fold", "hub.sending"))
    made_up = [one for here, there in pairs for one in imports_in(f"engine.{here}", f"import engine.{there}", MODULES)]
    assert [set(circle) for circle in circles(made_up)] == [{"engine.hub", "engine.library", "engine.runs"}]
    typed = imports_in("engine.runs.fold", "if TYPE_CHECKING:\n    import engine.hub.sending", MODULES)
    assert circles([*made_up[:2], *typed]) == []


def test_only_the_command_line_imports_the_names_for_programs() -> None:
    """What programs import is not a way for the engine's own modules: they would all be above all others."""
    users = [one for one in IMPORTS if one.target == "engine.api" and is_inside(one.module, "engine")]
    assert [str(one) for one in users if not is_inside(one.module, "engine.cli")] == []


def test_every_import_of_ours_is_there() -> None:
    missing = [str(one) for one in IMPORTS if is_ours(one.target) and one.target not in MODULES]
    assert missing == []


def test_the_engine_knows_no_page_and_the_page_no_torch() -> None:
    def brings(one: Import, *packages: str) -> bool:
        return one.target.split(".")[0] in packages

    assert [
        str(one) for one in IMPORTS if one.module.startswith("engine") and brings(one, "gradio", "tabs", "app")
    ] == []
    assert [str(one) for one in IMPORTS if not one.module.startswith("engine") and one.is_heavy] == []


def test_star_imports_are_none() -> None:
    assert [
        name for name, path in MODULES.items() if re.search(r"^\s*from \S+ import \*", path.read_text("utf-8"), re.M)
    ] == []


@pytest.mark.parametrize("module", LIGHT)
def test_no_torch_is_reached_by_what_must_be_light(module: str) -> None:
    """By the imports at the top of modules, followed from one to the next; so that a failure names the way."""
    assert [str(one) for one in way_to_torch(module, IMPORTS, MODULES)] == []


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
        "import sys; from tabs.reading.heavy import load_engine; load_engine()\n"
        "from engine.serving.predictor import load_predictor\n"
        "load_predictor('assets/models/imdb').predict('Good.')\n"
        "load_predictor('assets/models/camvid').predict('assets/examples/camvid/drawn-street.jpg')\n"
        "assert 'torchmetrics' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
