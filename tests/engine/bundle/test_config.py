"""What somebody hands us as a bundle is not trusted: whatever is wrong with its config is named, and nothing is written."""

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from untrained import BACKBONE, CLASSES, contents, edit

from engine.bundle.config import MAX_STARTS, build_config, read_config, read_evaluation, resolve_bundle
from engine.bundle.fields import MAX_CLASSES, MAX_FIGURES
from engine.bundle.files import OURS
from engine.errors import BundleError

MANY = {f"figure {number}": 0.5 for number in range(MAX_FIGURES + 1)}


def test_a_sound_bundle_says_what_it_is(bundle: Path) -> None:
    config = read_config(bundle)
    assert (config.task, config.objective, config.plan.backbone, config.plan.classes) == (
        "camvid",
        "mask",
        BACKBONE,
        CLASSES,
    )
    assert (config.stage.image_size, config.dataset, config.metrics) == (32, "drawn", {"pixel_accuracy": 0.5})
    assert json.loads((bundle / "config.json").read_text())[OURS]["recipe"]["stages"][0]["image_size"] == 32


def test_a_bundle_is_found_in_itself_and_in_its_run(sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_bundle(sound) == resolve_bundle(str(sound)) == resolve_bundle(sound.parents[1]) == sound
    monkeypatch.chdir(sound.parent)
    assert resolve_bundle(sound.name) == sound


def test_a_run_without_a_checkpoint_and_a_folder_that_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="neither a model bundle"):
        resolve_bundle(tmp_path)
    (tmp_path / "recipe.json").touch()
    with pytest.raises(BundleError, match="has no checkpoint yet: the first comes with its first epoch"):
        resolve_bundle(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "{", "not json", "[1, 2]", "null", "\udcff", "[" * 100_000], ids=["empty", "cut", *"abcde"]
)
def test_a_config_that_is_no_config(bundle: Path, text: str) -> None:
    (bundle / "config.json").write_text(text, encoding="utf-8", errors="surrogateescape")
    before = contents(bundle)
    with pytest.raises(BundleError, match=r"config\.json (cannot be read|is no model config)"):
        read_config(bundle)
    assert contents(bundle) == before


def test_a_huge_config_is_not_even_read(bundle: Path) -> None:
    edit(bundle, note="x" * 1_000_000)
    with pytest.raises(BundleError, match="larger than 1000 kB"):
        read_config(bundle)


def test_a_missing_config(bundle: Path) -> None:
    (bundle / "config.json").unlink()
    with pytest.raises(BundleError, match=r"config\.json cannot be read"):
        read_config(bundle)


@pytest.mark.parametrize("format_", [0, 3, "1", None])
def test_another_format_is_refused(bundle: Path, format_: Any) -> None:
    edit(bundle, format=format_)
    with pytest.raises(BundleError, match=f"has format {format_}; this version reads 2"):
        read_config(bundle)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("stage", value) for value in (None, 7, [], "x", {"image_size": 0}, {"image_size": "32"}, {"nothing": 1})),
        *(("remarks", value) for value in ("x", [1], ["x" * 500], ["x"] * 20)),
        *(("classes", value) for value in ([], ["one"], ["a", "a"], "abc", {"a": 1}, [1, 2], ["", "b"], None)),
        ("classes", [str(number) for number in range(MAX_CLASSES + 1)]),
        ("classes", ["a", "b" * 200]),
        *(("backbone", value) for value in (None, 7, ["resnet18"], "x" * 200)),
        ("task", None),
        ("seed", "x"),
        ("dataset", 7),
        *(("recipe", value) for value in (None, [], {"name": "x"}, {"name": "x", "backbone": "y", "stages": [7]})),
        ("objective", {}),
        *(("metrics", value) for value in ([0.5], {"accuracy": "high"}, {"accuracy": None})),
        *(("metrics", value) for value in (MANY, {"x" * 200: 0.5}, {"a\nb": 0.5})),
        *(("decision", value) for value in (MANY, {"x" * 200: 0.5})),
        *(("starts", value) for value in (None, {}, [7], [{}], [{"task": "camvid"}])),
    ],
)
def test_a_field_that_cannot_be_is_named(bundle: Path, field: str, value: Any) -> None:
    edit(bundle, **{field: value})
    with pytest.raises(BundleError, match=f"^{field} in .*config.json is .*; expected ") as refusal:
        read_config(bundle)
    assert len(str(refusal.value)) < 300 + len(str(bundle))


def test_the_evaluation_of_a_bundle(bundle: Path) -> None:
    assert read_evaluation(bundle) == {"metrics": {"pixel_accuracy": 0.5, "valid_loss": 1.0}}
    half = r'{"metrics": {"dice": 0.5}, "words": ["\ud800"]}'
    many = json.dumps({"metrics": MANY})
    for text in (
        *("{", "[" * 100_000, "\0", "[1]", '{"a": 1}', '{"metrics": 5}', '{"metrics": {"dice": "x"}}'),
        *(half, many),
    ):
        (bundle / "evaluation.json").write_text(text)
        assert read_evaluation(bundle) is None
    (bundle / "evaluation.json").unlink()
    assert read_evaluation(bundle) is None


def test_figures_that_are_no_numbers_come_back(bundle: Path) -> None:
    edit(bundle, metrics={"mean_iou": float("nan")})
    assert math.isnan(read_config(bundle).metrics["mean_iou"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"title": "x" * 900_000}, "A recipe's title has 900,000 letters"),
        ({"stages": [{}] * 200_000}, "more than 100 stages"),
    ],
)
def test_a_recipe_that_is_too_large_is_refused(bundle: Path, changes: dict[str, Any], said: str) -> None:
    config = json.loads((bundle / "config.json").read_text())[OURS]
    edit(bundle, recipe=config["recipe"] | changes)
    with pytest.raises(BundleError, match=said):
        read_config(bundle)


def test_messages_name_the_file(bundle: Path) -> None:
    edit(bundle, classes=["a"])
    with pytest.raises(BundleError, match=re.escape(str(bundle / "config.json"))):
        read_config(bundle)


def test_starts_are_written_down_where_there_are_some(bundle: Path) -> None:
    """A bundle without any has no such field: older versions open it, and it says what theirs say."""
    config = read_config(bundle)
    assert config.starts == () and "starts" not in json.loads((bundle / "config.json").read_text())[OURS]
    (own,) = config.trainings
    trainings = [dataclasses.replace(own, seed=seed) for seed in range(MAX_STARTS + 2)]
    known = {
        "task": own.task,
        "objective": own.objective,
        "recipe": own.recipe,
        "plan": config.plan,
        "dataset": "drawn",
    }
    for count in (1, MAX_STARTS, MAX_STARTS + 2):
        written = build_config(**known, seed=7, starts=trainings[:count])
        edit(bundle, **json.loads(json.dumps(written)))
        kept = tuple(trainings[:count][-MAX_STARTS:])
        assert read_config(bundle).starts == kept, "of too many the first are left out"
        assert read_config(bundle).trainings == (*kept, dataclasses.replace(own, seed=7))
    edit(bundle, starts=[dataclasses.asdict(own)] * (MAX_STARTS + 1))
    with pytest.raises(BundleError, match=f"expected up to {MAX_STARTS} whole trainings"):
        read_config(bundle)


def test_a_start_that_cannot_be_is_named(bundle: Path) -> None:
    (own,) = read_config(bundle).trainings
    for field, value in {
        "task": 7,
        "objective": "a\nb",
        "dataset": None,
        "seed": True,
        "recipe": {"stages": []},
    }.items():
        edit(bundle, starts=[dataclasses.asdict(own) | {field: value}])
        with pytest.raises(BundleError, match=f"^{field} in a start in .*config.json is .*; expected "):
            read_config(bundle)
