"""An untrained model for the drawn streets, and an empty cache of predictors for every test."""

from pathlib import Path

import pytest
from untrained import save_untrained

from engine.data.pictures.block import Data
from engine.kinds.mask import open_masks
from engine.serving import predictor


@pytest.fixture(autouse=True)
def no_models_in_memory() -> None:
    predictor._cached.clear()


@pytest.fixture(scope="session")
def street_data(streets: Path) -> Data:
    return open_masks(streets)


@pytest.fixture(scope="session")
def street_bundle(street_data: Data, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared by all tests, which only read it."""
    return save_untrained(tmp_path_factory.mktemp("bundle") / "checkpoints", street_data.classes)
