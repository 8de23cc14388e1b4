"""A submission has a line for each picture in its order, each tag at its own threshold, and is whole or not there."""

import csv
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from torch import Tensor
from untrained_tags import save_untrained_tags

from engine.data.pictures.inputs import open_resized
from engine.errors import DataError
from engine.host.lent import Lender
from engine.serving import predictor as predictor_module
from engine.serving import submission
from engine.serving.augmented import build_augmented
from engine.serving.predictor import Predictor, load_predictor
from engine.serving.submission import decide_with_tta, write_submission
from engine.tasks.planet import PLANET
from engine.training.evaluate import evaluate

CLASSES = ("clear", "haze", "primary", "road")
COUNT = 7


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared by all tests, which only read it."""
    return save_untrained_tags(tmp_path_factory.mktemp("tags") / "checkpoints", CLASSES, decision={})


@pytest.fixture
def predictor(bundle: Path) -> Predictor:
    return load_predictor(bundle)


@pytest.fixture
def items(tmp_path: Path) -> list[Path]:
    """Pictures of noise about a colour of its own each, in an order that is not the alphabet's."""
    found = []
    for number in range(COUNT):
        generator = np.random.default_rng(number)
        pixels = generator.integers(0, 120, (32, 32, 3)) + generator.integers(0, 136, 3)
        found.append(tmp_path / "test-jpg" / f"test_{(3 * number) % COUNT}.png")
        found[-1].parent.mkdir(exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(found[-1])
    return found


def probabilities(predictor: Predictor, items: list[Path], *, tta: bool = False) -> Tensor:
    """(N, C), one picture after the other."""
    model = build_augmented(predictor.objective, predictor.model) if tta else predictor.model
    with torch.inference_mode():
        return torch.cat([model(open_resized(item, (32, 32))[None]).sigmoid() for item in items])


def deciding(predictor: Predictor, decision: dict[str, Any]) -> Predictor:
    return dataclasses.replace(predictor, config=dataclasses.replace(predictor.config, decision=decision))


def expected_lines(items: list[Path], given: Tensor) -> list[list[str]]:
    rows = [" ".join(name for name, is_given in zip(CLASSES, row, strict=True) if is_given) for row in given.tolist()]
    return [["image_name", "tags"], *([item.stem, tags] for item, tags in zip(items, rows, strict=True))]


def lines(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def gap(values: Tensor) -> float:
    """A threshold in the widest gap between two values, so that some are above and some below, and none close."""
    ranked = values.flatten().sort().values
    below = int(ranked.diff().argmax())
    return (ranked[below : below + 2].sum() / 2).item()


def gaps(values: Tensor) -> list[float]:
    """One for each tag."""
    return [gap(values[:, tag]) for tag in range(values.shape[1])]


def test_each_tag_has_the_threshold_that_was_tuned_for_it(
    tmp_path: Path, predictor: Predictor, items: list[Path]
) -> None:
    values = probabilities(predictor, items)
    thresholds = gaps(values)
    tuned = deciding(predictor, {"threshold": 0.0, "thresholds": thresholds})
    target = write_submission(tuned, items, tmp_path / "out" / "submission.csv")
    given = values > torch.tensor(thresholds)
    assert all(0 < count < COUNT for count in given.sum(0).tolist())
    assert len({round(threshold, 3) for threshold in thresholds}) == len(CLASSES)
    assert target == tmp_path / "out" / "submission.csv"
    assert lines(target) == expected_lines(items, given)
    assert target.read_bytes().startswith(b"image_name,tags\ntest_0,")


@pytest.mark.parametrize("decision", [{"threshold": 0.5}, {"thresholds": [0.0] * 4}, {}])
def test_a_threshold_that_is_given_counts_for_all(
    tmp_path: Path, predictor: Predictor, items: list[Path], decision
) -> None:
    values = probabilities(predictor, items)
    threshold = gap(values)
    target = write_submission(deciding(predictor, decision), items, tmp_path / "s.csv", threshold=threshold)
    assert lines(target) == expected_lines(items, values > threshold)
    assert 0 < (values > threshold).float().mean() < 1
    everything = write_submission(deciding(predictor, decision), items, tmp_path / "s.csv", threshold=0.0)
    assert lines(everything) == expected_lines(items, values > 0)


def test_without_thresholds_by_tag_the_common_one_counts_or_else_the_lesson_s(tmp_path: Path, predictor, items) -> None:
    values = probabilities(predictor, items)
    common = gap(values)
    target = write_submission(deciding(predictor, {"threshold": common}), items, tmp_path / "s.csv")
    assert lines(target) == expected_lines(items, values > common)
    target = write_submission(deciding(predictor, {}), items, tmp_path / "s.csv")
    assert lines(target) == expected_lines(items, values > 0.2)


def test_the_bundle_s_own_decision_is_used(tmp_path: Path, items: list[Path]) -> None:
    bundle = save_untrained_tags(
        tmp_path / "checkpoints", CLASSES, decision={"threshold": 0.5, "thresholds": [0, 1, 0, 1]}
    )
    target = write_submission(load_predictor(bundle), items, tmp_path / "s.csv")
    assert lines(target)[1:] == [[item.stem, "clear primary"] for item in items]


def test_augmented_predictions_are_those_of_the_augmented_model(tmp_path: Path, predictor, items: list[Path]) -> None:
    values = probabilities(predictor, items, tta=True)
    assert not torch.allclose(values, probabilities(predictor, items), atol=1e-4)
    tuned = deciding(predictor, {"thresholds": gaps(values)})
    target = write_submission(tuned, items, tmp_path / "s.csv", tta=True)
    assert lines(target) == expected_lines(items, values > torch.tensor(gaps(values)))


def test_progress_is_told_batch_by_batch_and_batches_change_nothing(tmp_path, predictor, items, monkeypatch) -> None:
    tuned = deciding(predictor, {"thresholds": gaps(probabilities(predictor, items))})
    whole = write_submission(tuned, items, tmp_path / "whole.csv").read_bytes()
    monkeypatch.setattr(submission, "AT_ONCE", 3)
    told: list[tuple[int, int]] = []
    parts = write_submission(tuned, items, tmp_path / "parts.csv", on_progress=lambda *now: told.append(now))
    assert told == [(3, 7), (6, 7), (7, 7)]
    assert parts.read_bytes() == whole


def test_four_bands(tmp_path: Path) -> None:
    bundle = save_untrained_tags(tmp_path / "checkpoints", CLASSES, decision={"thresholds": [0.0] * 4}, channels=4)
    pixels = np.random.default_rng(0).integers(0, 9000, (32, 32, 4), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "test_0.tif", pixels, photometric="minisblack", planarconfig="contig")
    target = write_submission(load_predictor(bundle), [tmp_path / "test_0.tif"], tmp_path / "s.csv")
    assert lines(target)[1] == ["test_0", "clear haze primary road"]


def test_a_picture_that_cannot_be_read_leaves_nothing_behind(tmp_path, predictor, items, monkeypatch) -> None:
    monkeypatch.setattr(submission, "AT_ONCE", 2)
    items[5].write_bytes(b"no picture")
    told: list[tuple[int, int]] = []
    folder = tmp_path / "out"
    with pytest.raises(DataError, match=rf"{items[5].stem}\.png is not a picture"):
        write_submission(predictor, items, folder / "s.csv", on_progress=lambda *now: told.append(now))
    assert told == [(2, 7), (4, 7)], "some lines were written"
    assert list(folder.iterdir()) == []


def test_an_earlier_submission_is_replaced_only_by_a_whole_one(tmp_path: Path, predictor, items: list[Path]) -> None:
    (tmp_path / "out").mkdir()
    earlier = tmp_path / "out" / "s.csv"
    earlier.write_text("earlier")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"broken\.png"):
        write_submission(predictor, [*items, broken], earlier)
    assert earlier.read_text() == "earlier"
    write_submission(predictor, items, earlier)
    assert len(lines(earlier)) == 1 + COUNT
    assert list(earlier.parent.iterdir()) == [earlier]


def test_no_pictures_are_no_submission(tmp_path: Path, predictor: Predictor) -> None:
    with pytest.raises(DataError, match="no pictures to write a submission for"):
        write_submission(predictor, [], tmp_path / "s.csv")
    assert not (tmp_path / "s.csv").exists()


def test_with_augmentation_thresholds_are_tuned_on_augmented_probabilities(
    chips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = PLANET.build_objective().open_data(chips)
    predictor = load_predictor(save_untrained_tags(tmp_path / "checkpoints", data.classes, decision={"threshold": 0.9}))
    decision = decide_with_tta(predictor, data)
    stage = predictor.config.stage
    model = build_augmented(predictor.objective, predictor.model)
    measured = evaluate(predictor.objective, model, data=data, items=data.valid, stage=stage)
    assert decision == measured.details["decision"] and len(decision["thresholds"]) == len(data.classes)
    asked: list[tuple[int, bool]] = []

    def forward(bundle: Path, batch: torch.Tensor, tta: bool) -> torch.Tensor:
        asked.append((len(batch), tta))
        return predictor.compute(batch, tta=tta)

    monkeypatch.setattr(
        predictor_module, "lender", lambda: Lender(forward=forward, train=lambda run: None, attends=lambda run: True)
    )
    assert decide_with_tta(predictor, data) == decision
    assert asked == [(len(data.valid), True)], "where a GPU is lent, it is the one that judges"
    decision["thresholds"] = [0.3 + 0.02 * index for index in range(len(data.classes))]
    write_submission(predictor, data.valid, tmp_path / "given.csv", tta=True, decision=decision)
    limits = torch.tensor(decision["thresholds"])
    given = [" ".join(np.array(data.classes)[row]) for row in probabilities(predictor, data.valid, tta=True) > limits]
    with (tmp_path / "given.csv").open(newline="") as file:
        assert [row["tags"] for row in csv.DictReader(file)] == given
