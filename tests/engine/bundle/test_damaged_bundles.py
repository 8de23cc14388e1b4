"""Whatever somebody hands us as a bundle is opened or refused: nothing crashes, hangs, runs, or is written anywhere."""

import dataclasses
import os
import random
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from damages import KINDS, Damage, Kind, damages, harmless
from tiny_text import shrink_word_models
from untrained import save_untrained
from untrained_tags import save_untrained_tags
from untrained_text import save

from engine.bundle.config import read_config, read_evaluation
from engine.bundle.files import EVALUATION_FILE
from engine.bundle.weights import build_checked, fitting_tensors, init_weights
from engine.errors import BundleError, EngineError
from engine.library.card import CardChoices, build_card
from engine.library.history import TRAINING_FILE, read_history
from engine.serving import predictor
from engine.serving.predictor import load_predictor
from engine.tasks.imdb import CLASSIFIER, IMDB
from engine.tasks.registry import get_task

TEXTS: tuple[Kind, ...] = ("bert", "awd")
MEGABYTE = 1_000_000
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
# What a program does that changes something, or asks somebody.
DEEDS = (
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.system",
    "os.exec",
    "os.posix_spawn",
)
DEEDS = (
    *DEEDS,
    "subprocess.Popen",
    "socket.connect",
    "socket.getaddrinfo",
    "os.truncate",
    "os.chmod",
    "pickle.find_class",
)
_done: list[str] | None = None


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _done is None:
        return
    if event in DEEDS or (event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING):
        told = f"{event} {arguments!r}"
        if "__pycache__" not in told:  # a module of transformers that nobody has needed so far
            _done.append(told)


sys.addaudithook(_note)  # for good: there is no way to take one off


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, reviews: Path, tiny_bert: Path) -> Iterator[dict[Kind, Path]]:
    """A bundle of each kind; tests damage copies."""
    folder, data = tmp_path_factory.mktemp("sound"), IMDB.build_objective(CLASSIFIER).open_data(reviews)
    with pytest.MonkeyPatch.context() as patch:
        awd = shrink_word_models(patch)
        bundles: dict[Kind, Path] = {
            "mask": save_untrained(folder / "mask", ("sky", "road", "car")),
            "tags": save_untrained_tags(folder / "tags", ("clear", "cloudy", "water"), decision={"threshold": 0.2}),
            "bert": save(folder / "bert", str(tiny_bert), CLASSIFIER, data),
            "awd": save(folder / "awd", awd, CLASSIFIER, data),
        }
        yield bundles


@pytest.fixture(scope="module")
def answers(sound: dict[Kind, Path]) -> dict[Kind, torch.Tensor]:
    """What the sound models say; what is imported for that is not counted below."""
    return {kind: answer(bundle, kind) for kind, bundle in sound.items()}


@pytest.fixture
def damaged(
    sound: dict[Kind, Path], answers: object, damage: Damage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A damaged bundle in a folder where nothing else is; programs run beside it."""
    bundle, here = tmp_path / "from" / "elsewhere" / "bundle", tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    shutil.copytree(sound[damage.kind], bundle)
    damage.do(bundle)
    predictor._cached.clear()
    yield bundle
    shutil.rmtree(tmp_path / "from")  # hundreds of them are kept otherwise


@contextmanager
def harmlessly(root: Path) -> Iterator[None]:
    """Nothing is written, asked or run, nothing in `root` is another than before, and no gigabyte is taken."""
    global _done
    if CLEAR.exists():
        CLEAR.write_text("5")  # the highest use of memory is counted anew
    before, taken, _done = tree(root), memory("VmRSS"), []
    try:
        yield
    finally:
        deeds, _done = _done, None
    assert deeds == []
    assert tree(root) == before
    assert memory("VmHWM") - taken < 1000 * MEGABYTE
    assert torch.get_default_dtype() is torch.float32


def tree(root: Path) -> dict[str, tuple[int, ...]]:
    """Every file and folder with what changes when it is written to."""
    parts = ((path, path.lstat()) for path in sorted(root.rglob("*")))
    return {str(path): (now.st_mode, now.st_size, now.st_mtime_ns, now.st_ino) for path, now in parts}


def memory(name: str) -> int:
    """Bytes of this process, as Linux counts them; 0 elsewhere."""
    if not CLEAR.exists():
        return 0
    return 1024 * int(re.findall(rf"{name}:\s+(\d+) kB", STATUS.read_text())[0])


DAMAGES, HARMLESS = damages(), list(harmless())
QUICK, SEED = 8, 1  # so many of each list are tried by `make quick`, the same ones every time


def as_parameters(damages: list[Damage]) -> list[Any]:
    sample = random.Random(SEED).sample(range(len(damages)), QUICK)
    return [
        pytest.param(damage, id=str(damage), marks=[pytest.mark.quick] if number in sample else [])
        for number, damage in enumerate(damages)
    ]


def test_there_are_many_damages_and_no_two_are_the_same() -> None:
    assert len({str(damage) for damage in DAMAGES}) == len(DAMAGES) > 500
    assert {damage.kind for damage in DAMAGES} == set(KINDS)


@pytest.mark.parametrize("damage", as_parameters(DAMAGES))
def test_a_damaged_bundle_is_refused(damaged: Path, damage: Damage, tmp_path: Path) -> None:
    with harmlessly(tmp_path), pytest.raises(BundleError, match=damage.said) as refusal:
        load_predictor(damaged)
    assert len(str(refusal.value)) < 600
    assert not predictor._cached


@pytest.mark.parametrize("damage", as_parameters([damage for damage in DAMAGES if damage.kind in TEXTS]))
def test_a_training_starts_from_sound_weights_or_not_at_all(
    sound: dict[Kind, Path], damaged: Path, damage: Damage, tmp_path: Path
) -> None:
    """Of texts, where the bundle's files say what is built. What else it says plays no part, such as its task."""
    plan, given = start_of(sound[damage.kind], damaged)
    with harmlessly(tmp_path):
        try:
            model = build_checked(plan, damaged, check=partial(fitting_tensors, bundle=damaged, classes=given))
            init_weights(model, damaged, given)
        except EngineError as problem:
            assert len(str(problem)) < 600
        else:
            assert all(tensor.isfinite().all() for tensor in model.parameters())


@pytest.mark.parametrize("damage", as_parameters(HARMLESS))
def test_what_is_only_shown_may_be_anything(
    answers: dict[Kind, torch.Tensor], damaged: Path, damage: Damage, tmp_path: Path
) -> None:
    with harmlessly(tmp_path):
        load_predictor(damaged)
        if damage.said == EVALUATION_FILE:
            assert read_evaluation(damaged) is None
        if damage.said == TRAINING_FILE:
            assert read_history(damaged) is None
        assert build_card(damaged, CardChoices()).encode()
    assert torch.equal(answer(damaged, damage.kind), answers[damage.kind])


def answer(bundle: Path, kind: Kind) -> torch.Tensor:
    opened = load_predictor(bundle)
    _, batch = opened.prepare("this film is good" if kind in TEXTS else np.zeros((40, 40, 3), dtype=np.uint8))
    return opened.logits(batch)


def start_of(sound: Path, damaged: Path) -> tuple[Callable[[], Any], tuple[str, ...]]:
    """What builds the model of a run like the sound bundle's that starts from the damaged one; the classes it learns."""
    config = read_config(sound)
    plan = dataclasses.replace(config.plan, files=damaged)
    objective = get_task(config.task).build_objective(config.objective)
    return partial(objective.build_model, plan, pretrained=False), plan.classes
