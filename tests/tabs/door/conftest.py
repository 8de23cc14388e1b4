"""The drawn streets as they are after somebody has fetched them: drawn once, and a copy of them for each test that asks."""

import shutil
from pathlib import Path

import pytest

from engine.data.sources.fetching import fetch
from engine.host.home import HOME_VARIABLE, data_folder

STREETS = "drawn-streets"


@pytest.fixture(scope="session")
def fetched_streets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared by all tests, which only copy it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(tmp_path_factory.mktemp("fetched")))
        return fetch(STREETS)


@pytest.fixture
def drawn_streets(fetched_streets: Path, lab_home: Path) -> Path:
    """In the test's own home, for it to change."""
    return Path(shutil.copytree(fetched_streets, data_folder() / STREETS))
