"""The house's measures, on a small house where each of them is known."""

from pathlib import Path

import pytest

from tools.measure_house import main, measure

FILES = {
    "app.py": "import tabs.page\nimport tabs.page\n",
    "tabs/__init__.py": "",
    "tabs/page.py": "from engine.runs import store\n\n\ndef build():\n    from engine.runs.queue import join\n\n    join()\n",
    "engine/__init__.py": "",
    "engine/runs/__init__.py": "",
    "engine/runs/store.py": "if TYPE_CHECKING:\n    from engine.task import Task\n",
    "engine/runs/queue.py": "from engine.runs.store import write\nfrom engine.task import Task\n",
    "engine/task.py": "import dataclasses\n",
    "tools/tool.py": "\n\n\n",
    "tests/test_all.py": "import engine.task\n" * 99,
}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def test_lines_files_and_arrows_are_counted(house: Path) -> None:
    row = measure(house, "now")
    assert row["lines (with tools, benchmarks)"] == "14 (17)" and row["modules"] == "8"
    assert row["folders"] == "3" and row["most files in a folder"] == "3 (`engine/runs`)"
    # app → tabs, tabs → runs (twice, counted once), runs → task; what is for type checkers alone is no arrow.
    assert row["rooms"] == "5" and row["arrows between rooms"] == "3"
    assert row["longest function"] == "4 (`tabs.page.build`)" and row["functions over 60 lines"] == "0"
    assert row["longest module"] == "7 (`tabs.page`)"


def test_a_page_gets_the_column_of_a_version_and_keeps_the_others(house: Path) -> None:
    page = house / "page.md"
    page.write_text(
        "Before.\n\n| measure | old | now |\n|---|---|---|\n| modules | 3 | ? |\n| other | a | b |\n", "utf-8"
    )
    main([str(house), "--into", str(page)])
    assert page.read_text("utf-8").splitlines()[2:] == [
        "| measure | old | now |",
        "|---|---|---|",
        "| modules | 3 | 8 |",
        "| other | a | b |",
    ]
