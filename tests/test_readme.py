"""What the README shows is what the code does."""

import os
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli import app
from engine.home import HOME_VARIABLE

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_python_program_trains(lab_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(program, "README.md", "exec"), {"__name__": "__main__"})
    assert "StageFinished(" in capsys.readouterr().out


def test_every_command_and_option_is_there() -> None:
    lines = re.findall(r"^python -m engine (.*)$", README, re.MULTILINE)
    assert len(lines) >= 10
    for line in lines:
        command, *arguments = shlex.split(line)
        shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
        assert shown.exit_code == 0, line
        for option in [argument for argument in arguments if argument.startswith("--")]:
            assert option in shown.output, line


def test_every_setting_is_read_by_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    from app import read_settings

    rows = re.findall(r"^\| `([A-Z_]+)`, `(--\w+)`", README, re.MULTILINE)
    assert HOME_VARIABLE in dict(rows)
    for variable, option in rows:
        monkeypatch.setitem(os.environ, variable, "4321")
        assert str(getattr(read_settings([]), option.strip("-"))) == "4321", variable
