"""A bundle as a run leaves it, for the tests that damage copies of it."""

import shutil
from pathlib import Path

import pytest
from untrained import CLASSES, save_untrained


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared by all tests, which only read it."""
    return save_untrained(tmp_path_factory.mktemp("sound") / "run" / "checkpoints", CLASSES)


@pytest.fixture
def bundle(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "bundle"))
