"""Corrections are kept, seen by those who may, taken back, and mixed with what a model has learnt from."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from own_data import boxed, lines, masked_set, pointed_set, sayings, tagged_set

from engine.data.own.edits import label_of, name_of
from engine.errors import AccessError, DataError
from engine.host.access import HOST, Limits, Person, identify_by
from engine.library.corrections import (
    Correction,
    Wrong,
    accept,
    correction,
    corrections_of,
    counted,
    keep_correction,
    take_back,
)
from engine.library.mending import EPOCHS, STEPS, Mixed, edits_of, mending_recipe, mix, mixture_of, write_mixed
from engine.recipe import Stage
from engine.tasks.checking import kinds_to_try
from engine.tasks.own_ways import open_plain

NAMES = [f"c{n:02}" for n in range(20)]
SETS: dict[str, tuple[Callable[[Path], Path], Any]] = {
    "label": (
        lambda root: tagged_set(
            root, lines([("image", "label"), *((name, "ab"[n % 2]) for n, name in enumerate(NAMES))])
        ),
        "b",
    ),
    "tags": (
        lambda root: tagged_set(
            root, lines([("image_name", "tags"), *((name, "a b" if n % 2 else "b") for n, name in enumerate(NAMES))])
        ),
        ["a"],
    ),
    "point": (
        lambda root: pointed_set(
            root, lines([("image", "x", "y"), *((f"h{n:02}.png", 9 + n, 7.25) for n in range(10))])
        ),
        [0.25, 0.5],
    ),
    "number": (
        lambda root: tagged_set(root, lines([("image", "tilt"), *((name, n - 9.5) for n, name in enumerate(NAMES))])),
        {"tilt": 70.0},
    ),
    "mask": (lambda root: masked_set(root, lambda number: boxed(255)), None),
    "text": (lambda root: texts(root), "pos"),
}
SKY = np.full((30, 40, 3), 200, np.uint8)


def texts(root: Path) -> Path:
    root.mkdir(parents=True)
    (root / "train.csv").write_text(lines([("text", "label"), *sayings(20)]))
    return root


def model(classes: tuple[str, ...]) -> Any:
    stage = Stage(name="s", epochs=3, max_lr=(1e-5, 1e-4), image_size=32, batch_size=16, train_from=-1)
    plan = SimpleNamespace(classes=classes, backbone="tf_efficientnet_lite0", new_channels="mean")
    return cast(Any, SimpleNamespace(config=SimpleNamespace(stage=stage, plan=plan, objective="x", task="weather")))


def wrong(kind: str = "label", classes: tuple[str, ...] = ("a", "b"), **more: Any) -> Wrong:
    return Wrong(task="weather", kind=kind, model="m", classes=classes, **more)


@pytest.fixture
def ann() -> Iterator[None]:
    yield
    identify_by(lambda: HOST)


def as_person(name: str) -> None:
    identify_by(lambda: HOST if name == "host" else Person(name=name, is_host=False), Limits())


def test_a_visitor_s_are_their_own_until_they_offer_them_and_the_host_accepts(ann) -> None:
    as_person("ann")
    mine = keep_correction(wrong(), "b", picture=SKY)
    offered = keep_correction(wrong(), "a", picture=SKY, is_offered=True)
    assert [one.name for one in corrections_of()] == [offered.name, mine.name]
    with pytest.raises(AccessError, match="Only the host"):
        accept(offered.name)
    as_person("ben")
    assert corrections_of() == []
    for doing in (correction, take_back):
        with pytest.raises(AccessError, match="no such correction"):
            doing(offered.name)
    as_person("host")
    assert [one.name for one in corrections_of()] == [offered.name] and counted("weather") == []
    accept(offered.name)
    assert [one.name for one in counted("weather")] == [offered.name]
    with pytest.raises(AccessError, match="no such correction"):
        take_back(mine.name)
    as_person("ann")
    take_back(mine.name)
    assert not mine.folder.exists() and [one.name for one in corrections_of()] == [offered.name]


@pytest.mark.parametrize(
    ("kind", "right"),
    [("label", "c"), ("label", ["a"]), ("tags", ["a", "c"]), ("point", [0.5, 1.5]), ("point", [True, 0.5]),
     ("number", {"a": 1.0}), ("number", {"a": float("nan"), "b": 1.0}), ("mask", "a"), ("mask", np.full((4, 4), 9, np.uint8))],
)  # fmt: skip
def test_what_is_no_label_is_refused_and_nothing_is_kept(kind: str, right: Any, lab_home: Path) -> None:
    with pytest.raises(DataError):
        keep_correction(wrong(kind), right, picture=SKY)
    assert corrections_of() == [] and not list((lab_home / "corrections").glob("*"))


def test_a_damaged_record_is_left_out(lab_home: Path) -> None:
    kept = keep_correction(wrong(), "a", picture=SKY)
    (kept.folder / "correction.json").write_text("{")
    assert corrections_of() == []


def test_a_mixture_has_its_share_and_its_size() -> None:
    for count in (1, 3, 10, 40):
        mixed = mix(count, 8, 1000, share=0.3)
        corrected = count * mixed.times
        assert abs(corrected / (corrected + mixed.others) - 0.3) < 0.02 and corrected + mixed.others >= 120
        assert mixed.epochs in (EPOCHS, EPOCHS + 1)


def test_where_there_are_few_samples_each_is_seen_more_often() -> None:
    few = mix(10, 32, 70)
    assert (few.times, few.others) == (3, 70) and few.epochs == round(STEPS * 32 / 100)
    many = mix(500, 32, 5000)
    assert (many.times, many.epochs) == (1, EPOCHS) and many.others == 1167


@pytest.mark.parametrize("kind", SETS)
def test_corrections_are_mixed_among_training_samples_and_validation_stays(tmp_path: Path, kind: str) -> None:
    draw, right = SETS[kind]
    data: Any = (
        next(aim for aim in kinds_to_try() if aim.kind == kind).plain_objective().open_data(draw(tmp_path / "mine"))
    )
    item = data.train[0]
    given = {"text": data.texts([item])[0]} if kind == "text" else {"picture": SKY}
    right = np.ones((30, 40), np.uint8) if kind == "mask" else right
    said = wrong(kind, data.classes, dataset="d", sample=name_of(data, item))
    kept = keep_correction(said, right, **given)
    mixed = mixture_of(model(data.classes), [kept], data)
    write_mixed(model(data.classes), [kept], data, mixed, tmp_path / "mixed")
    back: Any = open_plain(kind, tmp_path / "mixed")
    assert back.classes == data.classes and len(back.valid) == len(data.valid) and not back.test
    assert len(back.train) == mixed.times + min(mixed.others, len(data.train) - 1)
    assert sorted(map(repr_of(data), data.valid)) == sorted(map(repr_of(back), back.valid))
    shown = {repr_of(back)(one) for one in back.train}
    expected = {"point": (10.0, 15.0)}.get(kind, right)
    assert sum(plain(label_of(back, one)) == plain(expected) for one in back.train) >= mixed.times and shown
    assert edits_of([kept, replace(kept, at=kept.at + 1, is_dropped=True)], data)[kept.sample].is_dropped


def plain(label: Any) -> str:
    return label.tobytes().hex() if isinstance(label, np.ndarray) else repr(label)


def repr_of(data: Any) -> Callable[[Any], str]:
    return lambda item: plain(label_of(data, item))


def test_the_recipe_is_one_short_stage_in_which_all_learns() -> None:
    recipe = mending_recipe(model(("a", "b")), 1, Mixed(times=9, others=21, epochs=4))
    (stage,) = recipe.stages
    assert recipe.title == "Fine-tune on 1 correction" and (stage.train_from, stage.batch_size) == (0, 16)
    assert stage.image_size == 32 and stage.lr_slice == pytest.approx((3e-6, 3e-5)) and stage.epochs == 4


def test_a_correction_says_where_its_copy_is() -> None:
    kept: Correction = keep_correction(wrong("text"), "a", text="a review")
    assert kept.path.read_text() == "a review" and correction(kept.name) == kept
