"""Every test has a home of its own, no hub, and finds the toy task and the real archives beside the project."""

import os
import sys
from pathlib import Path

import pytest

from engine.library import listing

TESTS = Path(__file__).parent
ARCHIVES = Path(os.environ.get("LESSON_LAB_TEST_ARCHIVES", TESTS.parents[1] / "shared" / "data" / "archives"))

sys.path.insert(0, str(TESTS / "support"))
os.environ["HF_HUB_OFFLINE"] = "1"
# The tests' models are tiny: a second thread costs more than it brings, most of all on a busy machine.
os.environ["OMP_NUM_THREADS"] = "1"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`-m quick` leaves modules out that have no such test: to import them all takes longer than the tests."""
    is_quick = config.getoption("markexpr") == "quick" and collection_path.suffix == ".py"
    return True if is_quick and "mark.quick" not in collection_path.read_text("utf-8") else None


@pytest.fixture(autouse=True)
def lab_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh `LESSON_LAB_HOME`, no mirror that the machine may have set, and none of the models that come with the app."""
    home = tmp_path / "home"
    monkeypatch.setenv("LESSON_LAB_HOME", str(home))
    monkeypatch.delenv("LESSON_LAB_MIRROR", raising=False)
    monkeypatch.setattr(listing, "SAMPLES_FOLDER", tmp_path / "samples")
    return home


@pytest.fixture(scope="session")
def archives() -> Path:
    """The folder of real archives; the test is skipped, and says so, where it is not there."""
    if not ARCHIVES.is_dir():
        pytest.skip(f"no real archives in {ARCHIVES}: set LESSON_LAB_TEST_ARCHIVES")
    return ARCHIVES


@pytest.fixture(scope="session")
def streets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small drawn street data set, shared by all tests, which only read it."""
    from engine.data.drawn.streets import draw_streets

    folder = tmp_path_factory.mktemp("streets") / "streets"
    draw_streets(folder, train=10, valid=4, test=2, size=(48, 64), seed=1)
    return folder


@pytest.fixture(scope="session")
def chips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small drawn set of satellite chips."""
    from engine.data.drawn.chips import draw_chips

    folder = tmp_path_factory.mktemp("chips") / "chips"
    draw_chips(folder, count=20, size=48, seed=1)
    return folder


@pytest.fixture(scope="session")
def heads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small drawn set of heads: four people, the last one held out."""
    from engine.data.drawn.heads import draw_heads

    folder = tmp_path_factory.mktemp("heads") / "heads"
    draw_heads(folder, people=4, each=4, size=(48, 64), seed=1)
    return folder


@pytest.fixture(scope="session")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small drawn set of reviews."""
    from engine.data.drawn.reviews import draw_reviews

    folder = tmp_path_factory.mktemp("reviews") / "reviews"
    draw_reviews(folder, train=16, valid=6, test=4, unlabelled=4, seed=1)
    return folder


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a text model of three narrow layers, to be named as a backbone."""
    from tiny_text import save_tiny

    return save_tiny(tmp_path_factory.mktemp("backbones") / "tiny-bert")
