"""The page's scripts are files: each is used, each that is used is there, and a Space is sent them."""

import ast
import re
from pathlib import Path

import pytest

from engine.hub.space import space_files
from tabs.scripts import SCRIPTS, called, script

ROOT = Path(__file__).parents[2]
SOURCES = {path: path.read_text(encoding="utf-8") for path in (ROOT / "app.py", *sorted(ROOT.glob("tabs/**/*.py")))}
FILES = {path.stem for path in SCRIPTS.glob("*")}
FOR_PEOPLE = ROOT / "tabs" / "panels" / "http_api.py"  # programs that people copy


def test_each_file_is_used_and_each_that_is_used_is_there() -> None:
    used = {name for source in SOURCES.values() for name in re.findall(r'\b(?:script|called)\("([\w-]+)"', source)}
    assert used == FILES and all(script(name).strip() for name in used)


def test_a_script_that_is_not_there_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        script("no-such-script")


def test_arguments_are_written_as_javascript() -> None:
    assert called("undim", 'a "b"').endswith(r'("a \"b\"")')
    assert called("set-share", "p", "--x", 1).endswith('("p", "--x", 1)')


def test_a_space_is_sent_every_script() -> None:
    sent = {name for name, _ in space_files()}
    assert {f"assets/page/{name}.js" for name in FILES} <= sent and "tabs/scripts.py" in sent


@pytest.mark.parametrize("path", [path for path in SOURCES if path != FOR_PEOPLE], ids=lambda path: path.stem)
def test_no_script_hides_in_a_string(path: Path) -> None:
    texts = [node.value for node in ast.walk(ast.parse(SOURCES[path])) if isinstance(node, ast.Constant)]
    assert not [text for text in texts if isinstance(text, str) and re.search(r"=>|\bdocument\.|\bwindow\.", text)]
