"""What there is to see: samples as they are, samples as training sees them, and predictions beside the truth."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from untrained import STREET_STAGE, save_untrained

from engine.data.pictures.block import Data
from engine.data.pictures.transforms import VOID
from engine.errors import DataError
from engine.kinds.mask import class_frequencies, open_masks
from engine.serving.inspect import compare_predictions, rank_by_loss, show_augmented, show_samples
from engine.serving.predictor import load_predictor


def test_samples_are_shown_as_they_are_on_disk(street_data: Data) -> None:
    shown = show_samples(street_data, "valid", count=2, start=1)
    assert [one.name for one in shown] == ["drawn_0001.jpg", "drawn_0002.jpg"]
    for one, item in zip(shown, street_data.valid[1:], strict=False):
        assert np.array_equal(one.picture, np.asarray(Image.open(item).convert("RGB")))
        assert one.picture.shape == (48, 64, 3)
        assert np.array_equal(one.target, street_data.sample(item, (48, 64))[1])
    assert show_samples(street_data, "test", start=5) == []
    with pytest.raises(DataError, match="no split 'half'"):
        show_samples(street_data, "half")


def test_transforms_are_shown_beside_what_they_change(street_data: Data) -> None:
    stage = dataclasses.replace(STREET_STAGE, augmentation="strong")
    shown = show_augmented(street_data, stage, index=11, count=4)
    assert [one.picture.shape for one in shown] == [(32, 43, 3)] * 4
    picture, mask = street_data.sample(street_data.train[1], (32, 43))
    assert np.array_equal(shown[0].picture, picture.permute(1, 2, 0))
    assert np.array_equal(shown[0].target, mask)
    assert len({one.picture.tobytes() for one in shown}) == 4
    again = show_augmented(street_data, stage, index=11, count=4)
    assert [one.target.tobytes() for one in again] == [one.target.tobytes() for one in shown]
    other = show_augmented(street_data, stage, index=11, count=4, seed=1)
    assert other[1].picture.tobytes() != shown[1].picture.tobytes()


def test_frequencies_are_shares_of_the_pixels_that_have_a_class(street_data: Data, tmp_path: Path) -> None:
    frequencies = class_frequencies(street_data)
    assert tuple(frequencies) == street_data.classes
    assert sum(frequencies.values()) == pytest.approx(1)
    root = tmp_path / "half"
    for split in ("train", "val"):
        for folder in (split, f"{split}annot"):
            (root / folder).mkdir(parents=True)
        mask = np.zeros((96, 96), dtype=np.uint8)
        mask[:24], mask[24:48] = 1, VOID
        Image.new("RGB", (96, 96)).save(root / split / "x.png")
        Image.fromarray(mask).save(root / f"{split}annot" / "x.png")
    (root / "codes.txt").write_text("ground\nsky\nnever\n")
    assert class_frequencies(open_masks(root)) == {"ground": 2 / 3, "sky": 1 / 3, "never": 0}


def test_predictions_beside_the_truth(street_data: Data, street_bundle: Path) -> None:
    model = load_predictor(street_bundle)
    items = street_data.valid[1:3]
    compared = compare_predictions(model, street_data, items)
    assert [one.name for one in compared] == ["drawn_0001.jpg", "drawn_0002.jpg"]
    for one, item in zip(compared, items, strict=True):
        assert one.picture.shape == (48, 64, 3)
        assert (one.prediction.mask == model.predict(item).mask).mean() > 0.97, "resized once more or less"
        assert np.array_equal(one.target, street_data.sample(item, (48, 64))[1])
    assert compare_predictions(model, street_data, ()) == []


def test_the_worst_come_first(street_data: Data, street_bundle: Path) -> None:
    model, told = load_predictor(street_bundle), []
    ranked = rank_by_loss(model, street_data, on_progress=lambda done, total: told.append((done, total)))
    losses = [loss for _, loss in ranked]
    assert losses == sorted(losses, reverse=True)
    assert {item for item, _ in ranked} == set(street_data.valid)
    assert told[-1] == (4, 4)
    worst = compare_predictions(model, street_data, [ranked[0][0]])[0]
    assert worst.loss == pytest.approx(losses[0], rel=1e-4)


def test_a_model_of_other_classes_is_refused_in_words(street_data: Data, tmp_path: Path) -> None:
    stranger = save_untrained(tmp_path / "checkpoints", ("cat", "dog"))
    with pytest.raises(DataError, match="streets has other classes than the model was trained on"):
        compare_predictions(load_predictor(stranger), street_data, street_data.valid)
