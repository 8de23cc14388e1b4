"""What a process may use of a machine, in a container too."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from engine.cli.app import app
from engine.host import machine


@pytest.fixture
def share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three of eight cores, and nothing said about threads."""
    monkeypatch.setattr(machine, "usable_cores", lambda: 3)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", "to be restored")
    del os.environ["OMP_NUM_THREADS"]


def test_threads_are_as_many_as_the_share_has_cores(share: None) -> None:
    machine.fit_threads()
    assert os.environ["OMP_NUM_THREADS"] == "3"
    os.environ["OMP_NUM_THREADS"] = "5"
    machine.fit_threads()
    assert os.environ["OMP_NUM_THREADS"] == "5", "what somebody chose stays"


def test_threads_that_wait_do_not_keep_a_core_busy(share: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    machine.fit_threads()
    assert os.environ["GOMP_SPINCOUNT"] == "1000"
    for variable, value in (("GOMP_SPINCOUNT", "7"), ("OMP_WAIT_POLICY", "ACTIVE")):
        monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
        monkeypatch.setenv(variable, value)
        machine.fit_threads()
        assert os.environ.get("GOMP_SPINCOUNT") == ("7" if variable == "GOMP_SPINCOUNT" else None), (
            "what somebody chose stays"
        )


def test_a_whole_machine_needs_no_word(share: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: 3)
    machine.fit_threads()
    assert "OMP_NUM_THREADS" not in os.environ


def test_the_command_line_fits_its_threads(share: None) -> None:
    assert CliRunner().invoke(app, ["datasets"]).exit_code == 0
    assert os.environ["OMP_NUM_THREADS"] == "3"


def test_torch_keeps_to_the_share() -> None:
    code = "import engine.host.machine; engine.host.machine.fit_threads(); import torch; print(torch.get_num_threads())"
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"LOKY_MAX_CPU_COUNT": "1"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "1"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"memory.max": "1000000\n"}, 1_000_000),
        ({"memory.max": "max\n", "limit_in_bytes": "2000000"}, 2_000_000),
        ({"memory.max": "max\n"}, None),
        ({"limit_in_bytes": "9223372036854771712"}, None),  # version 1 for "none"
        ({}, None),
    ],
)
def test_memory_is_the_container_s(
    files: dict[str, str], expected: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(machine, "MEMORY_LIMITS", (tmp_path / "memory.max", tmp_path / "limit_in_bytes"))
    machine.usable_memory.cache_clear()
    try:
        assert machine.usable_memory() == (expected or psutil.virtual_memory().total)
    finally:
        machine.usable_memory.cache_clear()
